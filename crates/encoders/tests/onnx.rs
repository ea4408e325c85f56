//! Models of ONNX written by hand, byte by byte.

use std::fs;
use std::path::{Path, PathBuf};

use fewshot_encoders::{Encoder, Error, Preset};
use ndarray::ArrayD;
use rayon::prelude::*;

/// A field of a message of Protocol Buffers that holds bytes.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        out.push(length as u8 & 127 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
    out
}

/// A field that holds a number below 128.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// A tensor of floats with a name and a shape of numbers or symbols.
fn tensor(name: &str, shape: &[&str]) -> Vec<u8> {
    let dimension = |text: &&str| match text.parse() {
        Ok(size) => bytes(1, &number(1, size)),
        Err(_) => bytes(1, &bytes(2, text.as_bytes())),
    };
    let shape: Vec<u8> = shape.iter().flat_map(dimension).collect();
    let kind = bytes(1, &[number(1, 1), bytes(2, &shape)].concat());
    [bytes(1, name.as_bytes()), bytes(2, &kind)].concat()
}

struct Graph {
    nodes: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

impl Graph {
    /// One operator from `pictures` to `features`.
    fn of(operator: &str, input: &[&str], output: &[&str]) -> Graph {
        Graph {
            nodes: vec![node(operator, "pictures", "features")],
            inputs: vec![tensor("pictures", input)],
            outputs: vec![tensor("features", output)],
        }
    }

    fn write(&self, folder: &Path, description: Option<&str>) -> PathBuf {
        let all = |field: u8, parts: &[Vec<u8>]| -> Vec<u8> {
            parts.iter().flat_map(|part| bytes(field, part)).collect()
        };
        let graph =
            [all(1, &self.nodes), bytes(2, b"graph"), all(11, &self.inputs), all(12, &self.outputs)].concat();
        let model = [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat();
        let path = folder.join("encoder.onnx");
        fs::write(&path, model).unwrap();
        if let Some(text) = description {
            fs::write(folder.join("encoder.toml"), text).unwrap();
        }
        path
    }
}

fn node(operator: &str, input: &str, output: &str) -> Vec<u8> {
    [bytes(1, input.as_bytes()), bytes(2, output.as_bytes()), bytes(4, operator.as_bytes())].concat()
}

/// 2x2 pixels: of pixel `i` red is `i`, green `i + 10`, blue `i + 20`, in hundredths.
fn picture() -> ArrayD<f32> {
    let value = |i: usize| (i / 3 + 10 * (i % 3)) as f32 / 100.0;
    ArrayD::from_shape_vec(vec![2, 2, 3], (0..12).map(value).collect()).unwrap()
}

fn features(graph: &Graph, description: &str) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let encoder = Encoder::open(graph.write(folder.path(), Some(description)), None).unwrap();
    let features = encoder.encode(&picture()).unwrap();
    assert_eq!(features.len(), encoder.width());
    features.iter().map(|value| (value * 100.0).round()).collect()
}

#[test]
fn pictures_are_brought_into_the_order_of_the_model() {
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let plain = "mean = 0\nstd = 1\n";
    let by_channel = [0., 1., 2., 3., 10., 11., 12., 13., 20., 21., 22., 23.];
    assert_eq!(features(&planes, plain), by_channel);
    let backwards = [20., 21., 22., 23., 10., 11., 12., 13., 0., 1., 2., 3.];
    assert_eq!(features(&planes, &format!("{plain}channels = 'bgr'")), backwards);
    let pixels = Graph::of("Flatten", &["1", "2", "2", "3"], &["1", "12"]);
    let by_pixel = [0., 10., 20., 1., 11., 21., 2., 12., 22., 3., 13., 23.];
    assert_eq!(features(&pixels, &format!("{plain}layout = 'nhwc'")), by_pixel);
}

#[test]
fn the_normalisation_is_that_of_each_channel_in_whatever_order() {
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let said = "mean = [0.0, 0.1, 0.2]\nstd = [1.0, 0.5, 0.25]\n";
    let red_green_blue = [0., 1., 2., 3., 0., 2., 4., 6., 0., 4., 8., 12.];
    assert_eq!(features(&planes, said), red_green_blue);
    let backwards = [0., 4., 8., 12., 0., 2., 4., 6., 0., 1., 2., 3.];
    assert_eq!(features(&planes, &format!("{said}channels = 'bgr'")), backwards);
}

#[test]
fn maps_become_vectors_as_is_said() {
    let planes = Graph::of("Relu", &["n", "3", "h", "w"], &["n", "3", "h", "w"]);
    let said = "mean = 0\nstd = 1\nsize = 2\n";
    // means 1.5, 11.5 and 21.5 of a channel
    let folder = tempfile::tempdir().unwrap();
    let path = planes.write(folder.path(), Some(&format!("{said}pool = 'mean'")));
    let means = Encoder::open(&path, None).unwrap().encode(&picture()).unwrap();
    means.iter().zip([0.015, 0.115, 0.215]).for_each(|(a, b)| assert!((a - b).abs() < 1e-7, "{means:?}"));
    assert_eq!(features(&planes, &format!("{said}pool = 'flatten'")).len(), 12);
    let error = open(&planes, Some(said)).unwrap_err();
    assert!(error.ends_with("say pool = \"mean\", \"first\" or \"flatten\" in its description"), "{error}");
    let error = open(&planes, Some(&format!("{said}pool = 'first'"))).unwrap_err();
    assert!(error.contains("of which no vector is made"), "{error}");
}

fn open(graph: &Graph, description: Option<&str>) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = graph.write(folder.path(), description);
    match Encoder::open(path, None) {
        Ok(_) => Ok(()),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains('\n'), "{said}");
            Err(said)
        }
    }
}

