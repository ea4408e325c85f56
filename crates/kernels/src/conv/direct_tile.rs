//! The register tile of convolutions: rows of the output times columns, products accumulated in registers.

#![allow(unsafe_code)]

use std::hint::black_box;

use crate::cpu::isa::{Isa, OfSize, Work, versions};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::Reader;
use crate::cpu::vector::Vector;
use crate::element::Element;
use crate::tile::job::Job;
use crate::tile::steps::{STEPS, multiply, store_rows};
use crate::tile::window::{Window, at_rows, at_width, most_rows, rows_of_tile};

/// Bytes of B that stay in the second-level cache while a block of rows is computed.
const B_BYTES: usize = 512 << 10;
/// Rows of a block.
const BLOCK_ROWS: usize = 48;

versions! {
    /// Runs a job: `out` and `b` have rows of `job.n` elements.
    pub fn product<F>(out: &mut [F], a: &[F], b: &[F], job: &Job<'_, F>) where [F: Element] = product_body;
}

/// Elements of the longest [`Panel::tail`]: the widest single vector, and as many rows of one column.
const TAIL: usize = 256;

/// B as the tiles of a window of columns read it.
#[derive(Clone, Copy)]
struct Panel<'a, F> {
    b: &'a [F],
    /// Rows of B from which a whole row of the window can be read.
    whole: usize,
    /// The rows behind them, as wide as the window.
    tail: &'a [F],
    window: Window,
    /// Steps of a row.
    depth: usize,
    prefetch: Prefetch<'a, F>,
}

#[inline(always)]
fn product_body<F: Element, I: Isa>(out: &mut [F], a: &[F], b: &[F], job: &Job<'_, F>) {
    job.check(out.len(), a.len(), b.len());
    let depth = job.runs.iter().map(|run| run.len as usize).sum::<usize>() * job.channels;
    let mut prefetch = job.prefetch.unwrap_or_else(|| Prefetch::nothing(a));
    let mut col = 0;
    while col < job.n {
        let mut window = Window::next::<F, I>(col, job.b_row);
        window.keep[1] = window.keep[1].min(job.n - window.col);
        col = window.col + window.keep[1];
        let mut tail = [F::zero(); TAIL];
        let mut panel = Panel { b, whole: usize::MAX, tail: &[], window, depth, prefetch };
        prefetch = Prefetch::nothing(a);
        if window.width > job.b_row {
            panel.whole = if b.len() < window.width { 0 } else { (b.len() - window.width) / job.n + 1 };
            let rows = b[panel.whole * job.n..].chunks_exact(job.n);
            let copies = tail[..rows.len() * window.width].chunks_exact_mut(window.width);
            copies.zip(rows).for_each(|(to, from)| to[..job.n].copy_from_slice(from));
            panel.tail = &tail;
        }
        columns_of::<F, I>(out, a, &panel, job);
    }
}

#[inline(always)]
fn columns_of<F: Element, I: Isa>(out: &mut [F], a: &[F], panel: &Panel<'_, F>, job: &Job<'_, F>) {
    at_width!(panel.window.vectors, columns::<F, I>(out, a, panel, job));
}

/// Walks the rows of one window of columns in blocks: all tiles of a block of rows take the same part of B before the next.
#[inline(always)]
fn columns<F: Element, I: Isa, const N: usize>(
    out: &mut [F],
    a: &[F],
    panel: &Panel<'_, F>,
    job: &Job<'_, F>,
) {
    let depth = panel.depth;
    // a window that sticks out of the output cannot read back what it stored, so it takes all of B at once
    let part = if job.n < panel.window.col + panel.window.width {
        depth
    } else {
        (B_BYTES / (panel.window.width * size_of::<F>())).min(depth)
    };
    let (mut left, mut top) =
        (job.images * job.pixels.len(), RowCursor { row: 0, pixel: 0, src: 0, dst: panel.window.col });
    while left > 0 {
        let rows = if left < 2 * BLOCK_ROWS || part == depth { left } else { BLOCK_ROWS };
        let (mut done, mut inner) = (0, InnerCursor { run: 0, step: 0 });
        let start = top;
        loop {
            let steps = part.min(depth - done);
            top = start;
            block::<F, I, N>(out, a, panel, job, &mut top, rows, inner, [done, steps]);
            done += steps;
            if done == depth {
                break;
            }
            inner.advance(job, steps);
        }
        left -= rows;
    }
}

/// Rows of the tallest tile of `N` vectors: each is read through an address of its own, and of those a core has registers for six
/// beside three vectors or more, and for eight beside fewer.
const fn tallest<I: Isa, const N: usize>() -> usize {
    let (most, fits) = (most_rows::<I, N>(), if N >= 3 { 6 } else { 8 });
    if most > fits { fits } else { most }
}

/// The tiles of one block of rows over one part of the inner dimension.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn block<F: Element, I: Isa, const N: usize>(
    out: &mut [F],
    a: &[F],
    panel: &Panel<'_, F>,
    job: &Job<'_, F>,
    top: &mut RowCursor,
    rows: usize,
    inner: InnerCursor,
    part: [usize; 2],
) {
    let mut left = rows;
    while left > 0 {
        let take = rows_of_tile(left, const { tallest::<I, N>() });
        // one call for all: what it is given takes a while to be read
        let mut count = 1;
        while rows_of_tile(left - count * take, const { tallest::<I, N>() }) == take {
            count += 1;
        }
        at_rows!(take, tallest, tile::<F, I, N>(Tile { out, a, panel, job, top, count, inner, part }));
        left -= count * take;
    }
}

