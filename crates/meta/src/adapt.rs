//! The inner loop: gradient steps on a support loss, as operations on the tape.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::Params;

use crate::filter::Filter;
use crate::task_vars::ExampleVars;

/// How far differentiation looks through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Inner gradients are constants (first-order MAML): nothing of a step is recorded but its result.
    First,
    /// Inner gradients are recorded and differentiated (MAML).
    #[default]
    Second,
}

/// What is kept of the inner steps until the meta-gradient has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Memory {
    /// All values: memory grows with the steps.
    #[default]
    Keep,
    /// The weights before each step, from which the step is computed again: memory for the values of one step, for up to a third
    /// more work. The gradient is the same. A model with dropout panics: a step computed again would draw other masks.
    Recompute,
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

    /// [`InnerLoop::run`] with each step under a checkpoint ([`Memory::Recompute`]): of a step only the weights before it are kept.
    ///
    /// `loss` sees weights and support, and nothing else on a tape: dropout has no place in it.
    ///
    /// # Panics
    /// When the filter leaves nothing to adapt, or a rate is missing.
    #[track_caller]
    pub fn run_recomputed<'t, F: Float>(
        &self,
        theta: &Params<Var<'t, F>>,
        rate: Rate<'_, 't, F>,
        support: &ExampleVars<'t, F>,
        loss: impl for<'s> Fn(&Params<Var<'s, F>>, &ExampleVars<'s, F>) -> Var<'s, F>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Params<Var<'t, F>> {
        let (names, order) = (theta.map(|_| ()), self.order);
        let rates = match rate {
            Rate::Scalar(number) => Err(number),
            Rate::Each(rates) => Ok(rates.map(|_| ())),
        };
        let labels = support.y.form();
        let mut given = vec![support.x, support.y.var()];
        if let Rate::Each(rates) = rate {
            given.extend_from_slice(rates.values());
        }
        let mut fast = theta.clone();
        for _ in 0..self.steps {
            let (names, rates, adapted, loss) =
                (names.clone(), rates.clone(), self.adapted.clone(), loss.clone());
            let inputs: Vec<Var<'t, F>> = fast.values().iter().chain(&given).copied().collect();
            let stepped = support.x.tape().checkpoint(&inputs, move |v| {
                let (weights, given) = v.split_at(names.len());
                let support = ExampleVars { x: given[0], y: labels.on(given[1]) };
                let each = rates.as_ref().map(|names| names.with_values(given[2..].to_vec()));
                let rate = each.as_ref().map_or_else(|&number| Rate::Scalar(*number), Rate::Each);
                let inner = InnerLoop { steps: 1, order, adapted: &adapted };
                let weights = names.with_values(weights.to_vec());
                inner.run(&weights, rate, |fast| loss(fast, &support)).values().to_vec()
            });
            fast = theta.with_values(stepped);
        }
        fast
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
                // on copies made just before the loss, so that the loss's own values are freed and nothing earlier
                let here = fast.map_named(|name, w| if self.adapted.has(name) { w.detach() } else { *w });
                let chosen = self.chosen(&here);
                loss(&here).constant_grads(&chosen)
            }
        };
        let mut gradients = gradients.into_iter();
        fast.map_named(|name, w| {
            if !self.adapted.has(name) {
                return *w;
            }
            let gradient = gradients.next().expect("one gradient per adapted parameter");
            match rate {
                // adding the negative: its gradient takes one operator less
                Rate::Scalar(rate) => *w + gradient * F::of(-rate),
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
