//! Tasks, meta-parameters and queries that do not fit: refused where they are handed over, in the words of that place. A panic names the
//! line of this file, whatever the learner; what returns a result never panics.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::common::score::Score;
use crate::common::{FEATURES, Net, WAYS};
use fewshot_autodiff::Array;
use fewshot_episodes::{Episode, Purpose, RngExt, Set, Targets, stream};
use fewshot_meta::{
    Anil, Cavia, Core, Error, ExactnessCheck, Examples, Execution, FineTune, IMaml, LabelCode, Labels,
    Learner, Leo, LstmMetaLearner, Maml, Mann, Matching, Meta, Nil, Predictor, Pretrain, Progress, ProtoNet,
    R2d2, Relation, Reptile, Runner, Scratch, Siamese, Task, Trainer, Training, evaluate, evaluate_at_steps,
    verify,
};
use fewshot_nn::{Adam, Mlp, Params};
use ndarray::ArrayD;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers where panics of watched threads come from.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if WATCHED.get() {
                let file = info.location().map(|location| location.file().to_owned());
                SEEN.with(|seen| *seen.borrow_mut() = file);
            } else {
                before(info);
            }
        }));
    });
}

/// What `f` gives, or the words of its panic, which must name this file.
#[track_caller]
fn panics(what: &str, f: impl FnOnce()) -> String {
    watch();
    WATCHED.set(true);
    SEEN.with(|seen| *seen.borrow_mut() = None);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    WATCHED.set(false);
    let payload = outcome.err().unwrap_or_else(|| panic!("{what}: nothing was said"));
    let said = payload.downcast_ref::<String>().cloned().unwrap_or_default();
    let file = SEEN.with(|seen| seen.borrow().clone());
    let file = file.unwrap_or_else(|| panic!("{what}: {said}: in another thread"));
    assert!(file.ends_with("shapes.rs"), "{what}: {said}: at {file}");
    readable(what, &said);
    said
}

/// The words are about what was handed over, not about operators.
#[track_caller]
fn readable(what: &str, said: &str) {
    assert!(!said.contains('\n') && !said.is_empty(), "{what}: {said}");
    for operator in ["matmul", "concat", "gather", "cross_entropy", "mse:", "Params", "slice", "Program"] {
        assert!(!said.contains(operator), "{what}: {said}");
    }
}

fn set(shape: &[usize], y: Targets) -> Set {
    let mut rng = stream(1, Purpose::Data, shape.iter().sum::<usize>() as u64);
    Set { x: ArrayD::from_shape_simple_fn(shape.to_vec(), || rng.normal() as f32), y }
}

fn classes(of: &[usize]) -> Targets {
    Targets::Classes(of.to_vec())
}

fn good() -> Episode {
    let support = set(&[6, FEATURES], classes(&[0, 1, 2, 0, 1, 2]));
    Episode { support, query: set(&[3, FEATURES], classes(&[2, 0, 1])), ways: Some(WAYS) }
}

/// An episode with something wrong.
struct Wrong {
    name: &'static str,
    episode: Episode,
    /// Whether the support alone shows it.
    in_support: bool,
    /// A word that is said of it.
    word: &'static str,
}

