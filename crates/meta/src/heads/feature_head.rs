//! [`FeatureHead`]: a classifier of fixed features that is solved for on each support.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Input, Noise, NormPolicy, ParamSpec};

use crate::error::Error;
use crate::fit::{self, Answers, example};
use crate::heads::head_kind::HeadKind;
use crate::heads::solved::{BIAS, CENTRE, HeadPredictor, MEANS, Solved, WEIGHTS};
use crate::heads::transform::Transform;
use crate::labels::Labels;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// Why a learner without meta-parameters is not trained.
pub(crate) const NOT_TRAINED: &str = "a head of fixed features has nothing to train: call `adapt` or `evaluate`, with the meta-parameters that `init` gives, of which there are none";

/// A few-shot classifier of fixed feature vectors, such as a frozen encoder makes of images: features are transformed, and a head is solved for on
/// the support, in f64 whatever the element type.
///
/// Examples are feature vectors `[n, d]`; others `[n, ..]` count as vectors. There are no meta-parameters, so that it **is not trained**: [`Learner::check_task`]
/// says so to a trainer, and [`Learner::episode`] panics. [`evaluate`](crate::evaluate), saving and restoring work as for any learner.
///
/// Where a solver does not converge, as it may on features of very different sizes with hardly a penalty, the weights are NaN: `evaluate` and
/// `try_predict` fail, and [`Learner::try_adapt`] gives the reason.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, FeatureHead, HeadKind, Labels, Learner, Transform};
/// let x = Array::new(&[3, 2], vec![2.0, 0.1, 1.0, 0.0, 0.2, 3.0]); // classes may have unequal shots
/// let support = Examples::new(x, Labels::Classes(vec![0, 0, 1]));
/// let query = Array::new(&[2, 2], vec![5.0, 1.0, 0.5, 4.0]);
/// for kind in [HeadKind::NearestMean, HeadKind::cosine(), HeadKind::logistic(), HeadKind::ridge(), HeadKind::svm()] {
///     let head = FeatureHead::new(kind, Transform::UnitLength);
///     let predictor = head.adapt(&Learner::<f32>::init(&head, 1), &support);
///     let logits = predictor.predict(&query);
///     assert!(logits.data()[0] > logits.data()[1] && logits.data()[2] < logits.data()[3], "{kind:?}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureHead {
    /// How classes are told apart.
    pub kind: HeadKind,
    /// What is done to features first. The predictor keeps the centre of [`Transform::CentredUnitLength`]; one that is restored has the centre it was
    /// saved with.
    pub transform: Transform,
    /// Logits are divided by it, which changes probabilities and no answer; [`fit_temperature`](crate::fit_temperature) finds it on validation episodes.
    pub temperature: f64,
}

impl FeatureHead {
    /// A head of temperature 1.
    pub fn new(kind: HeadKind, transform: Transform) -> Self {
        FeatureHead { kind, transform, temperature: 1.0 }
    }

    /// The classifier for a support, or why there is none, in words.
    pub(crate) fn solved<F: Float>(&self, support: &Examples<Array<F>>) -> Result<Solved, String> {
        let (classes, ways) = (support.y.class_list("FeatureHead"), support.y.ways());
        self.kind.solve(&self.transform.rounded::<F>().apply(&support.x), classes, ways)
    }

