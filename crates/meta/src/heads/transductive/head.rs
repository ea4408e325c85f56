//! [`TransductiveHead`]: a classifier of fixed features that answers all queries of a call together.

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Noise, NormPolicy, ParamSpec};

use crate::error::Error;
use crate::fit::{Answers, example, or_panic};
use crate::heads::algebra::Matrix;
use crate::heads::feature_head::{NOT_TRAINED, check_features, input_of_transform};
use crate::heads::solved::restored_transform;
use crate::heads::transductive::joint::{Joint, JointPredictor};
use crate::heads::transductive::label_propagation::{Width, label_propagation};
use crate::heads::transductive::laplacian_shot::laplacian_shot;
use crate::heads::transductive::rectification::rectified;
use crate::heads::transductive::tim::{Tim, TimSolver, tim};
use crate::heads::transform::Transform;
use crate::learner::{Learner, Steps, learner_spec};
use crate::meta::Meta;
use crate::metric::comparison::support_of;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// How a [`TransductiveHead`] answers all queries together. `z` are transformed feature vectors, `c_n` the class means of the support.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transductive {
    /// Prototypes rectified by the queries (Liu, Song, Qin 2020: "Prototype Rectification for Few-Shot Learning", BD-CSPN, as in the released code of
    /// LaplacianShot): the queries are shifted so that their mean is that of the support; each point of support and query is given to the class of
    /// the nearest `c_n` by cosine, and the new prototype is the mean of these points, each times its probability under
    /// `softmax(scale cos(z, c_n))`. Logits are `scale cos(z, prototype)`. A class to which no point is given keeps its mean.
    Rectified {
        /// Factor of the cosines, 10 in the released code.
        scale: f64,
    },
    /// Label propagation (Liu, Lee, Park, Kim, Yang, Hwang, Yang 2019: "Learning to Propagate Labels", TPN, with one constant width):
    /// logits are the queries' rows of `(I - alpha S)^-1 Y`, `S = D^-1/2 W D^-1/2`, `W_ij = exp(-mean_d (z_i - z_j)^2 / (2 sigma^2))`. As in the released
    /// code the diagonal of `W` is 1.
    LabelPropagation {
        /// The width `sigma` of the similarities.
        width: Width,
        /// `W_ij` is kept where `j` is among this many nearest of `i`, itself counted, or `i` of `j`; 20 in the paper, where a class has as
        /// many points. More than a class has lets labels leak.
        neighbours: usize,
        /// Share that is propagated, from 0 to below 1; 0.99 in the paper.
        alpha: f64,
    },
    /// LaplacianShot (Ziko, Dolz, Granger, Ben Ayed 2020: "Laplacian Regularized Few-Shot Learning"; released code): the answers `y` of nearest mean, then up to
    /// 20 times `y_q <- softmax(-|z_q - c_n|^2 + lambda sum_p W_qp y_p)`, where `W_qp` is 1 for the nearest other queries `p` of `q`.
    LaplacianShot {
        /// How much neighbours count; chosen on validation episodes, about 0.1 to 1.5 in the released settings. 0 is nearest mean.
        lambda: f64,
        /// How many nearest other queries count; 2 in the released code.
        neighbours: usize,
        /// Whether prototypes are those of [`Transductive::Rectified`] with scale 10, and queries are shifted, as in the paper; otherwise class means.
        rectified: bool,
    },
    /// Transductive information maximisation (Boudiaf et al. 2020, TIM).
    Tim(Tim),
}

impl Transductive {
    /// Rectified prototypes with cosines times 10.
    pub fn rectified() -> Self {
        Transductive::Rectified { scale: 10.0 }
    }

    /// Label propagation as in TPN, with a width of a fifth of the root mean square difference of two points, which is our choice.
    pub fn label_propagation() -> Self {
        Transductive::LabelPropagation { width: Width::Relative(0.2), neighbours: 20, alpha: 0.99 }
    }

    /// LaplacianShot with `lambda` 0.5 and rectified prototypes.
    pub fn laplacian_shot() -> Self {
        Transductive::LaplacianShot { lambda: 0.5, neighbours: 2, rectified: true }
    }

    /// TIM-ADM with the settings of the paper.
    pub fn tim() -> Self {
        Transductive::Tim(Tim::default())
    }

    /// Whether the settings are such as it can work with, or the reason why not.
    fn check(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: &str, x: f64, bound: &str| match holds && x.is_finite() {
            true => Ok(()),
            false => Err(format!("the {what} of the head is {x}: it must be {bound} and finite")),
        };
        match *self {
            Transductive::Rectified { scale } => ensure(scale > 0.0, "scale", scale, "above 0"),
            Transductive::LabelPropagation { width, neighbours, alpha } => {
                let (Width::Fixed(sigma) | Width::Relative(sigma)) = width;
                ensure(sigma > 0.0, "width", sigma, "above 0")?;
                ensure(neighbours > 0, "number of neighbours", neighbours as f64, "above 0")?;
                ensure((0.0..1.0).contains(&alpha), "alpha", alpha, "at least 0, below 1")
            }
            Transductive::LaplacianShot { lambda, .. } => {
                ensure(lambda >= 0.0, "lambda", lambda, "at least 0")
            }
            Transductive::Tim(Tim { tau, lambda, alpha, solver, .. }) => {
                if let TimSolver::Adam { rate } = solver {
                    ensure(rate > 0.0, "rate", rate, "above 0")?;
                }
                ensure(tau > 0.0, "tau", tau, "above 0")?;
                ensure(lambda > 0.0, "lambda", lambda, "above 0")?;
                ensure(alpha >= 0.0, "alpha", alpha, "at least 0")
            }
        }
    }

