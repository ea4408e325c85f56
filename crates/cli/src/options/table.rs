//! [`Options`]: some options with their values.

use std::fmt::Debug;
use std::str::FromStr;

use toml::{Table, Value};

use super::{RIVALS, shown};

/// Options by name, with the values in the form in which a `config.toml` keeps them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options(pub Table);

impl Options {
    /// Whether an option is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Gives an option a value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// These options with another one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Takes an option away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// A whole number; none where the option is absent, or no such number.
    pub fn count(&self, name: &str) -> Option<usize> {
        self.get(name)?.as_integer()?.try_into().ok()
    }

    /// The same as a number of iterations.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_integer()?.try_into().ok()
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_float()
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// What a text or number is read as; none where the option is absent.
    ///
    /// # Panics
    /// When it cannot be read so: values come from [`Kind::parse`](super::Kind::parse) or [`Kind::typed`](super::Kind::typed), which refuse others.
    pub fn read<T: FromStr<Err: Debug>>(&self, name: &str) -> Option<T> {
        let text = shown(self.get(name)?);
        Some(text.parse().unwrap_or_else(|error| panic!("--{name} {text}: {error:?}")))
    }

    /// Whether an option has this text as its value.
    pub fn is(&self, name: &str, text: &str) -> bool {
        self.get(name).is_some_and(|value| shown(value) == text)
    }

    /// These options, and where one is absent that of `below`. Of two options that say the same thing in different ways, one of these takes
    /// the place of both; an option of `below` that only follows one replaced here follows on.
    #[must_use]
    pub fn or(self, mut below: Options) -> Options {
        for [one, other] in RIVALS {
            let both = below.has(one) && below.has(other);
            if (self.has(one) || self.has(other)) && !both {
                below.remove(one);
                below.remove(other);
            }
        }
        for [leader, follower] in
            [["shots", "train-shots"], ["rotations", "eval-rotations"], ["meta-batch", "lanes"]]
        {
            if self.has(leader) && below.get(follower) == below.get(leader) {
                below.remove(follower);
            }
        }
        if self.whole("validate-every") == Some(0) {
            below.remove("patience");
        }
        if self.has("memory") && !self.is("memory", "external") {
            below.remove("access");
        }
        below.0.extend(self.0);
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Options {
        Options(text.parse().unwrap())
    }

    #[test]
    fn an_option_replaces_its_rival_below() {
        let below = options("halve-every = 9\nclip-norm = 1.0\nways = 7");
        let above = options("outer-schedule = 'linear'\nclip-value = 2.0");
        let both = above.or(below);
        assert_eq!(both, options("outer-schedule = 'linear'\nclip-value = 2.0\nways = 7"));
        // where both limits hold, each is replaced alone
        let leo = options("clip-norm = 0.2").or(options("clip-norm = 0.1\nclip-value = 0.1"));
        assert_eq!(leo, options("clip-norm = 0.2\nclip-value = 0.1"));
    }

    #[test]
    fn what_follows_another_option_follows_on() {
        let below = options("shots = 1\ntrain-shots = 1\nrotations = 'none'\neval-rotations = 'none'");
        let shots = options("shots = 5").or(below.clone());
        assert_eq!((shots.count("shots"), shots.has("train-shots")), (Some(5), false));
        let turned = options("rotations = 'per-class'").or(below.clone());
        assert!(!turned.has("eval-rotations"));
        let apart = options("shots = 5").or(options("shots = 1\ntrain-shots = 10"));
        assert_eq!(apart.count("train-shots"), Some(10));
    }

    #[test]
    fn options_of_what_is_switched_off_go_too() {
        let quiet = options("validate-every = 0").or(options("validate-every = 5\npatience = 3"));
        assert!(!quiet.has("patience"));
        let lstm = options("memory = 'lstm'").or(options("memory = 'external'\naccess = 'paper'"));
        assert!(!lstm.has("access"));
    }
}
