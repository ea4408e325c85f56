//! The inner loop: gradient steps on a support loss, on the tape and without it.

pub(crate) mod adapt;
pub(crate) mod filter;
pub(crate) mod mini_batches;
pub(crate) mod rematerialize;
pub(crate) mod rules;
pub(crate) mod without_tape;
