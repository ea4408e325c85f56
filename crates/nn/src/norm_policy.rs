//! [`NormPolicy`]: the statistics that batch norms use in training and evaluation.

use std::fmt;
use std::str::FromStr;

/// The statistics that batch norms use in training and evaluation. The policy changes few-shot results by whole points of accuracy, so it
/// is part of every protocol and stored with every result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NormPolicy {
    /// Statistics of the batch at hand, in training and evaluation: all queries together (transductive). MAML, Reptile
    /// with transduction, Relation networks.
    Batch,
    /// Statistics of the batch in training, running averages of them in evaluation. Prototypical networks.
    Running {
        /// Weight of a new batch in the averages; PyTorch's default is 0.1.
        momentum: f64,
    },
    /// Statistics of the batch in training, of the episode's support in evaluation. LSTM meta-learner.
    SupportOnly,
    /// At evaluation each query is normalised in a batch made of the whole support and that query. Reptile without
    /// transduction.
    SupportPlusOne,
}

impl fmt::Display for NormPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NormPolicy::Batch => write!(f, "batch"),
            NormPolicy::Running { momentum } => write!(f, "running({momentum})"),
            NormPolicy::SupportOnly => write!(f, "support-only"),
            NormPolicy::SupportPlusOne => write!(f, "support-plus-one"),
        }
    }
}

/// No batch-norm policy has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no batch-norm policy: use batch, running, running(MOMENTUM), support-only or support-plus-one"
)]
pub struct UnknownPolicy {
    /// The name that was given.
    pub name: String,
}

impl FromStr for NormPolicy {
    type Err = UnknownPolicy;

    /// Reads what `Display` writes, `running` for momentum 0.1, and `support` for `support-only`.
    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let unknown = || UnknownPolicy { name: name.to_owned() };
        match name {
            "batch" => Ok(NormPolicy::Batch),
            "running" => Ok(NormPolicy::Running { momentum: 0.1 }),
            "support" | "support-only" => Ok(NormPolicy::SupportOnly),
            "support-plus-one" => Ok(NormPolicy::SupportPlusOne),
            _ => {
                let number = name.strip_prefix("running(").and_then(|n| n.strip_suffix(')'));
                let momentum: f64 = number.and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
                let valid = (0.0..=1.0).contains(&momentum);
                valid.then_some(NormPolicy::Running { momentum }).ok_or_else(unknown)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        let all = [
            NormPolicy::Batch,
            NormPolicy::Running { momentum: 0.25 },
            NormPolicy::SupportOnly,
            NormPolicy::SupportPlusOne,
        ];
        for policy in all {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!("running".parse(), Ok(NormPolicy::Running { momentum: 0.1 }));
        for wrong in ["", "Batch", "running(2)", "running(x)", "running(NaN)"] {
            assert!(wrong.parse::<NormPolicy>().is_err(), "{wrong}");
        }
    }
}