fn wrong() -> Vec<Wrong> {
    let of = |name, in_support, word, change: &dyn Fn(&mut Episode)| {
        let mut episode = good();
        change(&mut episode);
        Wrong { name, episode, in_support, word }
    };
    let (six, three) = ([0, 1, 2, 0, 1, 2], [2, 0, 1]);
    vec![
        of("both narrow", true, "takes", &|e| {
            e.support = set(&[6, FEATURES - 1], classes(&six));
            e.query = set(&[3, FEATURES - 1], classes(&three));
        }),
        of("narrow support", true, "takes", &|e| e.support = set(&[6, FEATURES - 1], classes(&six))),
        of("narrow query", false, "the query has examples", &|e| {
            e.query = set(&[3, FEATURES - 1], classes(&three))
        }),
        of("another rank", true, "takes", &|e| {
            e.support = set(&[6, FEATURES, 2], classes(&six));
            e.query = set(&[3, FEATURES, 2], classes(&three));
        }),
        of("queries of another rank", false, "the query has examples", &|e| {
            e.query = set(&[3, 2, FEATURES / 2], classes(&three));
        }),
        of("more examples than labels", true, "labels for x", &|e| {
            e.support = set(&[6, FEATURES], classes(&six[1..]))
        }),
        of("more labels than queries", false, "labels for x", &|e| {
            e.query = set(&[2, FEATURES], classes(&three))
        }),
        of("no support", true, "no examples", &|e| e.support = set(&[0, FEATURES], classes(&[]))),
        of("no queries", false, "no examples", &|e| e.query = set(&[0, FEATURES], classes(&[]))),
        of("a class too many", true, "class", &|e| {
            e.support = set(&[6, FEATURES], classes(&[0, 1, 2, 5, 1, 2]))
        }),
        of("a class nobody knows", false, "class", &|e| e.query = set(&[3, FEATURES], classes(&[2, 0, 7]))),
        of("real targets", true, "", &|e| {
            let values = |n| Targets::Values(ArrayD::zeros(vec![n, 2]));
            e.support = set(&[6, FEATURES], values(6));
            e.query = set(&[3, FEATURES], values(3));
        }),
        of("real targets of queries", false, "real targets", &|e| {
            e.query = set(&[3, FEATURES], Targets::Values(ArrayD::zeros(vec![3, WAYS])));
        }),
    ]
}

fn mlp() -> Mlp {
    Mlp::new(&[FEATURES, 8, WAYS])
}

fn training() -> Training {
    Training { meta_batch: 3, ..Training::default() }
}

/// What a trainer says of three good episodes in front of this one.
#[track_caller]
fn trained<L: Learner>(learner: &L, what: &str, episode: &Episode, execution: Execution) -> String {
    let episodes = vec![good(), good(), episode.clone()];
    let training = Training { execution, ..training() };
    let mut trainer = Trainer::<f32>::new(learner, &episodes, Box::new(Adam::default()), training);
    let before = trainer.meta().theta.clone();
    let error = trainer.step().err().unwrap_or_else(|| panic!("{what}: the trainer steps"));
    assert!(matches!(error, Error::Task { episode: 2, .. }), "{what}: {error:?}");
    assert!(trainer.meta().theta == before, "{what}");
    error.to_string()
}

/// Tries all that is wrong on a learner, but for what it does not mind.
fn tried<L: Learner>(who: &str, learner: L, fine: &[&str]) {
    let meta = learner.init(1);
    let rng = || stream(1, Purpose::Dropout, 0);
    for Wrong { name, episode, in_support, word } in wrong() {
        if fine.contains(&name) {
            continue;
        }
        let (what, task) = (format!("{who}, {name}"), Task::<f32>::from(&episode));
        let mut said = vec![
            trained(&learner, &what, &episode, Execution::Recorded),
            trained(&learner, &what, &episode, Execution::Eager),
            panics(&what, || drop(learner.meta_gradient(&meta, &task, rng()))),
            panics(&what, || drop(Runner::new(&learner).task_gradient(&meta, &task, rng))),
            panics(&what, || {
                drop(Runner::new(&learner).meta_gradient(&meta, &vec![episode.clone()], 0..1, 0))
            }),
            evaluate(&learner, &meta, &vec![episode.clone()], 1).expect_err(&what).to_string(),
        ];
        let steps = [0].into();
        let [by_step] = &evaluate_at_steps(&learner, &meta, &vec![episode.clone()], 1, &steps)[..] else {
            panic!("{what}: one number of steps")
        };
        said.push(by_step.as_ref().expect_err(&what).to_string());
        if in_support {
            said.push(learner.try_adapt(&meta, &task.support).err().expect(&what).to_string());
            said.push(panics(&what, || drop(learner.adapt(&meta, &task.support))));
            said.push(panics(&what, || drop(learner.adapt_by_step(&meta, &task.support))));
        }
        for said in said {
            readable(&what, &said);
            assert!(said.contains(word), "{what}: {said}");
        }
    }
    answered(who, &learner, &meta);
}

