//! Ordinary supervised training, without adaptation: the pretraining of the baselines.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Model, Noise, NormPolicy, ParamSpec};

use crate::error::Error;
use crate::fit::{self, Answers};
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::adapted::AdaptedModel;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// A network trained on the queries as they are: the loss is `L_Q(theta)`, and the support is not looked at.
///
/// On [`ClassBatches`](fewshot_episodes::ClassBatches) it is the classifier over all training classes that
/// [`FineTune`](crate::FineTune) and nearest neighbours ([`Nil`](crate::Nil)) start from (Ravi and Larochelle 2017, section 5.1: 64 filters,
/// batches of 64, Adam 1e-3, 30,000 updates); a batch is an episode, so the meta-batch is 1. On
/// [`Sinusoid`](fewshot_episodes::Sinusoid) it is joint regression, "pretrained on all tasks" (Finn, Abbeel and Levine 2017, section
/// 5.1), which cannot do better than one function for all waves until it is fine-tuned.
///
/// ```
/// use fewshot_episodes::{ClassBatches, Purpose, Rotations, Tasks, glyphs};
/// use fewshot_meta::{Pretrain, Trainer, Training};
/// use fewshot_nn::{Adam, Conv4, Conv4Config};
/// use std::sync::Arc;
/// let config = glyphs::GlyphConfig { alphabets: 1, characters: 4..=4, ..Default::default() };
/// let images = Arc::new(glyphs::generate(&config, 1));
/// let classes: Vec<_> = (0..4).map(Into::into).collect();
/// let batches = ClassBatches::new(images, &classes, 8, Rotations::None, 1, Purpose::Train)?;
/// let config = Conv4Config { filters: 8, ..Conv4Config::pooled_64() }.with_head(batches.outputs().width());
/// let pretrain = Pretrain::new(Conv4::new(&config));
/// let mut trainer = Trainer::new(&pretrain, &batches, Adam::default(), Training::default());
/// assert!(trainer.step()?.accuracy.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pretrain<M> {
    /// The network; its head has as many outputs as there are training classes.
    pub model: Arc<M>,
    /// Normalisation in use; training uses batch statistics.
    pub policy: NormPolicy,
}

impl<M> Clone for Pretrain<M> {
    fn clone(&self) -> Self {
        Pretrain { model: Arc::clone(&self.model), policy: self.policy }
    }
}

impl<M> Pretrain<M> {
    /// Running statistics in use, of momentum 0.1.
    pub fn new(model: M) -> Self {
        Pretrain { model: Arc::new(model), policy: NormPolicy::Running { momentum: 0.1 } }
    }
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Pretrain<M> {
    fn spec(&self) -> ParamSpec {
        learner_spec(self.model.spec().clone(), "Pretrain", self.policy)
    }

    fn answers_with(&self) -> Answers {
        Answers::of(self.model.spec())
    }

    /// The support is not looked at, and may be empty.
    fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
        fit::counted("query", &task.query)?;
        self.check_example(fit::example(&task.query.x))?;
        fit::labels("query", &task.query.y, Answers::of(self.model.spec()))
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        self.check_example(fit::example(&support.x))
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        Outcome::of_query(&*self.model, &meta.theta, &task.query, noise)
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    /// The network as it is.
    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        AdaptedModel::restored(&self.model, &Learner::<F>::spec(self), self.policy, state)
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let (spec, weights) = (Learner::<F>::spec(self), meta.theta.clone());
        vec![AdaptedModel::predictor(&self.model, &spec, self.policy, weights, &meta.statistics, support)]
    }
}
