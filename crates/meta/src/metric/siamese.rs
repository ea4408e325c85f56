//! Siamese networks (Koch, Zemel, Salakhutdinov 2015: "Siamese Neural Networks for One-shot Image Recognition", ICML deep learning
//! workshop).
//!
//! A network embeds both images of a pair with the same weights; `p(same) = sigmoid(b + sum_j a_j |h1_j - h2_j|)` (their section
//! 3.1). It is trained on pairs to tell same from different, and classifies by the support example most likely to be the same.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Init, Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::error::Error;
use crate::fit::{self, Answers};
use crate::labels::Labels;
use crate::learner::learner_spec;
use crate::meta::Meta;
use crate::metric::metric_learner::{MetricLearner, learner_by_comparison};
use crate::outcome::Outcome;
use crate::task::{Examples, Task};

/// Names of the comparison's weights.
const WEIGHT: &str = "comparison.weight";
const BIAS: &str = "comparison.bias";

/// The encoding of a support: embeddings `[n, features]` and, for each, its class as `[n, ways]` of 0 and 1.
const EMBEDDINGS: &str = "embeddings";
const MEMBERS: &str = "members";

/// Taken from the logits of support examples of other classes before the largest is taken.
const OUT_OF_CLASS: f64 = 1e30;

/// A Siamese network.
///
/// In training a task is a batch of pairs ([`Pairs`](fewshot_episodes::Pairs)): image `k` of the support beside image `k` of the query, of
/// label 1 where they are the same, else 0. All go through the network as one batch; predictions are the logits `[0, l]` of
/// different and same, whose cross-entropy is the binary one of `l`. In use a task is an ordinary one: a class scores the largest logit
/// of its support examples beside the query.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Learner, Siamese};
/// use fewshot_nn::{Init, Mlp};
/// let bias = Init::Constant(0.7);
/// let learner = Siamese { bias, ..Siamese::new(Mlp::new(&[2, 16]), 16) };
/// let meta = Learner::<f32>::init(&learner, 1);
/// let x = Array::new(&[2, 2], vec![0.0, 1.0, 5.0, -3.0]);
/// let predictor = learner.adapt(&meta, &Examples::new(x.clone(), Labels::Classes(vec![1, 0])));
/// let logits = predictor.predict(&x); // the support itself: nothing differs, the bias is left
/// assert_eq!((logits.data()[1], logits.data()[2]), (0.7, 0.7));
/// ```
#[derive(Debug)]
pub struct Siamese<M> {
    /// The twin: its outputs are flattened to embeddings `[n, features]`.
    pub model: Arc<M>,
    /// Numbers of an embedding.
    pub features: usize,
    /// Initial weights `a` of the differences, `[features, 1]`.
    pub weight: Init,
    /// Initial bias `b`, `[1]`.
    pub bias: Init,
    /// Normalisation in use, as for [`ProtoNet`](crate::ProtoNet).
    pub policy: NormPolicy,
}

impl<M> Clone for Siamese<M> {
    fn clone(&self) -> Self {
        Siamese { model: Arc::clone(&self.model), ..*self }
    }
}

impl<M> Siamese<M> {
    /// For a network whose features are of order 1: at first their mean difference counts, four times, against a logit of 1.
    /// Running statistics, each batch weighing 0.1.
    pub fn new(model: M, features: usize) -> Self {
        Siamese {
            model: Arc::new(model),
            features,
            weight: Init::Constant(-4.0 / features as f64),
            bias: Init::Ones,
            policy: NormPolicy::Running { momentum: 0.1 },
        }
    }

    /// The paper's initial values of a fully connected layer (section 3.2): normal with standard deviation 0.2, and of mean 0.5
    /// and deviation 0.01.
    pub fn koch(model: M, features: usize) -> Self {
        Siamese {
            weight: Init::Normal { std: 0.2 },
            bias: Init::NormalAround { mean: 0.5, std: 0.01 },
            ..Siamese::new(model, features)
        }
    }

    /// Logits of "same" of embeddings `[.., features]` whose absolute differences these are: `[n]` of them in all, as `[n, 1]`.
    fn logits<'t, F: Float>(&self, theta: &Params<Var<'t, F>>, differences: Var<'t, F>) -> Var<'t, F> {
        differences
            .abs()
            .reshape(&[differences.shape().count() / self.features, self.features])
            .matmul(theta[WEIGHT])
            + theta[BIAS]
    }
}

