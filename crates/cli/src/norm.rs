//! The names of batch-norm policies.

use fewshot_nn::NormPolicy;

use crate::error::Error;
use crate::settings::Settings;

/// The name of a policy as options write it.
pub fn name(policy: NormPolicy) -> &'static str {
    match policy {
        NormPolicy::Batch => "batch",
        NormPolicy::Running { .. } => "running",
        NormPolicy::SupportOnly => "support",
        NormPolicy::SupportPlusOne => "support-plus-one",
    }
}

/// Lets each query be normalised beside the support instead of with the other queries: in use, an answer shall not depend on the other pictures of
/// the command.
pub fn one_by_one(settings: &mut Settings) -> Result<(), Error> {
    match settings.policy() {
        NormPolicy::Batch => settings.set("norm", name(NormPolicy::SupportPlusOne)),
        _ => Ok(()),
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
