//! Learners and predictors in boxes are such themselves; what is given to them is compared here, so that a panic names the caller's line.

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::{Noise, ParamSpec, Params};

use crate::error::Error;
use crate::fit::{self, Answers, or_panic, ready};
use crate::learner::{Gradient, Learner, Meta, MetaVars, Outcome, Predictor, TaskGradient};
use crate::predictor::state::Learned;
use crate::task::{Examples, Task};
use crate::task_vars::TaskVars;

impl<F: Float> Learner<F> for Box<dyn Learner<F>> {
    fn spec(&self) -> ParamSpec {
        (**self).spec()
    }

    fn init(&self, seed: u64) -> Meta<F> {
        (**self).init(seed)
    }

    fn answers_with(&self) -> Answers {
        (**self).answers_with()
    }

    fn check_meta(&self, meta: &Meta<F>) -> Result<(), Error> {
        (**self).check_meta(meta)
    }

    fn check_example(&self, example: &[usize]) -> Result<(), Error> {
        (**self).check_example(example)
    }

    fn check_support(&self, support: &Examples<F>) -> Result<(), Error> {
        (**self).check_support(support)
    }

    fn check_task(&self, task: &Task<F>) -> Result<(), Error> {
        (**self).check_task(task)
    }

    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        (**self).lanes(theta)
    }

    fn stage(&self, iteration: u64) -> u64 {
        (**self).stage(iteration)
    }

    fn episode<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Outcome<'t, F> {
        (**self).episode(meta, task, noise)
    }

    fn gradient<'t>(&self, meta: &MetaVars<'t, F>, task: &TaskVars<'t, F>, noise: &Noise) -> Gradient<'t, F> {
        (**self).gradient(meta, task, noise)
    }

    fn is_recordable(&self) -> bool {
        (**self).is_recordable()
    }

    #[track_caller]
    fn meta_gradient(&self, meta: &Meta<F>, task: &Task<F>, rng: ChaCha8Rng) -> TaskGradient<F> {
        or_panic("meta_gradient", self.check_meta(meta).and_then(|()| self.check_task(task)));
        (**self).meta_gradient(meta, task, rng)
    }

    fn momentum(&self) -> f64 {
        (**self).momentum()
    }

    #[track_caller]
    fn adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Box<dyn Predictor<F>> {
        ready(self, meta, support);
        (**self).adapt(meta, support)
    }

    fn try_adapt(&self, meta: &Meta<F>, support: &Examples<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        (**self).try_adapt(meta, support)
    }

    fn restore(&self, learned: &Learned<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        (**self).restore(learned)
    }

    #[track_caller]
    fn adapt_by_step(&self, meta: &Meta<F>, support: &Examples<F>) -> Vec<Box<dyn Predictor<F>>> {
        ready(self, meta, support);
        (**self).adapt_by_step(meta, support)
    }
}

impl<F: Float> Predictor<F> for Box<dyn Predictor<F>> {
    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", fit::queries(self.input_shape(), x));
        (**self).predict(x)
    }

    fn input_shape(&self) -> Option<&[usize]> {
        (**self).input_shape()
    }

    fn try_predict(&self, x: &Array<F>) -> Result<Array<F>, Error> {
        (**self).try_predict(x)
    }

    #[track_caller]
    fn probabilities(&self, x: &Array<F>) -> Array<F> {
        or_panic("probabilities", fit::queries(self.input_shape(), x));
        (**self).probabilities(x)
    }

    fn try_probabilities(&self, x: &Array<F>) -> Result<Array<F>, Error> {
        (**self).try_probabilities(x)
    }

    #[track_caller]
    fn embed(&self, x: &Array<F>) -> Option<Array<F>> {
        or_panic("embed", fit::queries(self.input_shape(), x));
        (**self).embed(x)
    }

    fn learned(&self) -> Option<Learned<F>> {
        (**self).learned()
    }
}
