//! A learner whose meta-gradient is wrong.

use fewshot_autodiff::{Array, Var};
use fewshot_meta::{Examples, Learner, Meta, Outcome, Predictor, Steps, Task};
use fewshot_nn::{Noise, ParamSpec};

/// Multiplies the meta-gradient of a learner by a factor: that of one parameter, or all of it.
pub struct Scaled<L> {
    pub learner: L,
    pub parameter: Option<&'static str>,
    pub factor: f64,
}

impl<L: Learner<f64>> Learner<f64> for Scaled<L> {
    fn spec(&self) -> ParamSpec {
        self.learner.spec()
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, f64>>,
        task: &Task<Var<'t, f64>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, f64>> {
        self.learner.episode(meta, task, noise)
    }

    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, f64>>,
        task: &Task<Var<'t, f64>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, f64>> {
        let own = self.learner.gradient(meta, task, noise);
        let is_scaled = |name: &str| self.parameter.is_none_or(|scaled| scaled == name);
        let gradient = own.gradient.map_named(|name, g| if is_scaled(name) { *g * self.factor } else { *g });
        Outcome { gradient, ..own }
    }

    fn predictors(
        &self,
        meta: &Meta<Array<f64>>,
        support: &Examples<Array<f64>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<f64>>> {
        self.learner.predictors(meta, support, wanted)
    }
}
