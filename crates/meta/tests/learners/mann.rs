//! Networks that read sequences: nothing leaks forwards in time, nothing is carried between sequences, and they can remember.

use std::sync::Arc;

use fewshot_autodiff::Array;
use fewshot_episodes::glyphs::{self, GlyphConfig};
use fewshot_episodes::{Names, Purpose, RngExt, SequenceProtocol, Sequences, Tasks, stream};
use fewshot_meta::{
    Core, ExactnessCheck, Examples, Execution, LabelCode, Labels, Learner, Mann, Meta, Runner, Task, Trainer,
    Training, Verdict, by_instance,
};
use fewshot_nn::{Access, Adam, MannConfig};

const INPUTS: usize = 6;
const NAMES: usize = 3;

fn small(access: Access) -> Core {
    Core::Memory(MannConfig { controller: 8, slots: 10, width: 4, heads: 2, access, ..MannConfig::santoro() })
}

fn cores() -> [Core; 5] {
    let [a, b, c] = [Access::Paper, Access::PerHead, Access::Shared].map(small);
    [a, b, c, Core::Lstm(8), Core::FeedForward(8)]
}

fn mann(core: Core, batch: usize) -> Mann {
    Mann::on(core, INPUTS, LabelCode::OneHot(NAMES), batch)
}

/// Examples around three centres, of classes drawn one by one.
fn sequences(steps: usize, batch: usize, seed: u64) -> Examples<f64> {
    let mut rng = stream(seed, Purpose::Data, 0);
    let classes: Vec<usize> = (0..steps * batch).map(|_| rng.below(NAMES)).collect();
    let x = Array::from_fn(&[steps * batch, INPUTS], |i| {
        let at = i % INPUTS;
        let centre = if at % NAMES == classes[i / INPUTS] { 1.0 } else { 0.0 };
        centre + 0.2 * rng.normal()
    });
    Examples::new(x, Labels::Classes(classes))
}

fn task(query: Examples<f64>) -> Task<f64> {
    let none = Examples::new(Array::zeros(&[0, INPUTS]), Labels::Classes(Vec::new()));
    Task { support: none, query }
}

fn renamed(sequences: &Examples<f64>, at: usize) -> Examples<f64> {
    let Labels::Classes(mut classes) = sequences.y.clone() else { unreachable!("they are classes") };
    classes[at] = (classes[at] + 1) % NAMES;
    Examples::new(sequences.x.clone(), Labels::Classes(classes))
}

#[test]
fn a_label_changes_nothing_at_or_before_its_step() {
    for core in cores() {
        let learner = mann(core, 1);
        let meta: Meta<f64> = learner.init(1);
        let plain = sequences(9, 1, 1);
        let (before, after) = (learner.answers(&meta, &plain), learner.answers(&meta, &renamed(&plain, 4)));
        let (before, after) = (before.data(), after.data());
        assert_eq!(before[..5 * NAMES], after[..5 * NAMES], "{core:?}");
        let next = 5 * NAMES..6 * NAMES;
        assert_ne!(before[next.clone()], after[next], "{core:?}: the next step is told");
        let last = 8 * NAMES..;
        match core {
            Core::FeedForward(_) => assert_eq!(before[last.clone()], after[last], "it remembers nothing"),
            _ => assert_ne!(before[last.clone()], after[last], "{core:?} remembers"),
        }
    }
}

#[test]
fn memory_is_wiped_and_sequences_side_by_side_know_nothing_of_each_other() {
    for core in cores() {
        let (one, two) = (mann(core, 1), mann(core, 2));
        let meta: Meta<f64> = one.init(2);
        let [a, b] = [1, 2].map(|seed| sequences(7, 1, seed));
        let both: Vec<usize> = (0..14).collect();
        let of = |i: usize| if i.is_multiple_of(2) { &a } else { &b };
        let row = |i: usize| of(i).x.data()[i / 2 * INPUTS..][..INPUTS].to_vec();
        let class = |i: usize| match &of(i).y {
            Labels::Classes(classes) => classes[i / 2],
            Labels::Values(_) => unreachable!("they are classes"),
        };
        let x = Array::new(&[14, INPUTS], both.iter().flat_map(|&i| row(i)).collect());
        let joint = Examples::new(x, Labels::Classes(both.iter().map(|&i| class(i)).collect()));
        let joint = two.answers(&meta, &joint);
        for (k, alone) in [a, b].iter().enumerate() {
            let alone = one.answers(&meta, alone);
            let again = one.answers(&meta, &sequences(7, 1, 1 + k as u64));
            assert_eq!(alone, again, "{core:?}");
            for t in 0..7 {
                let (x, y) =
                    (&alone.data()[t * NAMES..][..NAMES], &joint.data()[(2 * t + k) * NAMES..][..NAMES]);
                assert!(x.iter().zip(y).all(|(a, b)| (a - b).abs() < 1e-12), "{core:?}: {x:?} {y:?}");
            }
        }
    }
}

