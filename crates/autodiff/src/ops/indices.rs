//! Places and class labels: whole numbers in the element type, looked at before they are used.

use crate::float::Float;
use crate::tape::Tape;
use crate::var::Var;

/// A value that names no place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misplaced {
    /// The operator that was given it.
    operator: &'static str,
    value: f64,
    /// How many places there are.
    size: usize,
}

impl std::fmt::Display for Misplaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Misplaced { operator, value, size } = self;
        if *value >= *size as f64 {
            return write!(f, "{operator}: index or label {value} is not below {size}");
        }
        write!(f, "{operator}: index or label {value} is not a whole number in 0..{size}")
    }
}

/// The places that values name.
pub(super) fn places<F: Float>(
    operator: &'static str,
    x: &[F],
    size: usize,
) -> Result<Vec<usize>, Misplaced> {
    x.iter().map(|&i| place(operator, i, size)).collect()
}

/// The place that a value names.
#[inline(always)]
pub(super) fn place<F: Float>(operator: &'static str, x: F, size: usize) -> Result<usize, Misplaced> {
    let value = x.as_f64();
    let i = value as usize;
    if i < size && i as f64 == value { Ok(i) } else { Err(Misplaced { operator, value, size }) }
}

/// Places or class labels: whole numbers `[n]`, as a list or as a value on the tape, where no gradient flows to them.
///
/// A list is a constant of a recorded program; what changes from task to task is put on the tape with [`Tape::index`] or
/// enters a program as an input. A value that is no place (negative, too large, a fraction, NaN) is refused where it is read: by the
/// operator on a tape, and by the run of a program.
pub trait Indices<'t, F: Float> {
    /// Them on the tape, `[n]`.
    ///
    /// # Panics
    /// When a listed one is not below `size`, or a value has not one axis.
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