/// Queries that do not fit, after a good support; and meta-parameters of others.
fn answered<L: Learner>(who: &str, learner: &L, meta: &Meta) {
    let task = Task::<f32>::from(&good());
    let predictor = learner.adapt(meta, &task.support);
    assert_eq!(predictor.input_shape(), Some(&[FEATURES][..]), "{who}");
    assert!(predictor.try_predict(&task.query.x).is_ok(), "{who}");
    for (shape, word) in [
        (&[2, FEATURES + 1][..], "the predictor takes [6] for an example, got [7]"),
        (&[2, FEATURES, 1], "the predictor takes [6] for an example, got [6, 1]"),
        (&[0, FEATURES], "there are no queries"),
        (&[], "no axis"),
    ] {
        let x = Array::zeros(shape);
        let error = predictor.try_predict(&x).expect_err(who).to_string();
        let probable = predictor.try_probabilities(&x).expect_err(who).to_string();
        let panicked = panics(who, || drop(predictor.predict(&x)));
        let likely = panics(who, || drop(predictor.probabilities(&x)));
        for said in [error, probable, panicked, likely] {
            assert!(said.contains(word), "{who}: {said}");
        }
    }
    let other = Meta::new(Params::new(vec![("w".to_owned(), Array::zeros(&[1]))]), Params::default());
    if learner.check_meta(&other).is_err() {
        foreign(who, learner, &other, "where w is given");
    }
}

/// Meta-parameters that are not the learner's are refused everywhere.
#[track_caller]
fn foreign<L: Learner>(who: &str, learner: &L, meta: &Meta, word: &str) {
    let (episodes, task) = (vec![good()], Task::<f32>::from(&good()));
    let mut said = vec![
        panics(who, || drop(learner.adapt(meta, &task.support))),
        panics(who, || drop(learner.adapt_by_step(meta, &task.support))),
        panics(who, || drop(Runner::new(learner).program(meta, &task))),
        learner.try_adapt(meta, &task.support).err().expect(who).to_string(),
        evaluate(learner, meta, &episodes, 1).expect_err(who).to_string(),
        verify(learner, meta, &episodes, 1).expect_err(who).to_string(),
    ];
    let trainer = Trainer::<f32>::new(learner, &episodes, Box::new(Adam::default()), training());
    let progress = Progress { meta: meta.clone(), ..trainer.progress() };
    said.push(panics(who, || drop(trainer.resume(progress))));
    for said in said {
        readable(who, &said);
        assert!(said.contains(word), "{who}: {said}");
    }
}

#[test]
fn learners_that_adapt_weights_say_what_does_not_fit() {
    tried("MAML", Maml::new(mlp()), &[]);
    tried("MAML++", Maml::plus_plus(mlp()), &[]);
    tried("Meta-SGD", Maml::meta_sgd(mlp()), &[]);
    tried("ANIL", Anil::new(mlp()), &[]);
    tried("Reptile", Reptile::new(mlp()), &[]);
    tried("iMAML", IMaml::new(mlp()), &[]);
    tried("LSTM meta-learner", LstmMetaLearner { train_steps: 1, ..LstmMetaLearner::new(mlp()) }, &[]);
    tried("CAVIA", Cavia::new(Mlp::new(&[FEATURES + 2, 8, WAYS]), 2), &[]);
}

#[test]
fn learners_that_compare_say_what_does_not_fit() {
    tried("ProtoNet", ProtoNet::new(mlp()), &[]);
    tried("NIL", Nil::new(mlp()), &[]);
    tried("Matching", Matching::new(mlp()), &[]);
    tried("Matching in context", Matching::with_full_context(mlp(), WAYS, 2), &[]);
    tried("R2-D2", R2d2::new(mlp()), &[]);
    tried("Relation", Relation::of(mlp(), Score::new(2 * WAYS)), &[]);
    tried("LEO", Leo { latent: 4, hidden: 3, ..Leo::new(FEATURES) }, &[]);
}

