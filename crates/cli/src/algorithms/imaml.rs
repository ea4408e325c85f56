//! Implicit MAML: the meta-gradient of the solution of a regularised inner problem.

use fewshot_meta::{IMaml, Learner, ProximalAt, Solver};
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, inner_steps_of_rate};
use crate::network;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR, INNER_STEPS, MOST_STEPS};
use crate::options::{Group, Kind, Opt};
use crate::settings::Settings;

/// Damping of the linear system in regression where the proximal term acts in every step: without it, curvature of losses far from their
/// minimum makes the system singular. Classification has none then, as in the paper.
const REGRESSION_DAMPING: f64 = 1.0;

static PROXIMAL: Opt =
    Opt::new("proximal", "LAMBDA", Kind::Rate, Group::Inner, "Weight of the proximal term, lambda");

static PROXIMAL_AT: Opt = Opt::new(
    "proximal-at",
    "WHEN",
    Kind::Choice(&[
        ("last-step", "Once, after plain steps, with a damped linear system (released code)"),
        ("every-step", "In every step, with the linear system of the paper"),
    ]),
    Group::Inner,
    "When the proximal term acts",
);

static CG_STEPS: Opt = Opt::new(
    "cg-steps",
    "STEPS",
    Kind::upto(MOST_STEPS),
    Group::Inner,
    "Steps of conjugate gradient for the meta-gradient",
);

static ABOUT: About = About {
    name: "imaml",
    summary: "Meta-gradient of the solution of a regularised inner problem",
    paper: "Rajeswaran, Finn, Kakade, Levine 2019",
    published: include_str!("imaml.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[
        &INNER_LR,
        &INNER_STEPS,
        &EVAL_STEPS,
        &PROXIMAL,
        &PROXIMAL_AT,
        &CG_STEPS,
        &FILTERS,
        &DOWNSAMPLE,
    ],
};

/// The row of implicit MAML.
pub struct Imaml;

impl Algorithm for Imaml {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let model = network::model(run);
        let form = match run.read("proximal-at") {
            ProximalAt::LastStep => IMaml::released(model),
            ProximalAt::EveryStep => {
                let damping = if run.classes.is_none() { REGRESSION_DAMPING } else { 0.0 };
                IMaml { damping, ..IMaml::new(model) }
            }
        };
        Box::new(IMaml {
            train_steps: run.count("inner-steps"),
            eval_steps: run.count("eval-steps"),
            inner_lr: run.number("inner-lr"),
            proximal: run.number("proximal"),
            solver: Solver::ConjugateGradient { steps: run.count("cg-steps") },
            policy: run.policy(),
            ..form
        })
    }

    fn words(&self, run: &Settings) -> String {
        let (proximal, at) = (run.number("proximal"), run.text("proximal-at"));
        let steps = run.count("cg-steps");
        format!("{}, proximal {proximal} in {at}, conjugate gradient steps {steps}", inner_steps_of_rate(run))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::strided_flat())
    }

    /// Released code.
    fn outer_epsilon(&self) -> f64 {
        1e-3
    }
}
