//! [`Model`]: architecture only; [`Pass`]: what a forward pass depends on beside weights and input.

use fewshot_autodiff::{Array, Float, Var};
use rand::rngs::ChaCha8Rng;

use crate::init::dropout_mask;
use crate::params::Params;
use crate::spec::Spec;

/// A network: it knows its weights' names and shapes and how to use them, and owns no number.
///
/// Weights are an argument, so the same model runs on initial, adapted and averaged weights.
///
/// ```
/// use fewshot_autodiff::{Array, Float, Tape, Var};
/// use fewshot_nn::{Builder, Linear, Model, Params, Pass, Spec};
///
/// struct Two { first: Linear, second: Linear, spec: Spec }
///
/// impl Two {
///     fn new() -> Self {
///         let mut b = Builder::new();
///         let first = b.scope("first", |b| Linear::new(b, 4, 8));
///         let second = b.scope("second", |b| Linear::new(b, 8, 2));
///         Two { first, second, spec: b.finish() }
///     }
/// }
///
/// impl<F: Float> Model<F> for Two {
///     fn spec(&self) -> &Spec { &self.spec }
///     fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'_, F>) -> Var<'t, F> {
///         self.second.forward(params, self.first.forward(params, x).tanh())
///     }
/// }
///
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
/// let model = Two::new();
/// let theta = model.spec.init::<f32>(&mut ChaCha8Rng::seed_from_u64(0));
/// let tape = Tape::new();
/// let y = model.forward(&theta.on(&tape), tape.var(&Array::zeros(&[3, 4])), &mut Pass::batch());
/// assert_eq!(y.shape(), [3, 2]);
/// ```
pub trait Model<F: Float = f32>: Send + Sync {
    /// Its weights and statistics.
    fn spec(&self) -> &Spec;

    /// The outputs for a batch `x`, on the tape of `params` and `x`.
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'_, F>) -> Var<'t, F>;
}

/// What a forward pass depends on beside weights and input, and the statistics it hands back.
///
/// Nothing is changed behind the caller's back: a pass on batch statistics collects them, and the caller decides what
/// becomes of them ([`update_running`]).
#[derive(Debug)]
pub struct Pass<'a, F: Float = f32> {
    given: Option<&'a Params<Array<F>>>,
    dropout: Option<&'a mut ChaCha8Rng>,
    collected: Vec<(String, Array<F>)>,
}

impl<'a, F: Float> Pass<'a, F> {
    /// Norms use, and collect, the statistics of the batch; no dropout.
    pub fn batch() -> Self {
        Pass {
            given: None,
            dropout: None,
            collected: Vec::new(),
        }
    }

    /// Norms use these statistics; no dropout.
    pub fn given(statistics: &'a Params<Array<F>>) -> Self {
        Pass {
            given: Some(statistics),
            ..Self::batch()
        }
    }

    /// Dropout layers draw their masks from `rng`.
    #[must_use]
    pub fn with_dropout(mut self, rng: &'a mut ChaCha8Rng) -> Self {
        self.dropout = Some(rng);
        self
    }

    /// The given mean and variance of the norm at `path`, or nothing when those of the batch are to be used.
    ///
    /// # Panics
    /// When statistics are given but this norm's are not among them.
    #[track_caller]
    pub fn statistics(&self, path: &str) -> Option<[&'a Array<F>; 2]> {
        let given = self.given?;
        Some(["mean", "variance"].map(|name| &given[format!("{path}.{name}").as_str()]))
    }

    /// Takes down the batch statistics of the norm at `path`: mean and variance `[channels]`, the biased variance of `rows`
    /// rows, which is kept as the unbiased one.
    pub fn collect(&mut self, path: &str, mean: Array<F>, variance: &Array<F>, rows: usize) {
        let correction = F::of(rows as f64 / (rows.max(2) - 1) as f64);
        self.collected.push((format!("{path}.mean"), mean));
        self.collected.push((format!("{path}.variance"), variance.map(|v| v * correction)));
    }

    /// The mask of a dropout layer, or nothing where this pass does without dropout.
    pub fn dropout_mask(&mut self, shape: &[usize], rate: f64) -> Option<Array<F>> {
        self.dropout.as_mut().map(|rng| dropout_mask(shape, rate, rng))
    }

    /// Means and unbiased variances of the batch, named as in [`Spec::statistics`]; nothing when no norm used a batch.
    pub fn into_statistics(self) -> Option<Params<Array<F>>> {
        (!self.collected.is_empty()).then(|| Params::new(self.collected))
    }
}

/// Running statistics after a batch: `(1 - momentum) running + momentum batch`, the batch's variance unbiased (as PyTorch).
///
/// # Panics
/// When the names differ.
#[track_caller]
pub fn update_running<F: Float>(
    running: &Params<Array<F>>,
    batch: &Params<Array<F>>,
    momentum: f64,
) -> Params<Array<F>> {
    let (keep, take) = (F::of(1.0 - momentum), F::of(momentum));
    running.zip(batch, |r, b| r.zip(b, |r, b| keep * r + take * b))
}
