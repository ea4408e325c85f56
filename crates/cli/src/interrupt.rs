//! Ctrl-C: the first asks training to finish its iteration and save, the next ends the program at once.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::STATUS_INTERRUPTED;
use crate::report::note;

/// Nothing is lost by ending at once.
const IDLE: u8 = 0;
/// Training: there are weights to save.
const TRAINING: u8 = 1;
/// Training, and asked to stop.
const ASKED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(IDLE);

/// Listens for Ctrl-C from now on. Where that is impossible, Ctrl-C keeps ending the program at once.
pub fn listen() {
    let _ = ctrlc::set_handler(|| {
        if STATE.compare_exchange(TRAINING, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            note("stopping after this iteration; Ctrl-C again stops at once");
        } else {
            std::process::exit(STATUS_INTERRUPTED.into());
        }
    });
}

/// While this value lives, the first Ctrl-C only asks.
pub struct Guard(());

/// From here on there are weights to save.
pub fn guard() -> Guard {
    STATE.store(TRAINING, Ordering::SeqCst);
    Guard(())
}

impl Guard {
    /// Whether the user has asked to stop.
    pub fn asked(&self) -> bool {
        STATE.load(Ordering::SeqCst) == ASKED
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        STATE.store(IDLE, Ordering::SeqCst);
    }
}
