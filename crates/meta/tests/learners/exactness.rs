//! Which learners' meta-gradients are exact, which of first order, which wrong: told apart by `ExactnessCheck`.

use crate::common::scaled::Scaled;
use crate::common::score::Score;
use crate::common::smooth::Smooth;
use crate::common::{Blobs, FEATURES, WAYS};
use fewshot_autodiff::{Array, Var};
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Anil, Cavia, Checkpointing, Distance, Distill, Exactness, ExactnessCheck, Examples, FineTune, Head,
    IMaml, Learner, Maml, Matching, Meta, MultiStep, Nil, Order, Outcome, Predictor, Pretrain, ProtoNet,
    R2d2, Rates, Relation, Reptile, Rule, Scratch, Solver, Steps, Task, Teacher, Verdict, Vote,
};
use fewshot_nn::{Clip, Model, Noise, NormAffine, NormPolicy, ParamSpec, Params, Pass};

fn model() -> Smooth {
    Smooth::new(FEATURES, WAYS, None)
}

fn normed() -> Smooth {
    Smooth::new(FEATURES, WAYS, Some(NormAffine::ScaleShift))
}

fn found_at(learner: &dyn Learner<f64>, iteration: u64) -> Exactness {
    let meta = Meta { iteration, ..learner.init(1) };
    ExactnessCheck::default().run(learner, &meta, &Task::from(Blobs::new(1).episode(0)))
}

#[track_caller]
fn check(learner: &dyn Learner<f64>, verdict: Verdict) -> Exactness {
    let found = found_at(learner, 0);
    assert_eq!(found.verdict, verdict, "{found}");
    found
}

fn maml<M>(model: M) -> Maml<M> {
    Maml { inner_lr: 0.3, ..Maml::new(model) }
}

#[test]
fn maml_of_second_order_is_exact() {
    for train_steps in [1, 2, 5] {
        let found = check(&Maml { train_steps, ..maml(model()) }, Verdict::Exact);
        assert!(found.worst().error() < 1e-8, "{found}");
        assert!(found.slopes.iter().any(|s| (s.gradient - s.first_order).abs() > 0.01 * s.scale));
        check(&Maml { train_steps, ..maml(normed()) }, Verdict::Exact);
        check(
            &Maml { train_steps, checkpointing: Checkpointing::Recompute, ..maml(model()) },
            Verdict::Exact,
        );
    }
}

#[test]
fn maml_of_first_order_is_found_out() {
    for train_steps in [1, 2, 5] {
        let first = Maml { train_steps, order: Order::First, ..maml(model()) };
        let found = check(&first, Verdict::FirstOrderOnly);
        assert!(found.worst().error() > 0.01 && found.worst().first_order_error() < 1e-12, "{found}");
        let said = found.to_string();
        assert!(said.starts_with("first order only: ") && said.contains(&found.worst().parameter), "{said}");
        check(&Maml { order: Order::First, ..maml(normed()) }, Verdict::FirstOrderOnly);
    }
    let annealed = Maml { first_order_until: 10, ..maml(model()) };
    assert_eq!(found_at(&annealed, 9).verdict, Verdict::FirstOrderOnly);
    assert_eq!(found_at(&annealed, 10).verdict, Verdict::Exact);
}

#[test]
fn without_inner_steps_the_first_order_is_exact() {
    let none = Maml { train_steps: 0, order: Order::First, ..maml(model()) };
    check(&none, Verdict::Exact);
    check(&Maml { inner_lr: 0.0, order: Order::First, ..maml(model()) }, Verdict::Exact);
}

#[test]
fn learned_rates_are_exact() {
    let sgd = Maml { rates: Rates::Each { low: 0.1, high: 0.5 }, ..Maml::meta_sgd(model()) };
    let found = check(&sgd, Verdict::Exact);
    assert!(found.slopes.iter().any(|s| s.parameter == "inner_lr.hidden.weight" && s.gradient.abs() > 1e-4));
    check(&Maml { train_steps: 3, ..sgd.clone() }, Verdict::Exact);
    check(&Maml { train_steps: 3, order: Order::First, ..sgd }, Verdict::FirstOrderOnly);
}

