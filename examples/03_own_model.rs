//! Networks of one's own, meta-learned with MAML: a chain of layers, and a `Model` for what is no chain.
//!
//! `cargo run --release --example 03_own_model`
//!
//! A network is architecture only: it is given the weights at every call, so the same code runs on the initial and on the adapted
//! ones. Both learn to fit a sine wave from ten points with one gradient step.

use fewshot::prelude::*;

fn chain(width: usize) -> Sequential {
    Sequential::new(&[1]).linear(width).tanh().linear(width).tanh().with_head(1)
}

/// With a skip connection: each layer registers its weights with a `ParamBuilder` and remembers their places.
struct Residual {
    first: Linear,
    middle: Linear,
    head: Linear,
    spec: ParamSpec,
}

impl Residual {
    fn new(width: usize) -> Self {
        let mut b = ParamBuilder::new();
        let first = b.scope("first", |b| Linear::new(b, 1, width));
        let middle = b.scope("middle", |b| Linear::new(b, width, width));
        let head = b.scope("head", |b| Linear::new(b, width, 1));
        Residual { first, middle, head, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Residual {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.first.forward(params, x).tanh();
        let h = h + self.middle.forward(params, h).tanh();
        self.head.forward(params, h)
    }
}

fn learn(name: &str, learner: &dyn Learner) -> Result<(), Box<dyn std::error::Error>> {
    let tasks = Sinusoid::new(10, 10, 1, Purpose::Train)?;
    let unseen = Sinusoid::new(10, 100, 1, Purpose::Test)?;
    let training = Training { meta_batch: 25, ..Training::default() };
    let mut trainer = Trainer::new(learner, &tasks, Adam::default(), training);
    let before = evaluate(learner, trainer.meta(), &unseen, 200)?;
    for _ in 0..3000 {
        trainer.step()?;
    }
    let after = evaluate(learner, trainer.meta(), &unseen, 200)?;
    println!("{name}: {before:.2} before meta-learning, {after:.2} after");
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("error after one step on ten points of a new wave (3.0 without adapting at best)");
    learn("chain", &Maml::new(chain(40)))?;
    learn("skip connection", &Maml::new(Residual::new(40)))
}
