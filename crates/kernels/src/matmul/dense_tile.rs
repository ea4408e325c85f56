//! The register tile of products of dense matrices: rows of the output times columns, products accumulated in registers.

#![allow(unsafe_code)]

use std::hint::black_box;

use crate::cpu::isa::{Isa, OfSize, Work};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::{Reader, Writer};
use crate::cpu::small_array;
use crate::cpu::strip::store_parts;
use crate::cpu::vector::Vector;
use crate::element::Element;
use crate::matmul::dense::Strides;
use crate::tile::steps::STEPS;
use crate::tile::window::{Window, most_rows};

/// What the tiles of one window of columns share.
#[derive(Clone, Copy)]
pub struct Columns<'a, F> {
    /// Perhaps the output: then the window has all columns, and a tile writes to its rows what it has read of them before.
    pub a: Reader<'a, F>,
    pub strides: Strides,
    pub b: &'a [F],
    /// Elements from one row of B to the next.
    pub b_row: usize,
    /// Elements from one row of the output to the next.
    pub row: usize,
    pub window: Window,
    /// m, k, n.
    pub size: [usize; 3],
    /// What the product is added to, perhaps the output itself: its first element, and elements from one row to the next. Only where
    /// the inner dimension is one part.
    pub add: Option<(Reader<'a, F>, usize)>,
    /// A prefetch; a step is one product of an element of A.
    pub prefetch: Option<Prefetch<'a, F>>,
}

impl<'a, F: Element> Columns<'a, F> {
    /// A plain product, whose window is still to be set.
    #[inline(always)]
    pub fn new(a: Reader<'a, F>, strides: Strides, b: &'a [F], size: [usize; 3]) -> Self {
        let n = size[2];
        let window = Window { col: 0, vectors: 0, width: 0, keep: [0, 0] };
        Self { a, strides, b, b_row: n, row: n, window, size, add: None, prefetch: None }
    }
}

/// Rows of the output from row `top` on, `R` after `R`, for a part of the inner dimension.
pub struct Tile<'t, 'a, F> {
    pub out: Writer<'t, F>,
    pub columns: &'t Columns<'a, F>,
    pub top: usize,
    /// How often `R` rows.
    pub count: usize,
    pub steps: [usize; 2],
}

/// A tile of whole vectors that prefetches.
struct Prefetching<'t, 'a, F>(Tile<'t, 'a, F>, Prefetch<'a, F>);

/// A tile of whole vectors, where a mask would take one of few registers.
struct Whole<'t, 'a, F>(Tile<'t, 'a, F>);

/// Computes tiles below each other. Only tiles of most rows and of whole vectors prefetch.
#[inline(always)]
pub fn tile<F: Element, I: Isa, const R: usize, const N: usize>(tile: Tile<'_, '_, F>) {
    if const { R == most_rows::<I, N>() }
        && let Some(prefetch) = tile.columns.prefetch
        && tile.columns.window.width <= tile.columns.size[2]
    {
        // SAFETY: this runs as a body of a product.
        return unsafe { I::apart(OfSize::<_, R, N>(Prefetching(tile, prefetch))) };
    }
    let Window { width, .. } = tile.columns.window;
    if I::Vector::WIDE_MASKS && width == N * I::Vector::lanes::<F>() && width <= tile.columns.size[2] {
        // SAFETY: as above.
        return unsafe { I::apart(OfSize::<_, R, N>(Whole(tile))) };
    }
    // SAFETY: as above.
    unsafe { I::apart(OfSize::<_, R, N>(tile)) }
}

impl<F: Element, const R: usize, const N: usize> Work for OfSize<Tile<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        run::<F, I, R, N>(self.0, None, false);
    }
}

impl<F: Element, const R: usize, const N: usize> Work for OfSize<Whole<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        run::<F, I, R, N>(self.0.0, None, true);
    }
}

impl<F: Element, const R: usize, const N: usize> Work for OfSize<Prefetching<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Prefetching(tile, prefetch) = self.0;
        run::<F, I, R, N>(tile, Some(prefetch), true);
    }
}

#[inline(always)]
fn run<F: Element, I: Isa, const R: usize, const N: usize>(
    tile: Tile<'_, '_, F>,
    prefetch: Option<Prefetch<'_, F>>,
    whole: bool,
) {
    for i in 0..tile.count {
        one::<F, I, R, N>(&tile, tile.top + i * R, prefetch, whole);
    }
}

