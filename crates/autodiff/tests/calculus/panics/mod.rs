//! What a panic says, and the place it names.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// The last panic of this thread while it listens.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
    static LISTENS: RefCell<bool> = const { RefCell::new(false) };
}

/// A panic.
#[derive(Clone, Debug)]
pub struct Seen {
    pub message: String,
    /// File of the line that it names.
    pub file: String,
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !LISTENS.with_borrow(|&listens| listens) {
                return usual(info);
            }
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
            let file = info.location().map(|place| place.file().to_owned()).unwrap_or_default();
            SEEN.set(Some(Seen { message, file }));
        }));
    });
}

/// How `f` panics, if it does.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> Option<Seen> {
    listen();
    LISTENS.set(true);
    let done = catch_unwind(AssertUnwindSafe(f));
    LISTENS.set(false);
    match done {
        Ok(_) => None,
        Err(_) => SEEN.take(),
    }
}
