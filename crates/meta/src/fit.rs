//! Whether meta-parameters, tasks and queries fit what they are given to, and in which words they do not.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::{ParamSpec, Params};

use crate::error::Error;
use crate::labels::{Labels, NOT_CLASSES};
use crate::learner::Learner;
use crate::meta::Meta;
use crate::task::{Examples, Task};

/// What labels a learner answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answers {
    /// Not known.
    #[default]
    Unknown,
    /// The number of its outputs: labels are classes below it, or each example has that number of values.
    Outputs(usize),
    /// The classes of the support, each of which needs an example there.
    SupportClasses,
}

impl Answers {
    /// The labels of a model, from its number of outputs where that is known.
    pub fn of(model: &ParamSpec) -> Self {
        model.outputs().map_or(Answers::Unknown, Answers::Outputs)
    }

    /// Classes of a query are below this, where there is such a bound.
    pub(crate) fn bound(self, ways: usize) -> Option<usize> {
        match self {
            Answers::Unknown => None,
            Answers::Outputs(outputs) => Some(outputs),
            Answers::SupportClasses => Some(ways),
        }
    }
}

fn unfit(cause: String) -> Error {
    Error::Unfit { cause }
}

/// Fails with these words, unless the condition holds.
fn ensure(holds: bool, cause: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(unfit(cause())) }
}

/// The value, or a panic at the caller's line with the error's words.
#[track_caller]
pub(crate) fn or_panic<T>(who: &str, result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{who}: {error}"),
    }
}

/// # Panics
/// At the caller's line, when a learner cannot adapt from this.
#[track_caller]
pub(crate) fn ready<F: Float, L: Learner<F> + ?Sized>(
    learner: &L,
    meta: &Meta<Array<F>>,
    support: &Examples<Array<F>>,
) {
    or_panic("adapt", learner.check_meta(meta).and_then(|()| learner.check_support(support)));
}

/// The error of episode `i`.
pub(crate) fn of_episode(episode: u64, error: Error) -> Error {
    match error {
        Error::Unfit { cause } => Error::Task { episode, cause },
        other => other,
    }
}

/// What lanes carry has the names and shapes of what a learner's carry; a learner without lanes does not look at them.
#[inline(never)]
pub(crate) fn lanes<F: Float>(own: &[Params<Array<F>>], given: &[Params<Array<F>>]) -> Result<(), Error> {
    let Some(first) = own.first() else { return Ok(()) };
    ensure(!given.is_empty(), || {
        format!("the meta-parameters carry no lanes, the learner has {}", own.len())
    })?;
    for (lane, given) in given.iter().enumerate() {
        let expected = first.iter().map(|(name, x)| (name, x.shape()));
        alike(&format!("carried value of lane {lane}"), expected, given)?;
    }
    Ok(())
}

/// There are as many lanes to train in as the learner has.
pub(crate) fn lane_count(own: usize, given: usize) -> Result<(), Error> {
    ensure(own == given, || format!("the meta-parameters carry {given} lanes, the learner has {own}"))
}

/// Meta-parameters and statistics have the names and shapes of a spec.
#[inline(never)]
pub(crate) fn weights<F: Float>(spec: &ParamSpec, meta: &Meta<Array<F>>) -> Result<(), Error> {
    alike("meta-parameter", spec.weights(), &meta.theta)?;
    alike("statistic", spec.statistic_shapes(), &meta.statistics)
}

/// `given` has these names and shapes in this order.
fn alike<'a, F: Float>(
    what: &str,
    expected: impl ExactSizeIterator<Item = (&'a str, &'a [usize])>,
    given: &Params<Array<F>>,
) -> Result<(), Error> {
    let count = expected.len();
    let mut rest = given.iter();
    for (name, shape) in expected {
        match rest.next() {
            None => {
                return Err(unfit(format!(
                    "the learner has the {what} {name} {shape:?}, which is not given"
                )));
            }
            Some((other, _)) if other != name => {
                return Err(unfit(format!("the learner has the {what} {name} where {other} is given")));
            }
            Some((_, array)) => ensure(array.shape() == shape, || {
                format!("the {what} {name} is {:?}, the learner has {shape:?}", array.shape())
            })?,
        }
    }
    ensure(given.len() == count, || {
        let more = &given.names()[count];
        format!("the {what} {more} is given, which the learner has not")
    })
}

