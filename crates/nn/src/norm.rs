//! Batch normalisation.

use fewshot_autodiff::{Activation, Float, Var};

use crate::init::Init;
use crate::model::Pass;
use crate::params::{ParamId, Params};
use crate::spec::ParamBuilder;

/// Learned terms of a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormAffine {
    /// No learned terms.
    None,
    /// A shift, as in MAML's code.
    Shift,
    /// A scale and a shift.
    ScaleShift,
}

/// Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), with the activation that follows it.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    scale: Option<ParamId>,
    shift: Option<ParamId>,
    eps: f64,
    scope: String,
}

impl BatchNorm {
    /// Weights `scale` (1 at first) and `shift` (0 at first), statistics `mean` and `variance`, all `[channels]`.
    pub fn new(b: &mut ParamBuilder, channels: usize, affine: NormAffine, eps: f64) -> Self {
        let scale = affine == NormAffine::ScaleShift;
        let shift = affine != NormAffine::None;
        b.sign("eps", eps);
        BatchNorm {
            scale: scale.then(|| b.norm_weight("scale", &[channels], Init::Ones)),
            shift: shift.then(|| b.norm_weight("shift", &[channels], Init::Zeros)),
            eps,
            scope: b.statistics(channels),
        }
    }

    /// Normalises `x` `[.., channels]` with the statistics of `pass` and applies the activation.
    ///
    /// # Panics
    /// When the channels differ, or `pass` gives statistics without this norm's.
    #[track_caller]
    pub fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let Some([mean, variance]) = pass.statistics(&self.scope) else {
            return self.on_batch(params, x, activation, pass, None);
        };
        let (scale, shift) = self.terms(params);
        activation.apply(x.normalize(mean, variance, scale, shift, F::of(self.eps)))
    }

    pub(crate) fn uses_batch<F: Float>(&self, pass: &Pass<'_, F>) -> bool {
        pass.statistics(&self.scope).is_none()
    }

    /// On batch statistics; `offset` was left out of `x` and is added to the mean that is collected.
    #[track_caller]
    pub(crate) fn on_batch<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'t, F>,
        offset: Option<Var<'t, F>>,
    ) -> Var<'t, F> {
        let (scale, shift) = self.terms(params);
        let (y, statistics) = x.batch_norm(scale, shift, F::of(self.eps), activation);
        let shape = x.shape();
        self.collect(statistics, shape.count() / shape[shape.len() - 1], pass, offset);
        y
    }

    /// Collects in `pass` the statistics `[2, channels]` of `rows` rows, from whose mean `offset` was left out.
    #[track_caller]
    pub(crate) fn collect<'t, F: Float>(
        &self,
        statistics: Var<'t, F>,
        rows: usize,
        pass: &mut Pass<'t, F>,
        offset: Option<Var<'t, F>>,
    ) {
        let channels = statistics.shape()[1];
        let row = |i: usize| statistics.slice(0, i..i + 1).reshape(&[channels]);
        let mean = offset.map_or(row(0), |offset| row(0) + offset);
        pass.collect(&self.scope, mean, row(1), rows);
    }

    /// The norm as a factor and shift `[channels]`, if `pass` gives statistics.
    #[track_caller]
    pub(crate) fn given<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        pass: &Pass<'t, F>,
    ) -> Option<[Var<'t, F>; 2]> {
        let [mean, variance] = pass.statistics(&self.scope)?;
        let (scale, shift) = self.terms(params);
        let inverse = (variance + F::of(self.eps)).sqrt().safe_recip();
        let factor = scale.map_or(inverse, |scale| scale * inverse);
        let taken = mean * factor;
        Some([factor, shift.map_or(-taken, |shift| shift - taken)])
    }

    pub(crate) fn eps(&self) -> f64 {
        self.eps
    }

    /// Scale and shift.
    pub(crate) fn terms<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
    ) -> (Option<Var<'t, F>>, Option<Var<'t, F>>) {
        (self.scale.map(|s| params[s]), self.shift.map(|s| params[s]))
    }
}
