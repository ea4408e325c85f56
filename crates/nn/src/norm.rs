//! Batch and layer normalisation, and the policies of batch statistics.

use std::fmt;
use std::str::FromStr;

use fewshot_autodiff::{Activation, Array, Float, Var};

use crate::init::Init;
use crate::model::Pass;
use crate::params::{Params, Slot};
use crate::spec::Builder;

/// Which batch statistics normalise what. It changes few-shot results by points, so it is part of every protocol and stored with
/// every result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NormPolicy {
    /// Those of the batch at hand, in training and evaluation: all queries together (transductive). MAML, Reptile with
    /// transduction, Relation networks.
    Batch,
    /// Those of the batch in training, of which running averages are kept for evaluation. Prototypical networks.
    Running {
        /// Weight of a new batch in the averages; PyTorch's default is 0.1.
        momentum: f64,
    },
    /// Those of the batch in training; at evaluation those gathered on the episode's support. LSTM meta-learner.
    SupportOnly,
    /// At evaluation each query is normalised in a batch made of the whole support and that query. Reptile without
    /// transduction.
    SupportPlusOne,
}

impl fmt::Display for NormPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NormPolicy::Batch => write!(f, "batch"),
            NormPolicy::Running { momentum } => write!(f, "running({momentum})"),
            NormPolicy::SupportOnly => write!(f, "support-only"),
            NormPolicy::SupportPlusOne => write!(f, "support-plus-one"),
        }
    }
}

/// No batch-norm policy has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no batch-norm policy: use batch, running, running(MOMENTUM), support-only or support-plus-one")]
pub struct UnknownPolicy {
    /// What was given.
    pub name: String,
}

impl FromStr for NormPolicy {
    type Err = UnknownPolicy;

    /// Reads what `Display` writes, and `running` for momentum 0.1.
    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let unknown = || UnknownPolicy { name: name.to_owned() };
        match name {
            "batch" => Ok(NormPolicy::Batch),
            "running" => Ok(NormPolicy::Running { momentum: 0.1 }),
            "support-only" => Ok(NormPolicy::SupportOnly),
            "support-plus-one" => Ok(NormPolicy::SupportPlusOne),
            _ => {
                let number = name.strip_prefix("running(").and_then(|n| n.strip_suffix(')'));
                let momentum: f64 = number.and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
                let valid = (0.0..=1.0).contains(&momentum);
                valid.then_some(NormPolicy::Running { momentum }).ok_or_else(unknown)
            }
        }
    }
}

/// What a norm learns beside its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormAffine {
    /// Nothing.
    None,
    /// A shift, as in MAML's code.
    Shift,
    /// A scale and a shift.
    ScaleShift,
}

/// Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), with the activation that follows it.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    scale: Option<Slot>,
    shift: Option<Slot>,
    eps: f64,
    path: String,
}

impl BatchNorm {
    /// Weights `scale` (1 at first) and `shift` (0 at first), statistics `mean` and `variance`, all `[channels]`.
    pub fn new(b: &mut Builder, channels: usize, affine: NormAffine, eps: f64) -> Self {
        let scale = affine == NormAffine::ScaleShift;
        let shift = affine != NormAffine::None;
        BatchNorm {
            scale: scale.then(|| b.weight("scale", &[channels], Init::Ones)),
            shift: shift.then(|| b.weight("shift", &[channels], Init::Zeros)),
            eps,
            path: b.statistics(channels),
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
        pass: &mut Pass<'_, F>,
    ) -> Var<'t, F> {
        let Some([mean, variance]) = pass.statistics(&self.path) else {
            return self.on_batch(params, x, activation, pass, None);
        };
        let (scale, shift) = self.terms(params);
        let (mean, variance) = (x.tape().var(mean), x.tape().var(variance));
        activation.apply(x.normalize(mean, variance, scale, shift, F::of(self.eps)))
    }

    pub(crate) fn uses_batch<F: Float>(&self, pass: &Pass<'_, F>) -> bool {
        pass.statistics(&self.path).is_none()
    }

    /// On batch statistics; `offset` was left out of `x` and is added to the mean that is collected.
    #[track_caller]
    pub(crate) fn on_batch<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        activation: Activation,
        pass: &mut Pass<'_, F>,
        offset: Option<Array<F>>,
    ) -> Var<'t, F> {
        let (scale, shift) = self.terms(params);
        let (y, statistics) = x.batch_norm(scale, shift, F::of(self.eps), activation);
        let shape = x.shape();
        let channels = shape[shape.len() - 1];
        let statistics = statistics.value();
        let row = |i: usize| Array::from_fn(&[channels], |c| statistics.data()[i * channels + c]);
        let mean = match offset {
            Some(offset) => row(0).zip(&offset, |m, o| m + o),
            None => row(0),
        };
        pass.collect(&self.path, mean, &row(1), shape.count() / channels);
        y
    }

    fn terms<'t, F: Float>(&self, params: &Params<Var<'t, F>>) -> (Option<Var<'t, F>>, Option<Var<'t, F>>) {
        (self.scale.map(|s| params[s]), self.shift.map(|s| params[s]))
    }
}

/// Layer normalisation over the last axis (Ba, Kiros and Hinton 2016).
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm {
    scale: Slot,
    shift: Slot,
    eps: f64,
}

impl LayerNorm {
    /// Weights `scale` (1 at first) and `shift` (0 at first), `[features]`.
    pub fn new(b: &mut Builder, features: usize, eps: f64) -> Self {
        LayerNorm {
            scale: b.weight("scale", &[features], Init::Ones),
            shift: b.weight("shift", &[features], Init::Zeros),
            eps,
        }
    }

    /// Normalises each row of `x` `[.., features]`.
    ///
    /// # Panics
    /// When the features differ.
    #[track_caller]
    pub fn forward<'t, F: Float>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>) -> Var<'t, F> {
        x.layer_norm(Some(params[self.scale]), Some(params[self.shift]), F::of(self.eps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        let all = [
            NormPolicy::Batch,
            NormPolicy::Running { momentum: 0.25 },
            NormPolicy::SupportOnly,
            NormPolicy::SupportPlusOne,
        ];
        for policy in all {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!("running".parse(), Ok(NormPolicy::Running { momentum: 0.1 }));
        for wrong in ["", "Batch", "running(2)", "running(x)", "running(NaN)"] {
            assert!(wrong.parse::<NormPolicy>().is_err(), "{wrong}");
        }
    }
}
