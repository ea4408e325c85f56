//! What can go wrong, in one line each, and the exit status that goes with it.

use std::io;
use std::path::{Path, PathBuf};

use fewshot_episodes::names;

use crate::config_place::Place;

/// Exit status of a run that failed while running.
pub const STATUS_FAILED: u8 = 1;
/// Exit status of bad input: options, configuration, data or model files.
pub const STATUS_INPUT: u8 = 2;
/// Exit status of a run ended by Ctrl-C, SIGTERM or SIGHUP (128 + SIGINT, as shells report it).
pub const STATUS_INTERRUPTED: u8 = 130;

/// An error of the program; each message names the thing, the cause and the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option whose value cannot be used, given on the command line or in a configuration.
    #[error("--{option} {value}: {cause}")]
    Option {
        /// Name of the option without dashes.
        option: &'static str,
        /// The value as the user wrote it.
        value: String,
        /// Cause and way out.
        cause: String,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Combination(String),
    /// A configuration file that cannot be read or understood.
    #[error("configuration {}: {cause}", shown(path))]
    Config {
        /// The file.
        path: PathBuf,
        /// Cause and way out.
        cause: String,
    },
    /// A place in a configuration that cannot be understood or used.
    #[error("configuration {}, {place}: {cause}", shown(path))]
    ConfigAt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// Cause and way out.
        cause: String,
    },
    /// Data that cannot be loaded, or that do not hold what the protocol asks for.
    #[error(transparent)]
    Data(#[from] fewshot_episodes::Error),
    /// Data of a run that cannot be read where they were.
    #[error("{source}; where the data have moved, give --data {kind}:NEW")]
    Moved {
        /// Cause and way out.
        source: Box<Error>,
        /// Name of the kind of data.
        kind: &'static str,
    },
    /// Episodes that the data cannot give.
    #[error("{what}: {source}")]
    Episodes {
        /// Which episodes.
        what: &'static str,
        /// Cause and way out.
        source: fewshot_episodes::Error,
    },
    /// A folder that is no finished run.
    #[error("run folder {}: {cause}", shown(path))]
    Run {
        /// The folder.
        path: PathBuf,
        /// Cause and way out.
        cause: String,
    },
    /// A model file that cannot be used.
    #[error("model {0}")]
    Model(String),
    /// The output folder cannot be used; found before training.
    #[error("--out {}: {cause}", shown(path))]
    Out {
        /// The folder.
        path: PathBuf,
        /// Cause and way out.
        cause: String,
    },
    /// Files of a run that could not be written; everything computed was still reported.
    #[error("{0}")]
    Write(String),
    /// Standard output could not be written.
    #[error("standard output: {0}")]
    Stdout(#[source] io::Error),
    /// Training met a number that is not finite, or failed in another way.
    #[error("training stopped: {cause}; {saved}")]
    Training {
        /// What happened, in which iteration.
        cause: String,
        /// What became of the last good weights.
        saved: String,
    },
    /// An encoder that cannot be used.
    #[error("encoder {0}")]
    Encoder(String),
    /// Pictures that were not answered; the others were.
    #[error("{0}")]
    Pictures(String),
    /// Evaluation produced numbers that are not finite.
    #[error("evaluation: {0}")]
    Evaluation(String),
    /// Ctrl-C, SIGTERM or SIGHUP.
    #[error("interrupted after iteration {iteration}; {saved}")]
    Interrupted {
        /// Iterations finished.
        iteration: u64,
        /// What became of the weights.
        saved: String,
    },
}

impl Error {
    /// The exit status that tells scripts what kind of error it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Interrupted { .. } => STATUS_INTERRUPTED,
            Error::Write(_) | Error::Stdout(_) | Error::Training { .. } | Error::Evaluation(_) => {
                STATUS_FAILED
            }
            _ => STATUS_INPUT,
        }
    }

    /// An option whose value cannot be used.
    pub fn option(option: &'static str, value: impl ToString, cause: impl Into<String>) -> Self {
        Error::Option { option, value: value.to_string(), cause: cause.into() }
    }
}

/// A path for people to read, on one line.
pub fn shown(path: &Path) -> String {
    names::shown(&names::from_os(path.as_os_str())).to_string()
}

/// A message on one line: line breaks of nested errors become spaces.
pub fn one_line(message: impl ToString) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_give_no_orders_to_a_terminal() {
        let path = PathBuf::from("a\u{1b}]0;x\u{7}\n  b");
        let error = Error::Run { path, cause: "is\nno run".into() };
        assert_eq!(one_line(error), r"run folder a\u{1b}]0;x\u{7}\u{a} b: is no run");
    }
}
