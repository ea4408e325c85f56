//! Latent embedding optimisation: its classifier by hand, what it does not depend on, its objective and what it learns.

use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::{Activation, Array, Tape};
use fewshot_episodes::{ChaCha8Rng, Episode, Outputs, Purpose, RngExt, Set, Targets, Tasks, stream};
use fewshot_meta::{
    ExactnessCheck, Examples, Execution, Labels, Learner, Leo, Meta, Runner, Scratch, Task, Trainer,
    Training, Verdict, evaluate,
};
use fewshot_nn::{Adam, Init, Mlp, Noise};
use ndarray::ArrayD;

const SHOTS: [usize; WAYS] = [1, 3, 2];

fn small() -> Leo {
    Leo { latent: 4, hidden: 3, latent_steps: 2, fine_tuning_steps: 2, ..Leo::new(FEATURES) }
}

fn task() -> Task<f64> {
    Task::from(Blobs { shots: SHOTS, ..Blobs::new(1) }.episode(0))
}

/// Meta-parameters whose codes are far apart and whose rates move them.
fn meta(leo: &Leo) -> Meta<f64> {
    let fresh: Meta<f64> = leo.init(3);
    let theta = fresh.theta.map_named(|name, w| match name {
        "fine_tuning.rate" => w.map(|x| 100.0 * x),
        name if name.starts_with("relation") || name.starts_with("encoder") => w.map(|x| 1.3 * x),
        _ => w.clone(),
    });
    Meta { theta, ..fresh }
}

fn classifier(leo: &Leo, support: &Examples<f64>) -> Array<f64> {
    let learned = leo.adapt(&meta(leo), support).learned().expect("it says what it holds");
    learned.weights["classifier.weight"].clone()
}

fn classes(examples: &Examples<f64>) -> &[usize] {
    match &examples.y {
        Labels::Classes(classes) => classes,
        Labels::Values(_) => unreachable!("they are classes"),
    }
}

/// Some of the examples, in this order, with the classes under new numbers.
fn arranged(examples: &Examples<f64>, order: &[usize], number: [usize; WAYS]) -> Examples<f64> {
    let row = |&i: &usize| examples.x.data()[i * FEATURES..(i + 1) * FEATURES].to_vec();
    let x = Array::new(&[order.len(), FEATURES], order.iter().flat_map(row).collect());
    Examples::new(x, Labels::Classes(order.iter().map(|&i| number[classes(examples)[i]]).collect()))
}

#[track_caller]
fn assert_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
}

/// `x w` for one row.
fn times(x: &[f64], w: &Array<f64>) -> Vec<f64> {
    let width = w.shape()[1];
    (0..width).map(|j| x.iter().enumerate().map(|(i, x)| x * w.data()[i * width + j]).sum()).collect()
}

fn relu(x: Vec<f64>) -> Vec<f64> {
    x.into_iter().map(|x| x.max(0.0)).collect()
}

fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / rows.len() as f64).collect()
}

/// The decoder's mean for the mean code of each class, pair by pair.
fn by_hand(leo: &Leo, support: &Examples<f64>) -> Vec<f64> {
    let theta = meta(leo).theta;
    let codes: Vec<Vec<f64>> = support
        .x
        .data()
        .chunks(FEATURES)
        .map(|x| {
            let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            times(&x.iter().map(|x| x / length).collect::<Vec<_>>(), &theta["encoder.weight"])
        })
        .collect();
    let related = |left: &Vec<f64>, right: &Vec<f64>| {
        let first = relu(times(&[&left[..], &right[..]].concat(), &theta["relation.layer1.weight"]));
        times(&relu(times(&first, &theta["relation.layer2.weight"])), &theta["relation.layer3.weight"])
    };
    let of_example: Vec<Vec<f64>> = codes
        .iter()
        .map(|e| mean(&codes.iter().map(|other| related(e, other)).collect::<Vec<_>>()))
        .collect();
    (0..WAYS)
        .flat_map(|class| {
            let own = of_example.iter().zip(classes(support)).filter(|(_, c)| **c == class);
            let code = mean(&own.map(|(code, _)| code.clone()).collect::<Vec<_>>());
            times(&code[..leo.latent], &theta["decoder.weight"])[..FEATURES].to_vec()
        })
        .collect()
}

#[test]
fn without_steps_the_classifier_is_what_the_mean_codes_decode_to() {
    let leo = Leo { latent_steps: 0, fine_tuning_steps: 0, ..small() };
    let support = task().support;
    let found = classifier(&leo, &support);
    assert_eq!(found.shape(), [WAYS, FEATURES]);
    assert_close(found.data(), &by_hand(&leo, &support));
}

