//! A trained network that is not adapted, and a classifier of its features that is solved for on each support (Tian, Wang, Krishnan,
//! Tenenbaum, Isola 2020: "Rethinking Few-Shot Image Classification: a Good Embedding Is All You Need?", ECCV, section 3, RFS; Wang, Chao,
//! Weinberger, van der Maaten 2019: "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning", section 3).

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Headed, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::baselines::support_copies::SupportCopies;
use crate::error::Error;
use crate::fit::{self, Answers};
use crate::heads::feature_head::FeatureHead;
use crate::heads::head_kind::HeadKind;
use crate::heads::solved;
use crate::heads::transform::Transform;
use crate::labels::Labels;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::metric::metric_learner::MetricLearner;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::forward::inference;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// Why this learner is not trained itself.
const NOT_TRAINED: &str = "frozen features are not trained by episodes: train the network by ordinary classification (Pretrain), and \
     take its weights over (Meta::transfer)";

/// A network trained by ordinary classification, frozen, and a head on its features: RFS with logistic regression, SimpleShot with the nearest
/// class mean.
///
/// Meta-parameters are the weights of the network, which [`Pretrain`](crate::Pretrain) trains and [`Meta::transfer`] takes over; where the
/// model has a classification head of its own, that is not read. There is nothing to learn from episodes: [`Learner::check_task`] says so to
/// a trainer, and [`Learner::episode`] panics. Where the head cannot be solved for, the answers are NaN, which
/// [`evaluate`](crate::evaluate) and [`Predictor::try_predict`] refuse.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Filter, FrozenFeatures, Labels, Learner, Pretrain};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let encoder = Conv4Config { filters: 8, size: 32, channels: 3, ..Conv4Config::pooled_64() };
/// let pretrain = Pretrain::new(Conv4::new(&encoder.with_head(64)));
/// let trained = Learner::<f32>::init(&pretrain, 1); // and then trained
///
/// let rfs = FrozenFeatures::rfs(Conv4::new(&encoder));
/// let meta = trained.transfer(&rfs, &Filter::only(&[]), 0);
/// let images = |n: usize| Array::from_fn(&[n, 32, 32, 3], |i| (i % 7) as f32 / 7.0);
/// let support = Examples::new(images(5), Labels::Classes((0..5).collect()));
/// assert_eq!(rfs.adapt(&meta, &support).predict(&images(3)).shape(), [3, 5]);
/// ```
#[derive(Debug)]
pub struct FrozenFeatures<M> {
    /// The network.
    pub model: Arc<M>,
    /// What is solved for on the features of a support.
    pub head: FeatureHead,
    /// Normalisation in use. With the statistics of the batch ([`NormPolicy::Batch`], [`NormPolicy::SupportPlusOne`]) the head is solved for
    /// anew whenever queries come.
    pub policy: NormPolicy,
    /// Changed copies of a support's pictures, of which the head is learned in place of these; none for the pictures as they are.
    pub copies: Option<SupportCopies>,
}

impl<M> Clone for FrozenFeatures<M> {
    fn clone(&self) -> Self {
        FrozenFeatures { model: Arc::clone(&self.model), head: self.head.clone(), ..*self }
    }
}

impl<M> FrozenFeatures<M> {
    /// A head on the features of a network, normalised by running statistics of momentum 0.1, of the support as it is.
    pub fn new(model: M, head: FeatureHead) -> Self {
        let policy = NormPolicy::Running { momentum: 0.1 };
        FrozenFeatures { model: Arc::new(model), head, policy, copies: None }
    }

    /// Logistic regression with `c` 1 on features of length one (RFS). The released code learns from five changed copies of each picture: see
    /// [`copies`](Self::copies).
    pub fn rfs(model: M) -> Self {
        Self::new(model, FeatureHead::new(HeadKind::logistic(), Transform::UnitLength))
    }

    /// The nearest class mean of features of length one (SimpleShot's L2N). [`centred`](Self::centred) makes it CL2N.
    pub fn simple_shot(model: M) -> Self {
        Self::new(model, FeatureHead::new(HeadKind::NearestMean, Transform::UnitLength))
    }

