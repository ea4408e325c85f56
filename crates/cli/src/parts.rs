//! The parts of MAML++, each of which can be left away.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the six changes that make MAML++ of MAML (Antoniou, Edwards, Storkey 2019, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MamlPlusPlusPart {
    /// Multi-step loss.
    Msl,
    /// Learned rates per layer and step.
    Lslr,
    /// Batch-norm weights and biases per step.
    Bnwb,
    /// Batch-norm running statistics per step.
    Bnrs,
    /// Cosine annealing of the outer rate.
    Ca,
    /// Derivative-order annealing.
    Da,
}

const ALL: [(MamlPlusPlusPart, &str); 6] = [
    (MamlPlusPlusPart::Msl, "msl"),
    (MamlPlusPlusPart::Lslr, "lslr"),
    (MamlPlusPlusPart::Bnwb, "bnwb"),
    (MamlPlusPlusPart::Bnrs, "bnrs"),
    (MamlPlusPlusPart::Ca, "ca"),
    (MamlPlusPlusPart::Da, "da"),
];
/// Stands for no part at all.
const NONE: &str = "none";

/// Which parts a run has, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Parts(Vec<MamlPlusPlusPart>);

impl Parts {
    /// Those the released configurations have: all but derivative-order annealing.
    pub fn released() -> Self {
        Parts(vec![
            MamlPlusPlusPart::Msl,
            MamlPlusPlusPart::Lslr,
            MamlPlusPlusPart::Bnwb,
            MamlPlusPlusPart::Bnrs,
            MamlPlusPlusPart::Ca,
        ])
    }

    /// Whether a part is among them.
    pub fn has(&self, part: MamlPlusPlusPart) -> bool {
        self.0.contains(&part)
    }
}

impl FromStr for Parts {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Parts(Vec::new()));
        }
        let named = |name: &str| {
            let known = ALL.iter().find(|(_, known)| *known == name.trim());
            known.map(|(part, _)| *part).ok_or_else(|| {
                format!(
                    "{name:?} is no part of MAML++; they are msl, lslr, bnwb, bnrs, ca, da; none for no part"
                )
            })
        };
        let mut parts: Vec<MamlPlusPlusPart> = text.split(',').map(named).collect::<Result<_, _>>()?;
        parts.sort_unstable();
        parts.dedup();
        Ok(Parts(parts))
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            ALL.iter().filter(|(part, _)| self.has(*part)).map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { NONE.to_owned() } else { names.join(",") }.as_str())
    }
}

impl TryFrom<String> for Parts {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Parts> for String {
    fn from(parts: Parts) -> String {
        parts.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_are_written() {
        for text in ["none", "msl", "lslr,ca", "msl,lslr,bnwb,bnrs,ca,da"] {
            assert_eq!(text.parse::<Parts>().unwrap().to_string(), text);
        }
        assert_eq!("ca, msl,ca".parse::<Parts>().unwrap().to_string(), "msl,ca");
        assert_eq!(Parts::released().to_string(), "msl,lslr,bnwb,bnrs,ca");
        for wrong in ["", "msl,", "mls", "none,ca"] {
            assert!(wrong.parse::<Parts>().unwrap_err().contains("no part of MAML++"), "{wrong}");
        }
    }
}
