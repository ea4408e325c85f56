//! [`Model`]: an architecture; [`Pass`]: the settings and statistics of one forward pass.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};

use crate::noise::Noise;
use crate::params::Params;
use crate::spec::{ParamSpec, path};

/// A network's architecture: the names and shapes of its weights and its forward pass. It owns no weights.
///
/// Weights are an argument, so the same model runs on initial, adapted and averaged weights. Layers one after another are a
/// [`Sequential`](crate::Sequential); this trait is for everything else.
///
/// **The rule of recording**: for inputs of one shape and a pass of one kind, `forward` does the same operations with the same constants each
/// time it is called. Work is recorded once and replayed for all tasks, so that a mask drawn from a stream of the model's own, or a count of its
/// calls, would be frozen: random numbers come from [`Pass::noise`], which there is in training alone, and nothing is kept between calls. A model's
/// spec says what the names and shapes of its weights do not: the examples it takes ([`ParamBuilder::takes`](crate::ParamBuilder::takes)),
/// the number of its outputs, and what distinguishes it from others ([`ParamBuilder::sign`](crate::ParamBuilder::sign)).
///
/// ```
/// use fewshot_autodiff::{Array, Float, Tape, Var};
/// use fewshot_nn::{ParamBuilder, Linear, Model, Params, Pass, ParamSpec};
///
/// struct Two { first: Linear, second: Linear, spec: ParamSpec }
///
/// impl Two {
///     fn new() -> Self {
///         let mut b = ParamBuilder::new();
///         let first = b.scope("first", |b| Linear::new(b, 4, 8));
///         let second = b.scope("second", |b| Linear::new(b, 8, 2));
///         Two { first, second, spec: b.finish() }
///     }
/// }
///
/// impl<F: Float> Model<F> for Two {
///     fn spec(&self) -> &ParamSpec { &self.spec }
///     fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, _: &mut Pass<'t, F>) -> Var<'t, F> {
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
    /// The names, shapes and initial values of the model's weights and statistics.
    fn spec(&self) -> &ParamSpec;

    /// The outputs for a batch `x`, on the tape of `params` and `x`.
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F>;
}

/// A network whose last layer is a head, with weights named `head.*`. ANIL adapts the head alone; metric learners leave it out and
/// compare features.
///
/// [`Model::forward`] is `head(features(x))`.
pub trait Headed<F: Float = f32>: Model<F> {
    /// The features of a batch, `[n, features]`, which are the head's input. The head's weights are not read.
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F>;

    /// The outputs for features `[n, features]`. Only the head's weights are read.
    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F>;
}

impl<F: Float, M: Model<F> + ?Sized> Model<F> for Arc<M> {
    fn spec(&self) -> &ParamSpec {
        (**self).spec()
    }

    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        (**self).forward(params, x, pass)
    }
}

impl<F: Float, M: Headed<F> + ?Sized> Headed<F> for Arc<M> {
    fn features<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        (**self).features(params, x, pass)
    }

    fn head<'t>(&self, params: &Params<Var<'t, F>>, features: Var<'t, F>) -> Var<'t, F> {
        (**self).head(params, features)
    }
}

/// The settings of one [`Model::forward`] beside weights and input, and the batch statistics that it collects.
///
/// A model has no hidden state: a pass on batch statistics collects them, and the caller averages them over training
/// ([`update_running`]) or gives them to another pass ([`Pass::given`]).
#[derive(Debug)]
pub struct Pass<'t, F: Float = f32> {
    given: Option<Params<Var<'t, F>>>,
    noise: Option<Noise>,
    mode: Mode,
    collected: Vec<(String, Var<'t, F>)>,
}

/// Which gradients of a forward pass will be taken, so that layers do no more than these need.
///
/// It is a promise and not a limit: gradients beyond it are right, but take longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Training with gradients of any order.
    #[default]
    AnyOrder,
    /// Training with first-order gradients only: layers may store less and compute it again.
    FirstOrder,
    /// No gradients: layers may fuse what only a gradient needs apart.
    Inference,
}

