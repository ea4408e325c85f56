//! Functions of several values, element by element, with broadcasting.

use crate::cpu::limits;
use crate::element::Element;
use crate::elementwise::broadcast::broadcast2;
use crate::elementwise::map::{Source, map3};

/// Elementwise functions of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a b`
    Mul,
    /// a b, and 0 where one is 0 and the other infinite.
    Chain,
    /// a / b, and 0 with all its derivatives where both are 0.
    Div,
    /// By how much `Div` changes with a: 1 / b, and 0 where both are 0.
    Inverse,
    /// `a^b`
    Pow,
    /// The larger one.
    Max,
    /// The smaller one.
    Min,
    /// `1 where a > b, else 0`
    Gt,
    /// `1 where a >= b, else 0`
    Ge,
    /// Where the first is not zero the second, else the third.
    Select,
}

impl Binary {
    crate::names! {
        Binary::Add => "add",
        Binary::Sub => "sub",
        Binary::Mul => "mul",
        Binary::Chain => "chain",
        Binary::Div => "div",
        Binary::Inverse => "div gradient",
        Binary::Pow => "pow",
        Binary::Max => "maximum",
        Binary::Min => "minimum",
        Binary::Gt => "gt",
        Binary::Ge => "ge",
        Binary::Select => "select",
    }

    /// Whether it is piecewise constant: its derivative is 0.
    pub fn is_constant(&self) -> bool {
        matches!(self, Binary::Gt | Binary::Ge)
    }
}

/// `out = function(a, b)`, broadcast to `shape`.
///
/// # Panics
/// For [`Binary::Select`], which takes three operands: see [`select`].
pub(crate) fn binary<F: Element>(
    out: &mut [F],
    shape: &[usize],
    [(ad, asz), (bd, bsz)]: [(Source<'_, F>, &[usize]); 2],
    function: Binary,
) {
    let zero = F::zero();
    match function {
        Binary::Add => broadcast2(out, shape, ad, asz, bd, bsz, |a, b| a + b),
        Binary::Sub => broadcast2(out, shape, ad, asz, bd, bsz, |a, b| a - b),
        Binary::Mul => broadcast2(out, shape, ad, asz, bd, bsz, |a, b| a * b),
        Binary::Chain => broadcast2(out, shape, ad, asz, bd, bsz, limits::chain),
        Binary::Div => {
            let divided = move |a, b| if a == zero && b == zero { zero } else { a / b };
            broadcast2(out, shape, ad, asz, bd, bsz, divided);
        }
        Binary::Inverse => {
            let inverse = move |a, b| if a == zero && b == zero { zero } else { F::one() / b };
            broadcast2(out, shape, ad, asz, bd, bsz, inverse);
        }
        Binary::Pow => broadcast2(out, shape, ad, asz, bd, bsz, |a, b| a.powf(b)),
        Binary::Max => broadcast2(out, shape, ad, asz, bd, bsz, limits::greater),
        Binary::Min => broadcast2(out, shape, ad, asz, bd, bsz, limits::lesser),
        Binary::Gt => broadcast2(out, shape, ad, asz, bd, bsz, move |a, b| limits::above(a, b, zero)),
        Binary::Ge => broadcast2(out, shape, ad, asz, bd, bsz, limits::not_below),
        Binary::Select => unreachable!("it takes three operands"),
    }
}

/// `out[i] = a[i]` where `mask[i]` is not zero, else `b[i]`; NaN where the mask is.
pub(crate) fn select<F: Element>(out: &mut [F], [mask, a, b]: [Source<'_, F>; 3]) {
    let chosen = |m: F, a, b| {
        let chosen = if m == F::zero() { b } else { a };
        if m.is_nan() { m } else { chosen }
    };
    map3(out, mask, a, b, chosen);
}
