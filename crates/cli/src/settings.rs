//! The settings of a run: options, completed with defaults and checked.

use crate::choices::{Algorithm, Data, Distance, Norm, Order, Rotations, Split, choice_name};
use crate::defaults::{self, Defaults};
use crate::error::Error;
use crate::options::Options;

/// Largest shots, queries, meta-batch and ways: guards against typing errors that would exhaust memory.
const MOST: usize = 100_000;
/// Most inner steps; every one is recorded for the meta-gradient.
const MOST_STEPS: usize = 1000;

/// Everything needed to repeat a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Source of the episodes.
    pub data: Data,
    /// Algorithm with its own settings.
    pub method: Method,
    /// Settings of classification; none for regression.
    pub classes: Option<Classes>,
    /// Support examples per class.
    pub shots: usize,
    /// Training queries per class.
    pub queries: usize,
    /// Test queries per class.
    pub eval_queries: usize,
    /// Test episodes.
    pub episodes: usize,
    /// Outer updates.
    pub iterations: u64,
    /// Episodes in an outer update.
    pub meta_batch: usize,
    /// Rate of the outer optimiser.
    pub outer_lr: f64,
    /// Halve the outer rate every so many iterations; 0: never.
    pub halve_every: u64,
    /// Seed of all randomness of the run.
    pub seed: u64,
}

/// An algorithm with the settings only it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Model-agnostic meta-learning.
    Maml {
        /// Order of the meta-gradient.
        order: Order,
        /// Inner rate, for the mean loss.
        inner_lr: f64,
        /// Inner steps in training.
        inner_steps: usize,
        /// Inner steps at test.
        eval_steps: usize,
    },
    /// Prototypical network.
    Protonet {
        /// Distance to the class means.
        distance: Distance,
    },
}

/// Settings of classification.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// Classes of a test episode.
    pub ways: usize,
    /// Classes of a training episode.
    pub train_ways: usize,
    /// Split of the classes.
    pub split: Split,
    /// Rotations of drawings.
    pub rotations: Rotations,
    /// Batch-norm policy.
    pub norm: Norm,
}

impl Settings {
    /// Completes options with defaults and checks that they go together.
    pub fn resolve(options: &Options) -> Result<Settings, Error> {
        let data = options.data.clone().unwrap_or(Data::Glyphs);
        let algorithm = options.algorithm.unwrap_or(match data {
            Data::Sinusoid => Algorithm::Maml,
            _ => defaults::ALGORITHM,
        });
        refuse_combinations(algorithm, &data, options)?;
        let shots = options.shots.unwrap_or(match data {
            Data::Sinusoid => defaults::SINUSOID_SHOTS,
            _ => defaults::SHOTS,
        });
        let ways = options.ways.unwrap_or(defaults::WAYS);
        let default = defaults::of(algorithm, &data, ways, shots);
        let settings = Settings {
            method: method(algorithm, options, &default),
            classes: (data != Data::Sinusoid).then(|| classes(ways, options, &default)),
            data,
            shots,
            queries: options.queries.unwrap_or(default.queries),
            eval_queries: options.eval_queries.unwrap_or(default.eval_queries),
            episodes: options.episodes.unwrap_or(defaults::EPISODES),
            iterations: options.iterations.unwrap_or(default.iterations),
            meta_batch: options.meta_batch.unwrap_or(default.meta_batch),
            outer_lr: options.outer_lr.unwrap_or(defaults::OUTER_LR),
            halve_every: options.halve_every.unwrap_or(default.halve_every),
            seed: options.seed.unwrap_or(defaults::SEED),
        };
        settings.check()?;
        Ok(settings)
    }

    /// The options that give exactly these settings, whatever the defaults of a later version.
    pub fn options(&self) -> Options {
        let mut options = Options {
            algorithm: Some(self.algorithm()),
            data: Some(self.data.clone().absolute()),
            shots: Some(self.shots),
            queries: Some(self.queries),
            eval_queries: Some(self.eval_queries),
            episodes: Some(self.episodes),
            iterations: Some(self.iterations),
            meta_batch: Some(self.meta_batch),
            outer_lr: Some(self.outer_lr),
            halve_every: Some(self.halve_every),
            seed: Some(self.seed),
            ..Options::default()
        };
        if let Some(classes) = &self.classes {
            options.ways = Some(classes.ways);
            options.split = Some(classes.split.clone().absolute());
            options.rotations = Some(classes.rotations);
            options.norm = Some(classes.norm);
        }
        match &self.method {
            Method::Maml {
                order,
                inner_lr,
                inner_steps,
                eval_steps,
            } => {
                options.order = Some(*order);
                options.inner_lr = Some(*inner_lr);
                options.inner_steps = Some(*inner_steps);
                options.eval_steps = Some(*eval_steps);
            }
            Method::Protonet { distance } => {
                options.distance = Some(*distance);
                options.train_ways = self.classes.as_ref().map(|classes| classes.train_ways);
            }
        }
        options
    }

