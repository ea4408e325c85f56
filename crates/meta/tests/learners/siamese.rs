//! Siamese networks against their formula.

use std::sync::Arc;

use crate::common::smooth::Smooth;
use crate::common::{FEATURES, Net};
use fewshot_autodiff::{Array, Tape};
use fewshot_episodes::glyphs::{self, GlyphConfig};
use fewshot_episodes::{Episode, OneShot, PairProtocol, Pairs, Purpose, RngExt, Set, Targets, stream};
use fewshot_meta::{
    ExactnessCheck, Examples, Labels, Learner, Meta, Runner, Siamese, Task, Trainer, Training, Verdict,
    Verification, evaluate, verify,
};
use fewshot_nn::{Adam, Init, Mlp, Model, NormAffine, Params, Pass};
use ndarray::ArrayD;

/// Numbers of an embedding.
const WIDTH: usize = 5;

fn points(n: usize, index: u64) -> Array<f64> {
    let mut rng = stream(3, Purpose::Data, index);
    Array::from_fn(&[n, FEATURES], |_| rng.normal())
}

/// A network whose comparison has weights of both signs.
fn learner() -> Siamese<Net> {
    Siamese::koch(Net::new(FEATURES, WIDTH, None), WIDTH)
}

fn scores(
    learner: &dyn Learner<f64>,
    meta: &Meta<f64>,
    support: &Array<f64>,
    classes: &[usize],
    x: &Array<f64>,
) -> Array<f64> {
    learner.adapt(meta, &Examples::new(support.clone(), Labels::Classes(classes.to_vec()))).predict(x)
}

/// The logit of "same", number by number.
fn logit(meta: &Meta<f64>, a: &[f64], b: &[f64]) -> f64 {
    let weights = meta.theta["comparison.weight"].data().iter();
    let sum: f64 = weights.zip(a.iter().zip(b)).map(|(w, (a, b))| w * (a - b).abs()).sum();
    sum + meta.theta["comparison.bias"].item()
}

fn embeddings(model: &Net, meta: &Meta<f64>, x: &Array<f64>) -> Vec<Vec<f64>> {
    let tape = Tape::new();
    let z = model.forward(&meta.theta.on(&tape), tape.var(x), &mut Pass::batch()).value();
    z.data().chunks(WIDTH).map(<[f64]>::to_vec).collect()
}

#[test]
fn scores_are_the_largest_logits_of_each_class() {
    let learner = learner();
    let meta = learner.init(1);
    let (support, query) = (points(5, 0), points(4, 1));
    let classes = [1, 0, 2, 1, 1];
    let found = scores(&learner, &meta, &support, &classes, &query);
    assert_eq!(found.shape(), [4, 3]);
    let (known, asked) =
        (embeddings(&learner.model, &meta, &support), embeddings(&learner.model, &meta, &query));
    for (row, q) in found.data().chunks(3).zip(&asked) {
        for (class, score) in row.iter().enumerate() {
            let own = known.iter().zip(classes).filter(|(_, c)| *c == class);
            let best = own.map(|(s, _)| logit(&meta, q, s)).fold(f64::NEG_INFINITY, f64::max);
            assert!((score - best).abs() < 1e-12, "{score} {best}");
        }
    }
}

#[test]
fn an_image_beside_itself_has_the_bias_and_pairs_are_symmetric() {
    let learner = learner();
    let meta = learner.init(2);
    let bias = meta.theta["comparison.bias"].item();
    let (a, b) = (points(3, 0), points(3, 1));
    let own = scores(&learner, &meta, &a, &[0, 1, 2], &a);
    assert!((0..3).all(|i| own.data()[4 * i] == bias), "{own:?}");
    assert_ne!(own.data()[1], bias);
    let there = scores(&learner, &meta, &a, &[0, 1, 2], &b);
    let back = scores(&learner, &meta, &b, &[0, 1, 2], &a);
    for i in 0..3 {
        for j in 0..3 {
            assert_eq!(there.data()[3 * i + j], back.data()[3 * j + i]);
        }
    }
}

