//! `fewshot completions` and `fewshot man`: what a shell and a reader of manuals need, from the declaration of the options.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use fewshot_episodes::names::shown_path;

use crate::args::Cli;
use crate::error::Error;
use crate::files;
use crate::report::say_as_it_is;

/// Shorter than what is derived, which is wider than a narrow terminal.
pub const COMPLETIONS_USAGE: &str = "fewshot completions SHELL";

/// What is said at the end of `fewshot completions --help`.
pub const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  fewshot completions bash > ~/.local/share/bash-completion/completions/fewshot
  fewshot completions zsh > ~/.zfunc/_fewshot
      in a folder of $fpath
  fewshot completions fish > ~/.config/fish/completions/fewshot.fish";

/// What is said at the end of `fewshot man --help`.
pub const MAN_EXAMPLES: &str = "\
Examples:
  fewshot man | man -l -
      reads the page of the program
  fewshot man --out ~/.local/share/man/man1
      the pages of the program and of each command, for `man fewshot-train`";

/// The heading that the generator gives to what follows the options, and the usual one for it.
const HEADINGS: [&str; 2] = [".SH EXTRA", ".SH NOTES"];

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell that completes
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write a page for the program and for each command into this folder, and print the paths [default: the page of the program is printed]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints a script that completes command lines.
pub fn completions(args: &CompletionsArgs) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fewshot", &mut script);
    say_as_it_is(String::from_utf8_lossy(&script).trim_end())
}

/// Prints the manual page of the program, or writes those of all commands.
pub fn man(args: &ManArgs) -> Result<(), Error> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let Some(folder) = &args.out else {
        return say_as_it_is(page(program)?.trim_end());
    };
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Error::Out { path, cause: format!("{error}; choose another folder") }
    };
    fs::create_dir_all(folder).map_err(wrong(folder))?;
    let commands: Vec<Command> = program.get_subcommands().cloned().collect();
    let below: Vec<Command> =
        commands.iter().flat_map(|command| command.get_subcommands().cloned()).collect();
    for command in std::iter::once(program).chain(commands).chain(below) {
        let path = folder.join(format!("{}.1", title(&command)));
        files::write(&path, page(command)?.as_bytes()).map_err(wrong(&path))?;
        say_as_it_is(shown_path(&path).to_string())?;
    }
    Ok(())
}

/// `fewshot`, `fewshot-train` or `fewshot-train-maml`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

/// The page of a command in roff.
fn page(command: Command) -> Result<String, Error> {
    let mut page = Vec::new();
    let title = title(&command);
    Man::new(command).title(title.to_uppercase()).render(&mut page).map_err(Error::Stdout)?;
    Ok(String::from_utf8_lossy(&page).replace(HEADINGS[0], HEADINGS[1]))
}
