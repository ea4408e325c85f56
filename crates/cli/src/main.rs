//! The program `fewshot`: trains and evaluates few-shot learners.

#![forbid(unsafe_code)]

mod adapted;
mod algorithms;
mod args;
mod baselines;
mod beginning;
mod calibrate;
mod changes;
mod config;
mod config_place;
mod confusion;
mod data;
mod division;
mod drawings;
mod embed;
mod encoding;
mod error;
mod evaluate;
mod features;
mod files;
mod fingerprint;
mod fitting;
#[cfg(test)]
mod golden;
mod heads_measured;
mod interrupt;
mod keeper;
mod kept;
mod layers;
mod learn;
mod loaded;
mod lock;
mod log;
mod measure;
mod names;
mod network;
mod norm;
mod official;
mod opening;
mod options;
mod outer;
mod pictures;
mod places;
mod plot;
mod predict;
mod presets;
mod progress;
mod protocol;
#[cfg(test)]
mod published;
mod refused;
mod report;
mod result;
mod resume;
mod run_dir;
mod run_files;
mod runs;
mod selection;
mod sequences;
mod settings;
mod shell;
mod shots;
mod show;
#[cfg(test)]
mod sudden_end;
mod teacher;
mod temperatures;
mod terminal;
mod too_few;
mod train;
mod train_args;
mod trained;
mod unknown;
mod volume;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use error::{Error, STATUS_INPUT, one_line};
use report::warn;
use train_args::TrainArgs;

/// Most threads.
const MOST_THREADS: u64 = 1024;
/// Longer lines are hard to read.
const WIDEST_HELP: usize = 100;

fn main() -> ExitCode {
    interrupt::listen();
    // help goes into a pager, too
    let columns = terminal::of_results().or_else(terminal::of_remarks).unwrap_or(WIDEST_HELP);
    let command = Cli::command().term_width(columns.min(WIDEST_HELP)).color(terminal::colours());
    let matches = command.try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if cli.volume.quiet && cli.volume.verbose {
        warn("error: --quiet --verbose: less and more cannot both be printed; give one of them");
        return ExitCode::from(STATUS_INPUT);
    }
    cli.volume.set();
    let done = match cli.command {
        None => train::run(TrainArgs::default()),
        Some(Command::Train(args)) => train(*args),
        Some(Command::Algorithms) => presets::algorithms().into_iter().try_for_each(report::result),
        Some(Command::Presets(args)) => presets::presets(args.algorithm.as_deref())
            .and_then(|lines| lines.into_iter().try_for_each(report::result)),
        Some(Command::Evaluate(args)) => evaluate::run(&args),
        Some(Command::Learn(args)) => learn::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Embed(args)) => embed::run(&args),
        Some(Command::Plot(args)) => plot::run(&args),
        Some(Command::Runs(args)) => runs::run(&args),
        Some(Command::Completions(args)) => shell::completions(&args),
        Some(Command::Man(args)) => shell::man(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if matches!(error, Error::Interrupted { .. }) && !interrupt::has_last_line() {
                interrupt::wait_for_end();
            }
            warn(format!("error: {}", one_line(&error)));
            ExitCode::from(error.exit_status())
        }
    }
}

/// Trains; what is wrong with an option of `--config` is told with its place there.
fn train(args: TrainArgs) -> Result<(), Error> {
    let (config, beside) = (args.config.clone(), args.options.0.keys().cloned().collect::<Vec<_>>());
    train::run(args).map_err(|error| match config {
        Some(path) => config_place::placed(error, &path, &beside),
        None => error,
    })
}

/// Help and version go to standard output; a wrong command line gives one line and status 2.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let foreign = || unknown_option(error).and_then(|option| train_args::foreign(&option));
    if let Some(other) = no_command(error).or_else(foreign) {
        warn(format!("error: {}", one_line(&other)));
        return ExitCode::from(STATUS_INPUT);
    }
    let text = error.to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let command = std::env::args().nth(1).filter(|word| Cli::command().find_subcommand(word).is_some());
    let help = command.map_or("fewshot --help".to_owned(), |command| format!("fewshot {command} -h"));
    warn(format!("{}; see {help}", said.join(" ").replace(" tip:", "; tip:")));
    ExitCode::from(STATUS_INPUT)
}

/// What is said of a word that is no command: below `train` an algorithm, elsewhere perhaps one.
fn no_command(error: &clap::Error) -> Option<Error> {
    let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    else {
        return None;
    };
    let trains = std::env::args().nth(1).is_some_and(|first| first == "train");
    match (trains, algorithms::named(word)) {
        (true, _) => Some(refused::unknown_algorithm(word)),
        (false, Some(_)) => Some(Error::Combination(format!(
            "{word}: it is no command but an algorithm; give fewshot train {word}, or fewshot --help"
        ))),
        (false, None) => None,
    }
}

/// The option that a command has not, if that is what is wrong.
fn unknown_option(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => Some(option.clone()),
        _ => None,
    }
}

/// Runs something on so many threads; the results do not depend on the number.
fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let work = || {
        volume::machine();
        work()
    };
    let Some(threads) = threads else { return work() };
    let range = options::Kind::upto(MOST_THREADS);
    if let Some(cause) = range.out_of_range(&toml::Value::Integer(threads as i64)) {
        return Err(Error::option("threads", threads, cause));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Error::option("threads", threads, error.to_string()))?.install(work)
}
