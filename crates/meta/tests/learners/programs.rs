//! Recorded work gives the bits of the eager way, and checkpointed steps its numbers in less memory.

use crate::common::score::Score;
use crate::common::{Blobs, Lines, Net};
use fewshot_autodiff::{Activation, Float, Var};
use fewshot_episodes::{Episode, Purpose, Tasks, stream};
use fewshot_meta::{
    Anil, Cavia, Displacement, Distance, Execution, Filter, IMaml, Learner, LstmMetaLearner, Maml, Matching,
    Memory, Meta, Nil, Order, ProtoNet, R2d2, Rates, Relation, Reptile, Rule, Runner, Task, TaskGradient,
    Vote,
};
use fewshot_nn::{
    BatchNorm, Clip, Dropout, Linear, Mlp, Model, NormAffine, ParamBuilder, ParamSpec, Params, Pass, Tail,
};

/// A network with dropout.
struct Dropping {
    hidden: Linear,
    norm: BatchNorm,
    head: Linear,
    spec: ParamSpec,
}

impl Dropping {
    fn new() -> Self {
        let mut b = ParamBuilder::new();
        let hidden = b.scope("hidden", |b| Linear::new(b, crate::common::FEATURES, 16));
        let norm = b.scope("norm", |b| BatchNorm::new(b, 16, NormAffine::ScaleShift, 1e-5));
        let head = b.scope("head", |b| Linear::new(b, 16, crate::common::WAYS));
        Dropping { hidden, norm, head, spec: b.finish() }
    }
}

impl<F: Float> Model<F> for Dropping {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.norm.forward(p, self.hidden.forward(p, x), Activation::Relu, pass);
        self.head.forward(p, Dropout::new(0.3).forward(h, pass))
    }
}

fn assert_same(a: &TaskGradient, b: &TaskGradient, what: &str) {
    assert_eq!((a.loss, a.accuracy), (b.loss, b.accuracy), "{what}");
    assert_eq!(a.gradient, b.gradient, "{what}");
    assert_eq!(a.statistics, b.statistics, "{what}");
    assert_eq!(a.carried, b.carried, "{what}");
}

/// Compares both ways on tasks of two shapes, in turn, and on meta-batches of both, whose tasks of one shape run together.
fn check(learner: &dyn Learner, tasks: [&dyn Tasks; 2], what: &str) {
    let meta = learner.init(3);
    let (recorded, eager) = (Runner::new(learner), Runner::with(learner, Execution::Eager));
    for i in 0..3 {
        for tasks in tasks {
            let task = Task::from(&tasks.episode(i));
            let run = |runner: &Runner| runner.task_gradient(&meta, &task, || stream(1, Purpose::Dropout, i));
            assert_same(&run(&recorded), &run(&eager), what);
        }
    }
    let mixed: Vec<Episode> =
        [0, 0, 0, 1, 0, 1, 1, 1, 1, 0].iter().zip(5..).map(|(&k, i)| tasks[k].episode(i)).collect();
    // the first call knows no program yet that tells how many may run together
    for _ in 0..2 {
        let [ours, theirs] = [&recorded, &eager].map(|runner| runner.meta_gradient(&meta, &mixed, 0..10, 1));
        assert_eq!((ours.loss, ours.accuracy), (theirs.loss, theirs.accuracy), "{what}");
        assert_eq!(ours.gradient, theirs.gradient, "{what}");
        assert_eq!(ours.statistics, theirs.statistics, "{what}");
        assert_eq!(ours.lanes, theirs.lanes, "{what}");
    }
    let task = Task::from(&tasks[0].episode(0));
    assert!(!recorded.program(&meta, &task).expect("it is recorded").is_empty());
    assert!(eager.program(&meta, &task).is_none());
}