/// The shape of one example.
pub(crate) fn example<F: Float>(x: &Array<F>) -> &[usize] {
    x.shape().get(1..).unwrap_or(&[])
}

/// There are examples, as many as labels.
pub(crate) fn counted<F: Float>(who: &str, examples: &Examples<Array<F>>) -> Result<(), Error> {
    let (shape, labels) = (examples.x.shape(), examples.y.len());
    ensure(shape.first() == Some(&labels), || {
        format!("the {who} has {labels} labels for x {shape:?}, whose first axis counts the examples")
    })?;
    ensure(labels > 0, || format!("the {who} has no examples"))
}

/// Labels are such as are answered with.
pub(crate) fn labels<F: Float>(who: &str, y: &Labels<Array<F>>, answers: Answers) -> Result<(), Error> {
    match (y, answers) {
        (Labels::Values(_), Answers::SupportClasses) => Err(unfit(format!("the {who}: {NOT_CLASSES}"))),
        (Labels::Values(values), Answers::Outputs(outputs)) => {
            let each = example(values);
            ensure(each == [outputs], || {
                format!("the {who} has values {each:?} for an example, the learner gives [{outputs}]")
            })
        }
        (Labels::Classes(classes), Answers::Outputs(outputs)) => {
            below(who, classes, outputs, "the learner tells")
        }
        _ => Ok(()),
    }
}

fn below(who: &str, classes: &[usize], bound: usize, whose: &str) -> Result<(), Error> {
    match classes.iter().find(|&&class| class >= bound) {
        Some(class) => {
            Err(unfit(format!("the {who} has class {class}, {whose} {bound} classes apart, numbered from 0")))
        }
        None => Ok(()),
    }
}

/// Something can be learned from a support.
#[inline(never)]
pub(crate) fn support<F: Float>(support: &Examples<Array<F>>, answers: Answers) -> Result<(), Error> {
    counted("support", support)?;
    labels("support", &support.y, answers)?;
    if let (Labels::Classes(classes), Answers::SupportClasses) = (&support.y, answers) {
        let ways = support.y.ways();
        let missing = (0..ways).find(|class| !classes.contains(class));
        ensure(missing.is_none(), || {
            format!("class {} of {ways} has no support example", missing.unwrap_or_default())
        })?;
    }
    Ok(())
}

/// A query goes with its support.
#[inline(never)]
pub(crate) fn query<F: Float>(task: &Task<Array<F>>, answers: Answers) -> Result<(), Error> {
    let Task { support, query } = task;
    counted("query", query)?;
    let (asked, known) = (example(&query.x), example(&support.x));
    ensure(asked == known, || format!("the query has examples {asked:?}, the support {known:?}"))?;
    match (&query.y, &support.y) {
        (Labels::Classes(classes), Labels::Classes(_)) => {
            if answers == Answers::SupportClasses {
                below("query", classes, support.y.ways(), "the support tells")?;
            }
        }
        (Labels::Values(asked), Labels::Values(known)) => {
            let (asked, known) = (example(asked), example(known));
            ensure(asked == known, || {
                format!("the query has values {asked:?} for an example, the support {known:?}")
            })?;
        }
        (Labels::Classes(_), Labels::Values(_)) => {
            return Err(unfit("the support has real targets, the query classes".into()));
        }
        (Labels::Values(_), Labels::Classes(_)) => {
            return Err(unfit("the support has classes, the query real targets".into()));
        }
    }
    labels("query", &query.y, answers)
}

/// Queries are such as a predictor takes.
#[inline(never)]
pub(crate) fn queries<F: Float>(taken: Option<&[usize]>, x: &Array<F>) -> Result<(), Error> {
    let shape = x.shape();
    ensure(!shape.is_empty(), || "queries [] have no axis that counts them".into())?;
    if let Some(taken) = taken {
        let asked = example(x);
        ensure(asked == taken, || {
            format!("the predictor takes {taken:?} for an example, got {asked:?} (x {shape:?})")
        })?;
    }
    ensure(shape[0] > 0, || format!("there are no queries: x {shape:?}"))
}
