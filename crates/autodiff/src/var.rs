//! [`Var`]: a handle to a value on a tape.

use std::fmt;

use crate::array::Array;
use crate::float::Float;
use crate::shape::Shape;
use crate::tape::Tape;

/// A value on a [`Tape`]: `Copy`, so it is used like a number.
///
/// Operators panic at the caller's line when shapes do not fit, naming the operation and both shapes.
///
/// `+ - * /` broadcast as in numpy.
///
/// # At the edges
/// One rule for quotients, powers, roots and logarithms, their values and their derivatives of all orders:
///
/// * `0 / 0` is defined away: it is 0, with derivatives 0, so that dividing by a norm is safe at zero. So are the derivatives of what
///   is made to be divided by: those of [`sqrt`](Var::sqrt), [`norm`](Var::norm) and [`safe_recip`](Var::safe_recip) at 0, and the
///   cosine of a zero vector.
/// * Everywhere else a slope that is infinite is infinite, not 0 and not NaN: that of `1 / x` and `ln x` at 0, of `x^p` at 0 for
///   `p < 1`. Where no gradient arrives at it (0), none leaves; where an infinite gradient arrives at a slope of 0, none leaves
///   either.
/// * Powers with whole exponents from 0 on are polynomials, at 0 too.
/// * At a kink the slope is one of both sides, which each operator names: 0 for `relu` and `abs` at 0, ties to the first.
///
/// And one rule for NaN: it is never passed over. Greatest and smallest values, limits, poolings, activations, comparisons and their
/// masks are NaN where an operand is, wherever it stands among others; the index of the greatest is that of the first NaN.
///
/// Values and derivatives keep their relative precision over the whole range of the element type. Exceptions are those of sums:
/// what a row of logits adds up to is exact to a rounding of its greatest ([`log_softmax`](Var::log_softmax) and
/// [`cross_entropy`](Var::cross_entropy) of an answer that is nearly certain), and [`lstm_gates`](Var::lstm_gates) knows its gates by
/// their values alone.
pub struct Var<'t, F: Float = f32> {
    tape: &'t Tape<F>,
    pub(crate) id: u32,
}

impl<F: Float> Clone for Var<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Float> Copy for Var<'_, F> {}

impl<'t, F: Float> Var<'t, F> {
    pub(crate) fn new(tape: &'t Tape<F>, id: u32) -> Self {
        Var { tape, id }
    }

    /// The tape this value lives on.
    pub fn tape(self) -> &'t Tape<F> {
        self.tape
    }

    /// The sizes of the axes.
    pub fn shape(self) -> Shape {
        self.tape.record.borrow().nodes[self.id as usize].shape
    }

    /// The value, shared with the tape.
    ///
    /// # Panics
    /// When `backward` has freed it, or a program is being recorded.
    #[track_caller]
    pub fn value(self) -> Array<F> {
        self.tape.record.borrow().value(self.id as usize).clone()
    }

    /// The value, unless a program is being recorded and it depends on the program's inputs.
    pub(crate) fn known(self) -> Option<Array<F>> {
        self.tape.record.borrow().nodes[self.id as usize].value.clone()
    }

    /// The only number of a value with one element.
    ///
    /// # Panics
    /// When there is not exactly one, or `backward` has freed it.
    #[track_caller]
    pub fn item(self) -> F {
        self.tape.record.borrow().value(self.id as usize).item()
    }

    /// The node `offset` places after this one: a further output of the same operator.
    pub(crate) fn output(self, offset: u32) -> Self {
        Var::new(self.tape, self.id + offset)
    }
}

impl<F: Float> fmt::Debug for Var<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.tape.record.borrow();
        let node = &record.nodes[self.id as usize];
        write!(f, "%{} = {} ", self.id, node.op.name())?;
        match &node.value {
            Some(value) => write!(f, "{value:?}"),
            None => write!(f, "{} (freed)", node.shape),
        }
    }
}
