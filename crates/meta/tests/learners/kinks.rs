//! `ExactnessCheck` on networks with kinks: a kink is no error, and an error is found beside kinks.

use std::cell::Cell;

use crate::common::scaled::Scaled;
use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::{Array, Float, Var};
use fewshot_episodes::{Purpose, RngExt, Tasks, stream};
use fewshot_meta::{
    Exactness, ExactnessCheck, Examples, Labels, Learner, Maml, Meta, MetaVars, Order, Outcome, Predictor,
    ProtoNet, Task, TaskVars, Verdict,
};
use fewshot_nn::{
    Bias, Conv4, Conv4Config, Init, Linear, Model, Noise, NormAffine, ParamBuilder, ParamSpec, Params, Pass,
};

/// Dense layers with ReLU or tanh between them.
struct Layers {
    layers: Vec<Linear>,
    relu: bool,
    spec: ParamSpec,
}

impl Layers {
    fn new(sizes: &[usize], relu: bool) -> Self {
        let mut b = ParamBuilder::new();
        let layer = |(i, pair): (usize, &[usize])| {
            b.scope(&format!("layer{i}"), |b| {
                Linear::with_init(b, pair[0], pair[1], Init::XavierUniform, Bias::Zeros)
            })
        };
        let layers = sizes.windows(2).enumerate().map(layer).collect();
        Layers { layers, relu, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Layers {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
        let (last, hidden) = self.layers.split_last().expect("there is a layer");
        let activation = |x: Var<'t, F>| if self.relu { x.relu() } else { x.tanh() };
        last.forward(p, hidden.iter().fold(x, |x, layer| activation(layer.forward(p, x))))
    }
}

const SHALLOW: [usize; 3] = [FEATURES, 16, WAYS];
const DEEP: [usize; 4] = [FEATURES, 12, 12, WAYS];

fn found(learner: &dyn Learner<f64>, seed: u64) -> Exactness {
    let task = Task::from(Blobs { queries: 8, ..Blobs::new(seed) }.episode(0));
    ExactnessCheck { seed, ..ExactnessCheck::default() }.run(learner, &learner.init(seed), &task)
}

fn maml<M>(model: M, train_steps: usize) -> Maml<M> {
    Maml { inner_lr: 0.3, train_steps, ..Maml::new(model) }
}

#[test]
fn networks_with_and_without_kinks_are_exact() {
    let kinks = Cell::new(0);
    for sizes in [&SHALLOW[..], &DEEP] {
        for relu in [true, false] {
            for steps in 0..=3 {
                for seed in 0..3 {
                    let found = found(&maml(Layers::new(sizes, relu), steps), seed);
                    let what = format!("{sizes:?}, ReLU {relu}, {steps} steps, seed {seed}: {found}");
                    assert_eq!(found.verdict, Verdict::Exact, "{what}");
                    let crossed = found.slopes.iter().filter(|slope| slope.kink).count();
                    assert_eq!(found.to_string().contains("kink"), crossed > 0, "{what}");
                    assert!(relu || crossed == 0, "{what}");
                    kinks.set(kinks.get() + crossed);
                }
            }
        }
    }
    assert!(kinks.get() > 0, "no step was so large that it crossed a kink");
}

#[test]
fn max_pooling_has_kinks_too() {
    let config = Conv4Config { size: 16, filters: 2, affine: NormAffine::Shift, ..Conv4Config::pooled_64() };
    let mut rng = stream(1, Purpose::Data, 0);
    let mut images = |n: usize| Array::from_fn(&[n, 16, 16, 1], |_| rng.unit());
    let labels = |n: usize| Labels::Classes((0..n).map(|i| i % 2).collect());
    let [support, query] = [4, 4].map(|n| Examples::new(images(n), labels(n)));
    let task = Task { support, query };
    let maml = maml(Conv4::new(&config.with_head(2)), 1);
    let found =
        ExactnessCheck { directions: 1, ..ExactnessCheck::default() }.run(&maml, &maml.init(1), &task);
    assert_eq!(found.verdict, Verdict::Exact, "{found}");
}

#[test]
fn a_kink_at_theta_itself_is_passed_by() {
    // all weights 0: every unit stands on its kink
    let maml = maml(Layers::new(&SHALLOW, true), 1);
    let fresh: Meta<f64> = maml.init(1);
    let theta = fresh.theta.map_named(|name, w| match name {
        "layer0.weight" => Array::zeros(w.shape()),
        _ => w.clone(),
    });
    let task = Task::from(Blobs::new(1).episode(0));
    let found = ExactnessCheck::default().run(&maml, &Meta { theta, ..fresh }, &task);
    assert_eq!(found.verdict, Verdict::Exact, "{found}");
    assert!(found.slopes.iter().any(|slope| slope.kink), "{found}");
}

#[test]
fn the_first_order_is_found_out_beside_kinks() {
    for seed in 0..3 {
        for steps in 1..=3 {
            let first = Maml { order: Order::First, ..maml(Layers::new(&DEEP, true), steps) };
            let found = found(&first, seed);
            assert_eq!(found.verdict, Verdict::FirstOrderOnly, "{steps} steps, seed {seed}: {found}");
        }
        let none = Maml { order: Order::First, ..maml(Layers::new(&DEEP, true), 0) };
        assert_eq!(found(&none, seed).verdict, Verdict::Exact);
    }
}

/// A meta-gradient that is a little too large in the first bias.
fn scaled<L>(learner: L) -> Scaled<L> {
    Scaled { learner, parameter: Some("layer0.bias"), factor: 1.001 }
}

#[test]
fn errors_are_found_beside_kinks_and_inner_gradients_spoken_of_where_there_are_any() {
    for seed in 0..3 {
        for steps in 0..=2 {
            let learner = scaled(maml(Layers::new(&DEEP, true), steps));
            let found = found(&learner, seed);
            assert_eq!(found.verdict, Verdict::Wrong, "{steps} steps, seed {seed}: {found}");
            assert_eq!(found.worst().parameter, "layer0.bias", "{found}");
            let said = found.to_string();
            assert_eq!(said.contains("first-order"), steps > 0, "{said}");
        }
        let proto = scaled(ProtoNet::new(Layers::new(&DEEP, true)));
        let found = found(&proto, seed);
        assert_eq!(found.verdict, Verdict::Wrong, "{found}");
        assert!(!found.to_string().contains("order"), "{found}");
    }
}

/// A learner without inner steps that puts an embedding on the tape by its value.
struct Torn(Layers);

impl Learner<f64> for Torn {
    fn spec(&self) -> ParamSpec {
        self.0.spec.clone()
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, f64>, task: &TaskVars<'t, f64>, _: &Noise) -> Outcome<'t, f64> {
        let y = self.0.forward(&meta.theta, task.query.x, &mut Pass::batch());
        let torn = y.tape().var(&y.value());
        let predictions = y + torn.square();
        Outcome { loss: task.query.y.loss(predictions), predictions, statistics: None }
    }

    fn adapt(&self, _: &Meta<f64>, _: &Examples<f64>) -> Box<dyn Predictor<f64>> {
        unreachable!("the check learns nothing for use")
    }
}

#[test]
fn what_takes_no_inner_gradient_has_not_lost_one() {
    let found = found(&Torn(Layers::new(&DEEP, true)), 1);
    assert_eq!(found.verdict, Verdict::Wrong, "{found}");
    assert!(!found.to_string().contains("inner"), "{found}");
}
