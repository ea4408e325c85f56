//! Meta-SGD (Li, Zhou, Chen, Li 2017: "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning").
//!
//! MAML with one inner step whose rate is a learned vector of the parameters' shape, so that size and direction of the step are
//! learned: `theta' = theta - alpha * grad L_S(theta)`, element by element; theta and alpha move against the gradient of `L_Q(theta')`.

use crate::optimization::maml::{Maml, Rates};

impl<M> Maml<M> {
    /// Meta-SGD: one step in training and in use, of rates drawn from `[0.005, 0.1)` for every number; they may become negative.
    pub fn meta_sgd(model: M) -> Self {
        Maml { rates: Rates::Each { low: 0.005, high: 0.1 }, ..Maml::new(model) }
    }
}
