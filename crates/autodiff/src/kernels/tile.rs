//! The register tile all dense products share: rows of the output times columns, products accumulated in registers.

#![allow(unsafe_code)]

use super::isa::{Isa, versions};
use super::strip::{load, store};
use super::window::{Window, at_rows, at_width, narrow, rows_of_tile, widened};
use crate::float::Float;

/// Bytes of B that stay in the second-level cache while a block of rows is computed.
const B_BYTES: usize = 512 << 10;
/// Rows of a block.
const BLOCK_ROWS: usize = 48;

/// One output row's place: element offsets before scaling by the channel counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pixel {
    /// Where the row of A starts (may lie before the image: a run's offset brings it inside).
    pub src: i32,
    /// Which row of the output it is.
    pub dst: u32,
}

/// A contiguous stretch of the inner dimension: `len` rows of B from row `b`, read from A at `src + a`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Offset in A relative to the pixel.
    pub a: i32,
    /// First row of B.
    pub b: u32,
    /// How many rows.
    pub len: u32,
}

/// `out[pixel] = sum over runs of A[pixel + run] B[run]`, for every pixel of every image.
///
/// Offsets in `pixels` and `runs` are in units of `channels` elements of A (`channels` rows of B, `n` elements of the output).
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Output rows of one image.
    pub pixels: &'a [Pixel],
    /// Stretches of the inner dimension, the same for all pixels.
    pub runs: &'a [Run],
    /// Number of images.
    pub images: usize,
    /// Elements of A from one image to the next.
    pub a_image: usize,
    /// Rows of the output from one image to the next.
    pub out_image: usize,
    /// Elements of A (rows of B) per unit of the offsets.
    pub channels: usize,
    /// Elements of A from one value of the inner dimension to the next.
    pub a_step: usize,
    /// Columns of B and of the output.
    pub n: usize,
}

impl Job<'_> {
    /// Panics unless every element the tiles touch lies inside slices of these lengths.
    fn check(&self, out: usize, a: usize, b: usize) {
        if self.images == 0 || self.pixels.is_empty() || self.n == 0 {
            return;
        }
        let pixels = self.pixels.iter().map(|p| (p.src as isize, p.dst as usize));
        let (mut low, mut high, mut row) = (isize::MAX, isize::MIN, 0);
        for (src, dst) in pixels {
            (low, high, row) = (low.min(src), high.max(src), row.max(dst));
        }
        assert!(out >= ((self.images - 1) * self.out_image + row + 1) * self.n, "tile: output too short");
        let channels = self.channels as isize;
        let last = ((self.images - 1) * self.a_image) as isize;
        for run in self.runs.iter().filter(|run| run.len > 0) {
            let first = (low + run.a as isize) * channels;
            let steps = (run.len as usize * self.channels - 1) * self.a_step;
            let end = last + (high + run.a as isize) * channels + steps as isize;
            assert!(first >= 0 && (end as usize) < a, "tile: A too short");
            let rows = (run.b + run.len) as usize * self.channels;
            assert!(rows * self.n <= b, "tile: B too short");
        }
    }
}

versions! {
    /// Runs a job: `out` and `b` have rows of `job.n` elements.
    pub fn product<F>(out: &mut [F], a: &[F], b: &[F], job: &Job<'_>) where [F: Float] = product_body;
}

#[inline(always)]
fn product_body<F: Float, I: Isa>(out: &mut [F], a: &[F], b: &[F], job: &Job<'_>) {
    job.check(out.len(), a.len(), b.len());
    if job.n > 0 && narrow::<F, I>(job.n) {
        let width = I::VECTOR_BYTES / size_of::<F>();
        let packed = widened(b, job.n, width);
        columns_of::<F, I>(out, a, packed.data(), width, job, Window { col: 0, width, keep: [0, job.n] });
        return;
    }
    let mut col = 0;
    while col < job.n {
        let window = Window::next::<F, I>(col, job.n);
        columns_of::<F, I>(out, a, b, job.n, job, window);
        col += window.keep[1] - window.keep[0];
    }
}

#[inline(always)]
fn columns_of<F: Float, I: Isa>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    b_step: usize,
    job: &Job<'_>,
    window: Window,
) {
    at_width!(window.width, columns::<F, I>(out, a, b, b_step, job, window));
}

/// Walks the rows of one window of columns in blocks: all tiles of a block of rows take the same part of B before the next.
#[inline(always)]
fn columns<F: Float, I: Isa, const C: usize>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    b_step: usize,
    job: &Job<'_>,
    window: Window,
) {
    let depth = job.runs.iter().map(|run| run.len as usize).sum::<usize>() * job.channels;
    // a window wider than the output cannot read back what it stored, so it takes all of B at once
    let part = if window.keep[1] < C { depth } else { (B_BYTES / (C * size_of::<F>())).min(depth) };
    let (mut left, mut top) = (job.images * job.pixels.len(), RowCursor { image: 0, pixel: 0 });
    while left > 0 {
        let rows = if left < 2 * BLOCK_ROWS { left } else { BLOCK_ROWS };
        let (mut done, mut inner) = (0, InnerCursor { run: 0, step: 0 });
        let start = top;
        loop {
            let steps = part.min(depth - done);
            top = start;
            block::<F, I, C>(out, a, b, b_step, job, &mut top, rows, inner, [done, steps], window);
            done += steps;
            if done == depth {
                break;
            }
            inner.advance(job, steps);
        }
        left -= rows;
    }
}

