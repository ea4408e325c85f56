//! The register tile of products of dense matrices: rows of the output times columns, products accumulated in registers.

#![allow(unsafe_code)]

use super::isa::{Isa, OfSize, Work, versions};
use super::reader::Reader;
use super::strip::store_parts;
use super::vector::Vector;
use super::window::{Window, at_rows, at_width, most_rows, rows_of_tile};
use crate::float::Float;
use crate::pool::Buffer;

/// Bytes of B that stay in the second-level cache while all rows of A pass.
const B_BYTES: usize = 512 << 10;

/// Elements from one row of a matrix to the next, and from one column to the next.
#[derive(Clone, Copy)]
pub struct Strides {
    pub row: usize,
    pub column: usize,
}

versions! {
    /// `out[m, n] = a[m, k] b[k, n]` for an A of these strides and row-major others, of so many matrices that follow each other:
    /// `size` is `[matrices, m, k, n]`, none of them zero.
    pub fn products<F>(out: &mut [F], a: &[F], strides: Strides, b: &[F], size: [usize; 4]) where [F: Float] = products_body;
    /// `out[m, n] += a[m, k] b[k, n]` of one matrix, `n` being a multiple of the machine's [`lanes`].
    pub fn add_product<F>(out: &mut [F], a: &[F], strides: Strides, b: &[F], size: [usize; 3]) where [F: Float] = add_product_body;
    fn store_lanes<F>(lanes: &mut usize) where [F: Float] = store_lanes_body;
}

/// Elements of a vector of the instruction set that is used.
pub fn lanes<F: Float>() -> usize {
    let mut lanes = 0;
    store_lanes::<F>(&mut lanes);
    lanes
}

#[inline(always)]
fn store_lanes_body<F: Float, I: Isa>(lanes: &mut usize) {
    *lanes = I::Vector::lanes::<F>();
}

/// What the tiles of one window of columns share.
#[derive(Clone, Copy)]
struct Columns<'a, F> {
    a: &'a [F],
    strides: Strides,
    b: &'a [F],
    /// Elements from one row of B to the next.
    b_row: usize,
    window: Window,
    /// m, k, n.
    size: [usize; 3],
    /// Whether the product is added to what the output holds.
    add: bool,
}

#[inline(always)]
fn add_product_body<F: Float, I: Isa>(
    out: &mut [F],
    a: &[F],
    strides: Strides,
    b: &[F],
    size @ [m, k, n]: [usize; 3],
) {
    assert!(n.is_multiple_of(I::Vector::lanes::<F>()), "product: windows of {n} columns overlap");
    check(out, a, strides, b, [1, m, k, n]);
    let mut col = 0;
    while col < n {
        let window = Window::next::<F, I>(col, n);
        col = window.col + window.keep[1];
        columns_of::<F, I>(out, &Columns { a, strides, b, b_row: n, window, size, add: true });
    }
}

/// Panics unless slices of these lengths hold such matrices.
#[inline(always)]
fn check<F>(out: &[F], a: &[F], strides: Strides, b: &[F], [count, m, k, n]: [usize; 4]) {
    assert!(count > 0 && m > 0 && k > 0 && n > 0, "product: a size is zero");
    let of_a = (count - 1) * m * k + (m - 1) * strides.row + (k - 1) * strides.column;
    assert!(of_a < a.len(), "product: A too short");
    assert!(count * k * n <= b.len() && count * m * n <= out.len(), "product: B or the output too short");
}

#[inline(always)]
fn products_body<F: Float, I: Isa>(
    out: &mut [F],
    a: &[F],
    strides: Strides,
    b: &[F],
    size @ [count, m, k, n]: [usize; 4],
) {
    check(out, a, strides, b, size);
    let most = widest::<I>(m);
    for i in 0..count {
        let (out, a, b) = (&mut out[i * m * n..][..m * n], &a[i * m * k..], &b[i * k * n..][..k * n]);
        let mut col = 0;
        while col < n {
            let window = Window::within::<F, I>(most, col, n);
            col = window.col + window.keep[1];
            let wide;
            let mut columns = Columns { a, strides, b, b_row: n, window, size: [m, k, n], add: false };
            if window.width > n && !I::Vector::MASKED {
                wide = widened(b, n, window.width);
                (columns.b, columns.b_row) = (wide.data(), window.width);
            }
            columns_of::<F, I>(out, &columns);
        }
    }
}

