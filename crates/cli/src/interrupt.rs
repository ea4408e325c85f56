//! Ctrl-C (SIGINT), SIGTERM and SIGHUP: the first asks training to finish its iteration and save, the next saves what there is and
//! ends the program at once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{STATUS_INTERRUPTED, one_line};
use crate::report::{note, warn};

/// Nothing is lost by ending at once.
const IDLE: u8 = 0;
/// Training: there are weights to save.
const TRAINING: u8 = 1;
/// Training, and asked to stop.
const ASKED: u8 = 2;
/// Asked again, or with nothing to save: about to end.
const ENDING: u8 = 3;

/// An iteration that takes no longer ends without a word on it.
const PATIENCE: Duration = Duration::from_secs(1);
/// A signal this soon after the one that ends the program is one with it: signals come in twos and threes from terminals and services.
const ECHO: Duration = Duration::from_secs(2);

static STATE: AtomicU8 = AtomicU8::new(IDLE);
/// When the end began.
static END: OnceLock<Instant> = OnceLock::new();
/// Whether the last line is being printed.
static LAST_LINE: AtomicBool = AtomicBool::new(false);
/// Held while files are written.
static WRITING: Mutex<()> = Mutex::new(());
/// Saves what there is of a training, and says what became of it.
static RESCUE: Mutex<Option<Rescue>> = Mutex::new(None);

type Rescue = Box<dyn FnOnce() -> String + Send>;

/// Listens from now on. Where that is impossible, signals keep ending the program at once.
pub fn listen() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        // under nohup a run outlives its terminal
        let signals =
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| signal != SIGHUP || !ignores(SIGHUP));
        if let Ok(mut signals) = signal_hook::iterator::Signals::new(signals) {
            thread::spawn(move || signals.forever().for_each(|_| received()));
        }
    }
    #[cfg(not(unix))]
    let _ = ctrlc::set_handler(received);
}

/// Whether the program was started with a signal ignored, as far as the system says so.
#[cfg(unix)]
fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn received() {
    if STATE.compare_exchange(TRAINING, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        thread::spawn(|| {
            thread::sleep(PATIENCE);
            if STATE.load(Ordering::SeqCst) == ASKED {
                note("stopping after this iteration; once more (Ctrl-C) stops at once");
            }
        });
    } else if STATE.swap(ENDING, Ordering::SeqCst) != ENDING {
        END.get_or_init(Instant::now);
        thread::spawn(end);
    } else if END.get().is_some_and(|end| end.elapsed() > ECHO) {
        std::process::exit(STATUS_INTERRUPTED.into());
    }
}

/// Saves, says one line and ends the program.
fn end() {
    let rescue = unpoisoned(&RESCUE).take();
    let said = rescue.map_or_else(|| "interrupted".into(), |rescue| rescue());
    let _held = unpoisoned(&WRITING);
    if has_last_line() {
        warn(format!("error: {}", one_line(said)));
        std::process::exit(STATUS_INTERRUPTED.into());
    }
}

/// Whether the caller is the first that wants to print the last line of an interrupted program; then it ends it.
pub fn has_last_line() -> bool {
    !LAST_LINE.swap(true, Ordering::SeqCst)
}

/// Waits for the end that another thread brings.
pub fn wait_for_end() -> ! {
    loop {
        thread::park();
    }
}

/// Does something to files that a signal shall not break off.
pub fn unbroken<T>(write: impl FnOnce() -> T) -> T {
    thread_local! {
        static HELD: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if HELD.get() {
        return write();
    }
    let _held = unpoisoned(&WRITING);
    HELD.set(true);
    let done = write();
    HELD.set(false);
    done
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this value lives, the first signal only asks.
pub struct Guard(());

/// From here on there are weights to save.
pub fn guard() -> Guard {
    let _ = STATE.compare_exchange(IDLE, TRAINING, Ordering::SeqCst, Ordering::SeqCst);
    Guard(())
}

impl Guard {
    /// Whether the user has asked to stop.
    pub fn asked(&self) -> bool {
        STATE.load(Ordering::SeqCst) >= ASKED
    }

    /// Keeps the state in which a signal saves until the program ends, which is about to say that it was interrupted.
    pub fn until_the_end(self) {
        std::mem::forget(self);
    }

    /// What a second signal does, which does not wait for the end of the iteration.
    pub fn rescue_by(&self, rescue: impl FnOnce() -> String + Send + 'static) {
        *unpoisoned(&RESCUE) = Some(Box::new(rescue));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        for state in [TRAINING, ASKED] {
            let _ = STATE.compare_exchange(state, IDLE, Ordering::SeqCst, Ordering::SeqCst);
        }
        // what is being saved is saved first
        unpoisoned(&RESCUE).take();
    }
}
