//! A learner's work on episodes of one form, recorded once.

use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Program, Shape};
use fewshot_episodes::ChaCha8Rng;
use fewshot_nn::{Noise, NoiseSpec, Params};

use crate::engine::ordered_sum::TaskResults;
use crate::error::Error;
use crate::labels::{ClassNumbers, Labels};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::outcome::accuracy;
use crate::task::{Examples, Task};

/// What episodes must have in common to share a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    stage: u64,
    task: Task<Shape>,
}

impl Form {
    /// Classes of the support; 0 for real targets.
    fn ways(&self) -> usize {
        match self.task.support.y {
            Labels::Classes(ClassNumbers { ways, .. }) => ways,
            Labels::Values(_) => 0,
        }
    }

    /// The form of a task; nothing for one whose support lacks a class, which is for the eager way to complain of.
    pub(crate) fn of<F: Float>(stage: u64, task: &Task<Array<F>>) -> Option<Self> {
        // a query need not show every class: the support says how many there are
        let ways = task.support.y.ways();
        let side = |examples: &Examples<Array<F>>| {
            let y = match &examples.y {
                Labels::Classes(classes) => {
                    Labels::Classes(ClassNumbers { numbers: Shape::new(&[classes.len()]), ways })
                }
                Labels::Values(values) => Labels::Values(Shape::new(values.shape())),
            };
            Examples { x: Shape::new(examples.x.shape()), y }
        };
        let complete = match &task.support.y {
            Labels::Classes(classes) => (0..ways).all(|class| classes.contains(&class)),
            Labels::Values(_) => true,
        };
        complete
            .then(|| Form { stage, task: Task { support: side(&task.support), query: side(&task.query) } })
    }
}

/// A learner's work on episodes of one form.
pub(crate) struct Recording<F: Float> {
    pub(crate) form: Form,
    pub(crate) program: Arc<Program<F>>,
    draws: Vec<NoiseSpec>,
    statistics: Option<Params<()>>,
    carried: Params<()>,
    /// Classes of a query are below this.
    bound: Option<usize>,
}

impl<F: Float> Recording<F> {
    /// Records the work, if asked to twice: a learner that does other work the second time would do that of the first for all tasks.
    pub(crate) fn new(
        learner: &dyn Learner<F>,
        meta: &Meta<Array<F>>,
        form: Form,
        twice: bool,
    ) -> Result<Self, Error> {
        let recording = Self::once(learner, meta, form);
        if twice {
            recording.compare(learner, meta)?;
        }
        Ok(recording)
    }

    /// Records once more, and fails if that is other work.
    pub(crate) fn compare(&self, learner: &dyn Learner<F>, meta: &Meta<Array<F>>) -> Result<(), Error> {
        let again = Self::once(learner, meta, self.form.clone());
        let difference = match self.draws == again.draws {
            true => self.program.difference(&again.program),
            false => Some("it draws other noise".into()),
        };
        difference.map_or(Ok(()), |difference| {
            Err(Error::Changing { cause: format!("recorded once more, {difference}") })
        })
    }

    fn once(learner: &dyn Learner<F>, meta: &Meta<Array<F>>, form: Form) -> Self {
        let noise = Noise::recorder();
        let (mut statistics, mut carried) = (None, Params::default());
        let program = Program::record(|tape| {
            let meta = meta.of_first_lane(|x| tape.shared_input(x.shape()));
            let [support, query] = [&form.task.support, &form.task.query].map(|side| {
                let x = tape.input(&side.x);
                Examples { x, y: side.y.map(|shape| tape.input(&shape)) }
            });
            let g = learner.gradient(&meta, &Task { support, query }, &noise);
            statistics = g.statistics.as_ref().map(|s| s.map(|_| ()));
            carried = g.carried.map(|_| ());
            let mut results = vec![g.loss, g.predictions];
            results.extend_from_slice(g.gradient.values());
            results.extend(g.statistics.iter().flat_map(|s| s.values()));
            results.extend_from_slice(g.carried.values());
            results
        });
        let bound = learner.answers_with().bound(form.ways());
        Recording { form, program: Arc::new(program), draws: noise.draws(), statistics, carried, bound }
    }

    /// Whether the query of a task of this form has classes that are told apart.
    pub(crate) fn takes_query(&self, task: &Task<Array<F>>) -> bool {
        match (self.bound, &task.query.y) {
            (Some(bound), Labels::Classes(classes)) => classes.iter().all(|&class| class < bound),
            _ => true,
        }
    }