impl<'t, F: Float> Pass<'t, F> {
    /// A pass in which norms use, and collect, the statistics of the batch; no dropout, gradients of any order.
    pub fn batch() -> Self {
        Pass { given: None, noise: None, mode: Mode::AnyOrder, collected: Vec::new() }
    }

    /// A pass in which norms use these statistics; no dropout, gradients of any order.
    pub fn given(statistics: &Params<Var<'t, F>>) -> Self {
        Pass { given: Some(statistics.clone()), ..Self::batch() }
    }

    /// A pass in which dropout layers draw their masks from `noise`.
    #[must_use]
    pub fn with_noise(mut self, noise: &Noise) -> Self {
        self.noise = Some(noise.clone());
        self
    }

    /// A pass of which these gradients will be taken.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Which gradients of the pass will be taken.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The given mean and variance of the norm at `scope`; `None` in a pass on batch statistics.
    ///
    /// # Panics
    /// When statistics are given, but not this norm's.
    #[track_caller]
    pub fn statistics(&self, scope: &str) -> Option<[Var<'t, F>; 2]> {
        let given = self.given.as_ref()?;
        Some([given[path(scope, MEAN).as_str()], given[path(scope, VARIANCE).as_str()]])
    }

    /// Collects the batch statistics of the norm at `scope`: mean and biased variance `[channels]` of `rows` rows, as constants.
    ///
    /// # Panics
    /// When this pass has collected this norm's statistics already.
    #[track_caller]
    pub fn collect(&mut self, scope: &str, mean: Var<'t, F>, variance: Var<'t, F>, rows: usize) {
        let name = path(scope, MEAN);
        let before = self.collected.iter().any(|(n, _)| *n == name);
        assert!(!before, "Pass: the norm {scope:?} ran twice; make a new Pass for each forward pass");
        self.collected.push((name, mean.detach()));
        self.collected.push((path(scope, VARIANCE), variance.detach()));
        self.collected.push((path(scope, ROWS), mean.tape().scalar(F::of(rows as f64))));
    }

    /// The source of randomness; `None` in a pass without.
    pub fn noise(&self) -> Option<&Noise> {
        self.noise.as_ref()
    }

    /// The batch statistics that the norms used; `None` when no norm used a batch. For each norm its mean and biased variance, named as in
    /// [`ParamSpec::statistics`], and `rows`, the number of rows they were computed over.
    ///
    /// Another pass that is given them ([`Pass::given`]) normalises alike; [`update_running`] averages them.
    pub fn into_statistics(self) -> Option<Params<Var<'t, F>>> {
        (!self.collected.is_empty()).then(|| Params::new(self.collected))
    }
}

/// Names of a norm's statistics within its scope.
pub(crate) const MEAN: &str = "mean";
pub(crate) const VARIANCE: &str = "variance";
const ROWS: &str = "rows";

/// Running statistics after a batch whose statistics [`Pass::into_statistics`] gave, as arrays: `(1 - momentum) running + momentum batch`.
///
/// As in PyTorch, the unbiased variance is averaged, `rows / (rows - 1)` times the biased one.
///
/// # Panics
/// When `batch` lacks a norm of `running`, or channels differ.
#[track_caller]
pub fn update_running<F: Float>(
    running: &Params<Array<F>>,
    batch: &Params<Array<F>>,
    momentum: f64,
) -> Params<Array<F>> {
    let mut updated = Vec::with_capacity(running.len());
    for (name, old) in running.iter() {
        let unbiased = match name.strip_suffix(VARIANCE) {
            Some(scope) => {
                let rows = batch[format!("{scope}{ROWS}").as_str()].item().as_f64();
                rows / (rows - 1.0).max(1.0)
            }
            None => 1.0,
        };
        let (keep, take) = (F::of(1.0 - momentum), F::of(momentum * unbiased));
        updated.push(old.zip(&batch[name], |r, b| keep * r + take * b));
    }
    running.with_values(updated)
}
