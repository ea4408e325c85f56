//! An algorithm of one's own: ProtoMAML (Triantafillou et al. 2020, "Meta-Dataset: A Dataset of Datasets for Learning to Learn from
//! Few Examples", ICLR, section 2.2), which the library does not have.
//!
//! `cargo run --release --example 09_own_algorithm -- [ITERATIONS]`
//!
//! The scores of a prototypical network, `-|z - c_k|^2`, are linear in the embedding `z` up to what all classes share:
//! `W_k = 2 c_k`, `b_k = -|c_k|^2`. ProtoMAML begins the inner loop with this head, and takes gradient steps on all weights. The
//! meta-gradient passes through both. Training, evaluation and saving know nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot::episodes::glyphs::{self, GlyphConfig};
use fewshot::meta;
use fewshot::meta::{
    AdaptedModel, InnerLoop, PredictorState, Rate, Steps, evaluate_by_step, learner_spec, prototypes,
};
use fewshot::nn::Noise;
use fewshot::prelude::*;

/// Meta-parameters are the encoder's; the classifier has the same blocks and a head.
struct ProtoMaml {
    encoder: Conv4,
    classifier: Arc<Conv4>,
    inner: InnerLoop,
    inner_lr: f64,
}

impl ProtoMaml {
    /// Weights of the classifier before the first inner step: theta, and a head made of prototypes.
    fn start<'t>(&self, theta: &Params<Var<'t>>, support: &Examples<Var<'t>>) -> Params<Var<'t>> {
        let z = self.encoder.forward(theta, support.x, &mut Pass::batch());
        let (classes, ways) = support.y.classes("ProtoMaml");
        let c = prototypes(z, classes, ways);
        let head = [("head.weight", c.t() * 2.0), ("head.bias", -c.square().sum_axes(&[1]))];
        let all = theta.iter().map(|(name, w)| (name, *w)).chain(head);
        Params::new(all.map(|(name, w)| (name.to_string(), w)).collect())
    }

    fn loss<'t>(&self, weights: &Params<Var<'t>>, set: &Examples<Var<'t>>) -> Var<'t> {
        set.y.loss(self.classifier.forward(weights, set.x, &mut Pass::batch()))
    }
}

impl Learner for ProtoMaml {
    fn spec(&self) -> ParamSpec {
        learner_spec(Model::<f32>::spec(&self.encoder).clone(), "ProtoMaml", self.policy())
    }

    fn episode<'t>(&self, meta: &Meta<Var<'t>>, task: &Task<Var<'t>>, noise: &Noise) -> Outcome<Var<'t>> {
        let start = self.start(&meta.theta, &task.support);
        let rate = Rate::Scalar(self.inner_lr);
        let fast = self.inner.run(&start, rate, |_, weights| self.loss(weights, &task.support));
        Outcome::of_query(&*self.classifier, &fast, &task.query, noise)
    }

    fn predictors(&self, meta: &Meta, support: &Examples, wanted: Steps) -> Vec<Box<dyn Predictor>> {
        let (tape, rate) = (Tape::new(), Rate::Scalar(self.inner_lr));
        let start = self.start(&meta.theta.on(&tape), &support.on(&tape)).arrays();
        let batches = support.mini_batches(None, self.inner.steps);
        let steps = self.inner.adapt(start, rate, batches, |_, weights, seen| self.loss(weights, seen));
        let (model, spec, policy) = (&self.classifier, self.spec(), self.policy());
        let predictor = |_, w| AdaptedModel::predictor(model, &spec, policy, w, &meta.statistics, support);
        wanted.of(steps, predictor)
    }

    fn restore(&self, state: &PredictorState) -> Result<Box<dyn Predictor>, meta::Error> {
        AdaptedModel::restored(&self.classifier, &self.spec(), self.policy(), state)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let iterations: u64 = std::env::args().nth(1).map_or(Ok(100), |n| n.parse())?;
    let images = Arc::new(glyphs::generate(&GlyphConfig::default(), 1));
    let split = glyphs::split(&images);
    let protocol = Protocol { ways: 5, shots: 1, queries: 5, rotations: Rotations::None };
    let train = ImageTasks::new(Arc::clone(&images), split.train(), protocol, 1, Purpose::Train)?;
    let test = ImageTasks::new(images, split.test(), protocol, 1, Purpose::Test)?;

    let config = Conv4Config { filters: 16, ..Conv4Config::pooled_64() };
    let learner = ProtoMaml {
        encoder: Conv4::new(&config),
        classifier: Arc::new(Conv4::new(&config.with_head(protocol.ways))),
        inner: InnerLoop { steps: 2, ..InnerLoop::default() },
        inner_lr: 0.01,
    };
    let training = Training { meta_batch: 4, ..Training::default() };
    let mut trainer = Trainer::new(&learner, &train, Adam::default(), training);
    for _ in 0..iterations {
        let step = trainer.step()?;
        if step.iteration % 20 == 0 {
            println!("iteration {:4}  loss {:.3}", step.iteration, step.loss);
        }
    }
    for (steps, score) in evaluate_by_step(&learner, trainer.meta(), &test, 100)?.iter().enumerate() {
        println!("unseen classes after {steps} inner steps: {score:.1}");
    }

    // what was meta-learned, from a file
    let folder = std::env::temp_dir();
    let path = folder.join("proto-maml.safetensors");
    save(&path, trainer.meta(), &BTreeMap::new())?;
    let loaded = Checkpoint::read(&path)?.meta(&learner)?;
    assert!(loaded.theta == trainer.meta().theta, "the model comes back with its bits");

    // what was learned from one support, from another
    let task = Task::from(test.episode(0));
    let predictor = learner.adapt(&loaded, &task.support);
    let path = folder.join("proto-maml-predictor.safetensors");
    save_predictor(&path, &*predictor, &BTreeMap::new())?;
    let restored = Checkpoint::read(&path)?.predictor(&learner)?;
    let answers = restored.predict(&task.query.x);
    assert_eq!(answers, predictor.predict(&task.query.x), "the predictor comes back with its bits");
    println!("from the saved predictor, first new task: {:.0} % right", 100.0 * task.query.y.score(&answers));
    Ok(())
}
