//! [`Params`]: an ordered list of named values.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var};

/// The place of a weight inside [`Params`], as a layer remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParamId(pub(crate) usize);

/// Named values in a fixed order: weights at rest (`T = Array`), weights on a tape (`T = Var`), gradients, moments.
///
/// Names are shared between all `Params` made from one another, so `map` and `zip` cost nothing for them.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::Params;
///
/// let theta = Params::new(vec![("w".to_owned(), Array::scalar(3.0_f64)), ("b".to_owned(), Array::scalar(1.0))]);
/// let tape = Tape::new();
/// let on_tape = theta.on(&tape);
/// let loss = (on_tape["w"] * 2.0 + on_tape["b"]).square();
/// let gradients = loss.grads(on_tape.values());
/// // one step of gradient descent, still on the tape: fast weights
/// let fast = on_tape.with_values(gradients).zip(&on_tape, |g, w| *w - *g * 0.1);
/// assert_eq!(fast["b"].item(), 1.0 - 0.1 * 14.0);
/// ```
#[derive(Clone, PartialEq)]
pub struct Params<T> {
    names: Arc<[String]>,
    values: Vec<T>,
}

impl<T> Default for Params<T> {
    /// No values.
    fn default() -> Self {
        Params::new(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Params<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> Params<T> {
    /// Values in this order.
    ///
    /// # Panics
    /// When a name stands twice.
    #[track_caller]
    pub fn new(entries: Vec<(String, T)>) -> Self {
        let (names, values): (Vec<String>, Vec<T>) = entries.into_iter().unzip();
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            panic!("Params: the name {:?} stands twice", pair[0]);
        }
        Params { names: names.into(), values }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values, in order.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.names.iter().map(String::as_str).zip(&self.values)
    }

    /// The value of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&T> {
        let place = self.names.iter().position(|n| n == name)?;
        self.values.get(place)
    }

    /// Parameters with these names and other values, given in the order of the names.
    ///
    /// # Panics
    /// When there is not one value a name.
    #[track_caller]
    pub fn with_values<U>(&self, values: Vec<U>) -> Params<U> {
        assert_eq!(values.len(), self.len(), "Params: {} values for {} names", values.len(), self.len());
        Params { names: Arc::clone(&self.names), values }
    }

    /// `f` of every value.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Params<U> {
        self.with_values(self.values.iter().map(f).collect())
    }

    /// `f` of every name and value.
    pub fn map_named<U>(&self, mut f: impl FnMut(&str, &T) -> U) -> Params<U> {
        self.with_values(self.iter().map(|(name, value)| f(name, value)).collect())
    }

    /// `f` of the values of the same name in two lists.
    ///
    /// # Panics
    /// When the names differ.
    #[track_caller]
    pub fn zip<U, V>(&self, other: &Params<U>, mut f: impl FnMut(&T, &U) -> V) -> Params<V> {
        self.check_names(other);
        let pairs = self.values.iter().zip(&other.values);
        self.with_values(pairs.map(|(a, b)| f(a, b)).collect())
    }

    #[track_caller]
    fn check_names<U>(&self, other: &Params<U>) {
        if Arc::ptr_eq(&self.names, &other.names) {
            return;
        }
        if let Some((a, b)) = self.names.iter().zip(other.names.iter()).find(|(a, b)| a != b) {
            panic!("Params: the names {a:?} and {b:?} differ");
        }
        assert_eq!(self.len(), other.len(), "Params: {} and {} values differ", self.len(), other.len());
    }
}

