//! The names of batch-norm policies.

use fewshot_nn::NormPolicy;

/// The name of a policy as options write it.
pub fn name(policy: NormPolicy) -> &'static str {
    match policy {
        NormPolicy::Batch => "batch",
        NormPolicy::Running { .. } => "running",
        NormPolicy::SupportOnly => "support",
        NormPolicy::SupportPlusOne => "support-plus-one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::shared::NORMS;

    #[test]
    fn every_name_is_that_of_a_policy() {
        for (known, _) in NORMS {
            assert_eq!(name(known.parse().unwrap()), *known);
        }
    }
}
