//! `fewshot train` on the command line: for each algorithm a subcommand with its own options, whose defaults are those that a run with the
//! other options would have.

mod asked;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use toml::Value;

use crate::algorithms::{self, ALL, Algorithm};
use crate::args::count;
use crate::error::Error;
use crate::options::{Kind, Opt, Options, shown};
use crate::refused;
use crate::settings::listed;
use asked::Asked;

pub const EXAMPLES: &str = "\
Examples:
  fewshot train
      built-in alphabets, 5 classes, one drawing each
  fewshot train maml --shots 5 --out runs/glyphs-maml
      five drawings each, by gradient steps; keeps weights, metrics and settings
  fewshot train protonet --data omniglot:data/omniglot --iterations 5000 --out runs/protonet
      the real Omniglot drawings
  fewshot train --data sinusoid --iterations 10000
      regression: a sinusoid from ten points, one gradient step
  fewshot train pretrain --out runs/pretrain
      the baseline without meta-learning: an ordinary classifier, fine-tuned to the new classes
  fewshot train --preset reptile-omniglot-5w1s --data omniglot:data/omniglot
      published settings under one name; options given beside it replace its own
  fewshot train --config runs/protonet/config.toml --out runs/again
      the same run again; options given beside --config replace its values
  fewshot train --resume runs/protonet --iterations 8000
      goes on where a run ended, early or not, with the bits of a run in one go
  fewshot train --data folder:photographs --image-size 84 --colour rgb --out runs/photographs
      pictures of your own, a folder for each class
  fewshot evaluate runs/protonet --ways 20
      a trained model on harder episodes
  fewshot predict runs/protonet --support known new.png
      the class of a picture, from a few pictures of each class

What --out DIR holds: config.toml (settings), division.json (which class is for what, and checksums of \
the data), metrics.csv (iteration, loss, accuracy), timing.csv (seconds of training), model.safetensors \
(weights, statistics, protocol), progress.safetensors (the same and the outer optimiser, for --resume), \
result.json (the result at the end, which `fewshot runs` lists). \
Same seed, same files but timing.csv, for any number of threads. One process at a time writes there.

Ctrl-C, SIGTERM and SIGHUP finish the iteration, save the weights and end with status 130; a second one saves \
the weights of the last whole iteration and ends at once.
Exit status: 0 success; 1 the run failed; 2 bad options, data or files; 130 ended by Ctrl-C.";

/// Options that `fewshot train -h` shows.
const FIRST: [&str; 6] = ["data", "ways", "shots", "episodes", "iterations", "seed"];
/// What `fewshot train` says below its options.
const MORE: &str = "\
fewshot train ALGORITHM -h  the options of an algorithm, with their defaults
fewshot train --help        examples, and what is kept of a run
fewshot presets             published settings under one name";

/// Arguments of `train`.
#[derive(Debug, Default)]
pub struct TrainArgs {
    /// Options of the run.
    pub options: Options,
    /// Published settings by name.
    pub preset: Option<String>,
    /// The config.toml of an earlier run.
    pub config: Option<PathBuf>,
    /// The folder of a run that goes on.
    pub resume: Option<PathBuf>,
    /// The folder of the new run.
    pub out: Option<PathBuf>,
    /// Whether a run that it holds is replaced.
    pub overwrite: bool,
    /// Threads.
    pub threads: Option<usize>,
}

