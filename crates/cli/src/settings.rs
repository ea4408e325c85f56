//! The settings of a run: options, completed with defaults and checked.

use crate::checks;
use crate::choices::{Algorithm, Data, Distance, Norm, Order, Rotations, Split};
use crate::defaults::{self, Defaults};
use crate::error::Error;
use crate::options::Options;

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
        checks::combinations(algorithm, &data, options)?;
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
        checks::numbers(&settings)?;
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
            Method::Maml { order, inner_lr, inner_steps, eval_steps } => {
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
}

fn method(algorithm: Algorithm, options: &Options, default: &Defaults) -> Method {
    match algorithm {
        Algorithm::Maml => Method::Maml {
            order: options.order.unwrap_or(defaults::ORDER),
            inner_lr: options.inner_lr.unwrap_or(default.inner_lr),
            inner_steps: options.inner_steps.unwrap_or(default.inner_steps),
            eval_steps: options.eval_steps.unwrap_or(default.eval_steps),
        },
        Algorithm::Protonet => Method::Protonet { distance: options.distance.unwrap_or(defaults::DISTANCE) },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Settings {
        Settings::resolve(&toml::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn resolved_settings_survive_as_options() {
        for text in [
            "",
            "data = 'sinusoid'",
            "data = 'omniglot:/data'",
            "algorithm = 'maml'\nways = 20",
            "algorithm = 'maml'\nshots = 5\nseed = 9\ndata = 'omniglot:/data'",
        ] {
            let settings = resolved(text);
            assert_eq!(Settings::resolve(&settings.options()).unwrap(), settings, "{text}");
        }
    }

    #[test]
    fn published_defaults_of_maml() {
        let maml = |inner_lr, inner_steps, eval_steps| Method::Maml {
            order: Order::Second,
            inner_lr,
            inner_steps,
            eval_steps,
        };
        let twenty = resolved("algorithm = 'maml'\nways = 20\ndata = 'omniglot:x'");
        assert_eq!((twenty.method, twenty.meta_batch, twenty.iterations), (maml(2.0, 5, 5), 16, 60_000));
        let five = resolved("algorithm = 'maml'\nshots = 5\ndata = 'omniglot:x'");
        assert_eq!((five.method, five.meta_batch, five.queries), (maml(2.0, 1, 3), 32, 5));
        let sinusoid = resolved("data = 'sinusoid'");
        assert_eq!((sinusoid.method, sinusoid.meta_batch, sinusoid.shots), (maml(0.01, 1, 1), 25, 10));
        assert_eq!((sinusoid.iterations, sinusoid.classes), (70_000, None));
    }

    #[test]
    fn published_defaults_of_protonet() {
        let settings = resolved("algorithm = 'protonet'\ndata = 'omniglot:x'");
        assert_eq!((settings.queries, settings.eval_queries, settings.meta_batch), (5, 15, 1));
        assert_eq!((settings.outer_lr, settings.halve_every), (1e-3, 2000));
        let classes = settings.classes.unwrap();
        assert_eq!((classes.train_ways, classes.split), (60, Split::Maml));
        assert_eq!((classes.norm, classes.rotations), (Norm::Running, Rotations::NewClasses));
    }
}
