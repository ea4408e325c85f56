//! Matching and Relation networks against closed forms (sections 13 and 15 of the reference).

use crate::common::score::Score;
use crate::common::{Blobs, Net, WAYS};
use approx::assert_relative_eq;
use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{Distance, Examples, Labels, Learner, Matching, Meta, ProtoNet, Relation, Task};
use fewshot_nn::{Init, Model, NormPolicy, ParamBuilder, ParamSpec, Params, Pass};

/// The inputs themselves, times a weight of 1.
struct Same {
    spec: ParamSpec,
}

impl Same {
    fn new() -> Self {
        let mut b = ParamBuilder::new();
        b.weight("scale", &[], Init::Ones);
        Same { spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Same {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
        x * p["scale"]
    }
}

fn probabilities(
    learner: &dyn Learner<f64>,
    meta: &Meta<f64>,
    support: &Examples<f64>,
    x: &Array<f64>,
) -> Array<f64> {
    let logits = learner.adapt(meta, support).predict(x);
    Tape::new().var(&logits).softmax(1).value()
}

fn assert_close(a: &Array<f64>, b: &Array<f64>) {
    assert_eq!(a.shape(), b.shape());
    assert_relative_eq!(a.data(), b.data(), epsilon = 1e-12);
}

fn task(seed: u64) -> Task<f64> {
    Task::from(&Blobs { shots: [1, 3, 2], ..Blobs::new(seed) }.episode(0))
}

/// The examples at these places.
fn picked(examples: &Examples<f64>, places: &[usize]) -> Examples<f64> {
    let width = examples.x.shape()[1];
    let Labels::Classes(classes) = &examples.y else { panic!("these are classes") };
    let x = places.iter().flat_map(|&i| examples.x.data()[i * width..(i + 1) * width].to_vec()).collect();
    let y = Labels::Classes(places.iter().map(|&i| classes[i]).collect());
    Examples::new(Array::new(&[places.len(), width], x), y)
}

#[test]
fn the_confidence_of_cosines_is_bounded() {
    let learner = Matching::new(Same::new());
    let meta: Meta<f64> = learner.init(0);
    for (ways, opposite, orthogonal) in [(5, 0.6488, 0.4046), (20, 0.2800, 0.1252)] {
        let labels = || Labels::Classes((0..ways).collect());
        let one = |n: usize, first: f64, rest: f64| {
            // two numbers an example: the first example along the first axis
            let row = move |i: usize| {
                if i == 0 { [first, 0.0] } else { [if rest < 0.0 { rest } else { 0.0 }, rest.max(0.0)] }
            };
            Array::new(&[n, 2], (0..n).flat_map(row).collect())
        };
        let query = one(1, 3.0, 0.0);
        for (rest, expected) in [(-2.0, opposite), (2.0, orthogonal)] {
            let support = Examples::new(one(ways, 1.0, rest), labels());
            let p = probabilities(&learner, &meta, &support, &query);
            assert_relative_eq!(p.data()[0], expected, epsilon = 5e-5);
        }
    }
}

#[test]
fn attention_is_the_share_of_each_class() {
    let task = task(1);
    let learner = Matching::new(Net::plain());
    let meta: Meta<f64> = learner.init(0);
    let found = probabilities(&learner, &meta, &task.support, &task.query.x);
    let tape = Tape::new();
    let embed = |x: &Array<f64>| Net::plain().forward(&meta.theta.on(&tape), tape.var(x), &mut Pass::batch());
    let attention = embed(&task.query.x).cosine_similarity(embed(&task.support.x)).softmax(1);
    let Labels::Classes(classes) = &task.support.y else { panic!("these are classes") };
    assert_close(&found, &attention.matmul(tape.one_hot(&classes[..], WAYS)).value());
    // the loss is minus the logarithm of the attention on the right class
    let gradient = learner.meta_gradient(&meta, &task, stream(0, Purpose::Dropout, 0));
    let Labels::Classes(right) = &task.query.y else { panic!("these are classes") };
    let logs = right.iter().enumerate().map(|(i, &class)| -found.data()[i * WAYS + class].ln());
    assert_relative_eq!(gradient.loss, logs.sum::<f64>() / right.len() as f64, epsilon = 1e-12);
}

#[test]
fn order_and_copies_of_the_support_do_not_matter() {
    let task = task(2);
    let learner = Matching::new(Net::plain());
    let meta: Meta<f64> = learner.init(0);
    let of = |places: &[usize]| probabilities(&learner, &meta, &picked(&task.support, places), &task.query.x);
    let plain = of(&[0, 1, 2, 3, 4, 5]);
    assert_close(&plain, &of(&[5, 2, 0, 3, 1, 4]));
    assert_close(&plain, &of(&[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]));
}

#[test]
fn with_one_shot_and_the_same_distance_it_is_a_prototypical_network() {
    let task = Task::from(&Blobs { shots: [1; WAYS], ..Blobs::new(3) }.episode(0));
    for distance in [Distance::SquaredEuclid, Distance::Cosine] {
        let matching = Matching { distance, ..Matching::new(Net::normed()) };
        let prototypical = ProtoNet { distance, ..ProtoNet::new(Net::normed()) };
        let meta: Meta<f64> = matching.init(4);
        let of = |learner: &dyn Learner<f64>| learner.adapt(&meta, &task.support).predict(&task.query.x);
        assert_close(&of(&matching), &of(&prototypical));
    }
}

#[test]
fn a_context_that_says_nothing_changes_nothing() {
    let task = task(5);
    let plain = Matching::new(Net::plain());
    let meta: Meta<f64> = plain.init(1);
    let expected = plain.adapt(&meta, &task.support).predict(&task.query.x);
    let with_context = |reads: usize, shut: bool| {
        let learner = Matching::with_full_context(Net::plain(), WAYS, reads);
        let fresh: Meta<f64> = learner.init(1);
        let theta = fresh.theta.map_named(|name, value| {
            // output gates come last
            let from = if name.ends_with(".b") && shut { 3 * WAYS } else { value.len() };
            let kept = value.data().iter().enumerate();
            Array::new(value.shape(), kept.map(|(i, &v)| if i >= from { -1e9 } else { v }).collect())
        });
        learner.adapt(&Meta { theta, ..fresh }, &task.support).predict(&task.query.x)
    };
    assert_close(&expected, &with_context(3, true));
    assert_close(&expected, &with_context(0, true));
    assert!(expected.data() != with_context(3, false).data());
    assert!(with_context(0, false).data() != with_context(3, false).data());
}

fn relation() -> Relation<Net, Score> {
    Relation::of(Net::plain(), Score::new(2 * WAYS))
}

#[test]
fn equal_scores_of_one_half_lose_a_quarter() {
    let learner = relation();
    let fresh: Meta<f64> = learner.init(1);
    let silent = |name: &str, value: &Array<f64>| {
        if name.starts_with("score2") { value.map(|_| 0.0) } else { value.clone() }
    };
    let meta = Meta { theta: fresh.theta.map_named(silent), ..fresh };
    let result = learner.meta_gradient(&meta, &task(1), stream(0, Purpose::Dropout, 0));
    assert_relative_eq!(result.loss, 0.25, epsilon = 1e-15);
    let scores = learner.adapt(&meta, &task(1).support).predict(&task(1).query.x);
    assert!(scores.data().iter().all(|score| (score - 0.5_f64.ln()).abs() < 1e-15));
}

#[test]
fn classes_swapped_are_scores_swapped_and_shots_are_summed() {
    let learner = Relation { policy: NormPolicy::Running { momentum: 0.1 }, ..relation() };
    let meta: Meta<f64> = learner.init(1);
    let task = task(6);
    let of = |support: &Examples<f64>| learner.adapt(&meta, support).predict(&task.query.x);
    let scores = of(&task.support);
    assert!(scores.data().iter().all(|&score| score < 0.0));
    let Labels::Classes(classes) = &task.support.y else { panic!("these are classes") };
    let swapped = Labels::Classes(classes.iter().map(|class| [1, 0, 2][*class]).collect());
    let other = of(&Examples::new(task.support.x.clone(), swapped));
    for (row, swapped) in scores.data().chunks(WAYS).zip(other.data().chunks(WAYS)) {
        assert_eq!([row[0], row[1], row[2]], [swapped[1], swapped[0], swapped[2]]);
    }
    // a class of three equal examples: three times its features beside the query's
    let tripled = of(&picked(&task.support, &[0, 0, 0, 1, 4]));
    let tape = Tape::new();
    let theta = meta.theta.on(&tape);
    let embed = |x: &Array<f64>| Net::plain().forward(&theta.first(4), tape.var(x), &mut Pass::batch());
    let class = embed(&picked(&task.support, &[0]).x) * 3.0;
    let query = embed(&task.query.x).slice(0, 0..1);
    let given = meta.statistics.on(&tape);
    let score = Score::new(2 * WAYS).forward(
        &theta.after(4),
        Var::concat(&[class, query], 1),
        &mut Pass::given(&given),
    );
    assert_relative_eq!(tripled.data()[0], score.sigmoid().item().ln(), epsilon = 1e-12);
}
