//! An algorithm that nobody published: it takes a file of code, a file of settings and a row, and nothing else.

use fewshot_meta::Learner;
use fewshot_nn::Conv4Config;

use super::{About, Algorithm, PICTURES};
use crate::network;
use crate::options::shared::FILTERS;
use crate::options::{Group, Kind, Opt};
use crate::settings::{Classes, Settings};

static SHARPNESS: Opt =
    Opt::new("sharpness", "SHARPNESS", Kind::Rate, Group::Comparing, "How sharp comparisons are");

static ABOUT: About = About {
    name: "made-up",
    summary: "Nearest class mean, sharply",
    paper: "Nobody 2026",
    published: include_str!("made-up.toml"),
    data: PICTURES,
    options: &[&SHARPNESS, &FILTERS],
};

/// The row.
pub struct MadeUp;

impl Algorithm for MadeUp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(fewshot_meta::ProtoNet {
            policy: run.policy(),
            ..fewshot_meta::ProtoNet::new(network::model(run))
        })
    }

    fn words(&self, run: &Settings) -> String {
        format!("sharpness {}", run.number("sharpness"))
    }

    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config::pooled_64())
    }

    fn head(&self, _: &Classes) -> Option<usize> {
        None
    }

    fn compares(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::options::Options;
    use crate::presets::{self, Preset};
    use crate::train_args::command;

    #[test]
    fn a_new_algorithm_is_known_everywhere() {
        // help, with the default of its file
        let help =
            command(&["train", "made-up", "--help"]).find_subcommand_mut("made-up").unwrap().render_help();
        let help = help.to_string();
        assert!(help.contains("--sharpness <SHARPNESS>") && help.contains("[default: 2]"), "{help}");
        assert!(!help.contains("--train-ways"), "{help}");
        // lists
        assert!(presets::algorithms().join("\n").contains("Nearest class mean, sharply"));
        assert!(presets::presets(Some("made-up")).unwrap().join("\n").contains("made-up-glyphs-5w1s"));
        // preset, configuration and back, with an option replaced
        let preset = Preset::named("glyphs-5w1s", Some("made-up")).unwrap();
        let given = Options::default().with("sharpness", 3.0);
        let settings = Settings::resolve(&given.clone().or(preset.options(&given).unwrap())).unwrap();
        assert_eq!((settings.number("sharpness"), settings.iterations), (3.0, 7));
        let text = config::text(&settings);
        assert!(text.contains("algorithm = \"made-up\"") && text.contains("sharpness = 3.0"), "{text}");
        assert_eq!(Settings::resolve(&Options(text.parse().unwrap())).unwrap().options, settings.options);
        // its own range, and options of others
        let refused =
            |text: &str| Settings::resolve(&Options(text.parse().unwrap())).err().unwrap().to_string();
        assert!(refused("algorithm = 'made-up'\nsharpness = 0.0").contains("--sharpness 0"));
        assert!(refused("algorithm = 'made-up'\ninner-lr = 1.0").contains("not of made-up"));
        assert!(refused("algorithm = 'maml'\nsharpness = 1.0").contains("is an option of made-up"));
    }

    #[test]
    fn a_new_algorithm_trains_and_is_measured() {
        let words = "train made-up --iterations 1 --episodes 2 --filters 4 --queries 1 --eval-queries 1 --validate-every 0";
        let words: Vec<&str> = words.split(' ').collect();
        let matches = command(&words).try_get_matches_from(words).unwrap();
        let args =
            <crate::train_args::TrainArgs as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        crate::train::run(args).unwrap();
    }
}