#[test]
fn without_weights_only_the_bias_speaks() {
    let learner = learner();
    let meta: Meta<f64> = learner.init(1);
    let only = |name: &str, x: &Array<f64>| match name {
        "comparison.bias" => Array::full(x.shape(), 0.3),
        _ => Array::zeros(x.shape()),
    };
    let meta = Meta { theta: meta.theta.map_named(only), ..meta };
    let all = scores(&learner, &meta, &points(2, 0), &[0, 1], &points(6, 1));
    assert!(all.data().iter().all(|score| *score == 0.3), "{all:?}");
}

/// A batch of pairs of points.
fn pairs(labels: &[usize]) -> Task<f64> {
    let side = |index| Examples::new(points(labels.len(), index), Labels::Classes(labels.to_vec()));
    Task { support: side(0), query: side(1) }
}

#[test]
fn the_loss_is_binary_cross_entropy() {
    let (learner, labels) = (learner(), [1, 0, 0, 1, 1, 0]);
    let (meta, task) = (learner.init(4), pairs(&labels));
    let got = Runner::new(&learner).task_gradient(&meta, &task, || stream(0, Purpose::Dropout, 0));
    let first = embeddings(&learner.model, &meta, &task.support.x);
    let second = embeddings(&learner.model, &meta, &task.query.x);
    let logits: Vec<f64> = first.iter().zip(&second).map(|(a, b)| logit(&meta, a, b)).collect();
    let terms = logits.iter().zip(labels).map(|(l, same)| {
        let p = 1.0 / (1.0 + (-l).exp());
        if same == 1 { -p.ln() } else { -(1.0 - p).ln() }
    });
    let loss = terms.sum::<f64>() / labels.len() as f64;
    assert!((got.loss - loss).abs() < 1e-12, "{} {loss}", got.loss);
    let right = logits.iter().zip(labels).filter(|(l, same)| (**l > 0.0) == (*same == 1)).count();
    assert_eq!(got.accuracy, Some(right as f64 / labels.len() as f64));
}

#[test]
fn verification_has_the_best_threshold() {
    let learner = learner();
    let mut rng = stream(5, Purpose::Data, 0);
    let mut side = |n: usize| ArrayD::from_shape_simple_fn(vec![n, FEATURES], || rng.normal() as f32);
    let labels = [vec![1, 0, 0, 1], vec![0, 0, 1, 1, 1, 0]];
    let batches: Vec<Episode> = labels
        .iter()
        .map(|labels| {
            let mut set = || Set::new(side(labels.len()), Targets::Classes(labels.clone()));
            Episode { support: set(), query: set(), ways: Some(2) }
        })
        .collect();
    let meta = learner.init(3);
    let mut logits = Vec::new();
    for batch in &batches {
        let Task { support, query } = Task::<f64>::from(batch);
        let [first, second] = [support, query].map(|set| embeddings(&learner.model, &meta, &set.x));
        logits.extend(first.iter().zip(&second).map(|(a, b)| logit(&meta, a, b)));
    }
    let same = labels.concat();
    let right =
        |threshold: f64| logits.iter().zip(&same).filter(|(l, s)| (**l >= threshold) == (**s == 1)).count();
    let best = logits.iter().map(|l| right(l - 1e-9)).max().unwrap();
    let found = verify(&learner, &meta, &batches, 2).unwrap();
    assert_eq!((found.accuracy, found.pairs), (best as f64 / 10.0, 10));
    assert_eq!(right(found.threshold - 1e-9), best);
}

