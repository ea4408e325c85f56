//! Elementwise functions.
//!
//! The closure is compiled for every instruction set: arithmetic becomes vector code. An operand may be the output itself,
//! whose old contents are then read: a block of elements is loaded by value before it is written.

use std::ops::Range;

use crate::cpu::isa::{Isa, versions};
use crate::cpu::small_array;
use crate::cpu::strip::load;
use crate::element::Element;

/// Where an operand lies.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a, F> {
    /// In memory of its own.
    Slice(&'a [F]),
    /// In the output, which it fills.
    Out,
}

impl<'a, F> From<&'a [F]> for Source<'a, F> {
    fn from(slice: &'a [F]) -> Self {
        Source::Slice(slice)
    }
}

impl<F: Element> Source<'_, F> {
    /// Its elements, for an output of `out`.
    pub(crate) fn len(&self, out: usize) -> usize {
        match self {
            Source::Slice(slice) => slice.len(),
            Source::Out => out,
        }
    }

    /// All its elements.
    #[inline(always)]
    pub(crate) fn slice<'b>(&'b self, out: &'b [F]) -> &'b [F] {
        match self {
            Source::Slice(slice) => slice,
            Source::Out => out,
        }
    }

    /// The operand of a part of the output.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        match self {
            Source::Slice(slice) => Source::Slice(&slice[range]),
            Source::Out => Source::Out,
        }
    }

    /// `W` elements by value.
    #[inline(always)]
    pub(crate) fn load<const W: usize>(&self, out: &[F], at: usize) -> [F; W] {
        load(self.slice(out), at)
    }

    /// The first element, where `out` is the output's.
    pub(crate) fn pointer(&self, out: *mut F) -> *const F {
        match self {
            Source::Slice(slice) => slice.as_ptr(),
            Source::Out => out.cast_const(),
        }
    }
}

/// `out[i] = f(a[i])`.
#[inline]
pub fn map1<'a, F: Element, M: Fn(F) -> F + Copy>(out: &mut [F], a: impl Into<Source<'a, F>>, f: M) {
    unary(out, a.into(), f);
}

/// `out[i] = f(a[i], b[i])`.
#[inline]
pub fn map2<'a, F: Element, M: Fn(F, F) -> F + Copy>(
    out: &mut [F],
    a: impl Into<Source<'a, F>>,
    b: impl Into<Source<'a, F>>,
    f: M,
) {
    binary(out, a.into(), b.into(), f);
}

/// `out[i] = f(a[i], b[i], c[i])`.
#[inline]
pub fn map3<'a, F: Element, M: Fn(F, F, F) -> F + Copy>(
    out: &mut [F],
    a: impl Into<Source<'a, F>>,
    b: impl Into<Source<'a, F>>,
    c: impl Into<Source<'a, F>>,
    f: M,
) {
    ternary(out, a.into(), b.into(), c.into(), f);
}

/// `acc[i] += b[i]`.
#[inline(never)]
pub fn add_assign<F: Element>(acc: &mut [F], b: &[F]) {
    map2(acc, Source::Out, b, |acc, b| acc + b);
}

