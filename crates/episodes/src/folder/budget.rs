//! Memory for decoding, shared by all threads.

use std::sync::{Condvar, Mutex, PoisonError};

/// Most bytes that decoding takes at a time, for one picture with all its copies as for those of all threads together.
pub(super) const BYTES: u64 = 1 << 28;

static FREE: Budget = Budget { free: Mutex::new(BYTES), freed: Condvar::new() };

struct Budget {
    free: Mutex<u64>,
    freed: Condvar,
}

/// Bytes that a picture may take until this is dropped.
pub(super) struct Share(u64);

/// Waits until `bytes` bytes are free. The waiting thread holds none, so that threads that hold some come to an end.
///
/// # Panics
/// When they are more than there are in all.
pub(super) fn share(bytes: u64) -> Share {
    assert!(bytes <= BYTES, "share: {bytes} of {BYTES} bytes");
    let mut free = FREE.free.lock().unwrap_or_else(PoisonError::into_inner);
    while *free < bytes {
        free = FREE.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
    }
    *free -= bytes;
    Share(bytes)
}

impl Drop for Share {
    fn drop(&mut self) {
        *FREE.free.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        FREE.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn threads_share_what_there_is() {
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (now, most) = (&now, &most);
                scope.spawn(move || {
                    for round in 0..20 {
                        let bytes = BYTES / (1 + (thread + round) % 5);
                        let _share = share(bytes);
                        most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= BYTES);
    }
}
