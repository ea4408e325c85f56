//! Instances for `f32` of what is generic over the element type: compiled here, and not again in every crate that uses them.
//!
//! An instance of a function that is marked `#[inline(never)]` is taken from the crate below that has it; of any other function
//! a crate compiles its own. Marked are the functions at which much work begins; what they call is compiled with them.

use crate::engine::evaluate::{evaluate, evaluate_at_steps, evaluate_by_step};
use crate::engine::runner::Runner;
use crate::engine::trainer::Trainer;
use crate::fit;
use crate::inner_loop::adapt::InnerLoop;
use crate::inner_loop::rules::{Rule, clipped};
use crate::labels::Labels;
use crate::learner::Learner;
use crate::optimization::maml::Maml;
use crate::predictor::state::PredictorState;
use fewshot_autodiff::Var;
use fewshot_nn::Mlp;

/// Names the instances, which has them compiled; there is nothing to call it for.
#[inline(never)]
pub fn f32() -> [*const (); 25] {
    [
        Trainer::<f32>::begin as *const (),
        Trainer::<f32>::resume as *const (),
        Trainer::<f32>::progress as *const (),
        Trainer::<f32>::step as *const (),
        Runner::<f32>::with as *const (),
        Runner::<f32>::program as *const (),
        Runner::<f32>::meta_gradient as *const (),
        Runner::<f32>::try_meta_gradient as *const (),
        evaluate::<f32> as *const (),
        evaluate_by_step::<f32> as *const (),
        evaluate_at_steps::<f32> as *const (),
        fit::lanes::<f32> as *const (),
        fit::weights::<f32> as *const (),
        fit::support::<f32> as *const (),
        fit::query::<f32> as *const (),
        fit::queries::<f32> as *const (),
        InnerLoop::start::<f32> as *const (),
        Rule::direction::<f32> as *const (),
        clipped::<f32> as *const (),
        Labels::<Var<'static, f32>>::loss as *const (),
        PredictorState::<f32>::fitted as *const (),
        <Maml<Mlp> as Learner<f32>>::spec as *const (),
        <Maml<Mlp> as Learner<f32>>::episode as *const (),
        <Maml<Mlp> as Learner<f32>>::restore as *const (),
        <Maml<Mlp> as Learner<f32>>::predictors as *const (),
    ]
}