versions! {
    pub(crate) fn unary<F, M>(out: &mut [F], a: Source<'_, F>, f: M) where [F: Element, M: Fn(F) -> F + Copy] = unary_body;
    pub(crate) fn binary<F, M>(out: &mut [F], a: Source<'_, F>, b: Source<'_, F>, f: M)
        where [F: Element, M: Fn(F, F) -> F + Copy] = binary_body;
    fn ternary<F, M>(out: &mut [F], a: Source<'_, F>, b: Source<'_, F>, c: Source<'_, F>, f: M)
        where [F: Element, M: Fn(F, F, F) -> F + Copy] = ternary_body;
}

#[inline(always)]
fn unary_body<F: Element, M: Fn(F) -> F + Copy, I: Isa>(out: &mut [F], a: Source<'_, F>, f: M) {
    each(out, [a], One(f));
}

#[inline(always)]
fn binary_body<F: Element, M: Fn(F, F) -> F + Copy, I: Isa>(
    out: &mut [F],
    a: Source<'_, F>,
    b: Source<'_, F>,
    f: M,
) {
    each(out, [a, b], Two(f));
}

#[inline(always)]
fn ternary_body<F: Element, M: Fn(F, F, F) -> F + Copy, I: Isa>(
    out: &mut [F],
    a: Source<'_, F>,
    b: Source<'_, F>,
    c: Source<'_, F>,
    f: M,
) {
    each(out, [a, b, c], Three(f));
}

/// A function of `K` values. Unlike closures around closures its calls are always inlined, without which no vector code
/// comes about.
pub(crate) trait Function<F, const K: usize>: Copy {
    /// Of the `j`-th elements.
    fn call<const W: usize>(self, x: &[[F; W]; K], j: usize) -> F;
}

macro_rules! function {
    ($($name:ident($($x:ident: $t:ty),+), $k:literal;)+) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name<M>(pub M);

        impl<F: Element, M: Fn($($t),+) -> F + Copy> Function<F, $k> for $name<M> {
            #[inline(always)]
            fn call<const W: usize>(self, [$($x),+]: &[[F; W]; $k], j: usize) -> F {
                (self.0)($($x[j]),+)
            }
        }
    )+};
}

function! {
    One(a: F), 1;
    Two(a: F, b: F), 2;
    Three(a: F, b: F, c: F), 3;
    Four(a: F, b: F, c: F, d: F), 4;
}

/// `out[i] = f` of the `i`-th elements.
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) fn each<F: Element, const K: usize>(
    out: &mut [F],
    from: [Source<'_, F>; K],
    f: impl Function<F, K>,
) {
    let len = out.len();
    for source in &from {
        assert_eq!(source.len(len), len, "map: lengths");
    }
    let out = out.as_mut_ptr();
    // SAFETY: every operand has as many elements as the output, and is the output or apart from it.
    unsafe { blocks(out, small_array::map(from, |source| source.pointer(out)), len, f) }
}

/// As [`each`], in the widest blocks that fit.
///
/// # Safety
/// `out` and all of `from` have `len` elements; an operand that overlaps `out` begins with it.
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) unsafe fn blocks<F: Element, const K: usize>(
    out: *mut F,
    from: [*const F; K],
    len: usize,
    f: impl Function<F, K>,
) {
    // SAFETY: the caller's promise, and `W <= len`.
    unsafe {
        match len {
            16.. => blocks_of::<F, K, 16>(out, from, len, f),
            1.. => blocks_of::<F, K, 1>(out, from, len, f),
            0 => {}
        }
    }
}

/// Blocks of `W` elements from the start, and one that ends with the array: it is computed before anything is written,
/// since it overlaps the block before it.
///
/// # Safety
/// As for [`blocks`], and `W <= len`.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn blocks_of<F: Element, const K: usize, const W: usize>(
    out: *mut F,
    from: [*const F; K],
    len: usize,
    f: impl Function<F, K>,
) {
    // SAFETY: the caller's promise; every block ends within `len`.
    unsafe {
        let last = block::<F, K, W>(from, len - W, f);
        let mut at = 0;
        while at + W < len {
            out.add(at).cast::<[F; W]>().write(block(from, at, f));
            at += W;
        }
        out.add(len - W).cast::<[F; W]>().write(last);
    }
}

/// `f` of the `W` elements from `at`.
///
/// # Safety
/// All of `from` have `at + W` elements.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn block<F: Element, const K: usize, const W: usize>(
    from: [*const F; K],
    at: usize,
    f: impl Function<F, K>,
) -> [F; W] {
    // SAFETY: the caller's promise.
    let x: [[F; W]; K] = small_array::map(from, |from| unsafe { from.add(at).cast::<[F; W]>().read() });
    let mut y = [F::zero(); W];
    for j in 0..W {
        y[j] = f.call(&x, j);
    }
    y
}