impl Args for TrainArgs {
    fn augment_args(command: Command) -> Command {
        augmented(command, std::env::args_os().skip(1).collect())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The command for a command line of these words.
#[cfg(test)]
pub fn command(words: &[&str]) -> Command {
    augmented(Command::new("train"), words.iter().map(OsString::from).collect())
}

/// A command with what there is to ask of training, for a command line of these words.
fn augmented(command: Command, words: Vec<OsString>) -> Command {
    let asked = Asked::of(words);
    let command = with_options(command, asked.algorithm, &asked, true)
        .subcommand_value_name("ALGORITHM")
        .subcommand_help_heading("Algorithms")
        .args_conflicts_with_subcommands(false)
        .disable_help_subcommand(true)
        .after_help(MORE)
        .override_usage("fewshot train [ALGORITHM]\n       [OPTIONS]");
    ALL.iter().fold(command, |command, algorithm| {
        let about = algorithm.about();
        let own = Command::new(about.name)
            .about(about.summary)
            .before_long_help(format!("{}, after {}.", about.name, about.paper))
            .allow_negative_numbers(true);
        command.subcommand(with_options(own, *algorithm, &asked, false))
    })
}

impl FromArgMatches for TrainArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = TrainArgs::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let named = matches.subcommand();
        if let Some(name) = named.and_then(|(_, below)| twice(matches, below)) {
            return Err(conflict(format!("--{name} is given before and behind the algorithm; give it once")));
        }
        for matches in [Some(matches), named.map(|(_, matches)| matches)].into_iter().flatten() {
            for id in matches.ids() {
                let name = id.as_str();
                let given = matches.value_source(name) == Some(ValueSource::CommandLine);
                if let (true, Ok(Some(value))) = (given, matches.try_get_one::<Value>(name)) {
                    self.options.set(name, value.clone());
                }
            }
            let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
            self.preset = matches.get_one::<String>("preset").cloned().or(self.preset.take());
            self.config = path("config").or(self.config.take());
            self.resume = path("resume").or(self.resume.take());
            self.out = path("out").or(self.out.take());
            self.overwrite |= matches.get_flag("overwrite");
            self.threads = matches.get_one::<usize>("threads").copied().or(self.threads);
        }
        if let Some((name, _)) = named {
            if let Some(other) = self.options.text("algorithm").filter(|other| *other != name) {
                let said =
                    format!("--algorithm {other} beside {name}: these are two algorithms; give one of them");
                return Err(conflict(said));
            }
            self.options.set("algorithm", name);
        }
        self.contradiction().map_or(Ok(()), |said| Err(conflict(said)))
    }
}

impl TrainArgs {
    /// What contradicts what, of the options that say where settings come from and where files are.
    fn contradiction(&self) -> Option<String> {
        let given = [
            ("preset", self.preset.is_some()),
            ("config", self.config.is_some()),
            ("out", self.out.is_some()),
            ("overwrite", self.overwrite),
        ];
        let beside = given.into_iter().find(|(_, given)| *given).map(|(name, _)| name);
        match (self.resume.is_some(), beside) {
            (true, Some(other)) => {
                Some(format!("--resume --{other}: a run goes on as it is, where it is; leave --{other} out"))
            }
            _ if self.preset.is_some() && self.config.is_some() => {
                Some("--preset --config: both say what the settings are; give one of them".into())
            }
            _ if self.overwrite && self.out.is_none() => Some(
                "--overwrite: it is of the folder of --out DIR; add that, or leave --overwrite out".into(),
            ),
            _ => None,
        }
    }
}

fn conflict(said: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, said + "\n")
}

/// An option that is given on both levels.
fn twice(above: &ArgMatches, below: &ArgMatches) -> Option<String> {
    let given = |matches: &ArgMatches, name: &str| {
        let known = matches.ids().any(|id| id.as_str() == name);
        known && matches.value_source(name) == Some(ValueSource::CommandLine)
    };
    let names = above.ids().map(|id| id.as_str()).filter(|name| !["quiet", "verbose"].contains(name));
    let mut both = names.filter(|name| given(above, name) && given(below, name));
    both.next().map(str::to_owned)
}

