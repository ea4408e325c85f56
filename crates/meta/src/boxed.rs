//! Learners and predictors in boxes are such themselves; what is given to them is compared here, so that a panic names the caller's line.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Noise, NormPolicy, ParamSpec, Params};

use crate::error::Error;
use crate::fit::{self, Answers, or_panic};
use crate::learner::{Learner, Steps};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

impl<F: Float> Learner<F> for Box<dyn Learner<F>> {
    fn spec(&self) -> ParamSpec {
        (**self).spec()
    }

    fn init(&self, seed: u64) -> Meta<Array<F>> {
        (**self).init(seed)
    }

    fn answers_with(&self) -> Answers {
        (**self).answers_with()
    }

    fn check_meta(&self, meta: &Meta<Array<F>>) -> Result<(), Error> {
        (**self).check_meta(meta)
    }

    fn check_example(&self, example: &[usize]) -> Result<(), Error> {
        (**self).check_example(example)
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        (**self).check_support(support)
    }

    fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
        (**self).check_task(task)
    }

    fn lanes(&self, theta: &Params<Array<F>>) -> Vec<Params<Array<F>>> {
        (**self).lanes(theta)
    }

    fn stage(&self, iteration: u64) -> u64 {
        (**self).stage(iteration)
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        (**self).episode(meta, task, noise)
    }

    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        (**self).gradient(meta, task, noise)
    }

    fn policy(&self) -> NormPolicy {
        (**self).policy()
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        (**self).predictors(meta, support, wanted)
    }

    fn try_adapt(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Result<Box<dyn Predictor<F>>, Error> {
        (**self).try_adapt(meta, support)
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        (**self).restore(state)
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

    fn state(&self) -> Option<PredictorState<F>> {
        (**self).state()
    }
}