impl<T: Clone> Params<T> {
    /// The values whose name `wanted` accepts, in order.
    pub fn select(&self, mut wanted: impl FnMut(&str) -> bool) -> Params<T> {
        let chosen = self.iter().filter(|(name, _)| wanted(name));
        Params::new(chosen.map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    /// The values whose names are `scope.` and something, under that something, in order.
    pub fn within(&self, scope: &str) -> Params<T> {
        let inside = |(name, value): (&str, &T)| {
            let name = name.strip_prefix(scope)?.strip_prefix('.')?;
            Some((name.to_owned(), value.clone()))
        };
        Params::new(self.iter().filter_map(inside).collect())
    }

    /// The first `count` values, such as those of a model whose weights come first.
    ///
    /// # Panics
    /// When there are fewer.
    #[track_caller]
    pub fn first(&self, count: usize) -> Params<T> {
        assert!(count <= self.len(), "Params::first: {count} of {} values", self.len());
        if count == self.len() {
            return self.clone();
        }
        Params { names: self.names[..count].into(), values: self.values[..count].to_vec() }
    }

    /// The values behind the first `count`, such as those of a model whose weights come after another's.
    ///
    /// # Panics
    /// When there are fewer.
    #[track_caller]
    pub fn after(&self, count: usize) -> Params<T> {
        assert!(count <= self.len(), "Params::after: {count} of {} values", self.len());
        Params { names: self.names[count..].into(), values: self.values[count..].to_vec() }
    }

    /// The values of both: these, and then `others`, named `scope.` and their own names.
    ///
    /// # Panics
    /// When a name stands twice.
    #[must_use]
    #[track_caller]
    pub fn with_scope(self, scope: &str, others: &Params<T>) -> Params<T> {
        let own = self.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let more = others.iter().map(|(name, value)| (format!("{scope}.{name}"), value.clone()));
        Params::new(own.chain(more).collect())
    }

    /// These values, with the values of `others` in place of those of equal names.
    ///
    /// # Panics
    /// When `others` holds a name that is not here.
    #[track_caller]
    pub fn replace(&self, others: &Params<T>) -> Params<T> {
        if let Some(unknown) = others.names.iter().find(|&n| !self.names.contains(n)) {
            panic!("Params::replace: there is no {unknown:?} among {:?}", self.names);
        }
        self.map_named(|name, value| others.get(name).unwrap_or(value).clone())
    }
}

/// # Panics
/// When there are too few values: a model needs all of its spec's, in that order.
impl<T> Index<ParamId> for Params<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, slot: ParamId) -> &T {
        match self.values.get(slot.0) {
            Some(value) => value,
            None => panic!(
                "Params: a layer asks for value {} of {:?}; give the model all weights of its spec (`replace` puts a selection back)",
                slot.0, self.names
            ),
        }
    }
}

/// # Panics
/// When there is no such name.
impl<T> Index<&str> for Params<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(value) => value,
            None => panic!("Params: there is no {name:?} among {:?}", self.names),
        }
    }
}

impl<F: Float> Params<Array<F>> {
    /// The arrays as variables on a tape.
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Params<Var<'t, F>> {
        self.map(|x| tape.var(x))
    }

    /// How many numbers there are in all.
    pub fn count(&self) -> usize {
        self.values.iter().map(Array::len).sum()
    }

    /// Whether no number is NaN or infinite.
    pub fn all_finite(&self) -> bool {
        self.values.iter().all(Array::all_finite)
    }

    /// The numbers in another element type, rounded to nearest.
    pub fn cast<G: Float>(&self) -> Params<Array<G>> {
        self.map(Array::cast)
    }
}

impl<F: Float> Params<Var<'_, F>> {
    /// The values as arrays.
    ///
    /// # Panics
    /// When `backward` has freed one.
    #[track_caller]
    pub fn arrays(&self) -> Params<Array<F>> {
        self.map(|x| x.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(names: &[&str]) -> Params<usize> {
        Params::new(names.iter().enumerate().map(|(i, n)| ((*n).to_owned(), i)).collect())
    }

    #[test]
    fn select_and_replace_go_by_name() {
        let all = numbers(&["body.w", "head.w", "head.b"]);
        let head = all.select(|name| name.starts_with("head."));
        assert_eq!(head.names(), ["head.w", "head.b"]);
        let changed = all.replace(&head.map(|i| i * 10));
        assert_eq!(changed.values(), [0, 10, 20]);
        assert_eq!(changed.names(), all.names());
    }

    #[test]
    #[should_panic(expected = r#"the names "b" and "c" differ"#)]
    fn zip_names_the_first_difference() {
        numbers(&["a", "b"]).zip(&numbers(&["a", "c"]), |_, _| ());
    }

    #[test]
    #[should_panic(expected = r#"there is no "x" among"#)]
    fn replace_names_what_is_unknown() {
        numbers(&["a"]).replace(&numbers(&["x"]));
    }

    #[test]
    #[should_panic(expected = r#"the name "a" stands twice"#)]
    fn a_name_stands_once() {
        numbers(&["a", "b", "a"]);
    }
}
