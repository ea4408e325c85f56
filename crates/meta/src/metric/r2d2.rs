//! R2-D2 and LR-D2 (Bertinetto, Henriques, Torr, Vedaldi 2019: "Meta-learning with differentiable closed-form solvers", ICLR).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Init, Model, NormPolicy, ParamSpec, Params, Pass};

use crate::learner::learner_spec;
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::task::Examples;

/// The regression that each task is solved by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Regression {
    /// Ridge regression on one-hot labels, in closed form (R2-D2).
    #[default]
    Ridge,
    /// Logistic regression of each class against the others by iteratively reweighted least squares (LR-D2).
    Logistic {
        /// Newton steps, from weights of 0.
        steps: usize,
    },
}

/// A network whose last layer is solved for on each support set, and differentiated through.
///
/// Ridge: `W = X' (X X' + lambda n I)^-1 Y` for the `n` support features `X` `[n, d + 1]`, with a column of ones, and one-hot labels `Y`; with
/// more examples than features the same as `(X' X + lambda n I)^-1 X' Y`. The logits of a query are `scale (x W) + shift`, and their mean
/// cross-entropy is the loss. As in the released code `lambda` is for examples divided by the root of their number.
///
/// Meta-parameters are the network's weights and `solver.log_lambda`, `solver.scale` and `solver.shift`, which are learned as in the paper.
///
/// ```
/// use fewshot_meta::{Learner, R2d2};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let learner = R2d2::new(Conv4::new(&Conv4Config::pooled_64()));
/// assert_eq!(Learner::<f32>::spec(&learner).count(), 111_936 + 3);
/// ```
#[derive(Debug)]
pub struct R2d2<M> {
    /// The embedding: its outputs are flattened to `[n, d]`.
    pub model: Arc<M>,
    /// What each task is solved by.
    pub regression: Regression,
    /// `lambda` before training.
    pub lambda: f64,
    /// `scale` before training; the paper has 10 on Omniglot, 1e-4 on miniImageNet.
    pub scale: f64,
    /// Normalisation in use, as in [`ProtoNet`](crate::ProtoNet).
    pub policy: NormPolicy,
}

const LOG_LAMBDA: &str = "solver.log_lambda";
const SCALE: &str = "solver.scale";
const SHIFT: &str = "solver.shift";
/// The encoding of a support: `[d + 1, ways]`.
const SOLUTION: &str = "solution";

impl<M> Clone for R2d2<M> {
    fn clone(&self) -> Self {
        R2d2 { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> R2d2<M> {
    /// Ridge regression with the released code's `lambda` of 50 and the scale for Omniglot, running statistics.
    pub fn new(model: M) -> Self {
        R2d2 {
            model: Arc::new(model),
            regression: Regression::Ridge,
            lambda: 50.0,
            scale: 10.0,
            policy: NormPolicy::Running { momentum: 0.1 },
        }
    }

    /// LR-D2 with `steps` Newton steps; the paper has 1 and 5.
    pub fn logistic(model: M, steps: usize) -> Self {
        R2d2 { regression: Regression::Logistic { steps }, ..R2d2::new(model) }
    }
}

/// `[n, d]` with a further column of ones.
fn with_ones<'t, F: Float>(x: Var<'t, F>) -> Var<'t, F> {
    let ones = x.tape().var(&Array::ones(&[x.shape()[0], 1]));
    Var::concat(&[x, ones], 1)
}

/// The solution of a symmetric positive definite system; not a number when rounding has made it another.
fn solve<'t, F: Float>(a: Var<'t, F>, b: Var<'t, F>) -> Var<'t, F> {
    a.solve_spd(b).unwrap_or_else(|_| b * F::nan())
}

/// The diagonal matrix of `[n]`.
fn diagonal<'t, F: Float>(d: Var<'t, F>) -> Var<'t, F> {
    let n = d.shape()[0];
    let identity =
        d.tape().var(&Array::from_fn(&[n, n], |i| if i / n == i % n { F::one() } else { F::zero() }));
    identity * d.insert_axis(0)
}

/// The minimum of `|X W - Y|^2 + lambda |W|^2`, by whichever system is smaller.
pub(crate) fn ridge<'t, F: Float>(x: Var<'t, F>, y: Var<'t, F>, lambda: Var<'t, F>) -> Var<'t, F> {
    let [n, d] = [x.shape()[0], x.shape()[1]];
    let penalty = |size: usize| diagonal(lambda.broadcast_to(&[size]));
    match n <= d {
        true => x.t().matmul(solve(x.matmul(x.t()) + penalty(n), y)),
        false => solve(x.t().matmul(x) + penalty(d), x.t().matmul(y)),
    }
}

