//! Elementwise functions: closures compiled for every instruction set, with operands repeated along axes, and the gates of an LSTM.

pub(crate) mod binary;
mod broadcast;
pub(crate) mod fused;
mod lstm_gates;
pub(crate) mod map;
pub(crate) mod unary;

pub use binary::Binary;
pub(crate) use broadcast::broadcast_to;
pub(crate) use lstm_gates::{lstm, lstm_backward};
pub use map::Source;
pub use unary::Unary;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_lstm;