/// `R` rows from row `top` on.
#[inline(always)]
fn one<F: Element, I: Isa, const R: usize, const N: usize>(
    tile: &Tile<'_, '_, F>,
    top: usize,
    prefetch: Option<Prefetch<'_, F>>,
    whole: bool,
) {
    let Tile { out, columns, steps: [from, to], .. } = *tile;
    let Columns { a, strides, b, b_row, row: out_row, window, size: [_, k, n], add, .. } = *columns;
    // known to the compiler where tiles are of whole vectors
    let width = if whole { N * I::Vector::lanes::<F>() } else { window.width.min(n) };
    let place = top * out_row + window.col;
    // SAFETY: this runs with the features of `I`.
    let mut acc = unsafe { [[I::Vector::splat(F::zero()); N]; R] };
    // a masked load takes the place of a product
    // SAFETY: as above.
    let last = if whole { None } else { unsafe { last_lanes::<F, I, N>(width) } };
    if from > 0 {
        let out = out.reader().after(place as isize);
        for i in 0..R {
            // SAFETY: the rows lie in the output; a window that sticks out has a mask, or all of B in one part.
            acc[i] = unsafe { row::<F, I, N>(out.after((i * out_row) as isize), width, last) };
        }
    }
    let mut at = a.after((top * strides.row + from * strides.column) as isize);
    let mut b = Reader::new(b).after((from * b_row + window.col) as isize);
    let add = add.map(|(add, row)| (add.after((top * row + window.col) as isize), row));
    // only products that prefetch are so large that their output lies far
    if let Some((add, add_row)) = add.filter(|_| prefetch.is_some()) {
        for i in 0..R * N {
            add.after((i / N * add_row + i % N * I::Vector::lanes::<F>()) as isize).prefetch_near();
        }
    }
    // unknown to the compiler, which would load what four steps need before the first, and run out of registers
    let each = if prefetch.is_some() { black_box(STEPS) } else { to - from };
    let mut prefetch = prefetch.map(|prefetch| prefetch.after(top * k + R * from).every(STEPS * R));
    let mut left = to - from;
    while left > 0 {
        if let Some(prefetch) = &mut prefetch {
            prefetch.issue();
        }
        let steps = each.min(left);
        left -= steps;
        for _ in 0..steps {
            // SAFETY: the product has compared the sizes with the lengths of A and B.
            unsafe {
                let values = row::<F, I, N>(b, width, last);
                for i in 0..R {
                    let s = I::Vector::splat(at.element(i * strides.row));
                    for j in 0..N {
                        acc[i][j] = s.mul_add::<F>(values[j], acc[i][j]);
                    }
                }
            }
            (at, b) = (at.after(strides.column as isize), b.after(b_row as isize));
        }
    }
    // at the end: a sum of sums loses fewer digits than one long sum
    if let Some((add, add_row)) = add {
        for i in 0..R {
            // SAFETY: its rows are compared with those of the output, or are those, and this runs with the features of `I`.
            unsafe {
                let before = row::<F, I, N>(add.after((i * add_row) as isize), width, last);
                for j in 0..N {
                    acc[i][j] = acc[i][j].add::<F>(before[j]);
                }
            }
        }
    }
    // SAFETY: the tile has read what it reads of A, and what it adds to.
    let out = unsafe { out.part(place, (R - 1) * out_row + width) };
    store::<F, I, R, N>(out, out_row, acc, width, last);
}

/// The lanes of the last of `N` vectors that hold the last of `width` columns, where there are masks.
///
/// # Safety
/// This runs with the features of `I`.
#[inline(always)]
unsafe fn last_lanes<F: Element, I: Isa, const N: usize>(
    width: usize,
) -> Option<<I::Vector as Vector>::Mask> {
    // SAFETY: the caller's promise.
    if I::Vector::MASKED {
        Some(unsafe { I::Vector::mask::<F>(0, width - (N - 1) * I::Vector::lanes::<F>()) })
    } else {
        None
    }
}

/// The first `width` elements from `at` on as `N` vectors, where there are masks; all of the last one where there are none.
///
/// # Safety
/// This runs with the features of `I`, and the elements lie in the reader's slice.
#[inline(always)]
unsafe fn row<F: Element, I: Isa, const N: usize>(
    at: Reader<'_, F>,
    width: usize,
    last: Option<<I::Vector as Vector>::Mask>,
) -> [I::Vector; N] {
    // SAFETY: the caller's promise.
    small_array::of(|j| unsafe {
        let before = j * I::Vector::lanes::<F>();
        let at = at.after(before as isize);
        match last {
            Some(mask) if j + 1 == N => at.first_lanes(mask, width - before),
            _ => at.vectors::<I::Vector, 1>()[0],
        }
    })
}

/// Writes the first `width` columns of a tile to rows of `n` elements.
#[inline(always)]
fn store<F: Element, I: Isa, const R: usize, const N: usize>(
    out: &mut [F],
    n: usize,
    acc: [[I::Vector; N]; R],
    width: usize,
    last: Option<<I::Vector as Vector>::Mask>,
) {
    let lanes = I::Vector::lanes::<F>();
    if last.is_none() && width < N * lanes {
        // SAFETY: the accumulators are as many elements, one after the other.
        let rows = unsafe { std::slice::from_raw_parts((&raw const acc).cast::<F>(), R * N * lanes) };
        return store_parts(out, &small_array::of::<_, R>(|i| i * n), rows, [0, width], false);
    }
    for i in 0..R {
        let row = &mut out[i * n..][..width];
        for j in 0..N {
            let at = row.as_mut_ptr().wrapping_add(j * lanes);
            // SAFETY: the lanes lie in the row, and this runs with the features of `I`.
            unsafe {
                match last {
                    Some(lanes) if j + 1 == N => acc[i][j].store_masked(at, lanes),
                    _ => acc[i][j].store(at),
                }
            }
        }
    }
}