    /// The algorithm without its settings.
    pub fn algorithm(&self) -> Algorithm {
        match self.method {
            Method::Maml { .. } => Algorithm::Maml,
            Method::Protonet { .. } => Algorithm::Protonet,
        }
    }

    /// Checks that every number is in its range.
    pub fn check(&self) -> Result<(), Error> {
        between("shots", self.shots, 1, MOST)?;
        between("queries", self.queries, 1, MOST)?;
        between("eval-queries", self.eval_queries, 1, MOST)?;
        between("episodes", self.episodes, 2, 10 * MOST)?;
        between("meta-batch", self.meta_batch, 1, MOST)?;
        between("iterations", self.iterations, 1, i64::MAX as u64)?;
        between("halve-every", self.halve_every, 0, i64::MAX as u64)?;
        between("seed", self.seed, 0, i64::MAX as u64)?;
        rate("outer-lr", self.outer_lr)?;
        if let Some(classes) = &self.classes {
            between("ways", classes.ways, 2, MOST)?;
            between("train-ways", classes.train_ways, 2, MOST)?;
        }
        if let Method::Maml {
            inner_lr,
            inner_steps,
            eval_steps,
            ..
        } = self.method
        {
            rate("inner-lr", inner_lr)?;
            between("inner-steps", inner_steps, 1, MOST_STEPS)?;
            between("eval-steps", eval_steps, 1, MOST_STEPS)?;
        }
        Ok(())
    }
}

fn method(algorithm: Algorithm, options: &Options, default: &Defaults) -> Method {
    match algorithm {
        Algorithm::Maml => Method::Maml {
            order: options.order.unwrap_or(defaults::ORDER),
            inner_lr: options.inner_lr.unwrap_or(default.inner_lr),
            inner_steps: options.inner_steps.unwrap_or(default.inner_steps),
            eval_steps: options.eval_steps.unwrap_or(default.eval_steps),
        },
        Algorithm::Protonet => Method::Protonet {
            distance: options.distance.unwrap_or(defaults::DISTANCE),
        },
    }
}

fn classes(ways: usize, options: &Options, default: &Defaults) -> Classes {
    Classes {
        ways,
        train_ways: options.train_ways.unwrap_or(default.train_ways),
        split: options.split.clone().unwrap_or_else(|| default.split.clone()),
        rotations: options.rotations.unwrap_or(default.rotations),
        norm: options.norm.unwrap_or(default.norm),
    }
}

/// Refuses options that the algorithm or the data have no use for, rather than ignore them.
fn refuse_combinations(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Combination(message));
    if algorithm == Algorithm::Protonet && *data == Data::Sinusoid {
        return refuse("--algorithm protonet --data sinusoid: Prototypical networks classify, sinusoids are regression; use --algorithm maml".into());
    }
    if *data == Data::Glyphs && options.split == Some(Split::Background) {
        return refuse("--split background --data glyphs: the background set is Omniglot's; use --split alphabets or maml".into());
    }
    let maml = [
        ("order", options.order.is_some()),
        ("inner-lr", options.inner_lr.is_some()),
        ("inner-steps", options.inner_steps.is_some()),
        ("eval-steps", options.eval_steps.is_some()),
    ];
    let protonet = [
        ("distance", options.distance.is_some()),
        ("train-ways", options.train_ways.is_some()),
    ];
    let drawings = [
        ("ways", options.ways.is_some()),
        ("split", options.split.is_some()),
        ("rotations", options.rotations.is_some()),
        ("norm", options.norm.is_some()),
    ];
    let (foreign, owner) = match algorithm {
        Algorithm::Maml => (&protonet[..], Algorithm::Protonet),
        Algorithm::Protonet => (&maml[..], Algorithm::Maml),
    };
    if let Some((option, _)) = foreign.iter().find(|(_, given)| *given) {
        let owner = choice_name(owner);
        return refuse(format!(
            "--{option} is an option of {owner}: add --algorithm {owner} or leave it out"
        ));
    }
    if let Some((option, _)) = drawings
        .iter()
        .find(|(_, given)| *given && *data == Data::Sinusoid)
    {
        return refuse(format!(
            "--{option} is about classes, which sinusoids have not: leave it out"
        ));
    }
    Ok(())
}

