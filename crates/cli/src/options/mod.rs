//! An option: its name, the values it takes, what help says of it, and which data have a use for it. It is declared once, here or in the
//! file of the one algorithm that has it; command line, `config.toml`, presets and help follow from the declaration.

pub mod shared;
mod table;

pub use table::Options;

use toml::Value;

use crate::places::Data;
use crate::shots::Shots;

/// An option of a training run.
pub struct Opt {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What stands for its value in help.
    pub value: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The heading it stands below.
    pub group: Group,
    /// The data that have a use for it.
    pub of: Of,
    /// What it is, in a line.
    pub help: &'static str,
    /// What `--help` says beyond that.
    pub more: &'static str,
}

impl Opt {
    /// An option that is of use on all data.
    pub const fn new(
        name: &'static str,
        value: &'static str,
        kind: Kind,
        group: Group,
        help: &'static str,
    ) -> Opt {
        Opt { name, value, kind, group, of: Of::All, help, more: "" }
    }

    /// The same option, of use on these data alone.
    pub const fn on(self, of: Of) -> Opt {
        Opt { of, ..self }
    }

    /// The same option, of which `--help` says more.
    pub const fn with_more(self, more: &'static str) -> Opt {
        Opt { more, ..self }
    }
}

/// Options that say one thing in two ways: one replaces the other.
pub const RIVALS: [[&str; 2]; 2] = [["outer-schedule", "halve-every"], ["clip-value", "clip-norm"]];

/// Headings of help, in the order in which a user decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Data and their division.
    Data,
    /// Pictures and vectors.
    Pictures,
    /// Episodes.
    Episodes,
    /// Adapting to a support by gradient steps.
    Inner,
    /// Comparing with a support.
    Comparing,
    /// The network.
    Network,
    /// Reading a support one by one.
    Reading,
    /// Codes of classes.
    Codes,
    /// Training.
    Training,
}

impl Group {
    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Data => "What to learn",
            Group::Pictures => "Pictures",
            Group::Episodes => "Episodes",
            Group::Inner => "Inner steps",
            Group::Comparing => "Comparing",
            Group::Network => "Network",
            Group::Reading => "Reading",
            Group::Codes => "Codes",
            Group::Training => "Training",
        }
    }
}

/// Data that have a use for an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All.
    All,
    /// Data of classes.
    Classes,
    /// Data of pictures.
    Pictures,
    /// Pictures of one's own.
    Folder,
    /// Feature vectors.
    Features,
}

impl Of {
    /// Whether these data are among them.
    pub fn has(self, data: &Data) -> bool {
        match self {
            Of::All => true,
            Of::Classes => *data != Data::Sinusoid,
            Of::Pictures => !matches!(data, Data::Sinusoid | Data::Features(_)),
            Of::Folder => matches!(data, Data::Folder(_)),
            Of::Features => matches!(data, Data::Features(_)),
        }
    }
}

