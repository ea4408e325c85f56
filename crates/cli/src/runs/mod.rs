//! `fewshot runs`: the runs in the folders below one, side by side.

mod date;
mod find;
mod order;
mod run;
mod table;

use std::path::PathBuf;

use clap::Args;
use fewshot_episodes::names::shown_path;

use crate::error::{Error, one_line};
use crate::report::{note, result, say_as_it_is, warn};
use crate::terminal;
use find::Found;
use order::Key;
use run::{Listed, Status};

/// What is said at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  fewshot runs
      the runs below the folder runs
  fewshot runs experiments --sort accuracy
      the best first: the highest accuracy, the lowest error of regression
  fewshot runs --json
      one JSON array and nothing else

Iterations are those done, and behind a stroke those asked for where they are more. The figure is the mean over test episodes at the end of training with its 95 % \
interval; a run that keeps none (-) is measured by `fewshot evaluate DIR`.";

/// Arguments of `runs`.
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// Folder that the runs lie in, or in folders below it
    #[arg(value_name = "DIR", default_value = "runs")]
    pub dir: PathBuf,

    /// What to sort by: the best result first (accuracy), the latest first (date), else from the lowest
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t = Key::Name)]
    pub sort: Key,

    /// Sort the other way round
    #[arg(long)]
    pub reverse: bool,

    /// Print one JSON array and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Lists the runs below a folder.
pub fn run(args: &RunsArgs) -> Result<(), Error> {
    let Found { folders, unread } = find::below(&args.dir)?;
    if folders.is_empty() {
        unread.iter().for_each(warn);
        let cause = "there is no run in it, nor in the folders below; keep one with fewshot train --out DIR/NAME, or name another folder";
        return Err(Error::Run { path: args.dir.clone(), cause: cause.into() });
    }
    let mut listed: Vec<Listed> = folders.into_iter().map(|folder| Listed::read(&args.dir, folder)).collect();
    order::sort(&mut listed, args.sort, args.reverse);
    if args.json {
        say_as_it_is(serde_json::to_string(&listed).expect("names and numbers have a form in JSON"))?;
    } else {
        table::lines(&listed, terminal::of_results()).into_iter().try_for_each(result)?;
    }
    unread.iter().for_each(warn);
    for run in &listed {
        if let Some(error) = &run.error {
            warn(format!("warning: {}: {}", shown_path(&run.path), one_line(error)));
        }
    }
    let is_unmeasured = |run: &&Listed| run.status == Status::Finished && run.result.is_none();
    if let Some(run) = listed.iter().find(is_unmeasured).filter(|_| !args.json) {
        let path = shown_path(&run.path);
        note(format!(
            "note: a run with - keeps no result; measure it with fewshot evaluate, such as fewshot evaluate {path}"
        ));
    }
    Ok(())
}