#[test]
fn baselines_and_memories_say_what_does_not_fit() {
    tried("fine-tuning", FineTune::new(mlp()), &[]);
    tried("from scratch", Scratch::new(mlp()), &[]);
    let names = Mann::on(Core::Lstm(8), FEATURES, LabelCode::OneHot(WAYS), 3);
    tried("LSTM of sequences", names, &["no support"]);
    // it does not look at the support
    let learner = Pretrain::new(mlp());
    let meta = learner.init(1);
    for Wrong { name, episode, .. } in wrong() {
        let looks = ["both narrow", "narrow query", "another rank", "more labels than queries", "no queries"];
        if looks.contains(&name) || name == "a class nobody knows" {
            readable(name, &trained(&learner, name, &episode, Execution::Recorded));
            readable(name, &evaluate(&learner, &meta, &vec![episode], 1).expect_err(name).to_string());
        }
    }
    answered("pretraining", &learner, &meta);
}

#[test]
fn a_siamese_network_says_what_is_no_pair() {
    let learner = Siamese::new(mlp(), WAYS);
    let meta = learner.init(1);
    let rng = || stream(1, Purpose::Dropout, 0);
    let task = Task::<f32>::from(&good());
    let said = panics("an ordinary task", || drop(learner.meta_gradient(&meta, &task, rng())));
    assert!(said.contains("training tasks are batches of pairs"), "{said}");
    let pairs = |labels: &[usize]| Episode {
        support: set(&[labels.len(), FEATURES], classes(labels)),
        query: set(&[labels.len(), FEATURES], classes(labels)),
        ways: None,
    };
    let trainer = |episode| {
        let episodes = vec![episode];
        let training = Training::default();
        Trainer::<f32>::new(&learner, &episodes, Box::new(Adam::default()), training).step().map(drop)
    };
    assert!(trainer(pairs(&[0, 1, 1])).is_ok());
    let error = trainer(pairs(&[0, 1, 2])).unwrap_err().to_string();
    assert!(error.contains("labelled 0, of two classes, or 1, of one"), "{error}");
    assert!(trainer(pairs(&[])).unwrap_err().to_string().contains("no examples"));
    let error = verify(&learner, &meta, &vec![good()], 1).unwrap_err().to_string();
    assert!(error.contains("are no pairs"), "{error}");
    for Wrong { name, episode, in_support, .. } in wrong() {
        let task = Task::<f32>::from(&episode);
        if in_support {
            panics(name, || drop(learner.adapt(&meta, &task.support)));
        }
        readable(name, &evaluate(&learner, &meta, &vec![episode], 1).expect_err(name).to_string());
    }
    answered("Siamese", &learner, &meta);
}

#[test]
fn a_comparing_learner_wants_an_example_of_each_class() {
    let mut episode = good();
    episode.support = set(&[6, FEATURES], classes(&[0, 2, 2, 0, 0, 2]));
    let learner = ProtoNet::new(mlp());
    let said = trained(&learner, "a gap", &episode, Execution::Recorded);
    assert_eq!(said, "episode 2: class 1 of 3 has no support example");
    // a last layer has an output for it all the same
    let episodes = vec![episode];
    let maml = Maml::new(mlp());
    let mut trainer = Trainer::<f32>::new(&maml, &episodes, Box::new(Adam::default()), Training::default());
    assert!(trainer.step().is_ok());
}