/// Checks that a whole number lies in a range.
pub fn between<T: PartialOrd + ToString>(
    option: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), Error> {
    if value < least {
        return Err(Error::option(
            option,
            value,
            format!("the least is {}", least.to_string()),
        ));
    }
    if value > most {
        return Err(Error::option(
            option,
            value,
            format!("the most is {}", most.to_string()),
        ));
    }
    Ok(())
}

fn rate(option: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && (value as f32).is_finite() && value as f32 > 0.0 {
        return Ok(());
    }
    Err(Error::option(
        option,
        value,
        "a rate is a positive number such as 0.001",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(name: &str) -> Options {
        Options {
            data: Some(name.parse().unwrap()),
            ..Options::default()
        }
    }

    #[test]
    fn resolved_settings_survive_as_options() {
        let cases = [
            Options::default(),
            data("sinusoid"),
            data("omniglot:/data"),
            Options {
                algorithm: Some(Algorithm::Maml),
                ways: Some(20),
                ..Options::default()
            },
            Options {
                algorithm: Some(Algorithm::Maml),
                shots: Some(5),
                seed: Some(9),
                ..data("omniglot:/d")
            },
        ];
        for options in cases {
            let settings = Settings::resolve(&options).unwrap();
            assert_eq!(
                Settings::resolve(&settings.options()).unwrap(),
                settings,
                "{options:?}"
            );
        }
    }

    #[test]
    fn published_defaults() {
        let twenty = Options {
            algorithm: Some(Algorithm::Maml),
            ways: Some(20),
            ..data("omniglot:x")
        };
        let settings = Settings::resolve(&twenty).unwrap();
        let expected = Method::Maml {
            order: Order::Second,
            inner_lr: 2.0,
            inner_steps: 5,
            eval_steps: 5,
        };
        assert_eq!(
            (settings.method, settings.meta_batch, settings.iterations),
            (expected, 16, 60_000)
        );
        let five = Options {
            algorithm: Some(Algorithm::Maml),
            shots: Some(5),
            ..data("omniglot:x")
        };
        let settings = Settings::resolve(&five).unwrap();
        let expected = Method::Maml {
            order: Order::Second,
            inner_lr: 2.0,
            inner_steps: 1,
            eval_steps: 3,
        };
        assert_eq!(
            (settings.method, settings.meta_batch, settings.queries),
            (expected, 32, 5)
        );
        let proto = Options {
            algorithm: Some(Algorithm::Protonet),
            ..data("omniglot:x")
        };
        let settings = Settings::resolve(&proto).unwrap();
        let classes = settings.classes.unwrap();
        assert_eq!(
            (classes.train_ways, settings.queries, settings.eval_queries),
            (60, 5, 15)
        );
        assert_eq!(
            (classes.norm, classes.rotations),
            (Norm::Running, Rotations::NewClasses)
        );
        let sinusoid = Settings::resolve(&data("sinusoid")).unwrap();
        assert_eq!(
            (sinusoid.shots, sinusoid.meta_batch, sinusoid.iterations),
            (10, 25, 70_000)
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let refused = |options: Options, word: &str| {
            let message = Settings::resolve(&options).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        refused(
            Options {
                algorithm: Some(Algorithm::Protonet),
                ..data("sinusoid")
            },
            "regression",
        );
        refused(
            Options {
                ways: Some(5),
                ..data("sinusoid")
            },
            "--ways",
        );
        let protonet = Options {
            algorithm: Some(Algorithm::Protonet),
            ..Options::default()
        };
        refused(
            Options {
                inner_lr: Some(0.1),
                ..protonet.clone()
            },
            "--inner-lr",
        );
        let maml = Options {
            algorithm: Some(Algorithm::Maml),
            ..Options::default()
        };
        refused(
            Options {
                train_ways: Some(9),
                ..maml.clone()
            },
            "--train-ways",
        );
        refused(
            Options {
                split: Some(Split::Background),
                ..Options::default()
            },
            "background",
        );
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            refused(
                Options {
                    outer_lr: Some(bad),
                    ..Options::default()
                },
                "--outer-lr",
            );
            refused(
                Options {
                    inner_lr: Some(bad),
                    ..maml.clone()
                },
                "--inner-lr",
            );
        }
        refused(
            Options {
                ways: Some(1),
                ..Options::default()
            },
            "--ways 1",
        );
        refused(
            Options {
                iterations: Some(0),
                ..Options::default()
            },
            "--iterations 0",
        );
        refused(
            Options {
                seed: Some(u64::MAX),
                ..Options::default()
            },
            "--seed",
        );
    }
}
