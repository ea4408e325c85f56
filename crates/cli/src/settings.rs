//! The settings of a run: options, completed with defaults and checked.

use fewshot_nn::Clip;

use crate::algorithm::Algorithm;
use crate::blocks::Blocks;
use crate::checks;
use crate::choices::{Data, Norm, Rotations, Split, Twin};
use crate::defaults::{self, Defaults};
use crate::error::Error;
use crate::features;
use crate::latent;
use crate::method::Method;
use crate::options::Options;
use crate::outer::{Decay, Outer};
use crate::parts::MamlPlusPlusPart;
use crate::pictures::Pictures;
use crate::ranges;
use crate::shots::Shots;

/// Everything needed to repeat a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Source of the episodes.
    pub data: Data,
    /// Algorithm with its own settings.
    pub method: Method,
    /// Settings of classification; none for regression.
    pub classes: Option<Classes>,
    /// Support examples per class at test.
    pub shots: usize,
    /// Support examples per class in training.
    pub train_shots: Shots,
    /// Training queries per class, beside the most shots.
    pub queries: usize,
    /// Test queries per class.
    pub eval_queries: usize,
    /// Test episodes.
    pub episodes: usize,
    /// Outer updates.
    pub iterations: u64,
    /// Episodes in an outer update.
    pub meta_batch: usize,
    /// Outer optimiser.
    pub outer: Outer,
    /// Rate of the outer optimiser.
    pub outer_lr: f64,
    /// How the outer rate falls.
    pub decay: Decay,
    /// Weights are measured on validation classes every so many updates, and the best are kept.
    pub validate_every: Option<u64>,
    /// Training ends once so many of these measurements in a row were no better.
    pub patience: Option<u64>,
    /// Clipping of the meta-gradient.
    pub clip: Option<Clip>,
    /// Seed of all randomness of the run.
    pub seed: u64,
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
    /// Rotations of drawings in training.
    pub rotations: Rotations,
    /// Rotations of drawings at test.
    pub eval_rotations: Rotations,
    /// Batch-norm policy.
    pub norm: Norm,
    /// What pictures are brought to.
    pub pictures: Pictures,
    /// Numbers of a feature vector, for data that are no pictures.
    pub features: Option<usize>,
    /// The blocks of the network, if it consists of them.
    pub blocks: Option<Blocks>,
}

impl Settings {
    /// Completes options with defaults and checks that they go together.
    pub fn resolve(options: &Options) -> Result<Settings, Error> {
        let data = options.data.clone().unwrap_or(Data::Glyphs);
        let algorithm = options.algorithm.unwrap_or(match data {
            Data::Sinusoid => defaults::SINUSOID_ALGORITHM,
            _ => defaults::ALGORITHM,
        });
        checks::combinations(algorithm, &data, options)?;
        let shots = options.shots.unwrap_or(match data {
            Data::Sinusoid => defaults::SINUSOID_SHOTS,
            _ => defaults::SHOTS,
        });
        let ways = options.ways.unwrap_or(defaults::WAYS);
        let default = match options.network {
            Some(Twin::Koch) => defaults::koch(defaults::of(algorithm, &data, ways, shots)),
            _ => defaults::of(algorithm, &data, ways, shots),
        };
        let method = Method::of(algorithm, options, &default);
        let validate_every = self::validate_every(options, &default);
        checks::patience(options, validate_every)?;
        let norm = options.clip_norm.map(|limit| method.clip_norm(limit));
        let both = latent::clip(algorithm, options);
        let clip = both.or(options.clip_value.map(Clip::Value)).or(norm).or(default.clip);
        let settings = Settings {
            decay: decay(options, &method, &default),
            method,
            classes: (data != Data::Sinusoid).then(|| classes(algorithm, ways, &data, options, &default)),
            data,
            shots,
            train_shots: options.train_shots.unwrap_or(default.train_shots),
            queries: options.queries.unwrap_or(default.queries),
            eval_queries: options.eval_queries.unwrap_or(default.eval_queries),
            episodes: options.episodes.unwrap_or(default.episodes),
            iterations: options.iterations.unwrap_or(default.iterations),
            meta_batch: options.meta_batch.unwrap_or(default.meta_batch),
            outer: options.outer.unwrap_or(default.outer),
            outer_lr: options.outer_lr.unwrap_or(default.outer_lr),
            clip,
            validate_every,
            patience: options.patience.or(default.patience).filter(|&n| n > 0 && validate_every.is_some()),
            seed: options.seed.unwrap_or(defaults::SEED),
        };
        ranges::numbers(&settings)?;
        Ok(settings)
    }