/// Vectors of the widest window for `m` rows: where eight rows fit a tile of three vectors, up to eight take one tile, not two
/// of half as many rows that both read B.
#[inline(always)]
fn widest<I: Isa>(m: usize) -> usize {
    let fits = const { I::TILE_ROWS * I::TILE_VECTORS / 8 >= 3 };
    if fits && matches!(m, 7 | 8 | 13..=16) { 3 } else { I::TILE_VECTORS }
}

/// `b` with rows of `width` elements instead of `n`.
#[inline(never)]
fn widened<F: Float>(b: &[F], n: usize, width: usize) -> Buffer<F> {
    let mut wide = Buffer::dirty(b.len() / n * width);
    for (to, from) in wide.data_mut().chunks_exact_mut(width).zip(b.chunks_exact(n)) {
        to[..n].copy_from_slice(from);
        to[n..].fill(F::zero());
    }
    wide
}

#[inline(always)]
fn columns_of<F: Float, I: Isa>(out: &mut [F], columns: &Columns<'_, F>) {
    at_width!(columns.window.vectors, tiles::<F, I>(out, columns));
}

/// Walks the rows of one window of columns, once for each part of the inner dimension.
#[inline(always)]
fn tiles<F: Float, I: Isa, const N: usize>(out: &mut [F], columns: &Columns<'_, F>) {
    let [m, k, n] = columns.size;
    let whole = n < columns.window.width && !I::Vector::MASKED;
    let part = if whole { k } else { (B_BYTES / (columns.window.width * size_of::<F>())).min(k) };
    for from in (0..k).step_by(part) {
        let (mut top, steps) = (0, [from, k.min(from + part)]);
        while top < m {
            let take = rows_of_tile(m - top, const { most_rows::<I, N>() });
            at_rows!(take, tile::<F, I, N>(Tile { out, columns, top, steps }));
            top += take;
        }
    }
}

/// `R` rows of the output from row `top` on, for a part of the inner dimension.
struct Tile<'t, 'a, F> {
    out: &'t mut [F],
    columns: &'t Columns<'a, F>,
    top: usize,
    steps: [usize; 2],
}

#[inline(always)]
fn tile<F: Float, I: Isa, const R: usize, const N: usize>(tile: Tile<'_, '_, F>) {
    // SAFETY: this runs as a body of `product`.
    unsafe { I::apart(OfSize::<_, R, N>(tile)) }
}

impl<F: Float, const R: usize, const N: usize> Work for OfSize<Tile<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Tile { out, columns, top, steps: [from, to] } = self.0;
        let Columns { a, strides, b, b_row, window, size: [_, _, n], add } = *columns;
        let width = window.width.min(n);
        let out = &mut out[top * n + window.col..][..(R - 1) * n + width];
        // SAFETY: this runs with the features of `I`.
        let (last, mut acc) =
            unsafe { (last_lanes::<F, I, N>(width), [[I::Vector::splat(F::zero()); N]; R]) };
        if from > 0 {
            for i in 0..R {
                // SAFETY: the row ends within `out`; a window that sticks out has a mask, or all of B in one part.
                acc[i] = unsafe { row::<F, I, N>(Reader::new(out).after((i * n) as isize), width, last) };
            }
        }
        let mut at = Reader::new(a).after((top * strides.row + from * strides.column) as isize);
        let mut b = Reader::new(b).after((from * b_row + window.col) as isize);
        for _ in from..to {
            // SAFETY: `product` has compared the sizes with the lengths of A and B.
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
        // at the end: a sum of sums loses fewer digits than one long sum
        if add && from == 0 {
            for i in 0..R {
                // SAFETY: as above, and this runs with the features of `I`.
                unsafe {
                    let before = row::<F, I, N>(Reader::new(out).after((i * n) as isize), width, last);
                    for j in 0..N {
                        acc[i][j] = acc[i][j].add::<F>(before[j]);
                    }
                }
            }
        }
        store::<F, I, R, N>(out, n, acc, width, last);
    }
}

/// The lanes of the last of `N` vectors that hold the last of `width` columns, where there are masks.
///
/// # Safety
/// This runs with the features of `I`.
#[inline(always)]
unsafe fn last_lanes<F: Float, I: Isa, const N: usize>(width: usize) -> Option<<I::Vector as Vector>::Mask> {
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
unsafe fn row<F: Float, I: Isa, const N: usize>(
    at: Reader<'_, F>,
    width: usize,
    last: Option<<I::Vector as Vector>::Mask>,
) -> [I::Vector; N] {
    // SAFETY: the caller's promise.
    std::array::from_fn(|j| unsafe {
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
fn store<F: Float, I: Isa, const R: usize, const N: usize>(
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
        return store_parts(out, &std::array::from_fn::<_, R, _>(|i| i * n), rows, [0, width], false);
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