/// The values that an option takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A whole number in a range.
    Count {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A positive number.
    Rate,
    /// A number that is not negative.
    NotNegative,
    /// A number from 0 on, below 1.
    Probability,
    /// Yes or no.
    Flag,
    /// One of some names, each with what it means.
    Choice(&'static [(&'static str, &'static str)]),
    /// A number of shots, 1 or more, or a range of them.
    Shots {
        /// The most.
        most: u64,
    },
    /// A text that is read by this function, which gives it as it is kept.
    Text(fn(&str) -> Result<Value, String>),
}

impl Kind {
    /// A whole number, 1 or more.
    pub const fn upto(most: u64) -> Kind {
        Kind::Count { least: 1, most }
    }

    /// A whole number, 0 or more.
    pub const fn from_zero(most: u64) -> Kind {
        Kind::Count { least: 0, most }
    }

    /// What somebody has typed, in the form in which it is kept; whether it lies in its range is not looked at.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        match self {
            Kind::Count { least, .. } => match text.parse::<u64>() {
                Ok(number) => {
                    i64::try_from(number).map(Value::Integer).map_err(|_| format!("the most is {}", i64::MAX))
                }
                Err(_) => Err(format!("expected a whole number, {least} or more")),
            },
            Kind::Rate | Kind::NotNegative | Kind::Probability => {
                text.parse().map(Value::Float).map_err(|_| "expected a number such as 0.001".into())
            }
            Kind::Flag => text.parse().map(Value::Boolean).map_err(|_| "expected true or false".into()),
            Kind::Choice(_) => self.typed(named(text)),
            Kind::Shots { .. } => text.parse().map(|shots: Shots| shots.into()),
            Kind::Text(read) => read(text),
        }
    }

    /// A value of a configuration, in the form in which it is kept; whether it lies in its range is not looked at.
    pub fn typed(&self, value: Value) -> Result<Value, String> {
        match (self, &value) {
            (Kind::Count { .. }, Value::Integer(_)) | (Kind::Flag, Value::Boolean(_)) => Ok(value),
            (Kind::Count { least, .. }, _) => Err(format!("expected a whole number, {least} or more")),
            (Kind::Flag, _) => Err("expected true or false".into()),
            (Kind::Rate | Kind::NotNegative | Kind::Probability, Value::Float(_)) => Ok(value),
            (Kind::Rate | Kind::NotNegative | Kind::Probability, Value::Integer(number)) => {
                Ok(Value::Float(*number as f64))
            }
            (Kind::Rate | Kind::NotNegative | Kind::Probability, _) => {
                Err("expected a number such as 0.001".into())
            }
            (Kind::Choice(choices), _) => {
                let name = shown(&value);
                match choices.iter().any(|(known, _)| *known == name) {
                    true => Ok(value),
                    false => {
                        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                        Err(format!("expected one of {}", names.join(", ")))
                    }
                }
            }
            (Kind::Shots { .. } | Kind::Text(_), _) => self.parse(&shown(&value)),
        }
    }

    /// Why a value of the right form is out of its range.
    pub fn out_of_range(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (Kind::Count { least, .. }, Value::Integer(number))
                if i128::from(*number) < i128::from(*least) =>
            {
                Some(format!("the least is {least}"))
            }
            (Kind::Count { most, .. }, Value::Integer(number)) if i128::from(*number) > i128::from(*most) => {
                Some(format!("the most is {most}"))
            }
            (Kind::Shots { most }, value) => {
                let Ok(Shots { least, most: last }) = shown(value).parse() else { return None };
                let end = |end: usize| Value::Integer(i64::try_from(end).unwrap_or(i64::MAX));
                let range = Kind::upto(*most);
                range.out_of_range(&end(least)).or_else(|| range.out_of_range(&end(last)))
            }
            (Kind::Rate, Value::Float(rate)) if !(is_finite(*rate) && *rate as f32 > 0.0) => {
                Some("it must be a positive number such as 0.001".into())
            }
            (Kind::NotNegative, Value::Float(number)) if !(*number >= 0.0 && is_finite(*number)) => {
                Some("it must be 0 or a positive number such as 0.1".into())
            }
            (Kind::Probability, Value::Float(share)) if !(0.0..1.0).contains(share) => {
                Some("it must be a probability below 1 such as 0.3".into())
            }
            _ => None,
        }
    }
}

/// Whether a number is one in the precision that is computed in.
fn is_finite(number: f64) -> bool {
    (number as f32).is_finite()
}

/// A name as a value: those that are numbers are kept as such.
fn named(text: &str) -> Value {
    text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Integer)
}

/// A value as one types it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_positive_numbers() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300, 1e-300] {
            assert!(Kind::Rate.out_of_range(&Value::Float(bad)).is_some(), "{bad}");
        }
        assert!(Kind::Rate.out_of_range(&Value::Float(1e-6)).is_none());
    }

    #[test]
    fn a_whole_number_must_fit_a_configuration() {
        let seed = Kind::from_zero(i64::MAX as u64);
        assert!(seed.parse(&u64::MAX.to_string()).unwrap_err().contains("the most is"));
        assert_eq!(seed.parse(&i64::MAX.to_string()), Ok(Value::Integer(i64::MAX)));
    }
}
