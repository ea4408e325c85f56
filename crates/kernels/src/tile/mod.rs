//! What the register tiles of dense products and of convolutions share.

pub(crate) mod job;
pub(crate) mod steps;
pub(crate) mod window;