    /// Features `[n, d]` of examples along axis 0 of `x`, normalised by the running statistics of `meta`.
    ///
    /// # Panics
    /// When meta-parameters or examples do not fit the network.
    #[track_caller]
    pub fn features<F: Float>(&self, meta: &Meta<Array<F>>, x: &Array<F>) -> Array<F>
    where
        M: Headed<F> + 'static,
    {
        let fitted = self.check_meta(meta).and_then(|()| self.check_example(fit::example(x)));
        fit::or_panic("features", fitted);
        let tape = Tape::new();
        let mut pass = inference(&tape, Some(&meta.statistics));
        self.model.features(&meta.theta.on(&tape), tape.var(x), &mut pass).flatten().value()
    }

    /// The same learner with features taken off their mean over these batches of the pictures the network was trained with, and brought to
    /// length one (SimpleShot's CL2N): neither support nor test classes belong to them.
    ///
    /// # Panics
    /// When there are no pictures, or meta-parameters or pictures do not fit the network.
    #[must_use]
    #[track_caller]
    pub fn centred<F: Float>(
        mut self,
        meta: &Meta<Array<F>>,
        batches: impl IntoIterator<Item = Array<F>>,
    ) -> Self
    where
        M: Headed<F> + 'static,
    {
        let (mut sum, mut count) = (Vec::new(), 0);
        for batch in batches {
            let features = self.features(meta, &batch);
            let d = features.shape()[1];
            sum.resize(d, 0.0);
            count += features.shape()[0];
            for row in features.data().chunks_exact(d) {
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.as_f64());
            }
        }
        assert!(count > 0, "FrozenFeatures::centred: no pictures, so that their features have no mean");
        sum.iter_mut().for_each(|x| *x /= count as f64);
        self.head.transform = Transform::CentredUnitLength { centre: sum };
        self
    }

    /// The head of a support whose examples are features, as the arrays that hold it; NaN where none is found.
    fn solved<F: Float>(&self, features: &Examples<Array<F>>) -> Params<Array<F>> {
        let found = match features.x.all_finite() {
            true => self.head.solved(features),
            false => Err("features are not finite".into()),
        };
        let d = features.x.len() / features.y.len();
        let unknown = |_| solved::Solved::unknown(self.head.kind, d, features.y.ways());
        let mut memory = found.unwrap_or_else(unknown).memory();
        memory.extend(solved::centre_of(&self.head.transform));
        Params::new(memory)
    }
}

impl<F: Float, M: Headed<F> + 'static> MetricLearner<F> for FrozenFeatures<M> {
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.model.features(theta, x, pass).flatten()
    }

    /// The head. Values are looked at, which there are where nothing is recorded: this learner is used, and not trained.
    fn encode_support<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (numbers, _) = support.y.classes("FrozenFeatures");
        let classes = numbers.value().data().iter().map(|class| class.as_f64() as usize).collect();
        let features = Examples::new(support.x.value(), Labels::Classes(classes));
        self.solved(&features).on(support.x.tape())
    }

    fn scores<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let state = PredictorState { memory: encoding.arrays(), ..PredictorState::default() };
        let head = fit::or_panic("FrozenFeatures", self.head.restore(&state));
        query.tape().var(&head.predict(&query.value()))
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        self.head.names()
    }
}

impl<F: Float, M: Headed<F> + 'static> Learner<F> for FrozenFeatures<M> {
    fn spec(&self) -> ParamSpec {
        let spec = learner_spec(self.model.spec().clone(), "FrozenFeatures", self.policy);
        self.head.signed(spec)
    }

    fn answers_with(&self) -> Answers {
        Answers::SupportClasses
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        fit::support(support, Answers::SupportClasses)?;
        Learner::<F>::check_example(self, fit::example(&support.x))?;
        self.head.check_settings(&support.y)?;
        self.copies.map_or(Ok(()), |copies| copies.check(fit::example(&support.x)))
    }

    /// # Errors
    /// Always: the network is trained by [`Pretrain`](crate::Pretrain).
    fn check_task(&self, _: &Task<Array<F>>) -> Result<(), Error> {
        Err(Error::Unfit { cause: NOT_TRAINED.to_owned() })
    }

    /// # Panics
    /// Always: the network is trained by [`Pretrain`](crate::Pretrain).
    #[track_caller]
    fn episode<'t>(&self, _: &Meta<Var<'t, F>>, _: &Task<Var<'t, F>>, _: &Noise) -> Outcome<Var<'t, F>> {
        panic!("FrozenFeatures: {NOT_TRAINED}")
    }

    fn policy(&self) -> NormPolicy {
        self.policy
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        vec![match self.copies {
            Some(copies) => self.predictor(meta, &copies.of(support)),
            None => self.predictor(meta, support),
        }]
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        self.restored(state)
    }
}