#[test]
fn recorded_and_eager_gradients_are_the_same_bits() {
    let (even, odd) = (Blobs::new(1), Blobs { shots: [1, 3, 2], queries: 5, ..Blobs::new(2) });
    let tasks: [&dyn Tasks; 2] = [&even, &odd];
    for order in [Order::First, Order::Second] {
        for train_steps in [1, 3] {
            let maml = Maml { order, train_steps, adapted: Filter::All, ..Maml::new(Net::normed()) };
            check(&maml, tasks, &format!("MAML, {order:?}, {train_steps} steps"));
            check(&Maml { order, train_steps, ..Maml::new(Dropping::new()) }, tasks, "MAML with dropout");
        }
    }
    for distance in [Distance::SquaredEuclid, Distance::Cosine] {
        check(&ProtoNet { distance, ..ProtoNet::new(Net::normed()) }, tasks, "ProtoNet");
    }
    check(&ProtoNet::new(Dropping::new()), tasks, "ProtoNet with dropout");
    for rule in [Rule::Momentum { momentum: 0.9 }, Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-3 }] {
        let (clip, batch) = (Some(Clip::Norm(0.5)), Some(4));
        check(
            &Maml { rule, clip, batch, train_steps: 3, ..Maml::new(Net::normed()) },
            tasks,
            "MAML with rules",
        );
    }
    check(&Maml::plus_plus(Net::normed()), tasks, "MAML++");
    check(&Maml::meta_sgd(Net::normed()), tasks, "Meta-SGD");
    check(&Anil::new(Mlp::new(&[6, 8, 3])), tasks, "ANIL");
    check(&Nil { vote: Vote::Nearest, ..Nil::new(Mlp::new(&[6, 8, 3])) }, tasks, "nearest neighbour");
    check(&R2d2::new(Net::normed()), tasks, "R2-D2");
    check(&R2d2::logistic(Net::normed(), 2), tasks, "LR-D2");
    check(&Matching::new(Net::normed()), tasks, "matching");
    check(&Matching::with_full_context(Net::normed(), 3, 3), tasks, "matching with full context");
    check(&Relation::of(Net::normed(), Score::new(6)), tasks, "relation");
    check(&IMaml::new(Net::normed()), tasks, "iMAML");
    check(&IMaml::released(Net::normed()), tasks, "iMAML as released");
    for order in [Order::First, Order::Second] {
        for memory in [Memory::Keep, Memory::Recompute] {
            let lstm =
                LstmMetaLearner { order, memory, train_steps: 3, ..LstmMetaLearner::new(Net::normed()) };
            check(&LstmMetaLearner { batch: Some(4), ..lstm }, tasks, "LSTM meta-learner");
        }
    }
    check(&LstmMetaLearner::new(Dropping::new()), tasks, "LSTM meta-learner with dropout");
    for outer in [Displacement::Whole, Displacement::Last(Tail::Separate)] {
        check(
            &Reptile { outer, batch: Some(4), train_steps: 3, ..Reptile::new(Net::normed()) },
            tasks,
            "Reptile",
        );
    }
    let lines = Lines { seed: 1 };
    check(&Maml::new(Mlp::new(&[1, 8, 1])), [&lines, &lines], "MAML on lines");
    check(&Cavia::new(Mlp::new(&[3, 8, 1]), 2), [&lines, &lines], "CAVIA on lines");
}

#[test]
#[should_panic(expected = "a step that is computed again cannot draw dropout")]
fn recomputed_steps_refuse_dropout() {
    let maml = Maml { memory: Memory::Recompute, ..Maml::new(Dropping::new()) };
    let meta: Meta = maml.init(0);
    maml.meta_gradient(&meta, &Task::from(Blobs::new(1).episode(0)), stream(0, Purpose::Dropout, 0));
}

#[test]
fn a_support_without_a_class_is_complained_of_in_words() {
    let learner = ProtoNet::new(Net::plain());
    let meta: Meta = learner.init(0);
    let mut task = Task::from(&Blobs::new(1).episode(0));
    task.support.y = fewshot_meta::Labels::Classes(vec![0, 0, 0, 2, 2, 2]);
    let runner = Runner::new(&learner);
    let run = || runner.task_gradient(&meta, &task, || stream(0, Purpose::Dropout, 0));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).expect_err("class 1 is missing");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("class 1 of 3 has no support example"), "{message}");
}

#[test]
fn checkpointed_steps_give_the_same_gradient() {
    let task = Task::<f64>::from(&Blobs::new(4).episode(0));
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-3 };
    let variants = [
        (Filter::All, Rule::Sgd, Rates::Fixed),
        (Filter::only(&["head.*"]), Rule::Sgd, Rates::Fixed),
        (Filter::All, adam, Rates::PerStep),
        (Filter::All, Rule::Momentum { momentum: 0.9 }, Rates::Each { low: 0.1, high: 0.3 }),
    ];
    for (adapted, rule, rates) in variants {
        let [kept, recomputed] = [Memory::Keep, Memory::Recompute].map(|memory| {
            let maml = Maml {
                memory,
                train_steps: 5,
                inner_lr: 0.3,
                rule,
                rates,
                adapted: adapted.clone(),
                ..Maml::new(Net::normed())
            };
            let meta: Meta<f64> = maml.init(3);
            let seed = || stream(1, Purpose::Dropout, 0);
            let recorded = Runner::new(&maml).task_gradient(&meta, &task, seed);
            let eager = maml.meta_gradient(&meta, &task, seed());
            assert_eq!(recorded.gradient, eager.gradient);
            recorded
        });
        assert_eq!(kept.loss, recomputed.loss);
        for (a, b) in kept.gradient.values().iter().zip(recomputed.gradient.values()) {
            let scale = a.data().iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
            let worst = a.zip(b, |a, b| (a - b).abs()).data().iter().fold(0.0, |m: f64, &x| m.max(x));
            assert!(worst < 1e-12 * scale, "{worst} of {scale}");
        }
    }
}
