//! Weights of one learner for another.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::Params;

use crate::inner_loop::filter::Filter;
use crate::learner::Learner;
use crate::meta::Meta;

impl<F: Float> Meta<Array<F>> {
    /// What was learned here, for another learner: weights and statistics of the same name are taken over, those that `fresh` names are
    /// as [`init`](Learner::init) makes them from `seed`. What the other learner has no use for is left away.
    ///
    /// ```
    /// use fewshot_meta::{Filter, Learner, Nil, Pretrain, Vote};
    /// use fewshot_nn::{Conv4, Conv4Config, NormPolicy};
    /// let encoder = Conv4Config::pooled_64();
    /// let pretrain = Pretrain::new(Conv4::new(&encoder.with_head(64)));
    /// let trained = Learner::<f32>::init(&pretrain, 1); // and then trained
    /// // the nearest neighbour among features, of a network without the head
    /// let policy = NormPolicy::Running { momentum: 0.1 };
    /// let nearest = Nil { vote: Vote::Nearest, policy, ..Nil::new(Conv4::new(&encoder)) };
    /// let meta = trained.transfer(&nearest, &Filter::only(&[]), 0);
    /// assert_eq!(meta.theta.count(), 111_936);
    /// assert_eq!(meta.theta["block4.conv.weight"], trained.theta["block4.conv.weight"]);
    /// ```
    ///
    /// # Panics
    /// When a weight or statistic that is not fresh is missing here, or has another shape.
    #[must_use]
    #[track_caller]
    pub fn transfer(&self, learner: &dyn Learner<F>, fresh: &Filter, seed: u64) -> Meta<Array<F>> {
        let new = learner.init(seed);
        let theta = taken(&self.theta, &new.theta, fresh);
        let statistics = taken(&self.statistics, &new.statistics, fresh);
        let (lanes, signature) = (learner.lanes(&theta), new.signature);
        Meta { lanes, iteration: self.iteration, signature, ..Meta::new(theta, statistics) }
    }
}

/// The values of `known` for the names of `wanted`, but for those that stay fresh.
#[track_caller]
fn taken<F: Float>(known: &Params<Array<F>>, wanted: &Params<Array<F>>, fresh: &Filter) -> Params<Array<F>> {
    for (name, own) in wanted.iter().filter(|(name, _)| !fresh.has(name)) {
        match known.get(name) {
            Some(value) => assert_eq!(
                value.shape(),
                own.shape(),
                "transfer: {name} has shape {:?}, the other learner's has {:?}; name it among the fresh ones",
                value.shape(),
                own.shape()
            ),
            None => panic!("transfer: there is no {name:?} among {:?}", known.names()),
        }
    }
    wanted.map_named(|name, own| if fresh.has(name) { own.clone() } else { known[name].clone() })
}