#[test]
fn the_order_of_a_support_changes_nothing_and_classes_keep_their_weights() {
    let support = task().support;
    let plain = classifier(&small(), &support);
    let reversed: Vec<usize> = (0..support.y.len()).rev().collect();
    assert_close(classifier(&small(), &arranged(&support, &reversed, [0, 1, 2])).data(), plain.data());
    let rows = |w: &Array<f64>, class: usize| w.data()[class * FEATURES..][..FEATURES].to_vec();
    let number = [2, 0, 1];
    let renamed = classifier(&small(), &arranged(&support, &reversed, number));
    (0..WAYS).for_each(|class| assert_close(&rows(&renamed, number[class]), &rows(&plain, class)));
    assert_ne!(rows(&plain, 0), rows(&plain, 1));
}

#[test]
fn every_step_moves_the_classifier_and_the_last_stage_is_the_answer() {
    let (leo, task) = (small(), task());
    let meta = meta(&leo);
    let answers = |leo: &Leo| leo.adapt(&meta, &task.support).predict(&task.query.x);
    let stages: Vec<Array<f64>> =
        leo.adapt_by_step(&meta, &task.support).iter().map(|p| p.predict(&task.query.x)).collect();
    assert_eq!(stages.len(), 1 + 2 + 2);
    assert_eq!(stages[4], answers(&leo));
    assert_eq!(stages[2], answers(&Leo { fine_tuning_steps: 0, ..leo }));
    assert_eq!(stages[0], answers(&Leo { fine_tuning_steps: 0, latent_steps: 0, ..leo }));
    let losses: Vec<f64> = leo
        .adapt_by_step(&meta, &task.support)
        .iter()
        .map(|p| task.support.y.loss(Tape::new().var(&p.predict(&task.support.x))).item())
        .collect();
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
}

#[test]
fn nothing_is_random_in_use() {
    let support = task().support;
    let plain = classifier(&small(), &support);
    assert_eq!(classifier(&small(), &support), plain);
    assert_eq!(classifier(&Leo { dropout: 0.9, ..small() }, &support), plain);
}

/// The loss to be learned by, with noise of one seed.
fn loss(leo: &Leo, seed: u64) -> f64 {
    let tape = Tape::new();
    let noise = Noise::new(stream(seed, Purpose::Dropout, 0));
    leo.episode(&meta(leo).on(&tape, 0), &task().on(&tape), &noise).loss.item()
}

#[test]
fn the_objective_is_the_sum_of_its_weighted_terms() {
    let bare =
        Leo { kl_weight: 0.0, encoder_weight: 0.0, l2_weight: 0.0, orthogonality_weight: 0.0, ..small() };
    let beside = |leo: Leo| loss(&leo, 1) - loss(&bare, 1);
    assert_ne!(loss(&bare, 1), loss(&bare, 2), "training draws samples");
    let theta = meta(&bare).theta;
    let networks = theta.select(|name| !name.ends_with("rate"));
    let squares: f64 = networks.values().iter().flat_map(|w| w.data()).map(|w| w * w).sum();
    assert!((beside(Leo { l2_weight: 2.0, ..bare }) - 2.0 * squares).abs() < 1e-9);
    let rows: Vec<&[f64]> = theta["decoder.weight"].data().chunks(2 * FEATURES).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let pairs = rows.iter().flat_map(|a| rows.iter().map(move |b| (a, b)));
    let squared = pairs.map(|(a, b)| dot(a, b).powi(2) / (dot(a, a) * dot(b, b))).sum::<f64>();
    let correlations = (squared - rows.len() as f64) / rows.len().pow(2) as f64;
    assert!((beside(Leo { orthogonality_weight: 3.0, ..bare }) - 3.0 * correlations).abs() < 1e-9);
    let divergence = beside(Leo { kl_weight: 1.0, ..bare });
    assert!((beside(Leo { kl_weight: 2.0, ..bare }) - 2.0 * divergence).abs() < 1e-9 && divergence != 0.0);
    assert!(beside(Leo { encoder_weight: 1.0, ..bare }) > 1e-6);
    let still = Leo { latent_steps: 0, ..bare };
    assert_eq!(loss(&Leo { encoder_weight: 1.0, ..still }, 1), loss(&still, 1));
}

/// The encoder's penalty takes a part of the loss for constant, so it is left out here.
#[test]
fn the_meta_gradient_is_exact() {
    let strong = Leo { kl_weight: 0.1, l2_weight: 0.1, orthogonality_weight: 0.5, dropout: 0.2, ..small() };
    // ReLU and the smallest deviation are kinks
    let check = ExactnessCheck { step: 1e-6, ..ExactnessCheck::default() };
    for [latent_steps, fine_tuning_steps] in [[2, 0], [0, 2], [2, 3]] {
        let leo = Leo { encoder_weight: 0.0, latent_steps, fine_tuning_steps, ..strong };
        let found = check.run(&leo, &meta(&leo), &task());
        assert_eq!(found.verdict, Verdict::Exact, "{latent_steps} and {fine_tuning_steps} steps: {found}");
        let beyond = found.slopes.iter().any(|slope| slope.first_order_error() > 1e-3);
        assert!(beyond, "the steps matter to second order");
    }
}

