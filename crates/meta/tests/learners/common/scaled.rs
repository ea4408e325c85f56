//! A learner whose meta-gradient is wrong.

use fewshot_meta::{Examples, Gradient, Learner, Meta, MetaVars, Outcome, Predictor, TaskVars};
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
        meta: &MetaVars<'t, f64>,
        task: &TaskVars<'t, f64>,
        noise: &Noise,
    ) -> Outcome<'t, f64> {
        self.learner.episode(meta, task, noise)
    }

    fn gradient<'t>(
        &self,
        meta: &MetaVars<'t, f64>,
        task: &TaskVars<'t, f64>,
        noise: &Noise,
    ) -> Gradient<'t, f64> {
        let own = self.learner.gradient(meta, task, noise);
        let is_scaled = |name: &str| self.parameter.is_none_or(|scaled| scaled == name);
        let gradient = own.gradient.map_named(|name, g| if is_scaled(name) { *g * self.factor } else { *g });
        Gradient { gradient, ..own }
    }

    fn adapt(&self, meta: &Meta<f64>, support: &Examples<f64>) -> Box<dyn Predictor<f64>> {
        self.learner.adapt(meta, support)
    }
}