#[test]
fn pairs_of_one_score_fall_on_one_side() {
    let found = Verification::new(vec![(1.0, true), (1.0, false), (1.0, true), (0.0, false)]);
    assert_eq!((found.accuracy, found.threshold), (0.75, 1.0));
    let found = Verification::new(vec![(1.0, false), (0.0, true), (-1.0, false)]);
    assert_eq!((found.accuracy, found.threshold), (2.0 / 3.0, f64::INFINITY));
}

#[test]
fn its_gradient_is_exact() {
    let task = pairs(&[1, 0, 0, 1, 1, 0, 1, 0]);
    for norm in [None, Some(NormAffine::ScaleShift)] {
        let model = || Smooth::new(FEATURES, WIDTH, norm);
        for learner in [Siamese::new(model(), WIDTH), Siamese::koch(model(), WIDTH)] {
            let found = ExactnessCheck::default().run(&learner, &learner.init(1), &task);
            assert_eq!(found.verdict, Verdict::Exact, "{found}");
            assert!(
                found.slopes.iter().any(|s| s.parameter == "comparison.weight" && s.gradient.abs() > 1e-3)
            );
        }
    }
}

#[test]
fn starts_as_the_paper_says() {
    let learner = Siamese::koch(Mlp::new(&[2, 4000]), 4000);
    let theta: Params<Array<f64>> = learner.init(1).theta;
    let weights = theta["comparison.weight"].data();
    let deviation = (weights.iter().map(|w| w * w).sum::<f64>() / 4000.0).sqrt();
    assert!((deviation - 0.2).abs() < 0.01, "{deviation}");
    let bias = theta["comparison.bias"].item();
    assert!((bias - 0.5).abs() < 0.05 && bias != 0.5, "{bias}");
}

#[test]
fn learns_to_tell_characters_of_an_alphabet_apart() {
    let config = GlyphConfig { alphabets: 12, characters: 10..=10, drawings: 10, size: 14 };
    let images = Arc::new(glyphs::generate(&config, 1));
    let split = glyphs::split(&images);
    let protocol = PairProtocol { size: 64, drawers: Some(4..10), ..PairProtocol::default() };
    let pairs = Pairs::new(images.clone(), split.train(), protocol, 1, Purpose::Train).unwrap();
    let trials = OneShot::new(images, split.test(), 10, Some(0..4), 1, Purpose::Test).unwrap();
    let model =
        Mlp::with(&[196, 64, 32], fewshot_autodiff::Activation::Relu, Init::KaimingNormal { a: 0.0 }, None);
    let learner = Siamese::new(model, 32);
    let training = Training { outer_lr: 3e-3, ..Training::default() };
    let mut trainer = Trainer::<f32>::new(&learner, &pairs, Box::new(Adam::default()), training);
    let score = |meta: &Meta| evaluate(&learner, meta, &trials, 40).unwrap().mean;
    let before = score(trainer.meta());
    let first = trainer.step().unwrap().loss;
    let mut last = 0.0;
    for _ in 0..300 {
        last = trainer.step().unwrap().loss;
    }
    let after = score(trainer.meta());
    println!("one-shot {before:.3} before, {after:.3} after; loss {first:.3} to {last:.3}");
    assert!(last < 0.8 * first && after > before + 0.05, "{before} to {after}, {first} to {last}");
}

#[test]
#[should_panic(expected = "the comparison is of 7 features")]
fn features_of_another_number_are_refused() {
    let learner = Siamese::new(Net::new(FEATURES, WIDTH, None), 7);
    scores(&learner, &learner.init(1), &points(2, 0), &[0, 1], &points(2, 1));
}

#[test]
#[should_panic(expected = "training tasks are batches of pairs")]
fn an_ordinary_task_is_no_batch_of_pairs() {
    let learner = learner();
    let side = |n: usize, index| Examples::new(points(n, index), Labels::Classes((0..n).collect()));
    let task = Task { support: side(2, 0), query: side(3, 1) };
    learner.meta_gradient(&learner.init(1), &task, stream(0, Purpose::Dropout, 0));
}