    /// Whether the settings are such as it can work with, and suit a support of these labels.
    pub(crate) fn check_settings<F: Float>(&self, y: &Labels<Array<F>>) -> Result<(), Error> {
        let unfit = |cause| Error::Unfit { cause };
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            let cause =
                format!("the temperature of the head is {}: it must be above 0 and finite", self.temperature);
            return Err(unfit(cause));
        }
        self.kind.check(y.class_list("check_support"), y.ways()).map_err(unfit)
    }

    /// A spec signed with what tells this head from others.
    pub(crate) fn signed(&self, spec: ParamSpec) -> ParamSpec {
        spec.signed("head", self.kind.signature())
            .signed("transform", self.transform.name())
            .signed("temperature", self.temperature)
    }

    /// The names of the arrays that hold what was solved for.
    pub(crate) fn names(&self) -> &'static [&'static str] {
        match (self.kind.is_of_means(), self.transform.centre()) {
            (true, None) => &[MEANS],
            (true, Some(_)) => &[MEANS, CENTRE],
            (false, None) => &[WEIGHTS, BIAS],
            (false, Some(_)) => &[WEIGHTS, BIAS, CENTRE],
        }
    }

    fn predictor<F: Float>(&self, solved: &Solved, support: &Examples<Array<F>>) -> Box<dyn Predictor<F>> {
        let signature = Learner::<F>::spec(self).signature().clone();
        let (transform, input) = (self.transform.rounded::<F>(), Some(example(&support.x).to_vec()));
        let predictor = HeadPredictor::<F>::new(self.clone(), signature, solved, transform, input);
        Box::new(predictor.expect("what was solved for has the shapes of its kind"))
    }
}

/// A support is of classes, and of finite features; a centre has their size.
pub(crate) fn check_features<F: Float>(
    transform: &Transform,
    support: &Examples<Array<F>>,
) -> Result<(), Error> {
    fit::support(support, Answers::SupportClasses)?;
    let unfit = |cause: &str| Err(Error::Unfit { cause: cause.to_owned() });
    if !support.x.all_finite() {
        return unfit("the support has features that are not finite");
    }
    if support.x.is_empty() {
        return unfit("the support has features of no numbers");
    }
    match transform.centre() {
        Some(centre) if !centre.iter().all(|&x| F::of(x).is_finite()) => {
            unfit("the centre of the features is not finite")
        }
        _ => Ok(()),
    }
}

/// The examples that a transform takes.
pub(crate) fn input_of_transform(transform: &Transform) -> Input {
    transform.centre().map_or(Input::Any, |centre| Input::Numbers(centre.len()))
}

impl<F: Float> Learner<F> for FeatureHead {
    fn spec(&self) -> ParamSpec {
        let spec = ParamSpec::default().with_input(input_of_transform(&self.transform));
        self.signed(learner_spec(spec, "FeatureHead", NormPolicy::Batch))
    }

    fn answers_with(&self) -> Answers {
        Answers::SupportClasses
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        check_features(&self.transform, support)?;
        Learner::<F>::check_example(self, example(&support.x))?;
        self.check_settings(&support.y)
    }

    /// # Errors
    /// Always: there is nothing to train.
    fn check_task(&self, _: &Task<Array<F>>) -> Result<(), Error> {
        Err(Error::Unfit { cause: NOT_TRAINED.to_owned() })
    }

    /// # Panics
    /// Always: there is nothing to train.
    #[track_caller]
    fn episode<'t>(&self, _: &Meta<Var<'t, F>>, _: &Task<Var<'t, F>>, _: &Noise) -> Outcome<Var<'t, F>> {
        panic!("FeatureHead: {NOT_TRAINED}")
    }

    fn predictors(
        &self,
        _: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let ways = support.y.ways();
        let d = support.x.len() / support.y.len();
        let solved = self.solved(support).unwrap_or_else(|_| Solved::unknown(self.kind, d, ways));
        vec![self.predictor(&solved, support)]
    }

    fn try_adapt(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
    ) -> Result<Box<dyn Predictor<F>>, Error> {
        self.check_meta(meta)?;
        Learner::<F>::check_support(self, support)?;
        let solved = self.solved(support).map_err(|cause| Error::Unfit { cause })?;
        Ok(self.predictor(&solved, support))
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let spec = Learner::<F>::spec(self);
        state.check(&spec)?;
        Ok(Box::new(HeadPredictor::restored(self.clone(), spec.signature().clone(), state)?))
    }
}