#[test]
fn recorded_and_eager_gradients_are_the_same_bits() {
    let leo = small();
    let meta: Meta = leo.init(3);
    let (recorded, eager) = (Runner::new(&leo), Runner::with(&leo, Execution::Eager));
    for shots in [[2, 2, 2], SHOTS] {
        for i in 0..3 {
            let task = Task::from(&Blobs { shots, ..Blobs::new(1) }.episode(i));
            let run = |runner: &Runner| runner.task_gradient(&meta, &task, || stream(1, Purpose::Dropout, i));
            let (a, b) = (run(&recorded), run(&eager));
            assert_eq!((a.loss, a.accuracy, a.gradient), (b.loss, b.accuracy, b.gradient), "{shots:?}, {i}");
        }
    }
}

#[test]
fn what_another_learner_learned_is_refused() {
    let leo = small();
    let learned = leo.adapt(&meta(&leo), &task().support).learned().unwrap();
    let wider = Leo { inputs: FEATURES + 1, ..leo };
    let error = wider.restore(&learned).err().expect("it has other features").to_string();
    assert!(error.contains("[3, 6], not [ways, 7]"), "{error}");
}

#[test]
#[should_panic(expected = "adapt: the support has examples [5], the learner takes [6]")]
fn features_of_another_width_are_complained_of() {
    let x = Array::zeros(&[2, 5]);
    small().adapt(&meta(&small()), &Examples::new(x, Labels::Classes(vec![0, 1])));
}

const WIDTH: usize = 32;
const TOLD_APART_BY: usize = 4;

/// Features of classes that differ in a few directions, the same for all, and vary in all.
struct Clusters {
    directions: Vec<f64>,
    purpose: Purpose,
}

impl Clusters {
    fn new(purpose: Purpose) -> Self {
        let mut rng = stream(5, Purpose::Data, 0);
        let scale = (WIDTH as f64).sqrt().recip();
        Clusters { directions: (0..WIDTH * TOLD_APART_BY).map(|_| scale * rng.normal()).collect(), purpose }
    }

    fn set(&self, rng: &mut ChaCha8Rng, centres: &[Vec<f64>], each: usize) -> Set {
        let labels: Vec<usize> = (0..centres.len()).flat_map(|class| vec![class; each]).collect();
        let x = labels.iter().flat_map(|&class| {
            centres[class].iter().map(|centre| (centre + 0.3 * rng.normal()) as f32).collect::<Vec<_>>()
        });
        let x = ArrayD::from_shape_vec(vec![labels.len(), WIDTH], x.collect()).unwrap();
        Set::new(x, Targets::Classes(labels))
    }
}

impl Tasks for Clusters {
    fn episode(&self, i: u64) -> Episode {
        let mut rng = stream(5, self.purpose, i);
        let mut centre = || {
            let place: Vec<f64> = (0..TOLD_APART_BY).map(|_| rng.normal()).collect();
            let along = |row: &[f64]| row.iter().zip(&place).map(|(a, b)| a * b).sum();
            self.directions.chunks(TOLD_APART_BY).map(along).collect::<Vec<f64>>()
        };
        let centres: Vec<Vec<f64>> = (0..5).map(|_| centre()).collect();
        let support = self.set(&mut rng, &centres, 1);
        let query = self.set(&mut rng, &centres, 5);
        Episode { support, query, ways: Some(5) }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![WIDTH]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(5)
    }
}

#[test]
fn it_learns_in_which_directions_classes_differ() {
    let (train, test) = (Clusters::new(Purpose::Train), Clusters::new(Purpose::Test));
    let leo = Leo { latent: 8, hidden: 8, dropout: 0.2, ..Leo::new(WIDTH) };
    let training =
        Training { meta_batch: 4, outer_lr: 3e-3, clip: Some(Leo::CLIP), seed: 1, ..Training::default() };
    let mut trainer = Trainer::<f32>::new(&leo, &train, Box::new(Adam::default()), training);
    let score = |meta: &Meta| evaluate(&leo, meta, &test, 200).unwrap().mean;
    let before = score(trainer.meta());
    for _ in 0..800 {
        trainer.step().unwrap();
    }
    let after = score(trainer.meta());
    let linear = Mlp::with(&[WIDTH, 5], Activation::Identity, Init::Zeros, None);
    let head = Scratch { steps: 50, inner_lr: 1.0, ..Scratch::new(linear) };
    let alone = evaluate(&head, &Learner::<f32>::init(&head, 1), &test, 200).unwrap().mean;
    assert!(after > alone + 0.05, "{before} at first, {after} after training, {alone} a linear head alone");
}