#[test]
fn maml_plus_plus_is_exact_at_every_stage() {
    let multi_step = Some(MultiStep { epochs: 4, epoch: 10 });
    let plus = Maml { train_steps: 3, inner_lr: 0.3, multi_step, ..Maml::plus_plus(normed()) };
    for iteration in [0, 15, 39, 40, 1000] {
        let found = found_at(&plus, iteration);
        assert_eq!(found.verdict, Verdict::Exact, "at {iteration}: {found}");
        assert!(found.slopes.iter().any(|s| s.parameter == "inner_lr.head.weight"));
    }
    let first = Maml { order: Order::First, ..plus };
    assert_eq!(found_at(&first, 15).verdict, Verdict::FirstOrderOnly);
}

#[test]
fn anil_is_exact() {
    let anil = Anil { train_steps: 3, inner_lr: 0.5, ..Anil::new(model()) };
    check(&anil, Verdict::Exact);
    check(&Anil { order: Order::First, ..anil }, Verdict::FirstOrderOnly);
}

#[test]
fn other_update_rules_are_exact() {
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-2 };
    for rule in [Rule::Momentum { momentum: 0.9 }, adam] {
        check(&Maml { rule, train_steps: 3, ..maml(normed()) }, Verdict::Exact);
        check(&Maml { rule, batch: Some(4), clip: Some(Clip::Norm(0.3)), ..maml(normed()) }, Verdict::Exact);
    }
}

#[test]
fn cavia_is_exact() {
    let wider = || Smooth::new(FEATURES + 2, WAYS, None);
    let cavia = Cavia { train_steps: 2, ..Cavia::new(wider(), 2) };
    check(&cavia, Verdict::Exact);
    check(&Cavia { order: Order::First, ..cavia }, Verdict::FirstOrderOnly);
}

#[test]
fn imaml_is_exact_when_it_has_converged() {
    let solver = Solver::ConjugateGradient { steps: 80 };
    let converged = IMaml { train_steps: 500, solver, ..IMaml::new(model()) };
    check(&converged, Verdict::Exact);
    check(&IMaml { train_steps: 2, ..converged.clone() }, Verdict::Wrong);
    check(&IMaml { solver: Solver::Neumann { steps: 1 }, ..converged }, Verdict::Wrong);
}

#[test]
fn a_displacement_is_no_gradient() {
    check(&Reptile::new(model()), Verdict::Wrong);
}

#[test]
fn comparing_learners_are_exact() {
    for distance in [Distance::SquaredEuclid, Distance::Cosine] {
        check(&ProtoNet { distance, ..ProtoNet::new(normed()) }, Verdict::Exact);
    }
    for learner in [R2d2::new(normed()), R2d2::logistic(normed(), 3)] {
        let found = check(&R2d2 { lambda: 0.05, ..learner }, Verdict::Exact);
        assert!(found.slopes.iter().any(|s| s.parameter == "solver.log_lambda" && s.gradient.abs() > 1e-4));
    }
    check(&Relation::of(normed(), Score::new(2 * WAYS)), Verdict::Exact);
    for distance in [Distance::SquaredEuclid, Distance::Cosine] {
        check(&Matching { distance, ..Matching::new(normed()) }, Verdict::Exact);
    }
    let full = Matching::with_full_context(normed(), WAYS, 3);
    let found = check(&full, Verdict::Exact);
    for part in ["pass.layer1.forward", "pass.layer1.backward", "read"] {
        let name = format!("context.{part}.w_x");
        assert!(found.slopes.iter().any(|s| s.parameter == name && s.gradient.abs() > 1e-6), "{name}");
    }
    for vote in [Vote::Sum, Vote::Nearest] {
        check(&Nil { vote, ..Nil::new(normed()) }, Verdict::Exact);
    }
}

