//! [`ParamBuilder`] and [`ParamSpec`]: the weights and running statistics of an architecture.

use std::fmt::Display;

use fewshot_autodiff::{Array, Float, Shape};
use rand::rngs::ChaCha8Rng;

use crate::init::Init;
use crate::model::{MEAN, VARIANCE};
use crate::params::{ParamId, Params};
use crate::signature::{Input, Signature};

/// The name `name` within a scope: `block1.conv.weight`.
pub(crate) fn path(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    init: Init,
    /// Number of equal copies along a new first axis.
    copies: Option<usize>,
    /// Whether the weight scales or shifts the output of a norm.
    of_norm: bool,
}

impl Entry {
    fn array<F: Float>(&self, rng: &mut ChaCha8Rng) -> (String, Array<F>) {
        (self.name.clone(), self.repeated(self.init.array(self.single(), rng)))
    }

    /// The shape of one copy.
    fn single(&self) -> &[usize] {
        &self.shape[usize::from(self.copies.is_some())..]
    }

    fn repeated<F: Float>(&self, one: Array<F>) -> Array<F> {
        match self.copies {
            Some(copies) => Array::new(&self.shape, one.data().repeat(copies)),
            None => one,
        }
    }
}

/// Names, shapes and initial values of a model's weights, and of the running statistics of its norms; the examples it
/// takes, the number of its outputs, and its [`Signature`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParamSpec {
    weights: Vec<Entry>,
    statistics: Vec<Entry>,
    input: Input,
    outputs: Option<usize>,
    signature: Signature,
}

impl ParamSpec {
    /// Names and shapes of the weights, in the order of the [`Params`] that `init` makes.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = (&str, &[usize])> {
        self.weights.iter().map(|e| (e.name.as_str(), e.shape.as_slice()))
    }

    /// Names and shapes of the running statistics.
    pub fn statistic_shapes(&self) -> impl ExactSizeIterator<Item = (&str, &[usize])> {
        self.statistics.iter().map(|e| (e.name.as_str(), e.shape.as_slice()))
    }

    /// Number of elements of all weights.
    pub fn count(&self) -> usize {
        self.weights().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Initial weights; equal states of `rng` give equal weights.
    pub fn init<F: Float>(&self, rng: &mut ChaCha8Rng) -> Params<Array<F>> {
        Params::new(self.weights.iter().map(|e| e.array(rng)).collect())
    }

    /// This spec with one more weight, at the end.
    ///
    /// # Panics
    /// When the name is taken, or the number of elements overflows.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, name: &str, shape: &[usize], init: Init) -> Self {
        assert!(self.weights().all(|(n, _)| n != name), "ParamSpec: there is already a weight {name:?}");
        let (name, shape) = (name.to_owned(), Shape::new(shape).to_vec());
        self.weights.push(Entry { name, shape, init, copies: None, of_norm: false });
        self
    }

    /// Names of the weights that scale and shift the output of a norm ([`ParamBuilder::norm_weight`]).
    pub fn norms(&self) -> impl Iterator<Item = &str> {
        self.weights.iter().filter(|e| e.of_norm).map(|e| e.name.as_str())
    }

    /// The examples that the model takes.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The number of outputs for an example, if known.
    pub fn outputs(&self) -> Option<usize> {
        self.outputs
    }

    /// The model's signature: what distinguishes it from others with weights of equal names and shapes.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// This spec for examples of another kind.
    #[must_use]
    pub fn with_input(self, input: Input) -> Self {
        ParamSpec { input, ..self }
    }

    /// This spec with one more entry in its signature, or another value for one that is there.
    #[must_use]
    pub fn signed(self, name: &str, value: impl Display) -> Self {
        ParamSpec { signature: self.signature.with(name, value), ..self }
    }

    /// This spec with the weights and statistics of another model behind its own, and with the entries of that model's
    /// signature. Input and outputs are not changed.
    ///
    /// # Panics
    /// When both have a weight or statistic of the same name.
    #[must_use]
    #[track_caller]
    pub fn and(mut self, other: &ParamSpec) -> Self {
        for (mine, theirs) in [(&mut self.weights, &other.weights), (&mut self.statistics, &other.statistics)]
        {
            if let Some(twice) = theirs.iter().find(|entry| mine.iter().any(|e| e.name == entry.name)) {
                panic!("ParamSpec: both models have {:?}", twice.name);
            }
            mine.extend_from_slice(theirs);
        }
        self.signature = self.signature.and(&other.signature);
        self
    }

    /// This spec with `steps` equal copies, along a new first axis, of the weights and statistics whose names `chosen`
    /// accepts.
    #[must_use]
    pub fn per_step(mut self, steps: usize, chosen: impl Fn(&str) -> bool) -> Self {
        for entry in self.weights.iter_mut().chain(&mut self.statistics).filter(|e| chosen(&e.name)) {
            entry.shape.insert(0, steps);
            entry.copies = Some(steps);
        }
        self
    }

    /// Running statistics before training: means 0, variances 1.
    #[inline(never)]
    pub fn statistics<F: Float>(&self) -> Params<Array<F>> {
        let fresh = |e: &Entry| {
            let start = if e.init == Init::Ones { F::one() } else { F::zero() };
            (e.name.clone(), Array::full(&e.shape, start))
        };
        Params::new(self.statistics.iter().map(fresh).collect())
    }
}

