//! Options over options: those of the command line over those of a configuration or preset.

use crate::choices::MannMemory;
use crate::options::Options;
use crate::shots::Shots;

macro_rules! each_option {
    ($($option:ident),* $(,)?) => {
        impl Options {
            /// Names of the options that are given.
            pub fn given(&self) -> Vec<String> {
                let all = [$((stringify!($option), self.$option.is_some())),*];
                all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.replace('_', "-")).collect()
            }

            fn filled(self, other: Options) -> Options {
                Options { $($option: self.$option.or(other.$option)),* }
            }
        }
    };
}
each_option!(
    algorithm,
    data,
    split,
    rotations,
    eval_rotations,
    image_size,
    colour,
    invert,
    feature_size,
    ways,
    shots,
    train_shots,
    queries,
    eval_queries,
    train_ways,
    episodes,
    order,
    inner_lr,
    decay,
    inner_steps,
    eval_steps,
    recompute,
    parts,
    inner_batch,
    eval_inner_batch,
    lanes,
    proximal,
    pull,
    cg_steps,
    context,
    distance,
    reads,
    newton_steps,
    network,
    filters,
    downsample,
    memory,
    access,
    names,
    per_class,
    curriculum,
    latent_steps,
    fine_tuning_steps,
    dropout,
    kl_weight,
    encoder_weight,
    l2_weight,
    orthogonality_weight,
    batch,
    norm,
    iterations,
    meta_batch,
    validate_every,
    patience,
    outer,
    outer_lr,
    outer_schedule,
    halve_every,
    clip_value,
    clip_norm,
    seed,
);

impl Options {
    /// These options, and where one is absent that of `other`. Of two options that say the same thing in different ways, one of
    /// these takes the place of both; an option of `other` that only follows one replaced here follows on.
    pub fn or(self, mut other: Options) -> Options {
        if self.outer_schedule.is_some() || self.halve_every.is_some() {
            (other.outer_schedule, other.halve_every) = (None, None);
        }
        if self.clip_value.is_some() || self.clip_norm.is_some() {
            (other.clip_value, other.clip_norm) = (None, None);
        }
        if self.shots.is_some() && other.train_shots == other.shots.map(Shots::from) {
            other.train_shots = None;
        }
        if self.rotations.is_some() && other.eval_rotations == other.rotations {
            other.eval_rotations = None;
        }
        if self.validate_every == Some(0) {
            other.patience = None;
        }
        if self.memory.is_some_and(|memory| memory != MannMemory::External) {
            other.access = None;
        }
        if self.meta_batch.is_some() && other.lanes == other.meta_batch {
            other.lanes = None;
        }
        self.filled(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::{Access, Rotations};
    use crate::outer::OuterSchedule;

    #[test]
    fn an_option_replaces_its_rival_below() {
        let below =
            Options { halve_every: Some(9), clip_norm: Some(1.0), ways: Some(7), ..Options::default() };
        let above = Options {
            outer_schedule: Some(OuterSchedule::Cosine),
            clip_value: Some(10.0),
            ..Options::default()
        };
        let both = above.or(below);
        assert_eq!(both.given(), ["ways", "outer-schedule", "clip-value"]);
    }

    #[test]
    fn without_validation_there_is_nothing_to_wait_for() {
        let below = Options { validate_every: Some(500), patience: Some(40), ..Options::default() };
        let above = |every| Options { validate_every: Some(every), ..Options::default() };
        assert_eq!(above(0).or(below.clone()), above(0));
        assert_eq!(above(9).or(below).patience, Some(40));
    }

    #[test]
    fn what_is_of_another_memory_is_dropped() {
        let below = Options { access: Some(Access::Paper), ..Options::default() };
        let above = |memory| Options { memory: Some(memory), ..Options::default() };
        assert_eq!(above(MannMemory::Lstm).or(below.clone()), above(MannMemory::Lstm));
        assert_eq!(above(MannMemory::External).or(below).access, Some(Access::Paper));
    }

    #[test]
    fn what_follows_an_option_follows_on() {
        let above = Options {
            shots: Some(5),
            rotations: Some(Rotations::None),
            meta_batch: Some(2),
            ..Options::default()
        };
        let below = |train_shots: usize, eval_rotations, lanes| Options {
            shots: Some(1),
            train_shots: Some(train_shots.into()),
            rotations: Some(Rotations::PerClass),
            eval_rotations: Some(eval_rotations),
            meta_batch: Some(8),
            lanes: Some(lanes),
            ..Options::default()
        };
        assert_eq!(above.clone().or(below(1, Rotations::PerClass, 8)), above);
        let own = below(10, Rotations::NewClasses, 4);
        let both = above.clone().or(own.clone());
        assert_eq!(
            both,
            Options {
                train_shots: own.train_shots,
                eval_rotations: own.eval_rotations,
                lanes: own.lanes,
                ..above
            }
        );
    }
}
