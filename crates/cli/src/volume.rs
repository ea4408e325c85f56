//! How much the program prints: `--quiet`, as usual, or `--verbose`.

use std::sync::{Once, OnceLock};

use clap::Args;
use fewshot_autodiff::instruction_set;

use crate::report::detail;

/// Options of every command that say how much is printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Volume {
    /// Print results and errors alone: no progress, no protocol, no remarks but those on a doubtful result
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Print more: threads, instruction set, seconds per iteration, where files are written
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

static VOLUME: OnceLock<Volume> = OnceLock::new();

impl Volume {
    /// Holds for the whole program from now on.
    pub fn set(self) {
        let _ = VOLUME.set(self);
    }
}

/// Whether results and errors alone are printed.
pub fn is_quiet() -> bool {
    VOLUME.get().is_some_and(|volume| volume.quiet)
}

/// Whether more is printed than usual.
pub fn is_verbose() -> bool {
    VOLUME.get().is_some_and(|volume| volume.verbose)
}

/// Says once what the calling thread pool computes with.
pub fn machine() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let threads = rayon::current_num_threads();
        let s = if threads == 1 { "" } else { "s" };
        detail(format!("machine     {threads} thread{s}, kernels for {}", instruction_set()));
    });
}
