//! iMAML (Rajeswaran, Finn, Kakade, Levine 2019: "Meta-Learning with Implicit Gradients", NeurIPS).
//!
//! `phi = argmin L_S(phi) + (lambda / 2) |phi - theta|^2`, approached by gradient descent; the meta-gradient `g` depends on the
//! solution alone: `(I + H / lambda) g = grad L_Q(phi)` with `H = hessian L_S(phi)` (their equation 6), solved by products of the Hessian
//! with vectors. Memory does not grow with the steps.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::Answers;
use crate::inner_loop::adapt::{InnerLoop, Order, Rate};
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// How the linear system is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Conjugate gradient from 0 (Hestenes and Stiefel 1952): exact after as many steps as there are parameters.
    ConjugateGradient {
        /// Products of the Hessian with a vector.
        steps: usize,
    },
    /// The series `sum_j (-H / lambda)^j`: converges when no eigenvalue of `H / lambda` exceeds 1.
    Neumann {
        /// Terms after the first.
        steps: usize,
    },
}

/// In which inner steps the proximal term `(lambda / 2) |phi - theta|^2` acts on the adapted weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProximalAt {
    /// In every inner step, as in the paper: the inner problem is solved as it is written.
    EveryStep,
    /// In one step of its own after all others, as in the released code: weights move far, then back by `inner_lr lambda` of the way.
    LastStep,
}

fewshot_nn::named!(ProximalAt, "time of the proximal term" { EveryStep = "every-step", LastStep = "last-step" });

/// MAML by implicit gradients, for classification and regression. All parameters are adapted.
///
/// ```
/// use fewshot_meta::{IMaml, Learner};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let learner = IMaml::new(Conv4::new(&Conv4Config::strided_flat().with_head(5)));
/// assert_eq!(Learner::<f32>::spec(&learner).count(), 113_221);
/// ```
///
/// The meta-gradient is exact when the inner problem is solved: too few steps bias it.
#[derive(Debug)]
pub struct IMaml<M> {
    /// The network.
    pub model: Arc<M>,
    /// Inner gradient steps in training.
    pub train_steps: usize,
    /// Inner gradient steps when adapting for use.
    pub eval_steps: usize,
    /// Rate of the inner steps, for the mean loss over the support and the proximal term.
    pub inner_lr: f64,
    /// Weight of the proximal term, `lambda`.
    pub proximal: f64,
    /// When the proximal term acts.
    pub proximal_at: ProximalAt,
    /// How the linear system is solved.
    pub solver: Solver,
    /// Added to the identity in the linear system; the released code has 1, the paper 0.
    pub damping: f64,
    /// Added to `lambda` in the linear system alone; the released code has 10, the paper 0.
    pub stiffness: f64,
    /// Normalisation of queries by the adapted model, as in [`Maml`](crate::Maml).
    pub policy: NormPolicy,
}

impl<M> Clone for IMaml<M> {
    fn clone(&self) -> Self {
        IMaml { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> IMaml<M> {
    /// The paper's choices for Omniglot with 5 ways (appendix, and released code for the rate): 16 steps of 0.1, lambda 2, 5 steps of
    /// conjugate gradient, batch statistics.
    pub fn new(model: M) -> Self {
        IMaml {
            model: Arc::new(model),
            train_steps: 16,
            eval_steps: 16,
            inner_lr: 0.1,
            proximal: 2.0,
            proximal_at: ProximalAt::EveryStep,
            solver: Solver::ConjugateGradient { steps: 5 },
            damping: 0.0,
            stiffness: 0.0,
            policy: NormPolicy::Batch,
        }
    }

    /// The released code's choices, which differ from the paper's text: plain steps and one of the proximal term alone, and
    /// `2 I + H / (lambda + 10)` in the linear system. Its outer Adam has epsilon 1e-3.
    pub fn released(model: M) -> Self {
        IMaml { proximal_at: ProximalAt::LastStep, damping: 1.0, stiffness: 10.0, ..Self::new(model) }
    }

    /// Weights before the first step and after each, as constants.
    fn inner_loop<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        steps: usize,
        noise: Option<&Noise>,
    ) -> Vec<Params<Var<'t, F>>>
    where
        M: Model<F>,
    {
        let centre = theta.map(|w| w.detach());
        let half = F::of(0.5 * self.proximal);
        let inner = InnerLoop { steps, order: Order::First, ..InnerLoop::default() };
        let mut all = inner.trajectory(&centre, Rate::Scalar(self.inner_lr), |_, fast| {
            let loss = self.loss(fast, support, noise, |pass| pass.with_mode(Mode::FirstOrder));
            if self.proximal_at == ProximalAt::LastStep {
                return loss;
            }
            let squares = fast.values().iter().zip(centre.values()).map(|(&w, &c)| (w - c).square().sum());
            squares.fold(loss, |sum, square| sum + square * half)
        });
        if self.proximal_at == ProximalAt::LastStep {
            let way = F::of(self.inner_lr * self.proximal);
            let last = all.pop().expect("there is one more than steps");
            let moved_back = last.values().iter().zip(centre.values()).map(|(&w, &c)| w - (w - c) * way);
            all.push(last.with_values(moved_back.collect()));
        }
        all
    }

    fn loss<'t, F: Float>(
        &self,
        weights: &Params<Var<'t, F>>,
        examples: &Examples<Var<'t, F>>,
        noise: Option<&Noise>,
        kind: impl Fn(Pass<'t, F>) -> Pass<'t, F>,
    ) -> Var<'t, F>
    where
        M: Model<F>,
    {
        let pass = noise.map_or_else(Pass::batch, |noise| Pass::batch().with_noise(noise));
        examples.y.loss(self.model.forward(weights, examples.x, &mut kind(pass)))
    }

    /// Solves `((1 + damping) I + H / (lambda + stiffness)) g = b` with the Hessian of the support loss at `fast`.
    fn solve<'t, F: Float>(
        &self,
        fast: &Params<Var<'t, F>>,
        support: Var<'t, F>,
        b: List<'t, F>,
    ) -> List<'t, F> {
        let wrt = fast.values();
        let gradient = support.grads(wrt);
        let scaled = |v: &List<'t, F>| -> List<'t, F> {
            let along = gradient.iter().zip(v).map(|(&g, &v)| (g * v).sum()).reduce(|a, b| a + b);
            let product = along.expect("a model has weights").grads(wrt);
            product.iter().map(|h| (*h * F::of(1.0 / (self.proximal + self.stiffness))).detach()).collect()
        };
        let keep = F::of(1.0 + self.damping);
        let apply = |v: &List<'t, F>| axpy(&scaled(v), v, |h, v| h + v * keep);
        match self.solver {
            Solver::ConjugateGradient { steps } => conjugate_gradient(apply, b, steps),
            Solver::Neumann { steps } => {
                let mut sum = b.clone();
                for _ in 0..steps {
                    let remainder = apply(&sum);
                    // sum + (b - A sum): one more term of the series
                    sum = axpy(&sum, &axpy(&b, &remainder, |b, a| b - a), |s, r| s + r);
                }
                sum
            }
        }
    }
}

