//! Products of dense matrices by the register tile: how they are cut into tiles.

#![allow(unsafe_code)]

use crate::buffer::Buffer;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::{Reader, Writer};
use crate::cpu::vector::Vector;
use crate::element::Element;
use crate::matmul::dense_tile::{Columns, Tile, tile};
use crate::tile::window::{Window, at_rows, at_width, most_rows, rows_of_tile};

/// Bytes of B that stay in the second-level cache while all rows of A pass.
const B_BYTES: usize = 512 << 10;

/// Elements from one row of a matrix to the next, and from one column to the next.
#[derive(Clone, Copy)]
pub struct Strides {
    pub row: usize,
    pub column: usize,
}

versions! {
    /// `out[m, n] = a[m, k] b[k, n]` for an A of these strides and row-major others, of several matrices that follow each other:
    /// `size` is `[matrices, m, k, n]`, none of them zero. Added to matrices `add` like those of the output, if any.
    pub fn products<F>(out: &mut [F], a: &[F], strides: Strides, b: &[F], add: Option<&[F]>, size: [usize; 4])
        where [F: Element] = products_body;
    /// `out[m, n] += a[m, k] b[k, n]` of one matrix, `n` being a multiple of the machine's [`lanes`]; a step of the prefetch
    /// is one product of an element of A.
    pub fn add_product<F>(out: &mut [F], a: &[F], strides: Strides, b: &[F], size: [usize; 3], prefetch: Option<Prefetch<'_, F>>)
        where [F: Element] = add_product_body;
    /// `rows[m, ..n] = rows[m, ..k] b[k, n]` for rows that begin `row` elements apart; steps of the prefetch as in [`add_product`].
    pub fn replace_rows<F>(rows: &mut [F], row: usize, b: &[F], size: [usize; 3], prefetch: Option<Prefetch<'_, F>>)
        where [F: Element] = replace_rows_body;
    fn store_lanes<F>(lanes: &mut usize) where [F: Element] = store_lanes_body;
}

/// Elements of a vector of the instruction set that is used.
pub fn lanes<F: Element>() -> usize {
    let mut lanes = 0;
    store_lanes::<F>(&mut lanes);
    lanes
}

#[inline(always)]
fn store_lanes_body<F: Element, I: Isa>(lanes: &mut usize) {
    *lanes = I::Vector::lanes::<F>();
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
fn products_body<F: Element, I: Isa>(
    out: &mut [F],
    a: &[F],
    strides: Strides,
    b: &[F],
    add: Option<&[F]>,
    size @ [count, m, k, n]: [usize; 4],
) {
    check(out, a, strides, b, size);
    assert!(add.is_none_or(|add| add.len() == count * m * n), "product: what it is added to");
    let most = widest::<I>(m);
    // without masks a lone window that sticks out reads whole vectors
    let row = if I::Vector::MASKED { n } else { Window::within::<F, I>(most, 0, n).width.max(n) };
    for i in 0..count {
        let (out, a, b) = (&mut out[i * m * n..][..m * n], &a[i * m * k..], &b[i * k * n..][..k * n]);
        let add = add.map(|add| &add[i * m * n..][..m * n]);
        let wide = add.filter(|_| row > n).map(|add| widened(add, n, row));
        let add = match &wide {
            Some(wide) => Some((Reader::new(wide.data()), row)),
            None => add.map(|add| (Reader::new(add), n)),
        };
        let columns = Columns { add, ..Columns::new(Reader::new(a), strides, b, [m, k, n]) };
        every_window::<F, I>(Writer::new(out), columns, most);
    }
}

#[inline(always)]
fn add_product_body<F: Element, I: Isa>(
    out: &mut [F],
    a: &[F],
    strides: Strides,
    b: &[F],
    size @ [m, k, n]: [usize; 3],
    prefetch: Option<Prefetch<'_, F>>,
) {
    assert!(n.is_multiple_of(I::Vector::lanes::<F>()), "product: windows of {n} columns overlap");
    check(out, a, strides, b, [1, m, k, n]);
    let out = Writer::new(out);
    let columns =
        Columns { add: Some((out.reader(), n)), prefetch, ..Columns::new(Reader::new(a), strides, b, size) };
    every_window::<F, I>(out, columns, I::TILE_VECTORS);
}

#[inline(always)]
fn replace_rows_body<F: Element, I: Isa>(
    rows: &mut [F],
    row: usize,
    b: &[F],
    size @ [m, k, n]: [usize; 3],
    prefetch: Option<Prefetch<'_, F>>,
) {
    assert!(m > 0 && k > 0 && n > 0 && k.max(n) <= row, "product: rows of {row} elements, {size:?}");
    assert!((m - 1) * row + k.max(n) <= rows.len() && k * n <= b.len(), "product: rows or B too short");
    let window = Window::next::<F, I>(0, n);
    if window.width == n {
        // before a tile writes to its rows of A it has read as many of their elements, and no other tile reads them
        let out = Writer::new(rows);
        let all = Columns::new(out.reader(), Strides { row, column: 1 }, b, size);
        return columns_of::<F, I>(out, &Columns { row, window, prefetch, ..all });
    }
    let mut copy = Buffer::dirty(m * k);
    for (to, from) in copy.data_mut().chunks_exact_mut(k).zip(rows.chunks(row)) {
        to.copy_from_slice(&from[..k]);
    }
    let strides = Strides { row: k, column: 1 };
    let columns = Columns { row, prefetch, ..Columns::new(Reader::new(copy.data()), strides, b, size) };
    every_window::<F, I>(Writer::new(rows), columns, I::TILE_VECTORS);
}

/// Vectors of the widest window for `m` rows: where eight rows fit a tile of three vectors, up to eight take one tile, not two
/// of half as many rows that both read B.
#[inline(always)]
fn widest<I: Isa>(m: usize) -> usize {
    let fits = const { I::TILE_ROWS * I::TILE_VECTORS / 8 >= 3 };
    if fits && matches!(m, 7 | 8 | 13..=16) { 3 } else { I::TILE_VECTORS }
}

/// Elements of rows of `n` filled up to whole vectors, if they are longer than one: vectors of rows that begin within a cache line lie in
/// two of them, and take two reads.
pub fn whole_row<F: Element>(n: usize) -> usize {
    let lanes = lanes::<F>();
    if n > lanes { n.next_multiple_of(lanes) } else { n }
}

/// `b` with rows of `width` elements instead of `n`.
#[inline(never)]
pub fn widened<F: Element>(b: &[F], n: usize, width: usize) -> Buffer<F> {
    let mut wide = Buffer::dirty(b.len() / n * width);
    for (to, from) in wide.data_mut().chunks_exact_mut(width).zip(b.chunks_exact(n)) {
        to[..n].copy_from_slice(from);
        to[n..].fill(F::zero());
    }
    wide
}

/// All windows of at most `most` vectors; the first one prefetches.
#[inline(always)]
fn every_window<F: Element, I: Isa>(out: Writer<'_, F>, mut columns: Columns<'_, F>, most: usize) {
    let ([_, k, n], b) = (columns.size, columns.b);
    let mut col = 0;
    while col < n {
        let window = Window::within::<F, I>(most, col, n);
        col = window.col + window.keep[1];
        columns.window = window;
        let wide;
        if window.width > n && !I::Vector::MASKED {
            wide = widened(&b[..k * n], n, window.width);
            let columns = Columns { b: wide.data(), b_row: window.width, ..columns };
            return columns_of::<F, I>(out, &columns);
        }
        columns_of::<F, I>(out, &columns);
        columns.prefetch = None;
    }
}

#[inline(always)]
fn columns_of<F: Element, I: Isa>(out: Writer<'_, F>, columns: &Columns<'_, F>) {
    at_width!(columns.window.vectors, tiles::<F, I>(out, columns));
}

/// Walks the rows of one window of columns, once for each part of the inner dimension.
#[inline(always)]
fn tiles<F: Element, I: Isa, const N: usize>(out: Writer<'_, F>, columns: &Columns<'_, F>) {
    let [m, k, n] = columns.size;
    let whole = n < columns.window.width && !I::Vector::MASKED;
    let row = columns.window.width * size_of::<F>();
    // what is added to is read once, at the end; and a division takes as long as a tile of a small matrix
    let part = if whole || columns.add.is_some() || k * row <= B_BYTES { k } else { B_BYTES / row };
    let mut from = 0;
    while from < k {
        let (mut top, steps) = (0, [from, k.min(from + part)]);
        while top < m {
            let take = rows_of_tile(m - top, const { most_rows::<I, N>() });
            // one call for all: what it is given takes a while to be read
            let mut count = 1;
            while rows_of_tile(m - top - count * take, const { most_rows::<I, N>() }) == take {
                count += 1;
            }
            at_rows!(take, most_rows, tile::<F, I, N>(Tile { out, columns, top, count, steps }));
            top += count * take;
        }
        from += part;
    }
}