/// Collects the weights of an architecture while its layers are made. Names are paths: `block1.conv.weight`.
///
/// ```
/// use fewshot_nn::{ParamBuilder, Linear};
/// let mut b = ParamBuilder::new();
/// let hidden = b.scope("hidden", |b| Linear::new(b, 784, 64));
/// let head = b.scope("head", |b| Linear::new(b, 64, 5));
/// let spec = b.finish();
/// let names: Vec<&str> = spec.weights().map(|(name, _)| name).collect();
/// assert_eq!(names, ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]);
/// # let _ = (hidden, head);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ParamBuilder {
    path: Vec<String>,
    spec: ParamSpec,
}

impl ParamBuilder {
    /// A builder without weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes layers whose names begin with `name`.
    ///
    /// # Panics
    /// When the name has a `*`, which stands for any characters where weights are chosen by name.
    #[track_caller]
    pub fn scope<R>(&mut self, name: &str, make: impl FnOnce(&mut Self) -> R) -> R {
        self.enter(name);
        let made = make(self);
        self.leave();
        made
    }

    /// Begins a scope within the present one.
    #[track_caller]
    pub(crate) fn enter(&mut self, name: &str) {
        check_name(name);
        self.path.push(name.to_owned());
    }

    /// Ends the present scope.
    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    #[track_caller]
    fn entry(&self, name: &str, shape: &[usize], init: Init, of_norm: bool) -> Entry {
        let name = path(&self.place(), name);
        Entry { name, shape: Shape::new(shape).to_vec(), init, copies: None, of_norm }
    }

    /// Adds a weight and returns its id.
    ///
    /// # Panics
    /// When the name is taken or has a `*`, or the number of elements overflows.
    #[track_caller]
    pub fn weight(&mut self, name: &str, shape: &[usize], init: Init) -> ParamId {
        check_name(name);
        self.add(self.entry(name, shape, init, false))
    }

    /// Adds a weight that scales or shifts the output of a norm, and returns its id. Inner loops do not adapt such weights by default; [`BatchNorm`](crate::BatchNorm) and [`LayerNorm`](crate::LayerNorm) make theirs this way.
    ///
    /// # Panics
    /// When the name is taken, or has a `*`.
    #[track_caller]
    pub fn norm_weight(&mut self, name: &str, shape: &[usize], init: Init) -> ParamId {
        check_name(name);
        self.add(self.entry(name, shape, init, true))
    }

    #[track_caller]
    fn add(&mut self, entry: Entry) -> ParamId {
        let taken = self.spec.weights.iter().any(|e| e.name == entry.name);
        assert!(!taken, "ParamBuilder: there is already a weight {:?}", entry.name);
        self.spec.weights.push(entry);
        ParamId(self.spec.weights.len() - 1)
    }

    /// Adds the running mean and variance `[channels]` of a norm: `mean` and `variance` in the present scope. Returns the path
    /// of the scope.
    ///
    /// # Panics
    /// When the scope has statistics already.
    #[track_caller]
    pub fn statistics(&mut self, channels: usize) -> String {
        for (name, init) in [(MEAN, Init::Zeros), (VARIANCE, Init::Ones)] {
            let entry = self.entry(name, &[channels], init, false);
            let taken = self.spec.statistics.iter().any(|e| e.name == entry.name);
            assert!(!taken, "ParamBuilder: there are already statistics {:?}", entry.name);
            self.spec.statistics.push(entry);
        }
        self.place()
    }

    /// Declares the examples that the model takes; others are refused with a message before a layer is reached.
    pub fn takes(&mut self, input: Input) {
        self.spec.input = input;
    }

    /// Declares the number of outputs for an example.
    pub fn gives(&mut self, outputs: usize) {
        self.spec.outputs = Some(outputs);
    }

    /// Adds to the signature a setting that changes the model's outputs and not the names and shapes of its weights, such as an activation;
    /// the name is a path like that of a weight.
    pub fn sign(&mut self, name: &str, value: impl Display) {
        let name = path(&self.place(), name);
        self.spec.signature = std::mem::take(&mut self.spec.signature).with(&name, value);
    }

    /// The path of the present scope.
    pub(crate) fn place(&self) -> String {
        self.path.join(".")
    }

    /// The spec of what has been made so far.
    pub(crate) fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    /// The finished spec.
    pub fn finish(self) -> ParamSpec {
        self.spec
    }
}

/// # Panics
/// When a name has a character that stands for others in patterns.
#[track_caller]
fn check_name(name: &str) {
    assert!(
        !name.contains('*'),
        "ParamBuilder: the name {name:?} has a '*', which stands for any characters in patterns"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_known_by_what_they_are() {
        let mut b = ParamBuilder::new();
        b.scope("norm", |b| b.weight("weight", &[2, 2], Init::Zeros));
        b.scope("stage", |b| b.norm_weight("gain", &[2], Init::Ones));
        let spec = b.finish().with("more", &[1], Init::Zeros);
        assert_eq!(spec.norms().collect::<Vec<_>>(), ["stage.gain"]);
        let copied = spec.per_step(3, |name| name == "stage.gain");
        assert_eq!(copied.norms().collect::<Vec<_>>(), ["stage.gain"]);
    }

    #[test]
    #[should_panic(expected = "has a '*'")]
    fn a_name_is_no_pattern() {
        ParamBuilder::new().scope("any*", |_| ());
    }
}