#[test]
fn the_gradient_through_time_is_exact() {
    for core in cores() {
        let learner = mann(core, 2);
        let meta: Meta<f64> = learner.init(3);
        let found = ExactnessCheck::default().run(&learner, &meta, &task(sequences(6, 2, 3)));
        assert_eq!(found.verdict, Verdict::Exact, "{core:?}: {found}");
        let episode = Task { support: sequences(5, 1, 4), query: sequences(4, 1, 5) };
        let found = ExactnessCheck::default().run(&learner, &meta, &episode);
        assert_eq!(found.verdict, Verdict::Exact, "{core:?}, episode: {found}");
    }
}

#[test]
fn recorded_and_eager_gradients_are_the_same_bits() {
    for core in cores() {
        let learner = mann(core, 2);
        let meta: Meta<f64> = learner.init(3);
        let run = |execution, task: &Task<f64>| {
            let runner = Runner::with(&learner, execution);
            runner.task_gradient(&meta, task, || stream(1, Purpose::Dropout, 0))
        };
        let episode = Task { support: sequences(6, 1, 4), query: sequences(4, 1, 5) };
        for task in [task(sequences(6, 2, 3)), episode] {
            let [recorded, eager] = [Execution::Recorded, Execution::Eager].map(|how| run(how, &task));
            assert_eq!((recorded.loss, &recorded.gradient), (eager.loss, &eager.gradient), "{core:?}");
        }
    }
}

#[test]
fn a_predictor_answers_as_the_next_step_and_comes_back_with_its_bits() {
    for core in cores() {
        let learner = mann(core, 1);
        let meta: Meta<f64> = learner.init(5);
        // classes in turn, as they are read
        let support = {
            let x = sequences(6, 1, 6).x;
            Examples::new(x, Labels::Classes(vec![0, 1, 2, 0, 1, 2]))
        };
        let query = sequences(4, 1, 7);
        let predictor = learner.adapt(&meta, &support);
        let answers = predictor.predict(&query.x);
        for i in 0..4 {
            let mut x = support.x.data().to_vec();
            x.extend_from_slice(&query.x.data()[i * INPUTS..][..INPUTS]);
            let whole =
                Examples::new(Array::new(&[7, INPUTS], x), Labels::Classes(vec![0, 1, 2, 0, 1, 2, 0]));
            let steps = learner.answers(&meta, &whole);
            let (next, answer) = (&steps.data()[6 * NAMES..], &answers.data()[i * NAMES..][..NAMES]);
            assert!(next.iter().zip(answer).all(|(a, b)| (a - b).abs() < 1e-12), "{core:?}");
        }
        let learned = predictor.learned().expect("it says what it holds");
        let again = learner.restore(&learned).expect("of this learner");
        assert_eq!(again.predict(&query.x), answers, "{core:?}");
        assert_eq!(again.learned(), Some(learned));
        // whatever the order in which the support is given, as long as that of each class is kept
        let mixed = [0, 3, 1, 4, 2, 5];
        let x = mixed.iter().flat_map(|&i| support.x.data()[i * INPUTS..][..INPUTS].to_vec()).collect();
        let classes = mixed.iter().map(|i| i % 3).collect();
        let sorted = Examples::new(Array::new(&[6, INPUTS], x), Labels::Classes(classes));
        assert_eq!(learner.adapt(&meta, &sorted).predict(&query.x), answers, "{core:?}");
    }
    let other = mann(Core::Lstm(8), 1);
    let learned = other.adapt(&other.init(1), &sequences(3, 1, 1)).learned().expect("it says what it holds");
    assert!(Learner::<f64>::restore(&mann(small(Access::Paper), 1), &learned).is_err());
}