    /// The options that give exactly these settings, whatever the defaults of a later version.
    pub fn options(&self) -> Options {
        let mut options = Options {
            data: Some(self.data.clone().absolute()),
            shots: Some(self.shots),
            train_shots: Some(self.train_shots),
            queries: Some(self.queries),
            eval_queries: Some(self.eval_queries),
            episodes: Some(self.episodes),
            iterations: Some(self.iterations),
            meta_batch: Some(self.meta_batch),
            outer: Some(self.outer),
            outer_lr: Some(self.outer_lr),
            validate_every: Some(self.validate_every.unwrap_or(0)),
            patience: self.validate_every.map(|_| self.patience.unwrap_or(0)),
            seed: Some(self.seed),
            ..Options::default()
        };
        self.method.write(&mut options);
        if let Method::Pretrain { batch, .. } = self.method {
            options.train_shots = None;
            options.queries = options.queries.filter(|_| batch.is_none());
        }
        if self.algorithm() == Algorithm::Siamese {
            (options.train_shots, options.queries) = (None, None);
        }
        if self.algorithm() != Algorithm::Mamlpp {
            (options.outer_schedule, options.halve_every) = self.decay.options();
        }
        match self.clip {
            None => {}
            Some(Clip::Value(limit)) => options.clip_value = Some(limit),
            Some(Clip::Norm(limit) | Clip::NormApart { limit, .. }) => options.clip_norm = Some(limit),
            Some(Clip::ValueThenEachNorm { value, norm }) => {
                (options.clip_value, options.clip_norm) = (Some(value), Some(norm));
            }
        }
        if let Some(classes) = &self.classes {
            options.ways = Some(classes.ways);
            options.split = Some(classes.split.clone().absolute());
            options.rotations = Some(classes.rotations);
            options.eval_rotations = Some(classes.eval_rotations);
            options.norm = Some(classes.norm);
            options.feature_size = classes.features;
            if classes.features.is_none() {
                classes.pictures.write(&self.data, &mut options);
            }
            if let Some(blocks) = classes.blocks {
                blocks.write(&mut options);
            }
            if self.algorithm().own_options().contains(&"train-ways") {
                options.train_ways = Some(classes.train_ways);
            }
        }
        options
    }

    /// The algorithm without its settings.
    pub fn algorithm(&self) -> Algorithm {
        self.method.algorithm()
    }
}

/// When weights are measured on validation classes: by default where the split has some.
fn validate_every(options: &Options, default: &Defaults) -> Option<u64> {
    let without = options.split == Some(Split::Background);
    let every = options.validate_every.or(default.validate_every.filter(|_| !without));
    every.filter(|&every| every > 0)
}

/// How the outer rate falls; of MAML++ a part says it.
fn decay(options: &Options, method: &Method, default: &Defaults) -> Decay {
    if let Method::Mamlpp { parts, .. } = method {
        return if parts.has(MamlPlusPlusPart::Ca) { Decay::Cosine } else { Decay::Constant };
    }
    match (options.outer_schedule, options.halve_every) {
        (_, Some(every)) if every > 0 => Decay::Halved(every),
        (Some(schedule), _) => schedule.into(),
        (None, Some(_)) => Decay::Constant,
        (None, None) => default.decay,
    }
}

