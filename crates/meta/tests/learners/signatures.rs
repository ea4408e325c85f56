//! What distinguishes learners of equal shapes is saved and compared; arrays come back in the order in which they were saved.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Blobs, FEATURES, Net, WAYS};
use fewshot_autodiff::{Activation, Array};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Checkpoint, Distance, Error, Examples, FineTune, Head, InnerGradient, Learned, Learner, Leo,
    LstmMetaLearner, Maml, Matching, Meta, MetaVars, Nil, Outcome, Predictor, Progress, ProtoNet, R2d2,
    Regression, Reptile, Task, TaskVars, Vote, save, save_predictor, save_progress,
};
use fewshot_nn::{
    BatchNorm, Conv4, Conv4Config, Downsample, Features, Init, Mlp, Noise, NormAffine, NormPolicy, Optimizer,
    ParamBuilder, ParamSpec, Params, Sgd,
};

fn mlp(activation: Activation) -> Mlp {
    Mlp::with(&[FEATURES, 8, WAYS], activation, Init::XavierUniform, None)
}

fn proto(policy: NormPolicy) -> ProtoNet<Net> {
    ProtoNet { policy, ..ProtoNet::new(Net::normed()) }
}

fn normed(eps: f64) -> Mlp {
    let norm = Some((NormAffine::ScaleShift, eps));
    Mlp::with(&[FEATURES, 8, WAYS], Activation::Relu, Init::XavierUniform, norm)
}

