//! Presets beside options that contradict them: what to give instead.

use super::Preset;
use crate::algorithm::Algorithm;
use crate::choices::{Data, Twin};
use crate::error::Error;

impl Preset {
    /// How to come to features, of the data given if an encoder can learn from them.
    pub(super) fn needs_features(&self, given: Option<&Data>) -> Error {
        let encoder = match given {
            Some(data @ (Data::Folder(_) | Data::Glyphs)) => format!("--algorithm pretrain --data {data}"),
            Some(data @ Data::Omniglot(_)) => format!("--preset pretrain-omniglot-5w1s --data {data}"),
            _ => "--preset pretrain-omniglot-5w1s --data omniglot:PATH".to_owned(),
        };
        Error::Combination(format!(
            "--preset {} needs the features of drawings: train an encoder first, fewshot train {encoder} --out \
             runs/encoder, embed the drawings, fewshot embed runs/encoder --out FILE, then add --data features:FILE",
            self.name
        ))
    }

    /// The preset is of other data than those given.
    pub(super) fn other_data(&self, given: &Data) -> Error {
        let Preset { name, data, .. } = self;
        let place = if *data == "omniglot" { ":PATH" } else { "" };
        let instead = match self.like(self.algorithm, given.name()) {
            Some(like) => format!("--preset {}", like.name),
            None => match self.settings_on(given) {
                Some(options) => format!("instead of the preset {options}"),
                None => "another algorithm".to_owned(),
            },
        };
        Error::Combination(format!(
            "--preset {name} --data {}: the preset is of other data; give --data {data}{place}, or {instead}",
            given.name()
        ))
    }

    /// The options that say of other data what the preset says, as far as they can; none where the algorithm knows no such data.
    fn settings_on(&self, data: &Data) -> Option<String> {
        if !self.algorithm.learns_from(data) {
            return None;
        }
        let mut options = format!("--algorithm {}", self.algorithm.name());
        if let (Some((ways, shots)), false) = (self.episodes, *data == Data::Sinusoid) {
            options += &format!(" --ways {ways}");
            // pairs and sequences have no shots
            if shots > 1 || !matches!(self.algorithm, Algorithm::Mann | Algorithm::Siamese) {
                options += &format!(" --shots {shots}");
            }
        }
        Some(options + if self.network == Some(Twin::Koch) { " --network koch" } else { "" })
    }

    /// The preset of another algorithm or other data that has the same episodes and network, or else none or the first.
    fn like(&self, algorithm: Algorithm, data: &str) -> Option<Preset> {
        let mut others: Vec<Preset> = Preset::all()
            .into_iter()
            .filter(|other| other.algorithm == algorithm && other.data == data)
            .collect();
        let same = |other: &Preset| other.episodes == self.episodes && other.network == self.network;
        let place = others.iter().position(same).or((!others.is_empty()).then_some(0))?;
        Some(others.swap_remove(place))
    }

    /// The preset is of another algorithm than the one given.
    pub(super) fn other_algorithm(&self, given: Algorithm) -> Error {
        let (name, other) = (&self.name, given.name());
        let instead = self.like(given, self.data).map(|like| format!(", or take --preset {}", like.name));
        Error::Combination(format!(
            "--preset {name} --algorithm {other}: the preset is of another algorithm; leave --algorithm out{}",
            instead.unwrap_or_default()
        ))
    }
}