/// One-versus-all logistic regression with penalty `lambda |w|^2 / 2`: `w = X' (X X' + lambda diag(s)^-1)^-1 z` with
/// `s = mu (1 - mu)`, `z = X w + (y - mu) / s`, for each class by itself.
fn logistic<'t, F: Float>(x: Var<'t, F>, y: Var<'t, F>, lambda: Var<'t, F>, steps: usize) -> Var<'t, F> {
    let tape = x.tape();
    let [n, d] = [x.shape()[0], x.shape()[1]];
    let gram = x.matmul(x.t());
    let ways = y.shape()[1];
    let of_class = |class: usize| {
        let targets = y.slice(1, class..class + 1);
        let mut w = tape.var(&Array::zeros(&[d, 1]));
        for _ in 0..steps {
            let eta = x.matmul(w);
            let mu = eta.sigmoid();
            let s = mu * (mu * -F::one() + F::one());
            let z = eta + (targets - mu) / s;
            let penalty = diagonal((lambda.broadcast_to(&[n, 1]) / s).reshape(&[n]));
            w = x.t().matmul(solve(gram + penalty, z));
        }
        w
    };
    Var::concat(&(0..ways).map(of_class).collect::<Vec<_>>(), 1)
}

impl<F: Float, M: Model<F> + 'static> MetricLearner<F> for R2d2<M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.model.forward(theta, x, pass).flatten()
    }

    fn encode_support<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("R2d2");
        let labels = support.x.tape().one_hot(classes, ways);
        let examples = F::of(support.x.shape()[0] as f64);
        let lambda = theta[LOG_LAMBDA].exp() * examples;
        let x = with_ones(support.x);
        let weights = match self.regression {
            Regression::Ridge => ridge(x, labels, lambda),
            Regression::Logistic { steps } => logistic(x, labels, lambda, steps),
        };
        Params::new(vec![(SOLUTION.to_owned(), weights)])
    }

    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        with_ones(query).matmul(encoding[SOLUTION]) * theta[SCALE] + theta[SHIFT]
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[SOLUTION]
    }
}

learner_by_comparison! {
    impl<M: Model> Learner for R2d2<M> {
        fn spec(&self) -> ParamSpec {
            let regression = match self.regression {
                Regression::Ridge => "ridge",
                Regression::Logistic { .. } => "logistic",
            };
            let spec = learner_spec(self.model.spec().clone(), "R2d2", self.policy).signed("regression", regression);
            spec.with(LOG_LAMBDA, &[], Init::Constant(self.lambda.ln()))
                .with(SCALE, &[], Init::Constant(self.scale))
                .with(SHIFT, &[], Init::Zeros)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewshot_autodiff::Tape;

    fn assert_close(a: &Array<f64>, b: &[f64]) {
        assert_eq!(a.len(), b.len());
        a.data().iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
    }

    #[test]
    fn both_systems_have_one_solution() {
        // x = (1, 2), y = (1, 0), lambda = 1: w = 1 / 6
        let tape = Tape::<f64>::new();
        let column = |v: [f64; 2]| tape.var(&Array::new(&[2, 1], v.to_vec()));
        let lambda = tape.scalar(1.0);
        assert_close(&ridge(column([1.0, 2.0]), column([1.0, 0.0]), lambda).value(), &[1.0 / 6.0]);
        let x = tape.var(&Array::from_fn(&[4, 4], |i| (1.7 * i as f64).sin()));
        let y = tape.var(&Array::from_fn(&[4, 2], |i| (0.3 * i as f64).cos()));
        let dual = ridge(x, y, lambda);
        let primal = solve(x.t().matmul(x) + diagonal(lambda.broadcast_to(&[4])), x.t().matmul(y));
        assert_close(&dual.value(), primal.value().data());
        let large = ridge(x, y, tape.scalar(1e9)).value();
        let limit = (x.t().matmul(y) * 1e-9).value();
        large.data().iter().zip(limit.data()).for_each(|(a, b)| assert!((a - b).abs() < 1e-15));
        let wide = tape.var(&Array::from_fn(&[2, 5], |i| (1.7 * i as f64).sin()));
        let exact = ridge(wide, y.slice(0, 0..2), tape.scalar(1e-12));
        let fitted = wide.matmul(exact).value();
        fitted.data().iter().zip(y.value().data()).for_each(|(a, b)| assert!((a - b).abs() < 1e-9));
    }

    #[test]
    fn the_first_newton_step_starts_at_one_half() {
        // s = 1/4, z = +-2: w = X' (X X' + 4 lambda I)^-1 z
        let tape = Tape::<f64>::new();
        let x = tape.var(&Array::from_fn(&[3, 4], |i| (1.7 * i as f64).sin()));
        let y = tape.var(&Array::new(&[3, 1], vec![1.0, 0.0, 1.0]));
        let z = tape.var(&Array::new(&[3, 1], vec![2.0, -2.0, 2.0]));
        let lambda = tape.scalar(0.5);
        assert_close(&logistic(x, y, lambda, 1).value(), ridge(x, z, lambda * 4.0).value().data());
        // many steps reach the minimum: X' (mu - y) + lambda w = 0
        let w = logistic(x, y, lambda, 30);
        let slope = x.t().matmul(x.matmul(w).sigmoid() - y) + w * 0.5;
        assert_close(&slope.value(), &[0.0; 4]);
    }
}
