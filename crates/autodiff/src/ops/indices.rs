//! Indices and class labels: whole numbers in the element type, checked before they are used.

use crate::float::Float;
use crate::tape::Tape;
use crate::var::Var;

/// A value that is no index below `size`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutOfRange {
    /// The operator that was given it.
    operator: &'static str,
    value: f64,
    /// The bound of valid indices.
    size: usize,
}

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let OutOfRange { operator, value, size } = self;
        if *value >= *size as f64 {
            return write!(f, "{operator}: index or label {value} is not below {size}");
        }
        write!(f, "{operator}: index or label {value} is not a whole number in 0..{size}")
    }
}

/// The values as indices below `size`.
pub(super) fn places<F: Float>(
    operator: &'static str,
    x: &[F],
    size: usize,
) -> Result<Vec<usize>, OutOfRange> {
    x.iter().map(|&i| place(operator, i, size)).collect()
}

/// The value as an index below `size`.
#[inline(always)]
pub(super) fn place<F: Float>(operator: &'static str, x: F, size: usize) -> Result<usize, OutOfRange> {
    let value = x.as_f64();
    let i = value as usize;
    if i < size && i as f64 == value { Ok(i) } else { Err(OutOfRange { operator, value, size }) }
}

/// Indices or class labels: whole numbers `[n]`, as a list or as a value on the tape; no gradient flows to them.
///
/// A list is a constant of a recorded program; indices that change from task to task are put on the tape with [`Tape::index`] or
/// enter a program as an input. A value out of range (negative, too large, a fraction, NaN) is refused where it is read: by the
/// operator on a tape, and by the run of a program.
pub trait Indices<'t, F: Float> {
    /// The indices on the tape, `[n]`.
    ///
    /// # Panics
    /// When one of a list is not below `size`, or a value on the tape has not exactly one axis.
    #[track_caller]
    fn on(self, tape: &'t Tape<F>, name: &str, size: usize) -> Var<'t, F>;
}

impl<'t, F: Float> Indices<'t, F> for &[usize] {
    #[track_caller]
    fn on(self, tape: &'t Tape<F>, name: &str, size: usize) -> Var<'t, F> {
        if let Some(i) = self.iter().find(|&&i| i >= size) {
            panic!("{name}: index or label {i} is not below {size}");
        }
        tape.index(self)
    }
}

impl<'t, F: Float> Indices<'t, F> for &Vec<usize> {
    #[track_caller]
    fn on(self, tape: &'t Tape<F>, name: &str, size: usize) -> Var<'t, F> {
        self.as_slice().on(tape, name, size)
    }
}

impl<'t, F: Float, const N: usize> Indices<'t, F> for &[usize; N] {
    #[track_caller]
    fn on(self, tape: &'t Tape<F>, name: &str, size: usize) -> Var<'t, F> {
        self.as_slice().on(tape, name, size)
    }
}

impl<'t, F: Float> Indices<'t, F> for Var<'t, F> {
    #[track_caller]
    fn on(self, _: &'t Tape<F>, name: &str, _: usize) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(shape.len(), 1, "{name}: indices {shape} are not [n]");
        self
    }
}
