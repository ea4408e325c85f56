//! LEO (Rusu, Rao, Sygnowski, Vinyals, Pascanu, Osindero, Hadsell 2019: "Meta-Learning with Latent Embedding Optimization", ICLR).
//!
//! The support is encoded as a short latent code of each class, which a decoder turns into the weights of a linear classifier;
//! gradient steps are taken on the codes, where there is little to overfit, and a few more on the weights at the end.

pub(crate) mod leo_task;
pub(crate) mod loss_terms;
pub(crate) mod network;

use fewshot_autodiff::{Array, Float, Tape, Var};
use fewshot_nn::{Clip, Input, Noise, ParamSpec, Params};

use crate::error::Error;
use crate::fit::{Answers, example, or_panic, queries};
use crate::learner::{Learner, Steps};
use crate::meta::Meta;
use crate::optimization::leo::leo_task::LeoTask;
use crate::optimization::leo::loss_terms::encoder_penalty;
use crate::optimization::leo::network::LeoNetwork;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::state::{PredictorState, input_of};
use crate::task::{Examples, Task};

/// Weights of the classifier, in what a predictor holds: `[ways, inputs]`.
const CLASSIFIER: &str = "classifier.weight";
/// Smallest squared length that features are divided by.
const SHORTEST: f64 = 1e-12;

/// Latent embedding optimisation: codes are adapted in place of weights.
///
/// Examples are feature vectors `[n, inputs]` of a network trained before (section 4.2.1). Of the support's codes `e_i` (encoder, dropout before
/// it) a relation network sees every ordered pair, pairs of a code with itself among them; its answers are averaged over the
/// second and then over the examples of a class, and give mean and deviation of the class's latent `z` (eq. 1 to 3, figure 2). The
/// decoder gives mean and deviation of the weights `w` of a classifier without bias (eq. 4). Then
///
/// * `latent_steps` steps `z <- z - rate * grad_z L_S(w(z))`, decoding again after each (eq. 5),
/// * `fine_tuning_steps` steps `w <- w - rate * grad_w L_S(w)`,
///
/// with a learned rate for every dimension (`latent.rate`, `fine_tuning.rate`). In training codes and weights are samples, and features
/// drop out wherever they enter; in use they are means, and nothing is random. The loss to be learned by (eq. 6 and 10) is
///
/// `L_Q(w) + kl_weight KL + encoder_weight |sg(z') - z|^2 + l2_weight |theta|^2 + orthogonality_weight |C - I|^2`
///
/// with the divergence from `N(0, I)` by the sample at hand, `z'` the adapted codes as constants, the squares of encoder, relation network
/// and decoder, and the correlations `C` of the decoder's rows; all but the sum of squares are means over their numbers.
///
/// As in the released code each of a class's K examples has a copy of `z` with samples of its own, and the logits of a class are the mean over
/// its copies. So each copy gets a K-th of the gradient, in training and in use alike. Classes may have unequal shots: a copy
/// counts one K-th of its class.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::{Examples, Labels, Learner, Leo};
/// let leo = Leo::mini_1shot();
/// // 640-64, 128-128-128-128, 64-1280, and the rates
/// assert_eq!(Learner::<f32>::spec(&leo).count(), 40_960 + 3 * 16_384 + 81_920 + 64 + 640);
///
/// let small = Leo { latent: 4, hidden: 4, ..Leo::new(8) };
/// let meta = Learner::<f32>::init(&small, 1);
/// let x = Array::from_fn(&[3, 8], |i| (i as f32).sin());
/// let predictor = small.adapt(&meta, &Examples::new(x.clone(), Labels::Classes(vec![0, 1, 1])));
/// assert_eq!(predictor.predict(&x).shape(), [3, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leo {
    /// Numbers of a feature vector.
    pub inputs: usize,
    /// Numbers of a code that the relation network compares; its layers are twice as wide.
    pub hidden: usize,
    /// Numbers of a latent code.
    pub latent: usize,
    /// Whether feature vectors are brought to length one (released code).
    pub normalised: bool,
    /// Steps on the latent codes.
    pub latent_steps: usize,
    /// Rates of the latent steps before training.
    pub latent_rate: f64,
    /// Steps on the classifier's weights, after the latent steps.
    pub fine_tuning_steps: usize,
    /// Rates of the fine-tuning steps before training.
    pub fine_tuning_rate: f64,
    /// Probability that a number of a feature vector is dropped in training.
    pub dropout: f64,
    /// Weight of the divergence of the codes' distribution: beta.
    pub kl_weight: f64,
    /// Weight of the encoder's penalty: gamma.
    pub encoder_weight: f64,
    /// Weight of the squared weights: lambda 1.
    pub l2_weight: f64,
    /// Weight of the decoder's correlations: lambda 2.
    pub orthogonality_weight: f64,
}