/// What is said of an option that the algorithm has not but others have; none for a word that is no option.
pub fn foreign(word: &str) -> Option<Error> {
    let name = word.trim_start_matches('-');
    algorithms::option(name)?;
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let trains = words
        .iter()
        .find(|word| !word.to_string_lossy().starts_with('-'))
        .is_some_and(|word| word == "train");
    let asked = Asked::of(words);
    let own = listed(asked.algorithm).iter().any(|option| option.name == name);
    if !trains || own {
        return None;
    }
    Some(refused::of_other_algorithms(asked.algorithm, &asked.data(), name))
}

/// A command with the options of an algorithm; `main` is the one without the name of an algorithm.
fn with_options(command: Command, algorithm: &'static dyn Algorithm, asked: &Asked, main: bool) -> Command {
    let defaults = asked.defaults(algorithm);
    let options = listed(algorithm).into_iter();
    let own = algorithm.about().options;
    let command = options.fold(command, |command, option| {
        let arg = argument(option, defaults.get(option.name));
        let is_own = own.iter().any(|own| own.name == option.name);
        // the options of the usual algorithm are shown beside its name; few others matter at first
        let hidden = option.name == "algorithm" || (main && is_own);
        if option.name == "algorithm" && !main {
            return command;
        }
        let data = asked.data_for(algorithm);
        let unused = algorithm.without(option.name, &data).is_some();
        let later = (main && !FIRST.contains(&option.name)) || !option.of.has(&data);
        command.arg(arg.hide(hidden || unused).hide_short_help(later))
    });
    with_files(command)
}

/// An option on the command line, with its default in help.
fn argument(option: &'static Opt, default: Option<&Value>) -> Arg {
    let default = default.map(|value| format!(" [default: {}]", shown(value))).unwrap_or_default();
    let help = format!("{}{default}", option.help);
    let long = match option.more {
        "" => help.clone(),
        more => format!("{}. {more}{default}", option.help),
    };
    let arg = Arg::new(option.name)
        .long(option.name)
        .value_name(option.value)
        .help(help)
        .long_help(long)
        .help_heading(option.group.heading())
        .action(ArgAction::Set)
        .value_parser(parser(option));
    match option.kind {
        Kind::Flag => arg.num_args(0..=1).default_missing_value("true").require_equals(true),
        _ => arg,
    }
}

fn parser(option: &'static Opt) -> ValueParser {
    let kind = &option.kind;
    match kind {
        Kind::Choice(choices) => {
            let possible = choices.iter().map(|(name, meaning)| PossibleValue::new(*name).help(*meaning));
            PossibleValuesParser::new(possible).try_map(|name: String| kind.parse(&name)).into()
        }
        _ => ValueParser::from(move |text: &str| kind.parse(text)),
    }
}

/// What says which settings are taken, and where files are.
fn with_files(command: Command) -> Command {
    let heading = "Files and machine";
    let path = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .help(help)
            .help_heading(heading)
            .value_parser(clap::value_parser!(PathBuf))
    };
    let preset = Arg::new("preset")
        .long("preset")
        .value_name("NAME")
        .help(
            "Published settings by name, which options given beside it replace; `fewshot presets` lists them",
        )
        .help_heading("What to learn");
    let config = path("config", "FILE", "Take the settings from the config.toml of an earlier run");
    let resume = path("resume", "DIR", "Go on with a run that was ended early, or with more --iterations").long_help(
        "Go on with a run that was ended early, or with more --iterations: the --out of an earlier `fewshot train`. The same bits as in one go, \
         unless an outer rate that falls towards the last iteration is given another one; --data says where its data have moved.",
    );
    let out = path("out", "DIR", "Keep weights, metrics and settings in this folder");
    let overwrite = Arg::new("overwrite")
        .long("overwrite")
        .help("Replace the run that --out already holds")
        .help_heading(heading)
        .action(ArgAction::SetTrue);
    let threads = Arg::new("threads")
        .long("threads")
        .value_name("N")
        .help("Threads; the results do not depend on it [default: all cores]")
        .help_heading(heading)
        .value_parser(count);
    command.args([preset, config, resume, out, overwrite, threads])
}