/// One value for each parameter.
type List<'t, F> = Vec<Var<'t, F>>;

fn axpy<'t, F: Float>(
    a: &List<'t, F>,
    b: &List<'t, F>,
    f: impl Fn(Var<'t, F>, Var<'t, F>) -> Var<'t, F>,
) -> List<'t, F> {
    a.iter().zip(b).map(|(&a, &b)| f(a, b).detach()).collect()
}

fn dot<'t, F: Float>(a: &List<'t, F>, b: &List<'t, F>) -> Var<'t, F> {
    let products = a.iter().zip(b).map(|(&a, &b)| (a * b).sum());
    products.reduce(|a, b| a + b).expect("a model has weights").detach()
}

/// Solves `A v = b` for a symmetric positive definite `A`, from `v = 0`. A residual of 0 stays 0.
fn conjugate_gradient<'t, F: Float>(
    apply: impl Fn(&List<'t, F>) -> List<'t, F>,
    b: List<'t, F>,
    steps: usize,
) -> List<'t, F> {
    let tape = b.first().expect("a model has weights").tape();
    let mut v: List<'t, F> = b.iter().map(|b| tape.var(&Array::zeros(&b.shape()))).collect();
    let (mut r, mut p) = (b.clone(), b);
    let mut square = dot(&r, &r);
    for _ in 0..steps {
        let product = apply(&p);
        let a = square / dot(&p, &product);
        v = axpy(&v, &p, |v, p| v + p * a);
        r = axpy(&r, &product, |r, q| r - q * a);
        let next = dot(&r, &r);
        let ratio = next / square;
        p = axpy(&r, &p, |r, p| r + p * ratio);
        square = next;
    }
    v
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for IMaml<M> {
    fn spec(&self) -> ParamSpec {
        learner_spec(self.model.spec().clone(), "IMaml", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let mut all = self.inner_loop(&meta.theta, &task.support, self.train_steps, Some(noise));
        Outcome::of_query(&*self.model, &all.pop().expect("there is one more than steps"), &task.query, noise)
    }

    /// Loss and predictions of the query at the solution, and the implicit gradient.
    fn gradient<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let mut all = self.inner_loop(&meta.theta, &task.support, self.train_steps, Some(noise));
        let solution = all.pop().expect("there is one more than steps").map(|w| w.detach());
        let outcome = Outcome::of_query(&*self.model, &solution, &task.query, noise);
        let constant = outcome.detached();
        let b: List<'t, F> = outcome.loss.constant_grads(solution.values());
        let support = self.loss(&solution, &task.support, Some(noise), |pass| pass);
        let gradient = meta.theta.with_values(self.solve(&solution, support, b));
        Outcome { gradient, ..constant }
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        AdaptedModel::restored(&self.model, &Learner::<F>::spec(self), self.policy, state)
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let (tape, spec) = (Tape::new(), Learner::<F>::spec(self));
        let all = self.inner_loop(&meta.theta.on(&tape), &support.on(&tape), self.eval_steps, None);
        wanted.of(all.iter(), |_, w| {
            AdaptedModel::predictor(&self.model, &spec, self.policy, w.arrays(), &meta.statistics, support)
        })
    }
}