#[test]
fn baselines_are_exact() {
    check(&Pretrain::new(normed()), Verdict::Exact);
    let teacher = Teacher::new(normed(), &Learner::<f64>::init(&Pretrain::new(normed()), 9));
    check(&Distill::new(Pretrain::new(normed()), teacher), Verdict::Exact);
    for head in [Head::Zeros, Head::Drawn { seed: 3 }, Head::Kept] {
        let tuned = FineTune { head, steps: 3, inner_lr: 0.5, decay: 0.5, ..FineTune::new(normed()) };
        let found = check(&tuned, Verdict::Exact);
        let of_head = found.slopes.iter().filter(|s| s.parameter.starts_with("head."));
        assert_eq!(of_head.clone().all(|s| s.gradient == 0.0), head != Head::Kept);
    }
    let scratch = check(&Scratch::new(normed()), Verdict::Exact);
    assert!(scratch.slopes.iter().all(|s| s.gradient == 0.0 && s.difference == 0.0));
}

/// What a user's MAML does with an inner gradient.
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// Goes through its value, which loses how it came about.
    ByValue,
    /// Forgets the inner gradient of one weight.
    ByValueInPart,
}

/// MAML with one step, as a user may write it.
struct Own {
    model: Smooth,
    mistake: Mistake,
}

impl Learner<f64> for Own {
    fn spec(&self) -> ParamSpec {
        Model::<f64>::spec(&self.model).clone()
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, f64>>,
        task: &Task<Var<'t, f64>>,
        _: &Noise,
    ) -> Outcome<Var<'t, f64>> {
        let (theta, tape) = (&meta.theta, meta.tape());
        let forward = |p: &Params<Var<'t, f64>>, x| self.model.forward(p, x, &mut Pass::batch());
        let loss = task.support.y.loss(forward(theta, task.support.x));
        let gradients = theta.with_values(loss.grads(theta.values()));
        let by_value = |name: &str| match self.mistake {
            Mistake::ByValue => true,
            Mistake::ByValueInPart => name == "hidden.weight",
            _ => false,
        };
        let fast = theta.map_named(|name, w| {
            let gradient = gradients[name];
            *w - if by_value(name) { tape.var(&gradient.value()) } else { gradient } * 0.5
        });
        let predictions = forward(&fast, task.query.x);
        Outcome::new(task.query.y.loss(predictions), predictions)
    }

    fn predictors(
        &self,
        _: &Meta<Array<f64>>,
        _: &Examples<Array<f64>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<f64>>> {
        unreachable!("the check learns nothing for use")
    }
}

#[test]
fn mistakes_of_a_users_learner_are_told_apart() {
    let own = |mistake| Own { model: model(), mistake };
    check(&own(Mistake::None), Verdict::Exact);
    check(&own(Mistake::ByValue), Verdict::FirstOrderOnly);
    let scaled = |parameter| Scaled { learner: own(Mistake::None), parameter, factor: 1.1 };
    let wrong = check(&scaled(None), Verdict::Wrong);
    assert!(wrong.slopes.iter().all(|s| (s.gradient - 1.1 * s.difference).abs() < 1e-6 * s.scale), "{wrong}");
    let one = check(&scaled(Some("head.bias")), Verdict::Wrong);
    assert_eq!(one.worst().parameter, "head.bias");
    assert!(one.to_string().starts_with("wrong: along head.bias "), "{one}");
    check(&own(Mistake::ByValueInPart), Verdict::Wrong);
}

#[test]
fn a_wrong_gradient_is_not_taken_for_one_of_first_order_where_both_orders_agree() {
    let proto = ProtoNet { policy: NormPolicy::Batch, ..ProtoNet::new(model()) };
    check(&proto, Verdict::Exact);
    check(&Scaled { learner: proto, parameter: None, factor: 2.0 }, Verdict::Wrong);
}

#[test]
fn a_check_repeats_itself_and_follows_its_seed() {
    let maml = maml(model());
    let task = Task::from(Blobs::new(1).episode(0));
    let run = |seed, directions| {
        let check = ExactnessCheck { seed, directions, ..ExactnessCheck::default() };
        check.run(&maml, &maml.init(1), &task)
    };
    assert_eq!(run(1, 2), run(1, 2));
    assert_ne!(run(1, 2), run(2, 2));
    assert_eq!(run(1, 3).slopes.len(), 3 * 4);
}

#[test]
fn numbers_that_are_not_finite_are_wrong() {
    let learner = Maml { inner_lr: f64::NAN, ..Maml::new(model()) };
    let found = check(&learner, Verdict::Wrong);
    assert!(found.to_string().contains("NaN"), "{found}");
}
