//! Meta-gradients in f32 against f64, at the size of the paper's Omniglot network.

use fewshot::episodes::RngExt;
use fewshot::{
    Array, ChaCha8Rng, Conv4, Conv4Config, Examples, Filter, Float, Labels, Learner, Maml, Meta, Padding,
    Params, Purpose, Runner, Task, stream,
};

const WAYS: usize = 5;

fn images(per_class: usize, rng: &mut ChaCha8Rng) -> Examples<f64> {
    let count = WAYS * per_class;
    let x = Array::from_fn(&[count, 28, 28, 1], |_| f64::from(rng.uniform(0.0, 1.0) as f32));
    Examples::new(x, Labels::Classes((0..count).map(|i| i / per_class).collect()))
}

fn cast<F: Float>(examples: &Examples<f64>) -> Examples<F> {
    let y = match &examples.y {
        Labels::Classes(classes) => Labels::Classes(classes.clone()),
        Labels::Values(values) => Labels::Values(values.cast()),
    };
    Examples::new(examples.x.cast(), y)
}

fn gradient<F: Float>(
    learner: &Maml<Conv4>,
    theta: &Params<Array<f64>>,
    task: &Task<f64>,
) -> Params<Array<f64>> {
    let mut meta: Meta<F> = learner.init(1);
    meta.theta = theta.cast();
    let task = Task { support: cast(&task.support), query: cast(&task.query) };
    let noise = || stream(1, Purpose::Dropout, 0);
    Runner::new(learner).task_gradient(&meta, &task, noise).gradient.cast()
}

/// Norm of the difference over the norm, over all parameters together.
fn difference(single: &Params<Array<f64>>, double: &Params<Array<f64>>) -> f64 {
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        let pairs = single.values().iter().zip(double.values());
        pairs.flat_map(|(a, b)| a.data().iter().zip(b.data()).map(|(&a, &b)| f(a, b))).sum()
    };
    (sum(&|a, b| (a - b).powi(2)) / sum(&|_, b| b * b)).sqrt()
}

/// A rounding error that flips a ReLU changes the gradient by more than rounding does: of some tasks the middle one is judged.
#[test]
fn single_precision_is_within_5e_4_of_double() {
    for train_steps in [1, 5] {
        let config = Conv4Config { padding: Padding::all(1), ..Conv4Config::strided_flat() };
        let learner = Maml {
            train_steps,
            inner_lr: 0.4,
            adapted: Filter::All,
            ..Maml::new(Conv4::new(&config.with_head(WAYS)))
        };
        let theta = Learner::<f64>::init(&learner, 1).theta.cast::<f32>().cast();
        let mut differences: Vec<f64> = (0..3)
            .map(|i| {
                let mut rng = stream(7, Purpose::Train, i);
                let task = Task { support: images(1, &mut rng), query: images(15, &mut rng) };
                difference(
                    &gradient::<f32>(&learner, &theta, &task),
                    &gradient::<f64>(&learner, &theta, &task),
                )
            })
            .collect();
        differences.sort_by(f64::total_cmp);
        assert!(differences[1] < 5e-4, "{train_steps} steps: {differences:?}");
    }
}