/// Two learners whose arrays have equal names and shapes, and what distinguishes them.
type Pair = (Box<dyn Learner>, Box<dyn Learner>, &'static str);

fn pairs() -> Vec<Pair> {
    let relu = || mlp(Activation::Relu);
    let running = NormPolicy::Running { momentum: 0.1 };
    vec![
        (
            Box::new(ProtoNet::new(relu())),
            Box::new(ProtoNet { distance: Distance::Cosine, ..ProtoNet::new(relu()) }),
            "its distance is squared Euclidean, not cosine",
        ),
        (
            Box::new(proto(running)),
            Box::new(proto(NormPolicy::SupportOnly)),
            "its batch norm is running, not support-only",
        ),
        (
            Box::new(Maml { policy: running, ..Maml::new(Net::normed()) }),
            Box::new(Maml { policy: NormPolicy::SupportOnly, ..Maml::new(Net::normed()) }),
            "its batch norm is running, not support-only",
        ),
        (
            Box::new(Maml::new(relu())),
            Box::new(Maml::new(mlp(Activation::Identity))),
            "its slope is 0, not 1",
        ),
        (
            Box::new(Maml::new(relu())),
            Box::new(Reptile { lanes: 0, rule: fewshot_meta::Rule::Sgd, ..Reptile::new(relu()) }),
            "its algorithm is Maml, not Reptile",
        ),
        (
            Box::new(ProtoNet::new(normed(1e-3))),
            Box::new(ProtoNet::new(normed(1e-5))),
            "its layer1.norm.eps is 0.001, not 0.00001",
        ),
        (
            Box::new(Nil::new(relu())),
            Box::new(Nil { vote: Vote::Nearest, ..Nil::new(relu()) }),
            "its vote is sum, not nearest",
        ),
        (
            Box::new(Matching::with_full_context(relu(), WAYS, 2)),
            Box::new(Matching::with_full_context(relu(), WAYS, 3)),
            "its reads is 2, not 3",
        ),
        (
            Box::new(R2d2::new(relu())),
            Box::new(R2d2 { regression: Regression::Logistic { steps: 2 }, ..R2d2::new(relu()) }),
            "its regression is ridge, not logistic",
        ),
        (
            Box::new(Leo::new(FEATURES)),
            Box::new(Leo { normalised: false, ..Leo::new(FEATURES) }),
            "its features of length one is true, not false",
        ),
        (
            Box::new(FineTune { head: Head::Zeros, ..FineTune::new(relu()) }),
            Box::new(FineTune { head: Head::Kept, ..FineTune::new(relu()) }),
            "its head is zeros, not kept",
        ),
        (
            Box::new(LstmMetaLearner { train_steps: 1, eval_steps: 1, ..LstmMetaLearner::new(relu()) }),
            Box::new(LstmMetaLearner { gradient: InnerGradient::Mean, ..LstmMetaLearner::new(relu()) }),
            "its inner gradient is divided mean, not mean",
        ),
    ]
}

#[test]
fn a_predictor_is_restored_by_a_learner_like_its_own_alone() {
    let (task, folder) = (Task::<f32>::from(Blobs::new(1).episode(0)), tempfile::tempdir().unwrap());
    let path = folder.path().join("predictor.safetensors");
    for (own, other, word) in pairs() {
        let predictor = own.adapt(&own.init(1), &task.support);
        let learned = predictor.learned().expect("it says what it holds");
        let error = other.restore(&learned).err().unwrap_or_else(|| panic!("{word}: restored"));
        assert!(
            matches!(error, Error::OtherLearner { .. }) && error.to_string().starts_with(word),
            "{error}"
        );
        save_predictor(&path, &*predictor, &BTreeMap::new()).unwrap();
        let file = Checkpoint::read(&path).unwrap();
        assert!(file.metadata().is_empty(), "{:?}", file.metadata());
        let error = file.predictor(&*other).err().unwrap_or_else(|| panic!("{word}: loaded"));
        assert!(matches!(error, Error::OtherModel { .. }) && error.to_string().contains(word), "{error}");
        let again = file.predictor(&*own).unwrap();
        assert_eq!(again.predict(&task.query.x), predictor.predict(&task.query.x), "{word}");
        assert_eq!(again.input_shape(), Some(&[FEATURES][..]));
        // a file of before there were signatures still loads
        strip(&path, "fewshot.");
        let old = Checkpoint::read(&path).unwrap().predictor(&*own).unwrap();
        assert_eq!(old.predict(&task.query.x), predictor.predict(&task.query.x), "{word}");
    }
}

#[test]
fn meta_parameters_and_progress_are_of_their_own_learner() {
    let folder = tempfile::tempdir().unwrap();
    let (model, progress) = (folder.path().join("model"), folder.path().join("progress"));
    let sgd = Sgd::default();
    for (own, other, word) in pairs() {
        let meta = own.init(1);
        save(&model, &meta, &BTreeMap::new()).unwrap();
        let optimizer = Optimizer::<f32>::state_like(&sgd, &meta.theta);
        save_progress(&progress, &Progress { meta: meta.clone(), optimizer }, &BTreeMap::new()).unwrap();
        let [model_file, progress_file] = [&model, &progress].map(|path| Checkpoint::read(path).unwrap());
        for error in [
            model_file.meta(&*other).err().unwrap_or_else(|| panic!("{word}: loaded")),
            progress_file.progress(&*other, &sgd).err().unwrap_or_else(|| panic!("{word}: resumed")),
        ] {
            assert!(matches!(error, Error::OtherModel { .. }) && error.to_string().contains(word), "{error}");
        }
        let back = model_file.meta(&*own).unwrap();
        assert!(back.theta == meta.theta && back.signature == meta.signature);
        progress_file.progress(&*own, &sgd).unwrap();
        strip(&model, "fewshot.");
        assert!(Checkpoint::read(&model).unwrap().meta(&*other).is_ok(), "{word}: of before");
    }
}

#[test]
fn convolutions_of_equal_weights_are_told_apart() {
    let pooled = Conv4Config { size: 16, filters: 4, ..Conv4Config::pooled_64() };
    let learner = |config: &Conv4Config| ProtoNet::new(Conv4::new(config));
    let signed = |config: &Conv4Config| Learner::<f32>::spec(&learner(config)).signature().clone();
    let other = |change: &dyn Fn(&mut Conv4Config)| {
        let mut config = pooled;
        change(&mut config);
        signed(&config).difference(&signed(&pooled)).map(|(name, ..)| name.to_owned())
    };
    assert_eq!(other(&|_| ()), None);
    assert_eq!(other(&|c| c.downsample = Downsample::Stride).as_deref(), Some("block1.conv.stride"));
    assert_eq!(other(&|c| c.features = Features::Mean).as_deref(), Some("features"));
    assert_eq!(other(&|c| c.activation = Activation::LeakyRelu(0.1)).as_deref(), Some("slope"));
    assert_eq!(
        other(&|c| c.padding = fewshot_autodiff::Padding::Same).as_deref(),
        Some("block1.conv.padding")
    );
    // layers of a user's own network sign by themselves
    let own = |eps: f64| {
        let mut b = ParamBuilder::new();
        b.scope("any", |b| BatchNorm::new(b, 2, NormAffine::Shift, eps));
        b.finish().signature().clone()
    };
    assert_eq!(own(0.5).difference(&own(0.25)), Some(("any.eps", "0.5", "0.25")));
}

/// Takes metadata out of a file whose names begin so, as files were before there was any.
fn strip(path: &Path, begin: &str) {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    metadata.retain(|name, _| !name.starts_with(begin));
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    fs::write(path, [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()).unwrap();
}

/// A user's own learner: twelve numbers of equal shape, of which `restore` takes the first for the scale.
struct Ordered;

struct Scale {
    numbers: Params<Array<f32>>,
}

const NAMES: [&str; 12] = ["scale", "m", "k", "b", "z", "a", "c", "y", "d", "x", "e", "w"];

impl Learner for Ordered {
    fn spec(&self) -> ParamSpec {
        NAMES.iter().fold(ParamSpec::default(), |spec, name| spec.with(name, &[1], Init::Zeros))
    }

    fn episode<'t>(&self, _: &MetaVars<'t>, _: &TaskVars<'t>, _: &Noise) -> Outcome<'t> {
        unreachable!("it is not trained")
    }

    fn adapt(&self, meta: &Meta, _: &Examples) -> Box<dyn Predictor> {
        let mut next = 0.0;
        let numbers = meta.theta.map(|_| {
            next += 1.0;
            Array::new(&[1], vec![next])
        });
        Box::new(Scale { numbers })
    }

    fn restore(&self, learned: &Learned) -> Result<Box<dyn Predictor>, Error> {
        learned.check(&self.spec())?;
        Ok(Box::new(Scale { numbers: learned.weights.clone() }))
    }
}

impl Predictor for Scale {
    fn predict(&self, x: &Array<f32>) -> Array<f32> {
        let scale = self.numbers.values()[0].data()[0];
        x.map(|x| x * scale)
    }

    fn learned(&self) -> Option<Learned> {
        Some(Learned { weights: self.numbers.clone(), ..Learned::default() })
    }
}

#[test]
fn arrays_come_back_in_the_order_in_which_they_were_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    let support = Task::<f32>::from(Blobs::new(1).episode(0)).support;
    let predictor = Ordered.adapt(&Ordered.init(1), &support);
    let learned = predictor.learned().unwrap();
    for _ in 0..20 {
        save_predictor(&path, &*predictor, &BTreeMap::new()).unwrap();
        let again = Checkpoint::read(&path).unwrap().predictor::<f32>(&Ordered).unwrap();
        assert_eq!(again.learned().unwrap(), learned);
        assert_eq!(again.predict(&Array::ones(&[1, 1])).data(), [1.0]);
        // and of before, sorted by name
        strip(&path, "fewshot.");
        let old = Checkpoint::read(&path).unwrap().predictor::<f32>(&Ordered).unwrap().learned().unwrap();
        let mut sorted = NAMES;
        sorted.sort_unstable();
        assert_eq!(old.weights.names(), sorted);
    }
}

#[test]
fn an_order_that_is_none_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    let support = Task::<f32>::from(Blobs::new(1).episode(0)).support;
    save_predictor(&path, &*Ordered.adapt(&Ordered.init(1), &support), &BTreeMap::new()).unwrap();
    // a damaged file of before there were checksums
    strip(&path, "fewshot.crc32");
    let bytes = fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let start = text.find("fewshot.order").unwrap() + "fewshot.order\":\"".len();
    for wrong in [b'9', b'x', b','] {
        let mut bytes = bytes.clone();
        bytes[start] = wrong;
        fs::write(&path, bytes).unwrap();
        let error = Checkpoint::read(&path).unwrap().predictor::<f32>(&Ordered).err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[test]
fn names_of_the_librarys_own_are_refused_among_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let metadata = BTreeMap::from([("fewshot.order".to_owned(), "mine".to_owned())]);
    let error = save(&path, &Ordered.init(1), &metadata).unwrap_err().to_string();
    assert!(error.contains("fewshot.order") && !path.exists(), "{error}");
}