impl Default for Leo {
    /// [`Leo::new`] for the 640 features of the paper's network.
    fn default() -> Self {
        Leo::new(640)
    }
}

impl Leo {
    /// Limits of the mean meta-gradient (released code): numbers within 0.1, then each parameter's norm at most 0.1.
    pub const CLIP: Clip = Clip::ValueThenEachNorm { value: 0.1, norm: 0.1 };

    /// The defaults of the released code, for feature vectors of `inputs` numbers; its outer rate is 1e-4.
    pub fn new(inputs: usize) -> Self {
        Leo {
            inputs,
            hidden: 64,
            latent: 64,
            normalised: true,
            latent_steps: 5,
            latent_rate: 1.0,
            fine_tuning_steps: 5,
            fine_tuning_rate: 1e-3,
            dropout: 0.5,
            kl_weight: 1e-3,
            encoder_weight: 1e-9,
            l2_weight: 1e-8,
            orthogonality_weight: 1e-3,
        }
    }

    /// The settings found for miniImageNet, 5-way 1-shot; the outer rate is 2.739071e-4 (appendix, table of hyperparameters).
    pub fn mini_1shot() -> Self {
        Leo {
            dropout: 0.307651,
            kl_weight: 0.756143,
            encoder_weight: 5.756821e-6,
            l2_weight: 3.623413e-10,
            orthogonality_weight: 0.188103,
            ..Leo::default()
        }
    }

    /// The settings found for miniImageNet, 5-way 5-shot; the outer rate is 4.102361e-4 (appendix, table of
    /// hyperparameters).
    pub fn mini_5shot() -> Self {
        Leo {
            dropout: 0.300299,
            kl_weight: 0.466387,
            encoder_weight: 2.661608e-7,
            l2_weight: 8.540338e-9,
            orthogonality_weight: 1.523998e-3,
            ..Leo::default()
        }
    }

    /// Feature vectors `[n, inputs]`, of length one if so set.
    #[track_caller]
    pub(crate) fn features<'t, F: Float>(&self, x: Var<'t, F>) -> Var<'t, F> {
        let (shape, flat) = (x.shape(), x.flatten());
        let inputs = self.inputs;
        assert_eq!(
            flat.shape()[1],
            inputs,
            "Leo: examples {shape}, but features of {inputs} numbers are learned"
        );
        match self.normalised {
            true => flat / flat.square().keep_sum(&[1]).max_scalar(F::of(SHORTEST)).sqrt(),
            false => flat,
        }
    }

    /// Features, in training without some of their numbers.
    pub(crate) fn dropped<'t, F: Float>(&self, x: Var<'t, F>, noise: Option<&Noise>) -> Var<'t, F> {
        match noise {
            Some(noise) if self.dropout > 0.0 => x * noise.mask(x.tape(), &x.shape(), self.dropout),
            _ => x,
        }
    }

    fn spec(&self) -> ParamSpec {
        let spec = LeoNetwork::new(self).1.with_input(Input::Numbers(self.inputs));
        spec.signed("algorithm", "Leo").signed("features of length one", self.normalised)
    }
}