#[test]
fn nothing_is_guessed() {
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let error = open(&planes, None).unwrap_err();
    assert!(
        error.contains("nothing says how it wants pictures; name a preset (imagenet, clip, half)"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let encoder = Encoder::open(planes.write(folder.path(), None), Some(Preset::Half)).unwrap();
    assert_eq!((encoder.shape(), encoder.width()), ([2, 2, 3], 12));
    let refused = [
        ("preset = 'half'\nsize = 5", "it wants pictures of 2x2, and its description says size = 5"),
        (
            "preset = 'half'\nlayout = 'nhwc'",
            "which has not 3 channels where they are said to be; describe it with layout = \"nchw\"",
        ),
        ("preset = 'half'\nchannels = 'grey'", "which has not 1 channels"),
        ("preset = 'half'\noutput = 'logits'", "it has no output logits, but features"),
    ];
    for (description, said) in refused {
        let error = open(&planes, Some(description)).unwrap_err();
        assert!(error.contains(said), "{description}: {error}");
    }
}

#[test]
fn models_that_encode_no_picture_are_refused() {
    let described = Some("preset = 'half'\n");
    let flat = Graph::of("Relu", &["n", "7"], &["n", "7"]);
    assert!(open(&flat, described).unwrap_err().contains("its input is [n, 7], pictures have four axes"));
    let several = Graph::of("Flatten", &["4", "3", "2", "2"], &["4", "12"]);
    assert!(open(&several, described).unwrap_err().contains("several pictures at once"));
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let two = Graph { inputs: vec![planes.inputs[0].clone(), tensor("text", &["n", "7"])], ..planes };
    assert!(open(&two, described).unwrap_err().contains("it has 2 inputs"));
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let outputs = vec![tensor("features", &["n", "12"]), tensor("pictures", &["n", "3", "2", "2"])];
    let error = open(&Graph { outputs, ..planes }, described).unwrap_err();
    assert!(error.contains("it has the outputs features, pictures; name that with the features"), "{error}");
    let unknown = Graph::of("Telepathy", &["n", "3", "2", "2"], &["n", "12"]);
    assert!(open(&unknown, described).unwrap_err().contains("it is no model of ONNX that can be run"));
}

#[test]
fn files_that_are_no_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder.onnx");
    let open = || Encoder::open(&path, Some(Preset::Half)).err().unwrap();
    assert!(matches!(open(), Error::Unreadable { .. }));
    for content in [&b""[..], b"a picture of an encoder", &[0xff; 100]] {
        fs::write(&path, content).unwrap();
        let error = open();
        assert!(matches!(error, Error::NoModel { .. }), "{error}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(open().to_string().contains("it is a folder"));
}

#[test]
fn the_checksum_is_that_of_model_and_description() {
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let folder = tempfile::tempdir().unwrap();
    let path = planes.write(folder.path(), None);
    let of = |preset| Encoder::open(&path, Some(preset)).unwrap().checksum().to_owned();
    assert_eq!(of(Preset::Half), of(Preset::Half));
    assert_ne!(of(Preset::Half), of(Preset::Clip));
    fs::write(folder.path().join("encoder.toml"), "mean = 0.5\nstd = 0.5").unwrap();
    assert_eq!(Encoder::open(&path, None).unwrap().checksum(), of(Preset::Half));
    let before = of(Preset::Half);
    Graph::of("Flatten", &["m", "3", "2", "2"], &["n", "12"]).write(folder.path(), None);
    assert_ne!(of(Preset::Half), before);
}

#[test]
fn damaged_models_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]).write(folder.path(), None);
    let whole = fs::read(&path).unwrap();
    let tried = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        if let Err(error) = Encoder::open(&path, Some(Preset::Half)) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    };
    (0..whole.len()).for_each(|length| tried(&whole[..length]));
    for (place, value) in
        (0..whole.len()).flat_map(|place| [0x00, 0x7f, 0x80, 0xff].map(|value| (place, value)))
    {
        let mut bytes = whole.clone();
        bytes[place] = value;
        tried(&bytes);
    }
    for (place, bit) in (0..whole.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << bit;
        tried(&bytes);
    }
}

#[test]
fn many_pictures_may_be_encoded_by_the_workers_of_a_pool() {
    let planes = Graph::of("Flatten", &["n", "3", "2", "2"], &["n", "12"]);
    let folder = tempfile::tempdir().unwrap();
    let encoder = Encoder::open(planes.write(folder.path(), None), Some(Preset::Half)).unwrap();
    let alone = encoder.encode(&picture()).unwrap();
    // a worker that took up another picture while it waits would need more than this stack
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).stack_size(1 << 16).build().unwrap();
    let all: Vec<Vec<f32>> =
        pool.install(|| (0..3000).into_par_iter().map(|_| encoder.encode(&picture()).unwrap()).collect());
    assert!(all.iter().all(|features| *features == alone));
}
