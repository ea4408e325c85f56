//! Presets beside options that contradict them: what to give instead.

use super::Preset;
use crate::algorithms::{self, Algorithm};
use crate::error::Error;
use crate::places::Data;

impl Preset {
    /// How to come to features, of the data given if an encoder can learn from them.
    pub(super) fn needs_features(&self, given: Option<&Data>) -> Error {
        let encoder = match given {
            Some(data @ (Data::Folder(_) | Data::Glyphs)) => format!("pretrain --data {data}"),
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
        let (name, data) = (&self.name, &self.row.data);
        let place = if ["omniglot", "folder"].contains(&data.as_str()) { ":PATH" } else { "" };
        let instead = match self.like(self.algorithm, given.name()) {
            Some(like) => format!("--preset {}", like.name),
            None => match self.command_on(given) {
                Some(command) => format!("instead of the preset {command}"),
                None => "another algorithm".to_owned(),
            },
        };
        Error::Combination(format!(
            "--preset {name} --data {}: the preset is of other data; give --data {data}{place}, or {instead}",
            given.name()
        ))
    }

    /// What says of other data what the preset says, as far as it can; none where the algorithm knows no such data.
    fn command_on(&self, data: &Data) -> Option<String> {
        let about = self.algorithm.about();
        if !about.data.contains(&data.name()) {
            return None;
        }
        let mut command = format!("fewshot train {}", about.name);
        if let (Some(ways), false) = (self.row.ways, *data == Data::Sinusoid) {
            command += &format!(" --ways {ways}");
            // pairs and sequences have no shots
            let named = |shots: &usize| self.row.name.ends_with(&format!("w{shots}s"));
            if let Some(shots) = self.row.shots.filter(named) {
                command += &format!(" --shots {shots}");
            }
        }
        let network = self.row.network.as_ref().filter(|network| *network != "small");
        Some(command + &network.map(|network| format!(" --network {network}")).unwrap_or_default())
    }

    /// The preset of an algorithm on some data that has the same episodes and network, or else none or the first.
    fn like(&self, algorithm: &'static dyn Algorithm, data: &str) -> Option<Preset> {
        let mut others = Preset::of(algorithm);
        others.retain(|other| other.row.data == data && other.row.split == self.row.split);
        let same = |other: &Preset| {
            let (a, b) = (&other.row, &self.row);
            a.ways == b.ways && a.shots == b.shots && a.network == b.network
        };
        let place = others.iter().position(same).or((!others.is_empty()).then_some(0))?;
        Some(others.swap_remove(place))
    }

    /// The preset is of another algorithm than the one given.
    pub(super) fn other_algorithm(&self, given: &str) -> Error {
        let name = &self.name;
        let like = algorithms::named(given).and_then(|other| self.like(other, &self.row.data));
        let instead = like.map(|like| format!(", or take --preset {}", like.name)).unwrap_or_default();
        Error::Combination(format!(
            "--preset {name} beside {given}: the preset is of another algorithm; leave {given} out{instead}"
        ))
    }
}