fn classes(algorithm: Algorithm, ways: usize, data: &Data, options: &Options, default: &Defaults) -> Classes {
    let vectors = matches!(data, Data::Features(_));
    let rotations = options.rotations.unwrap_or(default.rotations);
    Classes {
        ways,
        train_ways: options.train_ways.unwrap_or(default.train_ways),
        split: options.split.clone().unwrap_or_else(|| default.split.clone()),
        rotations,
        eval_rotations: options.eval_rotations.unwrap_or(match options.rotations {
            Some(asked) => asked,
            None => default.eval_rotations,
        }),
        norm: options.norm.unwrap_or(default.norm),
        pictures: Pictures::of(options, data),
        features: vectors.then(|| features::size(options)),
        blocks: if vectors { None } else { Blocks::of(algorithm, options) },
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
        for algorithm in Algorithm::all() {
            let name = algorithm.name();
            for data in ["glyphs", "omniglot:/data", "folder:/data", "features:/data", "sinusoid"] {
                let text = format!("algorithm = '{name}'\ndata = '{data}'\nseed = 9");
                let Ok(settings) = Settings::resolve(&toml::from_str(&text).unwrap()) else {
                    let regression = data == "sinusoid";
                    let known = match data {
                        _ if regression => algorithm.classifies_alone(),
                        "features:/data" => *algorithm != Algorithm::Leo,
                        _ => matches!(algorithm, Algorithm::Cavia | Algorithm::Leo),
                    };
                    assert!(known, "{text}");
                    continue;
                };
                assert_eq!(Settings::resolve(&settings.options()).unwrap(), settings, "{text}");
            }
        }
        for text in [
            "",
            "algorithm = 'maml'\nways = 20\nrecompute = true\nclip-value = 10.0",
            "algorithm = 'mamlpp'\nparts = 'none'\nclip-norm = 1.0",
            "algorithm = 'maml'\nvalidate-every = 5\npatience = 3",
            "data = 'omniglot:/data'\npatience = 0",
            "algorithm = 'relation'\nclip-norm = 2.0",
            "outer = 'sgd'\nouter-schedule = 'linear'",
            "algorithm = 'pretrain'\nbatch = 9\ndecay = 0.5\ninner-lr = 0.1\neval-steps = 3\nshots = 5",
            "algorithm = 'pretrain'\ndata = 'sinusoid'\nqueries = 7",
            "algorithm = 'siamese'\nnetwork = 'koch'\nbatch = 8\nsplit = 'koch'\ndata = 'omniglot:/data'",
            "algorithm = 'siamese'\nnetwork = 'koch'\nouter = 'adam'\nouter-schedule = 'constant'",
            "algorithm = 'mann'\nways = 15\ncurriculum = 10000\naccess = 'shared'\nbatch = 4",
            "algorithm = 'mann'\nmemory = 'lstm'\nper-class = 0\nimage-size = 28",
            "algorithm = 'leo'\ndata = 'features:/data'\nshots = 5\nclip-norm = 0.2\nfine-tuning-steps = 0\ndropout = 0.1",
            "algorithm = 'meta-sgd'\ndata = 'features:/data'\nfeature-size = 640",
            "algorithm = 'maml'\nfilters = 32\ndownsample = 'max-pool'",
            "algorithm = 'r2d2'\nshots = 5\ntrain-shots = '2..3'",
            "rotations = 'new-classes'\neval-rotations = 'none'\ntrain-shots = 3",
        ] {
            let settings = resolved(text);
            assert_eq!(Settings::resolve(&settings.options()).unwrap(), settings, "{text}");
        }
    }

    #[test]
    fn options_of_earlier_versions_mean_the_same() {
        assert_eq!(resolved("algorithm = 'maml'\nhalve-every = 0").decay, Decay::Constant);
        assert_eq!(resolved("halve-every = 7").decay, Decay::Halved(7));
        let classes = resolved("rotations = 'none'").classes.unwrap();
        assert_eq!((classes.rotations, classes.eval_rotations), (Rotations::None, Rotations::None));
        let settings = resolved("shots = 5");
        assert_eq!((settings.shots, settings.train_shots), (5, 5.into()));
    }

    #[test]
    fn mamlpp_without_annealing_has_a_constant_rate() {
        assert_eq!(resolved("algorithm = 'mamlpp'").decay, Decay::Cosine);
        assert_eq!(resolved("algorithm = 'mamlpp'\nparts = 'msl,da'").decay, Decay::Constant);
    }
}
