//! What an inner step makes of a gradient: differentiable optimisers on the tape.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{Clip, Params};

/// How an inner step follows the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rule {
    /// `w <- w - rate g`.
    #[default]
    Sgd,
    /// `v <- momentum v + g; w <- w - rate v`.
    Momentum {
        /// Weight of earlier gradients.
        momentum: f64,
    },
    /// Adam (Kingma and Ba 2015, algorithm 1). The derivative of the root of a second moment of 0 counts as 0, so that second
    /// derivatives stay finite.
    Adam {
        /// Decay of the first moment; with 0 there is none.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the bias-corrected second moment.
        eps: f64,
    },
}

/// What a rule carries from step to step: `first.NAME`, `second.NAME` of every adapted parameter, and the number of `steps`.
/// Empty for plain gradient descent.
pub(crate) type Moments<T> = Params<T>;

const FIRST: &str = "first";
const SECOND: &str = "second";
const STEPS: &str = "steps";

impl Rule {
    /// Adam as in Reptile's code: beta1 0, beta2 0.999, eps 1e-8.
    pub fn reptile_adam() -> Self {
        Rule::Adam { beta1: 0.0, beta2: 0.999, eps: 1e-8 }
    }

    fn groups(&self) -> &'static [&'static str] {
        match *self {
            Rule::Sgd => &[],
            Rule::Momentum { .. } => &[FIRST],
            Rule::Adam { beta1: 0.0, .. } => &[SECOND],
            Rule::Adam { .. } => &[FIRST, SECOND],
        }
    }

    /// The moments before the first step, for these adapted parameters; `zeros` makes zeros in the shape of one.
    pub(crate) fn fresh<S, T: Clone>(
        &self,
        adapted: &Params<S>,
        zeros: impl Fn(&S) -> T,
        zero: T,
    ) -> Moments<T> {
        let groups = self.groups();
        if groups.is_empty() {
            return Params::default();
        }
        let blank = adapted.map(zeros);
        let moments = groups.iter().fold(Params::default(), |all: Params<T>, g| all.with_scope(g, &blank));
        let steps = Params::new(vec![(STEPS.to_owned(), zero)]);
        Params::new(
            moments.iter().chain(steps.iter()).map(|(name, x)| (name.to_owned(), x.clone())).collect(),
        )
    }

    /// What to subtract from each adapted parameter, before the rate, and the moments after the step.
    #[inline(never)]
    pub(crate) fn direction<'t, F: Float>(
        &self,
        gradient: Params<Var<'t, F>>,
        moments: &Moments<Var<'t, F>>,
    ) -> (Params<Var<'t, F>>, Moments<Var<'t, F>>) {
        if moments.is_empty() {
            return (gradient, moments.clone());
        }
        let steps = moments[STEPS] + F::one();
        let mixed = |group: &str, decay: f64, take: f64, square: bool| {
            let old = moments.within(group);
            gradient.zip(&old, |&g, &m| m * F::of(decay) + if square { g.square() } else { g } * F::of(take))
        };
        match *self {
            Rule::Sgd => unreachable!("plain descent has no moments"),
            Rule::Momentum { momentum } => {
                let velocity = mixed(FIRST, momentum, 1.0, false);
                (velocity.clone(), moments.with_values(values(&[&velocity], steps)))
            }
            Rule::Adam { beta1, beta2, eps } => {
                let second = mixed(SECOND, beta2, 1.0 - beta2, true);
                let first = (beta1 != 0.0).then(|| mixed(FIRST, beta1, 1.0 - beta1, false));
                let root = correction(beta2, steps).sqrt();
                let numerator = first.as_ref().unwrap_or(&gradient);
                let scale = match &first {
                    Some(_) => root / correction(beta1, steps),
                    None => root,
                };
                // m / c1 / (sqrt(v / c2) + eps), both sides of the fraction times sqrt(c2)
                let moves = numerator.zip(&second, |&m, &v| m * scale / (v.sqrt() + root * F::of(eps)));
                let kept: Vec<&Params<_>> = first.iter().chain([&second]).collect();
                (moves, moments.with_values(values(&kept, steps)))
            }
        }
    }
}

/// The values of the groups, then the steps: the order in which [`Rule::fresh`] names them.
fn values<'t, F: Float>(groups: &[&Params<Var<'t, F>>], steps: Var<'t, F>) -> Vec<Var<'t, F>> {
    groups.iter().flat_map(|group| group.values()).copied().chain([steps]).collect()
}

/// `1 - beta^steps`.
fn correction<'t, F: Float>(beta: f64, steps: Var<'t, F>) -> Var<'t, F> {
    (steps * F::of(beta.ln())).exp() * -F::one() + F::one()
}

/// [`Clip`] on a tape; gradients pass through it.
#[inline(never)]
pub(crate) fn clipped<'t, F: Float>(clip: Option<Clip>, gradient: Params<Var<'t, F>>) -> Params<Var<'t, F>> {
    match clip {
        None => gradient,
        Some(Clip::Value(limit)) => gradient.map(|g| g.clamp(F::of(-limit), F::of(limit))),
        Some(Clip::Norm(limit)) => {
            let squares = gradient.values().iter().map(|g| g.square().sum());
            let Some(square) = squares.reduce(|a, b| a + b) else { return gradient };
            let limit = square.tape().scalar(F::of(limit));
            // limit / max(limit, norm): 1 within the limit
            let norm = square.sqrt();
            let factor = limit / norm.lt(limit).select(limit, norm);
            gradient.map(|&g| g * factor)
        }
        Some(Clip::NormApart { limit, prefix }) => {
            let part = |one: bool| {
                clipped(Some(Clip::Norm(limit)), gradient.select(|name| name.starts_with(prefix) == one))
            };
            gradient.replace(&part(true)).replace(&part(false))
        }
        Some(Clip::ValueThenEachNorm { value, norm }) => {
            let each = |name: &str, g: &Var<'t, F>| {
                clipped(Some(Clip::Norm(norm)), Params::new(vec![(name.to_owned(), *g)]))[name]
            };
            clipped(Some(Clip::Value(value)), gradient).map_named(each)
        }
    }
}
