//! Elementwise functions, with broadcasting of two operands.
//!
//! The closure is compiled for every instruction set: arithmetic becomes vector code.

use super::isa::{Isa, versions};
use super::permute::Odometer;
use crate::float::Float;
use crate::shape::MAX_RANK;

versions! {
    /// `out[i] = f(a[i])`.
    pub fn map1<F, M>(out: &mut [F], a: &[F], f: M) where [F: Float, M: Fn(F) -> F + Copy] = map1_body;
    /// `out[i] = f(a[i], b[i])`.
    pub fn map2<F, M>(out: &mut [F], a: &[F], b: &[F], f: M) where [F: Float, M: Fn(F, F) -> F + Copy] = map2_body;
    /// `out[i] = f(a[i], b[i], c[i])`.
    pub fn map3<F, M>(out: &mut [F], a: &[F], b: &[F], c: &[F], f: M)
        where [F: Float, M: Fn(F, F, F) -> F + Copy] = map3_body;
    /// `acc[i] += b[i]`.
    pub fn add_assign<F>(acc: &mut [F], b: &[F]) where [F: Float] = add_assign_body;
}

#[inline(always)]
fn map1_body<F: Float, M: Fn(F) -> F + Copy, I: Isa>(out: &mut [F], a: &[F], f: M) {
    assert_eq!(out.len(), a.len(), "map1: lengths");
    for (out, &a) in out.iter_mut().zip(a) {
        *out = f(a);
    }
}

#[inline(always)]
fn map2_body<F: Float, M: Fn(F, F) -> F + Copy, I: Isa>(out: &mut [F], a: &[F], b: &[F], f: M) {
    assert_eq!((out.len(), out.len()), (a.len(), b.len()), "map2: lengths");
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b);
    }
}

#[inline(always)]
fn map3_body<F: Float, M: Fn(F, F, F) -> F + Copy, I: Isa>(out: &mut [F], a: &[F], b: &[F], c: &[F], f: M) {
    assert_eq!([out.len(); 3], [a.len(), b.len(), c.len()], "map3: lengths");
    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = f(a, b, c);
    }
}

#[inline(always)]
fn add_assign_body<F: Float, I: Isa>(acc: &mut [F], b: &[F]) {
    assert_eq!(acc.len(), b.len(), "add_assign: lengths");
    for (acc, &b) in acc.iter_mut().zip(b) {
        *acc += b;
    }
}

/// `out = f(a, b)` where `a` and `b` are broadcast to `out_shape` by numpy's rule: shapes are aligned at the right,
/// and an axis of one element is repeated.
#[inline(never)]
pub fn broadcast2<F: Float, M: Fn(F, F) -> F + Copy>(
    out: &mut [F],
    out_shape: &[usize],
    a: &[F],
    a_shape: &[usize],
    b: &[F],
    b_shape: &[usize],
    f: M,
) {
    assert_eq!(out.len(), out_shape.iter().product(), "broadcast2: output of {out_shape:?}");
    assert_eq!(a.len(), a_shape.iter().product(), "broadcast2: first operand of {a_shape:?}");
    assert_eq!(b.len(), b_shape.iter().product(), "broadcast2: second operand of {b_shape:?}");
    if out.is_empty() {
    } else if a.len() == out.len() && b.len() == out.len() {
        map2(out, a, b, f);
    } else if b.len() == 1 && a.len() == out.len() {
        let b = b[0];
        map1(out, a, move |a| f(a, b));
    } else if a.len() == 1 && b.len() == out.len() {
        let a = a[0];
        map1(out, b, move |b| f(a, b));
    } else {
        strided(out, a, b, &Axes::new(out_shape, a_shape, b_shape), f);
    }
}

/// Repeats `a` along the axes of `out_shape` it lacks or has one element on.
#[inline(never)]
pub fn broadcast_to<F: Float>(out: &mut [F], out_shape: &[usize], a: &[F], a_shape: &[usize]) {
    if a.len() == 1 {
        out.fill(a[0]);
    } else {
        broadcast2(out, out_shape, a, a_shape, &[F::zero()], &[], |a, _| a);
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
    /// Walks the outer axes; the innermost one is a plain loop.
    fn strided<F, M>(out: &mut [F], a: &[F], b: &[F], axes: &Axes, f: M)
        where [F: Float, M: Fn(F, F) -> F + Copy] = strided_body;
}

#[inline(always)]
fn strided_body<F: Float, M: Fn(F, F) -> F + Copy, I: Isa>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    axes: &Axes,
    f: M,
) {
    let outer = 1..axes.count.max(1);
    let [a_axes, b_axes] = &axes.sides;
    let (mut a_at, mut b_at) = (Odometer::new(&a_axes[outer.clone()]), Odometer::new(&b_axes[outer]));
    let (size, steps) = (a_axes[0].0, [a_axes[0].1, b_axes[0].1]);
    for out in out.chunks_exact_mut(size) {
        let (a, b) = (&a[a_at.next()..], &b[b_at.next()..]);
        // innermost steps are 0 or 1
        match steps {
            [0, 0] => out.fill(f(a[0], b[0])),
            [0, _] => {
                let a = a[0];
                out.iter_mut().zip(b).for_each(|(out, &b)| *out = f(a, b));
            }
            [_, 0] => {
                let b = b[0];
                out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a, b));
            }
            _ => out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b)),
        }
    }
}
