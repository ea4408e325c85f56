//! Distributions of tasks.

use crate::{ClassId, Episode, Targets};

/// What a network must put out for a task distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// One score per class.
    Classes(usize),
    /// Real values, this many per example.
    Values(usize),
}

impl Outputs {
    /// Width of the network's last layer.
    pub fn width(self) -> usize {
        match self {
            Outputs::Classes(n) | Outputs::Values(n) => n,
        }
    }
}

/// A distribution of tasks, read by index.
///
/// Episode `i` is a pure function of the distribution and `i`: the same on any
/// thread, in any order, and after a restart.
///
/// ```
/// use fewshot_episodes::{stream, RngExt, Episode, Outputs, Purpose, Set, Targets, Tasks};
/// use ndarray::ArrayD;
///
/// /// Points on a line through zero; the task is its slope.
/// struct Lines;
///
/// impl Tasks for Lines {
///     fn episode(&self, i: u64) -> Episode {
///         let mut rng = stream(1, Purpose::Train, i);
///         let slope = rng.normal() as f32;
///         let mut set = |n| {
///             let x = ArrayD::from_shape_simple_fn(vec![n, 1], || rng.unit() as f32);
///             let y = Targets::Values(x.mapv(|x| slope * x));
///             Set::new(x, y)
///         };
///         Episode { support: set(3), query: set(9), ways: None }
///     }
///     fn input_shape(&self) -> Vec<usize> {
///         vec![1]
///     }
///     fn outputs(&self) -> Outputs {
///         Outputs::Values(1)
///     }
/// }
/// assert_eq!(Lines.episode(5), Lines.episode(5));
/// ```
pub trait Tasks: Send + Sync {
    /// Episode number `i`.
    fn episode(&self, i: u64) -> Episode;

    /// Shape of one example: `[height, width, channels]` or `[features]`.
    fn input_shape(&self) -> Vec<usize>;

    /// What a network must put out.
    fn outputs(&self) -> Outputs;

    /// The class that each query of episode `i` is of, in the order of the queries: what its label stands for in this
    /// episode. `None` where examples are of no listed class, as by default.
    fn query_classes(&self, i: u64) -> Option<Vec<ClassId>> {
        let _ = i;
        None
    }
}

/// Given episodes, such as those of [`omniglot::runs`](crate::omniglot::runs): episode `i` is element `i`.
///
/// # Panics
/// Where there is no such element; shape and outputs are those of the first.
impl Tasks for Vec<Episode> {
    #[track_caller]
    fn episode(&self, i: u64) -> Episode {
        let count = self.len();
        let given = usize::try_from(i).ok().and_then(|i| self.get(i));
        given.unwrap_or_else(|| panic!("episode {i} of {count} given ones")).clone()
    }

    #[track_caller]
    fn input_shape(&self) -> Vec<usize> {
        first(self).support.x.shape()[1..].to_vec()
    }

    #[track_caller]
    fn outputs(&self) -> Outputs {
        let first = first(self);
        match (first.ways, &first.query.y) {
            (Some(ways), _) => Outputs::Classes(ways),
            (None, Targets::Values(values)) => Outputs::Values(values.shape()[1..].iter().product()),
            (None, Targets::Classes(_)) => {
                panic!("given episodes: classes, but it is not said how many ways")
            }
        }
    }
}

#[track_caller]
fn first(episodes: &[Episode]) -> &Episode {
    episodes.first().expect("given episodes: there is none")
}
