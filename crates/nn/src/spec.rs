//! [`Builder`] and [`Spec`]: the weights and running statistics an architecture has.

use fewshot_autodiff::{Array, Float, Shape};
use rand::rngs::ChaCha8Rng;

use crate::init::Init;
use crate::model::{MEAN, VARIANCE};
use crate::params::{Params, Slot};

/// The name `name` within a scope: `block1.conv.weight`.
pub(crate) fn path(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    init: Init,
    /// Equal values along a further first axis of this length.
    copies: Option<usize>,
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

/// Names, shapes and initial values of a model's weights, and of the running statistics of its norms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spec {
    weights: Vec<Entry>,
    statistics: Vec<Entry>,
}

impl Spec {
    /// Names and shapes of the weights, in the order of the [`Params`] that `init` makes.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = (&str, &[usize])> {
        self.weights.iter().map(|e| (e.name.as_str(), e.shape.as_slice()))
    }

    /// How many numbers the weights hold in all.
    pub fn count(&self) -> usize {
        self.weights().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Fresh weights; equal states of `rng` give equal ones.
    pub fn init<F: Float>(&self, rng: &mut ChaCha8Rng) -> Params<Array<F>> {
        Params::new(self.weights.iter().map(|e| e.array(rng)).collect())
    }

    /// With one more weight, at the end.
    ///
    /// # Panics
    /// When the name is taken, or the shape has more elements than can be counted.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, name: &str, shape: &[usize], init: Init) -> Self {
        assert!(self.weights().all(|(n, _)| n != name), "Spec: there is already a weight {name:?}");
        let (name, shape) = (name.to_owned(), Shape::new(shape).to_vec());
        self.weights.push(Entry { name, shape, init, copies: None });
        self
    }

    /// With the weights and statistics of another model behind these.
    ///
    /// # Panics
    /// When both have one of the same name.
    #[must_use]
    #[track_caller]
    pub fn and(mut self, other: &Spec) -> Self {
        for (mine, theirs) in [(&mut self.weights, &other.weights), (&mut self.statistics, &other.statistics)]
        {
            if let Some(twice) = theirs.iter().find(|entry| mine.iter().any(|e| e.name == entry.name)) {
                panic!("Spec: both models have {:?}", twice.name);
            }
            mine.extend_from_slice(theirs);
        }
        self
    }

    /// With `steps` equal copies, along a new first axis, of the weights and statistics whose names `chosen` accepts.
    #[must_use]
    pub fn per_step(mut self, steps: usize, chosen: impl Fn(&str) -> bool) -> Self {
        for entry in self.weights.iter_mut().chain(&mut self.statistics).filter(|e| chosen(&e.name)) {
            entry.shape.insert(0, steps);
            entry.copies = Some(steps);
        }
        self
    }

    /// Running statistics before training: means 0, variances 1.
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
/// use fewshot_nn::{Builder, Linear};
/// let mut b = Builder::new();
/// let hidden = b.scope("hidden", |b| Linear::new(b, 784, 64));
/// let head = b.scope("head", |b| Linear::new(b, 64, 5));
/// let spec = b.finish();
/// let names: Vec<&str> = spec.weights().map(|(name, _)| name).collect();
/// assert_eq!(names, ["hidden.weight", "hidden.bias", "head.weight", "head.bias"]);
/// # let _ = (hidden, head);
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    path: Vec<String>,
    spec: Spec,
}

impl Builder {
    /// Without weights yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes layers whose names begin with `name`.
    pub fn scope<R>(&mut self, name: &str, make: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(name.to_owned());
        let made = make(self);
        self.path.pop();
        made
    }

    #[track_caller]
    fn entry(&self, name: &str, shape: &[usize], init: Init) -> Entry {
        let name = path(&self.path.join("."), name);
        Entry { name, shape: Shape::new(shape).to_vec(), init, copies: None }
    }

    /// Adds a weight and returns its place.
    ///
    /// # Panics
    /// When the name is taken, or the shape has more elements than can be counted.
    #[track_caller]
    pub fn weight(&mut self, name: &str, shape: &[usize], init: Init) -> Slot {
        let entry = self.entry(name, shape, init);
        let taken = self.spec.weights.iter().any(|e| e.name == entry.name);
        assert!(!taken, "Builder: there is already a weight {:?}", entry.name);
        self.spec.weights.push(entry);
        Slot(self.spec.weights.len() - 1)
    }

    /// Adds the running mean and variance `[channels]` of a norm: `mean` and `variance` in the present scope. Returns the path
    /// of the scope.
    ///
    /// # Panics
    /// When the scope has statistics already.
    #[track_caller]
    pub fn statistics(&mut self, channels: usize) -> String {
        for (name, init) in [(MEAN, Init::Zeros), (VARIANCE, Init::Ones)] {
            let entry = self.entry(name, &[channels], init);
            let taken = self.spec.statistics.iter().any(|e| e.name == entry.name);
            assert!(!taken, "Builder: there are already statistics {:?}", entry.name);
            self.spec.statistics.push(entry);
        }
        self.path.join(".")
    }

    /// The finished list.
    pub fn finish(self) -> Spec {
        self.spec
    }
}
