//! An encoder in a file of ONNX.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ndarray::ArrayD;
use rten::{Dimension, Model, NodeId, RunOptions, ThreadPool, ValueType};
use rten_tensor::{AsView, Tensor};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::pool::pooled;
use crate::preset::Preset;
use crate::wants::{Channels, Layout, Wants};
use crate::wire;

/// Most bytes of a model.
const LARGEST_MODEL: u64 = 1 << 31;

/// Pools of one thread each that no picture is being encoded by.
#[derive(Default)]
struct Pools(Mutex<Vec<Arc<ThreadPool>>>);

impl Pools {
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Arc<ThreadPool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does work by a pool of one thread: for many pictures that makes the best of several threads, and the bits do not depend on their number.
    /// The caller waits on a thread of its own, since a worker of rayon that waited for another pool would take up further pictures meanwhile,
    /// one within the other, until its stack is full.
    fn with_one<T: Send>(&self, work: impl FnOnce(Arc<ThreadPool>) -> T + Send) -> T {
        let pool = self.free().pop().unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let done = thread::scope(|scope| {
            let waiting = scope.spawn(|| work(Arc::clone(&pool)));
            waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        self.free().push(pool);
        done
    }
}

/// A frozen encoder: pictures `[height, width, channels]` in, feature vectors out.
///
/// It may be used by several threads at once. Equal pictures get equal features, bit for bit on one machine, whichever pictures and
/// threads there are beside; processors with other instruction sets may give others in the last places.
pub struct Encoder {
    path: PathBuf,
    model: Model,
    wants: Wants,
    input: NodeId,
    output: NodeId,
    side: usize,
    width: usize,
    checksum: String,
    pools: Pools,
}

impl Encoder {
    /// Reads an encoder, and what [`Wants::read`] says of it; and runs it once, so that one which cannot be run is told of at once.
    ///
    /// # Errors
    /// When the file cannot be read, is no model, wants another input than one picture of floats, or gives no vector of floats; and those of
    /// [`Wants::read`].
    pub fn open(path: impl AsRef<Path>, preset: Option<Preset>) -> Result<Encoder, Error> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let wants = Wants::read(path, preset)?;
        let checksum = checksum(&bytes, &wants);
        let no_model = |cause: String| Error::NoModel { path: path.into(), cause };
        wire::check(&bytes).map_err(no_model)?;
        let model = Model::load(bytes).map_err(|error| no_model(one_line(&error.to_string())))?;
        let unfit = |cause: String| Error::Unfit { path: path.into(), cause };
        let (input, side) = input(&model, &wants).map_err(unfit)?;
        let output = output(&model, &wants).map_err(unfit)?;
        let path = path.to_owned();
        let mut encoder =
            Encoder { path, model, wants, input, output, side, width: 0, checksum, pools: Pools::default() };
        let grey = ArrayD::from_elem(encoder.shape().to_vec(), 0.5);
        encoder.width = encoder.features(&grey)?.len();
        Ok(encoder)
    }

    /// Height, width and channels of the pictures it takes. Three channels are red, green and blue, whatever the model's own order is.
    pub fn shape(&self) -> [usize; 3] {
        [self.side, self.side, self.wants.channels.count()]
    }

    /// How many numbers a feature vector has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it wants pictures.
    pub fn wants(&self) -> &Wants {
        &self.wants
    }

    /// SHA-256, in hexadecimal digits, of the model and of how it wants pictures: equal for encoders that give equal features.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// The features of a picture `[height, width, channels]` of [`Encoder::shape`] with values `0..=1`.
    ///
    /// # Errors
    /// When the model cannot be run, or its features are not finite.
    ///
    /// # Panics
    /// When the picture has another shape.
    #[track_caller]
    pub fn encode(&self, picture: &ArrayD<f32>) -> Result<Vec<f32>, Error> {
        assert!(
            picture.shape() == self.shape(),
            "encode: a picture of {:?} for an encoder of {:?}",
            picture.shape(),
            self.shape()
        );
        let features = self.features(picture)?;
        if features.iter().all(|value| value.is_finite()) {
            Ok(features)
        } else {
            Err(Error::NotFinite { path: self.path.clone() })
        }
    }

    fn features(&self, picture: &ArrayD<f32>) -> Result<Vec<f32>, Error> {
        let inputs = vec![(self.input, self.prepared(picture).into())];
        let run = |pool| {
            let mut options = RunOptions::default();
            options.thread_pool = Some(pool);
            self.model.run_n(inputs, [self.output], Some(options))
        };
        let unfit = |cause: String| Error::Unfit { path: self.path.clone(), cause };
        let [value] = self.pools.with_one(run).map_err(|error| {
            let size = self.side;
            unfit(format!(
                "it cannot be run on a picture of {size}x{size}: {}; see its description, or export it anew",
                one_line(&error.to_string())
            ))
        })?;
        let tensor: Tensor<f32> = value.into_tensor().ok_or_else(|| {
            unfit("its features are no floats; export it anew, or name another output".into())
        })?;
        pooled(tensor.view(), self.wants.pool, self.wants.layout).map_err(unfit)
    }

    /// The picture in the order and with the normalisation that the model wants: one picture along the first axis.
    fn prepared(&self, picture: &ArrayD<f32>) -> Tensor<f32> {
        let Wants { channels, layout, mean, std, .. } = &self.wants;
        let [rows, columns, count] = self.shape();
        let source = |channel: usize| if *channels == Channels::Bgr { count - 1 - channel } else { channel };
        let value = |row: usize, column: usize, channel: usize| {
            let from = source(channel);
            (picture[[row, column, from]] - mean[from]) / std[from]
        };
        let mut data = Vec::with_capacity(rows * columns * count);
        match layout {
            Layout::Nchw => {
                for (channel, row) in (0..count).flat_map(|channel| (0..rows).map(move |row| (channel, row)))
                {
                    data.extend((0..columns).map(|column| value(row, column, channel)));
                }
                Tensor::from_data(&[1, count, rows, columns], data)
            }
            Layout::Nhwc => {
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    data.extend((0..count).map(|channel| value(row, column, channel)));
                }
                Tensor::from_data(&[1, rows, columns, count], data)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let cause = match metadata.len() {
        _ if metadata.is_dir() => "it is a folder",
        0 => "the file is empty",
        bytes if bytes > LARGEST_MODEL => "it is larger than 2 GiB",
        _ => return fs::read(path).map_err(unreadable),
    };
    Err(Error::NoModel { path: path.into(), cause: cause.into() })
}

fn checksum(model: &[u8], wants: &Wants) -> String {
    let mut hash = Sha256::new();
    hash.update(model);
    hash.update(wants.canonical());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The input for pictures, and their side.
fn input(model: &Model, wants: &Wants) -> Result<(NodeId, usize), String> {
    let &[id] = model.input_ids() else {
        let count = model.input_ids().len();
        return Err(format!(
            "it has {count} inputs, an encoder of pictures has one; export the encoder alone"
        ));
    };
    let info = model.node_info(id).ok_or("its input is not known; export it anew")?;
    if info.dtype().is_some_and(|kind| kind != ValueType::Tensor(rten::DataType::Float)) {
        return Err("its input is no picture of float32; export it with such an input".into());
    }
    let Some(shape) = info.shape() else { return Ok((id, wants.side([None, None])?)) };
    let said = shown(&shape);
    let fixed: Vec<Option<usize>> = shape
        .iter()
        .map(|dimension| match dimension {
            Dimension::Fixed(size) => Some(*size),
            Dimension::Symbolic(_) => None,
        })
        .collect();
    let &[one, a, b, c] = &fixed[..] else {
        return Err(format!("its input is {said}, pictures have four axes; give an encoder of pictures"));
    };
    if one.is_some_and(|count| count != 1) {
        return Err(format!(
            "its input is {said}, several pictures at once; export it for one, or for any number"
        ));
    }
    let (own, sides, other) = match wants.layout {
        Layout::Nchw => (a, [b, c], "nhwc"),
        Layout::Nhwc => (c, [a, b], "nchw"),
    };
    let channels = wants.channels.count();
    match own {
        Some(own) if own != channels => Err(format!(
            "its input is {said}, which has not {channels} channels where they are said to be; describe it with layout = \
             \"{other}\" or other channels"
        )),
        _ => Ok((id, wants.side(sides)?)),
    }
}

/// The output that has the features.
fn output(model: &Model, wants: &Wants) -> Result<NodeId, String> {
    let outputs = model.output_ids();
    let name = |id: &NodeId| model.node_info(*id).and_then(|info| info.name()).unwrap_or("?");
    let names = || outputs.iter().map(name).collect::<Vec<_>>().join(", ");
    match (&wants.output, outputs) {
        (None, &[only]) => Ok(only),
        (None, _) => Err(format!(
            "it has the outputs {}; name that with the features, as output = \"NAME\" in its description",
            names()
        )),
        (Some(wanted), _) => outputs
            .iter()
            .copied()
            .find(|id| name(id) == wanted)
            .ok_or_else(|| format!("it has no output {wanted}, but {}; mend its description", names())),
    }
}

fn shown(shape: &[Dimension]) -> String {
    let words: Vec<String> = shape
        .iter()
        .map(|dimension| match dimension {
            Dimension::Fixed(size) => size.to_string(),
            Dimension::Symbolic(name) => name.clone(),
        })
        .collect();
    format!("[{}]", words.join(", "))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