#[test]
fn string_labels_are_judged_letter_by_letter() {
    let learner = Mann::on(small(Access::PerHead), INPUTS, LabelCode::Strings, 1);
    let meta: Meta<f64> = learner.init(1);
    let mut rng = stream(9, Purpose::Data, 0);
    let mut letters = Array::zeros(&[4, 25]).data().to_vec();
    for row in letters.chunks_mut(25) {
        (0..5).for_each(|place| row[5 * place + rng.below(5)] = 1.0);
    }
    let named = Examples::new(sequences(4, 1, 1).x, Labels::Values(Array::new(&[4, 25], letters.clone())));
    let none = Examples::new(Array::zeros(&[0, INPUTS]), Labels::Values(Array::zeros(&[0, 25])));
    let answers = learner.answers(&meta, &named);
    let chances: Vec<f64> = answers.data().chunks(5).map(|letter| letter.iter().sum()).collect();
    assert!(chances.iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    let logs = letters.iter().zip(answers.data()).map(|(y, p)| -y * p.ln());
    let expected = logs.sum::<f64>() / 4.0;
    let task = Task { support: none, query: named };
    let found = Runner::new(&learner).task_gradient(&meta, &task, || stream(1, Purpose::Dropout, 0));
    assert!((found.loss - expected).abs() < 1e-12, "{} {expected}", found.loss);
    assert_eq!(found.accuracy, None);
}

#[test]
fn one_sequence_is_learned_by_heart() {
    let images = Arc::new(glyphs::generate(&GlyphConfig { size: 16, ..GlyphConfig::default() }, 1));
    let split = glyphs::split(&images);
    let protocol = SequenceProtocol { batch: 1, per_class: 6, ..SequenceProtocol::santoro(5) };
    let tasks = Sequences::new(images, split.train(), protocol, 1, Purpose::Train).unwrap();
    let config = MannConfig { controller: 40, slots: 30, width: 20, ..MannConfig::santoro() };
    let learner = Mann::on(Core::Memory(config), 256, LabelCode::OneHot(5), 1);
    let only = vec![tasks.episode(0)];
    let given: Vec<_> = std::iter::repeat_n(only[0].clone(), 150).collect();
    let before = by_instance::<f32>(&learner, &learner.init(1), &only, 1).unwrap();
    assert!(before.iter().flat_map(|k| &k.values).sum::<f64>() < 20.0, "nothing is known before");
    let mut trainer = Trainer::<f32>::new(
        &learner,
        &given,
        Box::new(Adam::default()),
        Training { outer_lr: 3e-3, ..Training::default() },
    );
    for _ in 0..150 {
        trainer.step().unwrap();
    }
    let after = by_instance(&learner, trainer.meta(), &only, 1).unwrap();
    assert_eq!(after.len(), 6);
    assert!(after[1..].iter().all(|instance| instance.mean == 1.0), "{after:?}");
}

#[test]
fn instances_are_counted_for_each_class_of_each_sequence() {
    let images = Arc::new(glyphs::generate(&GlyphConfig { size: 16, ..GlyphConfig::default() }, 1));
    let split = glyphs::split(&images);
    for (names, labels) in [(Names::Numbers, LabelCode::OneHot(5)), (Names::Strings, LabelCode::Strings)] {
        let protocol = SequenceProtocol { batch: 3, per_class: 4, names, ..SequenceProtocol::santoro(5) };
        let tasks = Sequences::new(images.clone(), split.test(), protocol, 1, Purpose::Test).unwrap();
        let learner = Mann::on(small(Access::PerHead), 256, labels, 3);
        let scores = by_instance::<f32>(&learner, &learner.init(1), &tasks, 2).unwrap();
        let counts: Vec<usize> = scores.iter().map(|score| score.values.len()).collect();
        assert_eq!(counts, [30; 4], "{names:?}");
        let uneven = SequenceProtocol { balanced: false, ..protocol };
        let tasks = Sequences::new(images.clone(), split.test(), uneven, 1, Purpose::Test).unwrap();
        let scores = by_instance::<f32>(&learner, &learner.init(1), &tasks, 2).unwrap();
        let counts: Vec<usize> = scores.iter().map(|score| score.values.len()).collect();
        assert_eq!(counts.iter().sum::<usize>(), 6 * 20);
        assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]) && counts.len() > 4, "{counts:?}");
    }
}

#[test]
#[should_panic(expected = "7 examples are no whole number of steps of 2 sequences")]
fn a_torn_batch_is_refused() {
    let learner = mann(small(Access::Paper), 2);
    learner.answers(&learner.init(1), &sequences(7, 1, 1));
}
