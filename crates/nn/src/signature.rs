//! [`Signature`] and [`Input`]: properties of a network beside its weights.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

/// Properties that distinguish a network, or a learner, from others whose weights have the same names and shapes: strides, activations,
/// the epsilon of norms, a distance. Each entry is a name and a value; equal signatures of equal weights give equal answers.
///
/// Layers made with a [`ParamBuilder`](crate::ParamBuilder) sign by themselves; a network adds what is chosen in its forward pass with
/// [`ParamBuilder::sign`](crate::ParamBuilder::sign). Saved with the weights, it tells when they are loaded into something else.
///
/// ```
/// use fewshot_nn::Signature;
/// let relu = Signature::default().with("activation", "ReLU");
/// let tanh = Signature::default().with("activation", "tanh").with("eps", 1e-3);
/// assert_eq!(relu.difference(&tanh), Some(("activation", "ReLU", "tanh")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// Shared: it goes with every copy of what was learned.
    entries: Arc<BTreeMap<String, String>>,
}

impl Signature {
    /// This signature with one more entry, or another value for one that is there.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        Arc::make_mut(&mut self.entries).insert(name.to_owned(), value.to_string());
        self
    }

    /// This signature with the entries of another; where both have a name, with both values.
    #[must_use]
    pub fn and(mut self, other: &Signature) -> Self {
        for (name, value) in other.iter() {
            let both = match self.get(name) {
                Some(own) if own != value => format!("{own}, {value}"),
                _ => value.to_owned(),
            };
            self = self.with(name, both);
        }
        self
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    /// The first entry that both have with different values: its name, the value here and there. A name that only one of them has says
    /// nothing, so that weights saved before there was such an entry can still be loaded.
    pub fn difference<'a>(&'a self, other: &'a Signature) -> Option<(&'a str, &'a str, &'a str)> {
        self.iter().find_map(|(name, own)| {
            let theirs = other.get(name)?;
            (theirs != own).then_some((name, own, theirs))
        })
    }
}

/// The examples that a network takes, without the axis of examples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Input {
    /// Not known: any example that the layers take.
    #[default]
    Any,
    /// Examples of this many values, in any shape.
    Numbers(usize),
    /// Examples of this shape.
    Shape(Vec<usize>),
}

impl Input {
    /// Whether an example of this shape fits.
    ///
    /// ```
    /// use fewshot_nn::Input;
    /// assert!(Input::Numbers(8).takes(&[2, 4]) && !Input::Numbers(8).takes(&[7]));
    /// assert!(!Input::Shape(vec![28, 28, 1]).takes(&[784]));
    /// ```
    pub fn takes(&self, example: &[usize]) -> bool {
        match self {
            Input::Any => true,
            Input::Numbers(count) => example.iter().product::<usize>() == *count,
            Input::Shape(shape) => example == shape,
        }
    }
}

impl Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Input::Any => write!(f, "any"),
            Input::Numbers(count) => write!(f, "[{count}]"),
            Input::Shape(shape) => write!(f, "{shape:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_signature_says_is_no_difference() {
        let [old, new] = ["a", "b"].map(|value| Signature::default().with("shared", value));
        let same = Signature::default().with("shared", "a").with("more", 1);
        assert_eq!(old.difference(&same), None);
        assert_eq!(same.difference(&old), None);
        assert_eq!(new.difference(&same), Some(("shared", "b", "a")));
        assert_eq!(old.and(&new).get("shared"), Some("a, b"));
    }
}
