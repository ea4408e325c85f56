//! [`Params`]: an ordered list of named values.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use fewshot_autodiff::{Array, Float, Tape, Var, Variables};

/// The index of a weight in [`Params`], which a layer stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParamId(pub(crate) usize);

/// Named values in a fixed order: weights at rest (`T = Array`), weights on a tape (`T = Var`), gradients, moments.
///
/// `+ - *` combine the values of the same name, and `+ - * /` with a number every value; both work for arrays and for variables, and
/// names that differ panic. Gradients with respect to `Params` are `Params` ([`Var::grads`], [`Var::backward`]).
///
/// Names are shared between all `Params` made from one another, so that these operations compare and copy none.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// use fewshot_nn::Params;
///
/// let theta = Params::new(vec![("w".to_owned(), Array::scalar(3.0_f64)), ("b".to_owned(), Array::scalar(1.0))]);
/// let tape = Tape::new();
/// let on_tape = theta.on(&tape);
/// let loss = (on_tape["w"] * 2.0 + on_tape["b"]).square();
/// // one step of gradient descent, still on the tape: fast weights
/// let fast = &on_tape - loss.grads(&on_tape) * 0.1;
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
    /// Named values in this order.
    ///
    /// # Panics
    /// When a name occurs twice.
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

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the list is empty.
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
    /// When the number of values is not the number of names.
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

    pub(crate) fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    #[track_caller]
    pub(crate) fn check_names<U>(&self, other: &Params<U>) {
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

    /// The values named `scope.*`, without the prefix `scope.`, in order.
    pub fn within(&self, scope: &str) -> Params<T> {
        let inside = |(name, value): (&str, &T)| {
            let name = name.strip_prefix(scope)?.strip_prefix('.')?;
            Some((name.to_owned(), value.clone()))
        };
        Params::new(self.iter().filter_map(inside).collect())
    }

    /// The first `count` values, such as the weights of the first of two models.
    ///
    /// # Panics
    /// When the list has fewer than `count` values.
    #[track_caller]
    pub fn first(&self, count: usize) -> Params<T> {
        assert!(count <= self.len(), "Params::first: {count} of {} values", self.len());
        if count == self.len() {
            return self.clone();
        }
        Params { names: self.names[..count].into(), values: self.values[..count].to_vec() }
    }

    /// All values but the first `count`, such as the weights of the second of two models.
    ///
    /// # Panics
    /// When the list has fewer than `count` values.
    #[track_caller]
    pub fn after(&self, count: usize) -> Params<T> {
        assert!(count <= self.len(), "Params::after: {count} of {} values", self.len());
        Params { names: self.names[count..].into(), values: self.values[count..].to_vec() }
    }

    /// These values followed by `others`, whose names get the prefix `scope.`.
    ///
    /// # Panics
    /// When a name occurs twice.
    #[must_use]
    #[track_caller]
    pub fn with_scope(self, scope: &str, others: &Params<T>) -> Params<T> {
        let own = self.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        let more = others.iter().map(|(name, value)| (format!("{scope}.{name}"), value.clone()));
        Params::new(own.chain(more).collect())
    }

    /// These values, those named in `others` replaced by its values.
    ///
    /// # Panics
    /// When `others` has a name that this list has not.
    #[track_caller]
    pub fn replace(&self, others: &Params<T>) -> Params<T> {
        if let Some(unknown) = others.names.iter().find(|&n| !self.names.contains(n)) {
            panic!("Params::replace: there is no {unknown:?} among {:?}", self.names);
        }
        self.map_named(|name, value| others.get(name).unwrap_or(value).clone())
    }
}

/// # Panics
/// When the list is too short: a model needs all weights of its spec, in order.
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

    /// Number of elements of all arrays.
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

/// Gradients with respect to parameters are parameters: `loss.grads(&theta)`, `loss.backward(&theta)`.
impl<'t, F: Float> Variables<'t, F> for Params<Var<'t, F>> {
    type With<U> = Params<U>;

    fn variables(&self) -> &[Var<'t, F>] {
        &self.values
    }

    fn with<U>(&self, values: Vec<U>) -> Params<U> {
        self.with_values(values)
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