impl<F: Float, M: Model<F> + 'static> MetricLearner<F> for Siamese<M> {
    #[track_caller]
    fn embed<'t>(&self, theta: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let z = self.model.forward(theta, x, pass).flatten();
        let (shape, features) = (z.shape(), self.features);
        assert_eq!(
            shape[1], features,
            "Siamese: embeddings {shape}, but the comparison is of {features} features"
        );
        z
    }

    fn encode_support<'t>(
        &self,
        _: &Params<Var<'t, F>>,
        support: &Examples<Var<'t, F>>,
        _: &mut Pass<'t, F>,
    ) -> Params<Var<'t, F>> {
        let (classes, ways) = support.y.classes("Siamese");
        let members = support.x.tape().one_hot(classes, ways);
        Params::new(vec![(EMBEDDINGS.to_owned(), support.x), (MEMBERS.to_owned(), members)])
    }

    fn encoding_names(&self) -> &'static [&'static str] {
        &[EMBEDDINGS, MEMBERS]
    }

    fn scores<'t>(
        &self,
        theta: &Params<Var<'t, F>>,
        encoding: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        _: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let support = encoding[EMBEDDINGS];
        let (known, asked) = (support.shape()[0], query.shape()[0]);
        let differences = query.insert_axis(1) - support.insert_axis(0);
        let logits = self.logits(theta, differences).reshape(&[asked, known, 1]);
        let others = (encoding[MEMBERS] - F::one()) * F::of(OUT_OF_CLASS);
        (logits + others.insert_axis(0)).max_axes(&[1])
    }

    /// Verifies a batch of pairs.
    ///
    /// # Panics
    /// When support and query differ in number, or the labels are no classes.
    #[track_caller]
    fn outcome<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let (first, second) = (task.support.x, task.query.x);
        let pairs = first.shape()[0];
        assert_eq!(
            pairs,
            second.shape()[0],
            "Siamese: {} images beside {}: training tasks are batches of pairs, as fewshot_episodes::Pairs gives them",
            pairs,
            second.shape()[0]
        );
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
        let z = self.embed(&meta.theta, Var::concat(&[first, second], 0), &mut pass);
        let z = z.split(0, &[pairs, pairs]);
        let same = self.logits(&meta.theta, z[0] - z[1]);
        let different = same.tape().var(&Array::zeros(&[pairs, 1]));
        let predictions = Var::concat(&[different, same], 1);
        let loss = task.query.y.loss(predictions);
        Outcome { statistics: pass.into_statistics(), ..Outcome::new(loss, predictions) }
    }
}

learner_by_comparison! {
    impl<M: Model> Learner for Siamese<M> {
        fn spec(&self) -> ParamSpec {
            let twin = learner_spec(self.model.spec().clone(), "Siamese", self.policy);
            twin.with(WEIGHT, &[self.features, 1], self.weight).with(BIAS, &[1], self.bias)
        }

        fn check_example(&self, example: &[usize]) -> Result<(), Error> {
            let (twin, features) = (self.model.spec(), self.features);
            let cause = match twin.outputs() {
                Some(outputs) if outputs != features => {
                    format!("the network gives {outputs} features, but the comparison is of {features}")
                }
                _ if twin.input().takes(example) => return Ok(()),
                _ => format!("the images are {example:?}, the learner takes {}", twin.input()),
            };
            Err(Error::Unfit { cause })
        }

        /// A task is a batch of pairs.
        fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
            let unfit = |cause: String| Err(Error::Unfit { cause });
            let Task { support: first, query: second } = task;
            fit::counted("support", first)?;
            fit::counted("query", second)?;
            self.check_example(fit::example(&first.x))?;
            let (a, b) = (first.x.shape(), second.x.shape());
            if a != b {
                return unfit(format!(
                    "images {a:?} beside {b:?}: training tasks are batches of pairs, as fewshot_episodes::Pairs gives them"
                ));
            }
            match &second.y {
                Labels::Classes(classes) if classes.iter().all(|&class| class < 2) => Ok(()),
                Labels::Classes(_) => unfit("pairs are labelled 0, of two classes, or 1, of one".into()),
                Labels::Values(_) => fit::labels("query", &second.y, Answers::SupportClasses),
            }
        }
    }
}
