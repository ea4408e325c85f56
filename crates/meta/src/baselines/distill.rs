//! Distillation: a network trained on labels and on the answers of another one (Hinton, Vinyals, Dean 2015: "Distilling the knowledge in a
//! neural network"; Tian et al. 2020, RFS, section 3.3 and released code, where teacher and student are alike).

use std::fmt;
use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Var};
use fewshot_nn::{Mode, Model, Noise, NormPolicy, ParamSpec, Params, Pass};

use crate::baselines::pretrain::Pretrain;
use crate::error::Error;
use crate::fit::Answers;
use crate::learner::{Learner, Steps};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::predictor::Predictor;
use crate::predictor::forward::inference;
use crate::predictor::state::PredictorState;
use crate::task::{Examples, Task};

/// A trained network whose answers are learned, normalised by its running statistics.
pub struct Teacher<F: Float = f32> {
    /// The network, with an output for each class that the student has one for.
    pub model: Arc<dyn Model<F>>,
    /// Its weights.
    pub weights: Params<Array<F>>,
    /// Its running statistics; empty where it has no norms.
    pub statistics: Params<Array<F>>,
}

impl<F: Float> Teacher<F> {
    /// A network with what [`Pretrain`] has made of it.
    pub fn new(model: impl Model<F> + 'static, trained: &Meta<Array<F>>) -> Self {
        let (weights, statistics) = (trained.theta.clone(), trained.statistics.clone());
        Teacher { model: Arc::new(model), weights, statistics }
    }

    /// Logits `[n, classes]` of a batch, as constants.
    fn logits<'t>(&self, x: Var<'t, F>) -> Var<'t, F> {
        let mut pass = inference(x.tape(), Some(&self.statistics));
        self.model.forward(&self.weights.on(x.tape()), x, &mut pass).detach()
    }
}

impl<F: Float> Clone for Teacher<F> {
    fn clone(&self) -> Self {
        let (weights, statistics) = (self.weights.clone(), self.statistics.clone());
        Teacher { model: Arc::clone(&self.model), weights, statistics }
    }
}

impl<F: Float> fmt::Debug for Teacher<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teacher").field("weights", &self.weights.names()).finish_non_exhaustive()
    }
}

/// Ordinary classification with a teacher: of a batch, the query, the loss is
/// `(1 - share) CE(labels, student) + share T^2 KL(teacher || student)`, means over the batch; the probabilities of the divergence are the
/// softmax of logits divided by the temperature `T`.
///
/// What is learned is that of a [`Pretrain`] of the same network: saved models of one are models of the other, and using one needs no teacher.
///
/// ```
/// use fewshot_meta::{Distill, Learner, Pretrain, Teacher};
/// use fewshot_nn::{Conv4, Conv4Config};
/// let network = || Conv4::new(&Conv4Config { filters: 8, ..Conv4Config::pooled_64() }.with_head(64));
/// let trained = Learner::<f32>::init(&Pretrain::new(network()), 1); // and then trained
/// let student = Distill::new(Pretrain::new(network()), Teacher::new(network(), &trained));
/// assert_eq!((student.share, student.temperature), (0.5, 4.0));
/// ```
pub struct Distill<M, F: Float = f32> {
    /// The network that learns.
    pub student: Pretrain<M>,
    /// The network that is learned from.
    pub teacher: Teacher<F>,
    /// The weight of the divergence, 0 to 1; labels have the rest.
    pub share: f64,
    /// Divides the logits of both.
    pub temperature: f64,
}

impl<M, F: Float> Clone for Distill<M, F> {
    fn clone(&self) -> Self {
        Distill { student: self.student.clone(), teacher: self.teacher.clone(), ..*self }
    }
}

impl<M: fmt::Debug, F: Float> fmt::Debug for Distill<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distill")
            .field("student", &self.student)
            .field("teacher", &self.teacher)
            .field("share", &self.share)
            .field("temperature", &self.temperature)
            .finish()
    }
}

impl<M: Model<F>, F: Float> Distill<M, F> {
    /// Halves of labels and teacher, temperature 4, as in RFS.
    ///
    /// # Panics
    /// When the two networks have other numbers of outputs.
    #[track_caller]
    pub fn new(student: Pretrain<M>, teacher: Teacher<F>) -> Self {
        if let (Some(taught), Some(own)) = (teacher.model.spec().outputs(), student.model.spec().outputs()) {
            assert_eq!(taught, own, "Distill::new: the teacher has {taught} outputs, the student {own}");
        }
        Distill { student, teacher, share: 0.5, temperature: 4.0 }
    }
}

/// `KL(p || q)` of the softmax `p` of `teacher` and `q` of `student`, logits `[n, classes]` divided by a temperature; the mean over the rows.
fn divergence<'t, F: Float>(teacher: Var<'t, F>, student: Var<'t, F>, temperature: F) -> Var<'t, F> {
    let (p, log_p) = {
        let logits = teacher / temperature;
        (logits.softmax(1), logits.log_softmax(1))
    };
    let log_q = (student / temperature).log_softmax(1);
    (p * (log_p - log_q)).sum_axes(&[1]).mean()
}

impl<F: Float, M: Model<F> + 'static> Learner<F> for Distill<M, F> {
    /// That of the student.
    fn spec(&self) -> ParamSpec {
        Learner::<F>::spec(&self.student)
    }

    fn answers_with(&self) -> Answers {
        Learner::<F>::answers_with(&self.student)
    }

    /// The support is not looked at, and may be empty.
    fn check_task(&self, task: &Task<Array<F>>) -> Result<(), Error> {
        self.student.check_task(task)
    }

    fn check_support(&self, support: &Examples<Array<F>>) -> Result<(), Error> {
        self.student.check_support(support)
    }

    fn episode<'t>(
        &self,
        meta: &Meta<Var<'t, F>>,
        task: &Task<Var<'t, F>>,
        noise: &Noise,
    ) -> Outcome<Var<'t, F>> {
        let query = &task.query;
        let mut pass = Pass::batch().with_noise(noise).with_mode(Mode::FirstOrder);
        let predictions = self.student.model.forward(&meta.theta, query.x, &mut pass);
        let (share, temperature) = (F::of(self.share), F::of(self.temperature));
        let divergence = divergence(self.teacher.logits(query.x), predictions, temperature);
        let loss =
            query.y.loss(predictions) * (F::one() - share) + divergence * (share * temperature * temperature);
        Outcome { statistics: pass.into_statistics(), ..Outcome::new(loss, predictions) }
    }

    fn policy(&self) -> NormPolicy {
        self.student.policy
    }

    fn restore(&self, state: &PredictorState<F>) -> Result<Box<dyn Predictor<F>>, Error> {
        self.student.restore(state)
    }

    fn predictors(
        &self,
        meta: &Meta<Array<F>>,
        support: &Examples<Array<F>>,
        wanted: Steps,
    ) -> Vec<Box<dyn Predictor<F>>> {
        self.student.predictors(meta, support, wanted)
    }
}