/// Position of the next output row.
#[derive(Clone, Copy)]
struct RowCursor {
    /// Rows before it, and pixels of its image.
    row: usize,
    pixel: usize,
    /// Where its image begins in A, and in the window of the output.
    src: isize,
    dst: usize,
}

impl RowCursor {
    /// Where the next row begins in A and in the window of the output.
    #[inline(always)]
    fn next<F>(&mut self, job: &Job<'_, F>) -> (isize, usize) {
        let place = job.pixels[self.pixel];
        let next = (self.src + place.src, self.dst + place.dst);
        self.pixel += 1;
        if self.pixel == job.pixels.len() {
            (self.pixel, self.src, self.dst) = (0, self.src + job.a_image as isize, self.dst + job.out_image);
        }
        next
    }
}

/// Position in the inner dimension: a run, and elements into it.
#[derive(Clone, Copy)]
struct InnerCursor {
    run: usize,
    step: usize,
}

impl InnerCursor {
    #[inline(always)]
    fn advance<F>(&mut self, job: &Job<'_, F>, steps: usize) {
        self.step += steps;
        while self.run < job.runs.len() && self.step >= job.runs[self.run].len as usize * job.channels {
            self.step -= job.runs[self.run].len as usize * job.channels;
            self.run += 1;
        }
    }
}

/// The next rows of the output in a window of `N` vectors.
struct Tile<'t, 'a, F> {
    out: &'t mut [F],
    a: &'a [F],
    panel: &'t Panel<'a, F>,
    job: &'t Job<'a, F>,
    top: &'t mut RowCursor,
    /// How often `R` rows.
    count: usize,
    inner: InnerCursor,
    part: [usize; 2],
}

#[inline(always)]
fn tile<F: Element, I: Isa, const R: usize, const N: usize>(tile: Tile<'_, '_, F>) {
    // SAFETY: this runs as a body of `product`.
    unsafe { I::apart(OfSize::<_, R, N>(tile)) }
}

impl<F: Element, const R: usize, const N: usize> Work for OfSize<Tile<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Tile { out, a, panel, job, top, count, inner, part } = self.0;
        // by value: what is written through `top` and `out` cannot change them
        let (panel, job, mut cursor) = (*panel, *job, *top);
        for _ in 0..count {
            one::<F, I, R, N>(out, a, &panel, &job, &mut cursor, inner, part);
        }
        *top = cursor;
    }
}

/// The next `R` rows from the cursor on.
#[inline(always)]
fn one<F: Element, I: Isa, const R: usize, const N: usize>(
    out: &mut [F],
    a: &[F],
    panel: &Panel<'_, F>,
    job: &Job<'_, F>,
    cursor: &mut RowCursor,
    mut inner: InnerCursor,
    [done, steps]: [usize; 2],
) {
    let mut src = [Reader::new(a); R];
    let mut dst = [0usize; R];
    for i in 0..R {
        let next = cursor.next(job);
        (src[i], dst[i]) = (src[i].after(next.0), next.1);
    }
    let mut prefetch = panel.prefetch.after(cursor.row * panel.depth + R * done).every(STEPS * R);
    // in memory, not in registers, where there are none left beside the addresses
    let prefetch = if R > 6 { black_box(&mut prefetch) } else { &mut prefetch };
    cursor.row += R;
    // SAFETY: this runs with the features of `I`.
    let mut acc = [[unsafe { I::Vector::splat(F::zero()) }; N]; R];
    if done > 0 {
        for i in 0..R {
            // SAFETY: the vectors end within the slice, or indexing panics.
            acc[i] = unsafe { Reader::new(&out[dst[i]..][..panel.window.width]).vectors() };
        }
    }
    let mut left = steps;
    while left > 0 {
        let run = job.runs[inner.run];
        let row = run.b as usize * job.channels + inner.step;
        let (whole, rows, b_step) = if row < panel.whole {
            let at = row * job.b_row + panel.window.col;
            (panel.whole - row, Reader::new(panel.b).after(at as isize), job.b_row)
        } else {
            (
                left,
                Reader::new(panel.tail).after(((row - panel.whole) * panel.window.width) as isize),
                panel.window.width,
            )
        };
        let rest = run.len as usize * job.channels - inner.step;
        let len = rest.min(left).min(whole);
        let offset = run.a as isize * job.channels as isize + inner.step as isize;
        left -= len;
        inner.step += len;
        if len == rest {
            inner = InnerCursor { run: inner.run + 1, step: 0 };
        }
        // SAFETY: `Job::check` has compared the first and last element of every run with the slices' lengths, and
        // a row of B that ends too early for the window is read from the panel's tail.
        unsafe {
            // not `array::map`: the compiler would see the offset, keep it beside the readers, and run out of registers
            let from = src.map(|s| s.after(offset));
            multiply::<F, I, R, N>(&mut acc, &from, rows, b_step, len, prefetch);
        }
    }
    store_rows::<F, I, R, N>(out, &dst, acc, panel.window.keep, false);
}