fn last<T: Copy>(all: &[T]) -> T {
    *all.last().expect("there is one more than steps")
}

impl<F: Float> Learner<F> for Leo {
    fn spec(&self) -> ParamSpec {
        Leo::spec(self)
    }

    fn answers_with(&self) -> Answers {
        Answers::SupportClasses
    }

    /// # Panics
    /// When examples have another number of features, or the labels are no classes.
    #[track_caller]
    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let theta = &meta.theta;
        let leo_task = LeoTask::new(self, theta, &task.support, Some(noise));
        let (start, divergence) = leo_task.start();
        let adapted = last(&leo_task.latents(start));
        let weights = last(&leo_task.fine_tuned(leo_task.decoded(adapted)));
        let predictions = leo_task.logits(self.features(task.query.x), weights);
        let divergence = divergence.expect("samples are drawn with noise");
        let terms = [
            (self.kl_weight, divergence),
            (self.encoder_weight, encoder_penalty(start, adapted)),
            (self.l2_weight, leo_task.network.squares(theta)),
            (self.orthogonality_weight, leo_task.network.correlations(theta)),
        ];
        let weighted = terms.into_iter().map(|(weight, term)| term * F::of(weight));
        let loss = weighted.fold(task.query.y.loss(predictions), |sum, term| sum + term);
        Outcome::new(loss, predictions)
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        let spec = Leo::spec(self);
        let other = |cause: String| Err(Error::OtherLearner { cause });
        match (state.weights.get(CLASSIFIER), state.weights.len()) {
            (Some(weights), 1) if weights.rank() == 2 && weights.shape()[1] == self.inputs => {
                state.check(&spec)?;
                let input = input_of(state, &spec);
                Ok(Box::new(Classifier { leo: *self, weights: weights.clone(), input }))
            }
            (Some(weights), 1) => {
                other(format!("weight {CLASSIFIER} is {:?}, not [ways, {}]", weights.shape(), self.inputs))
            }
            _ => other(format!("weights are {:?}, not {CLASSIFIER} alone", state.weights.names())),
        }
    }

    /// The classifier decoded from the codes before the first latent step and after each, then that after each step of
    /// fine-tuning.
    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        let tape = Tape::new();
        let theta = meta.theta.on(&tape);
        let leo_task = LeoTask::new(self, &theta, &support.on(&tape), None);
        let latents = leo_task.latents(leo_task.start().0);
        let mut weights: Vec<Var<'_, F>> = latents.iter().map(|&z| leo_task.decoded(z)).collect();
        weights.extend(&leo_task.fine_tuned(last(&weights))[1..]);
        let predictor = |_, w| {
            let (weights, input) = (leo_task.classifier(w).value(), Some(example(&support.x).to_vec()));
            Box::new(Classifier { leo: *self, weights, input }) as Box<dyn Predictor<F>>
        };
        wanted.of(weights.into_iter(), predictor)
    }
}

/// A linear classifier of feature vectors.
struct Classifier<F: Float> {
    leo: Leo,
    weights: Array<F>,
    input: Option<Vec<usize>>,
}

impl<F: Float> Predictor<F> for Classifier<F> {
    fn input_shape(&self) -> Option<&[usize]> {
        self.input.as_deref()
    }

    #[track_caller]
    fn predict(&self, x: &Array<F>) -> Array<F> {
        or_panic("predict", queries(self.input_shape(), x));
        let tape = Tape::new();
        self.leo.features(tape.var(x)).matmul_nt(tape.var(&self.weights)).value()
    }

    fn state(&self) -> Option<PredictorState<F>> {
        let weights = Params::new(vec![(CLASSIFIER.to_owned(), self.weights.clone())]);
        let (signature, input) = (Leo::spec(&self.leo).signature().clone(), self.input.clone());
        Some(PredictorState { weights, signature, input, ..PredictorState::default() })
    }
}