#[test]
fn a_network_of_other_layers_is_no_meta_of_this_one() {
    let body = Mlp::new(&[FEATURES, 8, WAYS]);
    let deeper = Mlp::new(&[FEATURES, 8, WAYS, WAYS]);
    let learner = ProtoNet::new(body);
    foreign(
        "like first layers",
        &learner,
        &Maml::new(deeper).init(1),
        "the learner has the meta-parameter head.weight",
    );
    let wider = Maml::new(Mlp::new(&[FEATURES, 9, WAYS])).init(1);
    foreign("wider", &learner, &wider, "the meta-parameter layer1.weight is [6, 9], the learner has [6, 8]");
    let more = R2d2::new(mlp()).init(1);
    foreign(
        "more",
        &learner,
        &more,
        "the meta-parameter solver.log_lambda is given, which the learner has not",
    );
    let normed = ProtoNet::new(Net::normed());
    let bare = Meta { statistics: Params::default(), ..normed.init(1) };
    foreign("no statistics", &normed, &bare, "statistic hidden.norm.mean [16], which is not given");
    // Reptile without its moments would take other steps
    let reptile = Reptile::new(mlp());
    let fresh = reptile.init(1);
    foreign(
        "no lanes",
        &reptile,
        &Meta::new(fresh.theta.clone(), fresh.statistics),
        "lanes, the learner has",
    );
}

#[test]
fn boxed_learners_name_the_callers_line_too() {
    let learner: Box<dyn Learner> = Box::new(ProtoNet::new(mlp()));
    let (meta, task) = (learner.init(1), Task::<f32>::from(&wrong()[0].episode));
    panics("adapt", || drop(learner.adapt(&meta, &task.support)));
    panics("meta-gradient", || drop(learner.meta_gradient(&meta, &task, stream(1, Purpose::Dropout, 0))));
    let predictor = learner.adapt(&meta, &Task::<f32>::from(&good()).support);
    panics("embed", || drop(predictor.embed(&Array::zeros(&[2, 9]))));
}

#[test]
fn checks_of_gradients_name_what_does_not_fit() {
    let maml = Maml::new(mlp());
    let task = Task::<f64>::from(&wrong()[0].episode);
    let meta = Learner::<f64>::init(&maml, 1);
    panics("exactness", || drop(ExactnessCheck::default().run(&maml, &meta, &task)));
}

/// A predictor of a user's own, in a few lines.
struct Largest;

impl Predictor for Largest {
    fn predict(&self, x: &Array<f32>) -> Array<f32> {
        x.map(|x| x.ln())
    }
}

#[test]
fn a_users_predictor_is_checked_without_a_line_more() {
    assert!(Largest.try_predict(&Array::ones(&[2, 3])).is_ok());
    assert!(Largest.try_predict(&Array::ones(&[0, 3])).unwrap_err().to_string().contains("no queries"));
    let error = Largest.try_probabilities(&Array::zeros(&[2, 3])).unwrap_err().to_string();
    assert!(error.contains("not finite"), "{error}");
}

#[test]
fn a_task_without_queries_is_no_result() {
    // NaN by hand: the share of 0 of 0 right answers
    let labels = Labels::<f32>::Classes(Vec::new());
    panics("score", || assert!(labels.score(&Array::zeros(&[0, 3])).is_nan()));
    let mut empty = good();
    empty.query = set(&[0, FEATURES], classes(&[]));
    let episodes = vec![good(), empty];
    let learner = ProtoNet::new(mlp());
    let error = evaluate::<f32>(&learner, &learner.init(1), &episodes, 2).unwrap_err();
    assert_eq!(error.to_string(), "episode 1: the query has no examples");
    let examples = Examples::<f32>::from(&good().support);
    assert!(learner.try_adapt(&learner.init(1), &examples).is_ok());
}

#[test]
fn targets_that_are_not_finite_are_no_result() {
    let of = |y: f32| Episode {
        support: set(&[2, 1], Targets::Values(ArrayD::zeros(vec![2, 1]))),
        query: set(&[2, 1], Targets::Values(ArrayD::from_elem(vec![2, 1], y))),
        ways: None,
    };
    let maml = Maml::new(Mlp::new(&[1, 8, 1]));
    let score = |y| evaluate::<f32>(&maml, &maml.init(1), &vec![of(0.0), of(y)], 2);
    assert!(score(1.0).is_ok());
    let error = score(f32::NAN).unwrap_err().to_string();
    assert!(error.starts_with("episode 1: its score is not finite"), "{error}");
}
