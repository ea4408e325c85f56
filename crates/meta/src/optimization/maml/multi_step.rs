//! MAML++ (Antoniou, Edwards, Storkey 2019: "How to train your MAML", ICLR): six changes to MAML, each a field of [`Maml`].

use fewshot_nn::NormPolicy;

use crate::optimization::maml::{Maml, Rates, Sharing};

/// The multi-step loss (section 4, "Multi-Step Loss Optimization"): the outer loss is `sum_t w_t L_Q(phi_t)` over the inner steps,
/// with equal weights at first that move to the last step over the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultiStep {
    /// Epochs until only the last step counts.
    pub epochs: u64,
    /// Outer updates of an epoch.
    pub epoch: u64,
}

impl MultiStep {
    /// The epoch of an update, counted from 0, at most `epochs`.
    pub(crate) fn epoch_at(&self, iteration: u64) -> u64 {
        (iteration / self.epoch.max(1)).min(self.epochs)
    }

    /// The weights of the query losses after each of `steps` steps in an epoch, counted from 0. They sum to 1. As in the released
    /// code, with `d = 1 / (steps * epochs)`: `max(1/steps - e d, 0.03/steps)` for all but the last; from epoch `epochs` on only the last.
    ///
    /// ```
    /// use fewshot_meta::MultiStep;
    /// let weights = MultiStep { epochs: 10, epoch: 500 }.weights(5, 5);
    /// assert!(weights.iter().zip([0.1, 0.1, 0.1, 0.1, 0.6]).all(|(w, expected)| (w - expected).abs() < 1e-12));
    /// ```
    pub fn weights(&self, steps: usize, epoch: u64) -> Vec<f64> {
        let mut weights = vec![0.0; steps];
        let Some((last, others)) = weights.split_last_mut() else { return weights };
        if epoch < self.epochs {
            let count = steps as f64;
            let moved = epoch as f64 / (count * self.epochs as f64);
            others.fill((1.0 / count - moved).max(0.03 / count));
        }
        *last = 1.0 - others.iter().sum::<f64>();
        weights
    }
}

/// Outer updates of an epoch in the paper's experiments.
const EPOCH: u64 = 500;

impl<M> Maml<M> {
    /// MAML++ with the Omniglot settings of the released configurations: 5 steps of 0.1 at first, rates per layer and step, norm
    /// weights and running statistics per step, the multi-step loss for 10 epochs of 500 updates. The outer rate falls along a cosine
    /// from 1e-3 to 1e-5 over 100 epochs ([`Schedule`](fewshot_nn::Schedule)), which is up to the trainer.
    ///
    /// The paper's text anneals the order over 50 epochs, `first_order_until: 25_000`; the released configurations do not, and nor does
    /// this. Queries are normalised with batch statistics, as the released code does; `policy: Running` uses the statistics of the steps,
    /// as the text says.
    pub fn plus_plus(model: M) -> Self {
        Maml {
            train_steps: 5,
            eval_steps: 5,
            inner_lr: 0.1,
            rates: Rates::PerStep,
            multi_step: Some(MultiStep { epochs: 10, epoch: EPOCH }),
            norm_weights: Sharing::PerStep,
            norm_statistics: Sharing::PerStep,
            policy: NormPolicy::Batch,
            ..Maml::new(model)
        }
    }
}