    /// Logits of the queries `[m, ways]`.
    pub(crate) fn logits(&self, joint: &Joint<'_>) -> Matrix {
        match *self {
            Transductive::Rectified { scale } => rectified(joint, scale),
            Transductive::LabelPropagation { width, neighbours, alpha } => {
                label_propagation(joint, width, neighbours, alpha)
            }
            Transductive::LaplacianShot { lambda, neighbours, rectified } => {
                laplacian_shot(joint, lambda, neighbours, rectified)
            }
            Transductive::Tim(settings) => tim(joint, &settings),
        }
    }
}

/// A few-shot classifier of fixed feature vectors that answers all queries of a call together, in f64 whatever the element type.
///
/// **Its results are not comparable with those of inductive learners**, which see one query at a time: here the answer to a query depends on the
/// others of the call. Most of these methods also assume that every class has about as many queries as any other, and lose several points of
/// accuracy where that does not hold; a result belongs together with the balance of its queries.
///
/// [`TransductiveHead::probabilities`] answers in one call. As a [`Learner`] it has a [`Predictor`] that keeps the support; its `predict` answers
/// the queries of one call together, so that the same query in another call may get another answer. Like a
/// [`FeatureHead`](crate::FeatureHead) it has no meta-parameters and is not trained.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Transductive, TransductiveHead, Transform};
/// let support = Examples::new(Array::new(&[2, 2], vec![3.0, 1.0, 1.0, 3.0]), Labels::Classes(vec![0, 1]));
/// let query = Array::new(&[4, 2], vec![3.0, 0.0, 2.9, 0.1, 0.1, 2.8, 0.0, 3.0]);
/// for kind in
///     [Transductive::rectified(), Transductive::label_propagation(), Transductive::laplacian_shot(), Transductive::tim()]
/// {
///     let p = TransductiveHead::new(kind, Transform::UnitLength).probabilities(&support, &query);
///     let first: Vec<bool> = p.data().chunks(2).map(|p: &[f64]| p[0] > p[1]).collect();
///     assert_eq!(first, [true, true, false, false], "{kind:?}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransductiveHead {
    /// How the queries are answered.
    pub kind: Transductive,
    /// What is done to features first; LaplacianShot has centred features of length one, TIM features of length one.
    pub transform: Transform,
}

impl TransductiveHead {
    /// A head on transformed features.
    pub fn new(kind: Transductive, transform: Transform) -> Self {
        TransductiveHead { kind, transform }
    }

    /// Probabilities `[m, ways]` of queries `[m, ..]`, answered together from a support.
    ///
    /// # Panics
    /// When the support does not fit, as [`Learner::check_support`] says, or the queries have another shape.
    #[track_caller]
    pub fn probabilities<F: Float>(&self, support: &Examples<Array<F>>, query: &Array<F>) -> Array<F> {
        or_panic("probabilities", self.check_support(support));
        self.joint(support).probabilities(query)
    }

    fn joint<F: Float>(&self, support: &Examples<Array<F>>) -> Box<dyn Predictor<F>> {
        let signature = Learner::<F>::spec(self).signature().clone();
        let (transform, input) = (self.transform.rounded::<F>(), Some(example(&support.x).to_vec()));
        Box::new(JointPredictor { kind: self.kind, signature, transform, support: support.clone(), input })
    }
}

impl<F: Float> Learner<F> for TransductiveHead {
    fn spec(&self) -> ParamSpec {
        let spec = ParamSpec::default().with_input(input_of_transform(&self.transform));
        learner_spec(spec, "TransductiveHead", NormPolicy::Batch)
            .signed("head", format!("{:?}", self.kind))
            .signed("transform", self.transform.name())
    }

    fn answers_with(&self) -> Answers {
        Answers::SupportClasses
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        check_features(&self.transform, support)?;
        Learner::<F>::check_example(self, example(&support.x))?;
        self.kind.check().map_err(|cause| Error::Unfit { cause })
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
        panic!("TransductiveHead: {NOT_TRAINED}")
    }

    fn predictors(
        &self,
        _: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        _: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        vec![self.joint(support)]
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let spec = Learner::<F>::spec(self);
        state.check(&spec)?;
        let support = support_of(state)?;
        let d = support.x.len() / support.y.len().max(1);
        let transform = restored_transform(&self.transform, state, d)?;
        check_features(&transform, &support)
            .map_err(|error| Error::OtherLearner { cause: error.to_string() })?;
        let (signature, input) = (spec.signature().clone(), Some(example(&support.x).to_vec()));
        Ok(Box::new(JointPredictor { kind: self.kind, signature, transform, support, input }))
    }
}
