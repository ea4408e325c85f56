//! Elementwise functions of two operands that are repeated along axes.

use crate::MAX_RANK;
use crate::cpu::isa::{Isa, versions};
use crate::element::Element;
use crate::elementwise::map::{One, Source, Two, binary, blocks, unary};
use crate::layout::permute::Odometer;

/// `out = f(a, b)` where `a` and `b` are broadcast to `out_shape` by numpy's rule: shapes are aligned at the right,
/// and an axis of one element is repeated.
#[inline]
pub fn broadcast2<'a, F: Element, M: Fn(F, F) -> F + Copy>(
    out: &mut [F],
    out_shape: &[usize],
    a: impl Into<Source<'a, F>>,
    a_shape: &[usize],
    b: impl Into<Source<'a, F>>,
    b_shape: &[usize],
    f: M,
) {
    broadcast(out, out_shape, (a.into(), a_shape), (b.into(), b_shape), f);
}

#[inline(never)]
fn broadcast<F: Element, M: Fn(F, F) -> F + Copy>(
    out: &mut [F],
    out_shape: &[usize],
    (a, a_shape): (Source<'_, F>, &[usize]),
    (b, b_shape): (Source<'_, F>, &[usize]),
    f: M,
) {
    let len = out.len();
    assert_eq!(len, out_shape.iter().product(), "broadcast2: output of {out_shape:?}");
    assert_eq!(a.len(len), a_shape.iter().product(), "broadcast2: first operand of {a_shape:?}");
    assert_eq!(b.len(len), b_shape.iter().product(), "broadcast2: second operand of {b_shape:?}");
    match (a, b) {
        _ if len == 0 => {}
        _ if a.len(len) == len && b.len(len) == len => binary(out, a, b, f),
        (_, Source::Slice(&[b])) if a.len(len) == len => unary(out, a, move |a| f(a, b)),
        (Source::Slice(&[a]), _) if b.len(len) == len => unary(out, b, move |b| f(a, b)),
        (_, Source::Slice(b)) if a.len(len) == len && out_shape.ends_with(b_shape) => rows(out, a, b, f),
        _ => strided(out, a, b, &Axes::new(out_shape, a_shape, b_shape), f),
    }
}

/// Repeats `a` along the axes of `out_shape` it lacks or has one element on.
#[inline(never)]
pub fn broadcast_to<F: Element>(out: &mut [F], out_shape: &[usize], a: &[F], a_shape: &[usize]) {
    if a.len() == 1 {
        out.fill(a[0]);
    } else {
        broadcast2(out, out_shape, a, a_shape, &[F::zero()][..], &[], |a, _| a);
    }
}

/// The axes of an output as both operands walk them.
#[derive(Clone, Copy)]
struct Axes {
    /// How many there are.
    count: usize,
    /// For each operand the size and the step of each axis, the last axis first.
    sides: [[(usize, usize); MAX_RANK]; 2],
}

impl Axes {
    /// The output's axes without those of one element; neighbours that both operands walk evenly are joined.
    fn new(out: &[usize], a: &[usize], b: &[usize]) -> Self {
        let mut axes = Self { count: 0, sides: [[(1, 0); MAX_RANK]; 2] };
        let mut next = [1, 1];
        for back in 1..=out.len() {
            let size = out[out.len() - back];
            let mut steps = [0, 0];
            for (side, shape) in [a, b].into_iter().enumerate() {
                let own = if back <= shape.len() { shape[shape.len() - back] } else { 1 };
                assert!(own == size || own == 1, "broadcast2: {a:?} and {b:?} to {out:?}");
                if own != 1 {
                    steps[side] = next[side];
                    next[side] *= own;
                }
            }
            if size != 1 {
                axes.push(size, steps);
            }
        }
        axes
    }

    fn push(&mut self, size: usize, steps: [usize; 2]) {
        let joins = |side: usize| {
            let (inner, step) = self.sides[side][self.count - 1];
            steps[side] == step * inner
        };
        if self.count > 0 && joins(0) && joins(1) {
            self.sides.iter_mut().for_each(|side| side[self.count - 1].0 *= size);
        } else {
            for side in 0..2 {
                self.sides[side][self.count] = (size, steps[side]);
            }
            self.count += 1;
        }
    }
}

versions! {
    /// `out = f(a, b)` for each row of as many elements as `b`.
    fn rows<F, M>(out: &mut [F], a: Source<'_, F>, b: &[F], f: M) where [F: Element, M: Fn(F, F) -> F + Copy] = rows_body;
    /// Walks the outer axes; the innermost one is a plain loop.
    fn strided<F, M>(out: &mut [F], a: Source<'_, F>, b: Source<'_, F>, axes: &Axes, f: M)
        where [F: Element, M: Fn(F, F) -> F + Copy] = strided_body;
}

#[inline(always)]
#[allow(unsafe_code)]
fn rows_body<F: Element, M: Fn(F, F) -> F + Copy, I: Isa>(out: &mut [F], a: Source<'_, F>, b: &[F], f: M) {
    assert_eq!(a.len(out.len()), out.len(), "broadcast2: lengths");
    for row in 0..out.len() / b.len() {
        let out = out[row * b.len()..][..b.len()].as_mut_ptr();
        let a = a.part(row * b.len()..(row + 1) * b.len());
        // SAFETY: the row of `a`, cut to that length or the output's, and `b` have as many elements as the output's row.
        unsafe { blocks(out, [a.pointer(out), b.as_ptr()], b.len(), Two(f)) }
    }
}

#[inline(always)]
#[allow(unsafe_code)]
fn strided_body<F: Element, M: Fn(F, F) -> F + Copy, I: Isa>(
    out: &mut [F],
    a: Source<'_, F>,
    b: Source<'_, F>,
    axes: &Axes,
    f: M,
) {
    let outer = axes.count.min(2)..axes.count;
    let [a_axes, b_axes] = &axes.sides;
    let (mut a_at, mut b_at) = (Odometer::new(&a_axes[outer.clone()]), Odometer::new(&b_axes[outer]));
    let [(size, a_step), (rows, a_row)] = [a_axes[0], a_axes[1]];
    let [(_, b_step), (_, b_row)] = [b_axes[0], b_axes[1]];
    let (len, out) = (out.len(), out.as_mut_ptr());
    let (a, b) = (a.pointer(out), b.pointer(out));
    for first in (0..len).step_by(rows * size) {
        let (a_first, b_first) = (a_at.next(), b_at.next());
        for row in 0..rows {
            // SAFETY: the axes lead to every element of the output once, in order, and to elements inside the operands,
            // whose sizes were compared with their shapes; the innermost steps are 0 or 1. An operand that is the output has
            // its shape, so that its rows begin with the output's.
            unsafe {
                let out = out.add(first + row * size);
                let (a, b) = (a.add(a_first + row * a_row), b.add(b_first + row * b_row));
                match [a_step, b_step] {
                    [0, 0] => std::slice::from_raw_parts_mut(out, size).fill(f(*a, *b)),
                    [0, _] => {
                        let a = *a;
                        blocks(out, [b], size, One(move |b| f(a, b)));
                    }
                    [_, 0] => {
                        let b = *b;
                        blocks(out, [a], size, One(move |a| f(a, b)));
                    }
                    _ => blocks(out, [a, b], size, Two(f)),
                }
            }
        }
    }
}