    /// The meta-gradient of a task of this form.
    pub(crate) fn run(
        &self,
        meta: &Meta<Array<F>>,
        task: &Task<Array<F>>,
        rng: impl FnOnce() -> ChaCha8Rng,
    ) -> Outcome<Array<F>> {
        let given = self.given(task, rng);
        let mut results = self.program.run(&given.inputs(meta, task)).into_iter();
        let mut next = || results.next().expect("a program has the results that were recorded");
        Outcome {
            loss: next(),
            predictions: next(),
            gradient: meta.theta.with_values((0..meta.theta.len()).map(|_| next()).collect()),
            statistics: self.statistics.as_ref().map(|names| names.map(|()| next())),
            carried: self.carried.map(|()| next()),
        }
    }

    /// The results of at most `most` tasks of this form, run together; each has a stream of random numbers.
    pub(crate) fn run_batched<R: FnOnce() -> ChaCha8Rng>(
        &self,
        meta: &Meta<Array<F>>,
        most: usize,
        tasks: impl Iterator<Item = (Task<Array<F>>, R)>,
    ) -> TaskResults<F> {
        let (mut batch, mut queries) = (self.program.batched(most), Vec::with_capacity(most));
        // one by one: small allocations that are given back at once cost little
        for (task, rng) in tasks {
            let given = self.given(&task, rng);
            batch.add(&given.inputs(meta, &task));
            queries.push(match task.query.y {
                Labels::Classes(_) => Some(task.query.y),
                Labels::Values(_) => None,
            });
        }
        let mut results = batch.run().into_iter();
        let mut next = || results.next().expect("a program has the results that were recorded");
        let (losses, predictions) = (next(), next());
        let mut gradient: Vec<Array<F>> = (0..meta.theta.len()).map(|_| next()).collect();
        if queries.len() == 1 {
            gradient.iter_mut().for_each(|all| *all = all.reshape(&all.shape()[1..]));
        }
        let statistics = self.statistics.as_ref().map(|names| names.map(|()| next()));
        let of_task = |array: &Array<F>, k: usize| {
            let shape = &array.shape()[1..];
            let count = shape.iter().product::<usize>();
            Array::new(shape, array.data()[k * count..][..count].to_vec())
        };
        let accuracies = queries.iter().enumerate().map(|(k, labels)| {
            labels.as_ref().and_then(|labels| accuracy(labels, &of_task(&predictions, k)))
        });
        TaskResults {
            losses: losses.data().iter().map(|loss| loss.as_f64()).collect(),
            accuracies: accuracies.collect(),
            gradient,
            statistics: statistics.map_or_else(Vec::new, |all| {
                (0..queries.len()).map(|k| all.map(|x| of_task(x, k))).collect()
            }),
        }
    }

    /// The values of the program's inputs for a task, beside those of the task itself.
    pub(crate) fn given(&self, task: &Task<Array<F>>, rng: impl FnOnce() -> ChaCha8Rng) -> Given<F> {
        let labels = [&task.support.y, &task.query.y].map(|y| match y {
            Labels::Classes(classes) => Array::index(classes),
            Labels::Values(values) => values.clone(),
        });
        let draws = if self.draws.is_empty() {
            Vec::new()
        } else {
            let mut rng = rng();
            self.draws.iter().map(|draw| draw.array(&mut rng)).collect()
        };
        Given { labels, draws }
    }
}

/// What a program is given for a task beside its examples: labels, and what is drawn.
pub(crate) struct Given<F: Float> {
    labels: [Array<F>; 2],
    draws: Vec<Array<F>>,
}

impl<F: Float> Given<F> {
    /// The values of the program's inputs, in the order in which they were recorded.
    pub(crate) fn inputs<'g>(
        &'g self,
        meta: &'g Meta<Array<F>>,
        task: &'g Task<Array<F>>,
    ) -> Vec<&'g Array<F>> {
        let mut inputs: Vec<&Array<F>> =
            Vec::with_capacity(2 * meta.theta.len() + meta.statistics.len() + 5 + self.draws.len());
        inputs.extend(meta.theta.values());
        inputs.extend(meta.statistics.values());
        inputs.extend(meta.lanes.first().into_iter().flat_map(|lane| lane.values()));
        inputs.extend([&task.support.x, &self.labels[0], &task.query.x, &self.labels[1]]);
        inputs.extend(&self.draws);
        inputs
    }
}