/// The tiles of one block of rows over one part of the inner dimension.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn block<F: Float, I: Isa, const C: usize>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    b_step: usize,
    job: &Job<'_>,
    top: &mut RowCursor,
    rows: usize,
    inner: InnerCursor,
    [done, steps]: [usize; 2],
    window: Window,
) {
    let mut left = rows;
    while left > 0 {
        let take = rows_of_tile::<I>(left);
        at_rows!(take, tile::<F, I, C>(out, a, b, b_step, job, top, inner, [done, steps], window));
        left -= take;
    }
}

/// Position of the next output row.
#[derive(Clone, Copy)]
struct RowCursor {
    image: usize,
    pixel: usize,
}

/// Position in the inner dimension: a run, and elements into it.
#[derive(Clone, Copy)]
struct InnerCursor {
    run: usize,
    step: usize,
}

impl InnerCursor {
    #[inline(always)]
    fn advance(&mut self, job: &Job<'_>, steps: usize) {
        self.step += steps;
        while self.run < job.runs.len() && self.step >= job.runs[self.run].len as usize * job.channels {
            self.step -= job.runs[self.run].len as usize * job.channels;
            self.run += 1;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn tile<F: Float, I: Isa, const R: usize, const C: usize>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    b_step: usize,
    job: &Job<'_>,
    top: &mut RowCursor,
    mut inner: InnerCursor,
    [done, steps]: [usize; 2],
    window: Window,
) {
    let mut src = [0isize; R];
    let mut dst = [0usize; R];
    for i in 0..R {
        let pixel = job.pixels[top.pixel];
        src[i] = (top.image * job.a_image) as isize + pixel.src as isize * job.channels as isize;
        dst[i] = (top.image * job.out_image + pixel.dst as usize) * job.n + window.col;
        top.pixel += 1;
        if top.pixel == job.pixels.len() {
            (top.pixel, top.image) = (0, top.image + 1);
        }
    }
    let mut acc = [[F::zero(); C]; R];
    if done > 0 {
        for i in 0..R {
            acc[i] = load(out, dst[i]);
        }
    }
    let mut left = steps;
    while left > 0 {
        let run = job.runs[inner.run];
        let len = (run.len as usize * job.channels - inner.step).min(left);
        let offset = run.a as isize * job.channels as isize + (inner.step * job.a_step) as isize;
        let row = run.b as usize * job.channels + inner.step;
        left -= len;
        inner = InnerCursor { run: inner.run + 1, step: 0 };
        // SAFETY: `Job::check` has compared the first and last element of every run with the slices' lengths;
        // wrapping arithmetic because a pointer steps beyond the end only after its last use.
        unsafe {
            let from = src.map(|s| a.as_ptr().wrapping_offset(s + offset));
            let mut row = b.as_ptr().wrapping_add(row * b_step + window.col);
            // two steps at once where the compiler knows the distance: with any other it keeps twice as many pointers
            let pairs = if job.a_step == 1 { len / 2 } else { 0 };
            for k in 0..pairs {
                step::<F, I, R, C>(&mut acc, &from, 2 * k, row);
                step::<F, I, R, C>(&mut acc, &from, 2 * k + 1, row.wrapping_add(b_step));
                row = row.wrapping_add(2 * b_step);
            }
            for k in 2 * pairs..len {
                step::<F, I, R, C>(&mut acc, &from, k * job.a_step, row);
                row = row.wrapping_add(b_step);
            }
        }
    }
    let [from, to] = window.keep;
    for i in 0..R {
        if to - from == C {
            store(out, dst[i], acc[i]);
        } else {
            let row = acc[i];
            out[dst[i] + from..dst[i] + to].copy_from_slice(&row[from..to]);
        }
    }
}

/// One value of the inner dimension: a row of B times an element of each row of A.
///
/// # Safety
/// `row` has `C` elements, and every pointer of `from` one.
#[inline(always)]
unsafe fn step<F: Float, I: Isa, const R: usize, const C: usize>(
    acc: &mut [[F; C]; R],
    from: &[*const F; R],
    at: usize,
    row: *const F,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let values: [F; C] = *row.cast::<[F; C]>();
        for i in 0..R {
            let s = *from[i].wrapping_add(at);
            for j in 0..C {
                acc[i][j] = I::mul_add(s, values[j], acc[i][j]);
            }
        }
    }
}
