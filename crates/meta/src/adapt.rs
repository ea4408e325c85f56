//! The inner loop: gradient steps on a support loss, as operations on the tape.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::Params;

use crate::filter::Filter;

/// How far differentiation looks through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Inner gradients are constants (first-order MAML): nothing of a step is recorded but its result.
    First,
    /// Inner gradients are recorded and differentiated (MAML).
    #[default]
    Second,
}

/// The rate of the inner steps.
#[derive(Clone, Copy)]
pub enum Rate<'a, 't, F: Float = f32> {
    /// One number for all parameters.
    Scalar(f64),
    /// A rate for each single parameter, on the tape, so that it can be learned (Meta-SGD). The names are those of theta, or of
    /// the adapted parameters alone.
    Each(&'a Params<Var<'t, F>>),
}

/// Gradient descent on a support loss from theta:
/// `phi_t = phi_{t-1} - rate * grad L_S(phi_{t-1})`, for t = 1 to `steps`.
///
/// ```
/// use fewshot_autodiff::Tape;
/// use fewshot_meta::{Filter, InnerLoop, Order, Rate};
/// use fewshot_nn::Params;
/// let tape = Tape::<f64>::new();
/// let theta = Params::new(vec![("w".to_string(), tape.scalar(1.0))]);
/// let inner = InnerLoop { steps: 1, order: Order::Second, adapted: &Filter::All };
/// let fast = inner.run(&theta, Rate::Scalar(0.1), |p| (p["w"] - 3.0).square());
/// assert_eq!(fast["w"].item(), 1.4); // 1 - 0.1 * 2 (1 - 3)
/// assert_eq!(fast["w"].grad(theta["w"]).item(), 0.8); // 1 - 0.1 * 2
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InnerLoop<'a> {
    /// Number of gradient steps.
    pub steps: usize,
    /// Whether the steps can be differentiated twice.
    pub order: Order,
    /// Parameters that take part; the others keep their value.
    pub adapted: &'a Filter,
}

impl InnerLoop<'_> {
    /// The fast weights after the last step.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn run<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, 't, F>,
        mut loss: impl FnMut(&Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> Params<Var<'t, F>> {
        let mut fast = theta.clone();
        for _ in 0..self.steps {
            fast = self.step(&fast, rate, &mut loss);
        }
        fast
    }

    /// The weights before the first step and after each: `steps + 1` of them.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn trajectory<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, 't, F>,
        mut loss: impl FnMut(&Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> Vec<Params<Var<'t, F>>> {
        let mut all = vec![theta.clone()];
        for t in 0..self.steps {
            let next = self.step(&all[t], rate, &mut loss);
            all.push(next);
        }
        all
    }

    #[track_caller]
    fn step<'t, F: Float>(
        &self,
        fast: &Params<Var<'t, F>>,
        rate: Rate<'_, 't, F>,
        loss: &mut impl FnMut(&Params<Var<'t, F>>) -> Var<'t, F>,
    ) -> Params<Var<'t, F>> {
        let gradients = match self.order {
            Order::Second => {
                let chosen = self.chosen(fast);
                loss(fast).grads(&chosen)
            }
            Order::First => {
                // on copies made just before the loss, so that `backward` frees the loss's own values and nothing earlier
                let here = fast.map_named(|name, w| if self.adapted.has(name) { w.detach() } else { *w });
                let chosen = self.chosen(&here);
                let gradients = loss(&here).backward(&chosen);
                gradients.iter().map(|g| fast.values()[0].tape().var(g)).collect()
            }
        };
        let mut gradients = gradients.into_iter();
        fast.map_named(|name, w| {
            if !self.adapted.has(name) {
                return *w;
            }
            let gradient = gradients.next().expect("one gradient per adapted parameter");
            match rate {
                Rate::Scalar(rate) => *w - gradient * F::of(rate),
                Rate::Each(rates) => *w - gradient * rates[name],
            }
        })
    }

    #[track_caller]
    fn chosen<'t, F: Float>(&self, fast: &Params<Var<'t, F>>) -> Vec<Var<'t, F>> {
        let chosen: Vec<Var<'t, F>> =
            fast.iter().filter(|(name, _)| self.adapted.has(name)).map(|(_, w)| *w).collect();
        assert!(
            !chosen.is_empty(),
            "InnerLoop: no parameter matches {:?}; there are {:?}",
            self.adapted,
            fast.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
        chosen
    }
}
