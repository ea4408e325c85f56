//! What a product of the register tile reads and writes where.

use crate::cpu::prefetch::Prefetch;

/// One output row's place: element offsets before scaling by the channel counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pixel {
    /// Where the row of A starts (may lie before the image: a run's offset brings it inside).
    pub src: i32,
    /// Which row of the output it is.
    pub dst: u32,
}

/// A [`Pixel`] in elements: where its row of A starts, and where its row of the output does.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub src: isize,
    pub dst: usize,
}

impl Pixel {
    /// The place in an A of `of_a` elements a pixel and an output of `of_out`.
    pub fn place(&self, [of_a, of_out]: [usize; 2]) -> Place {
        Place { src: self.src as isize * of_a as isize, dst: self.dst as usize * of_out }
    }
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
/// Offsets in `runs` are in units of `channels` elements of A (`channels` rows of B).
#[derive(Clone, Copy)]
pub struct Job<'a, F> {
    /// Output rows of one image.
    pub pixels: &'a [Place],
    /// Stretches of the inner dimension, the same for all pixels.
    pub runs: &'a [Run],
    /// Number of images.
    pub images: usize,
    /// Elements of A from one image to the next.
    pub a_image: usize,
    /// Elements of the output from one image to the next.
    pub out_image: usize,
    /// Elements of A (rows of B) per unit of the runs' offsets.
    pub channels: usize,
    /// Columns of B and of the output.
    pub n: usize,
    /// Elements from one row of B to the next; zeros behind `n` may fill whole vectors.
    pub b_row: usize,
    /// A prefetch of what the next job reads; a step is one product of an element of A.
    pub prefetch: Option<Prefetch<'a, F>>,
}

impl<F> Job<'_, F> {
    /// Panics unless every element the tiles touch lies inside slices of these lengths.
    pub fn check(&self, out: usize, a: usize, b: usize) {
        assert!(self.n <= self.b_row, "tile: rows of {} in {} elements", self.n, self.b_row);
        if self.images == 0 || self.pixels.is_empty() || self.n == 0 {
            return;
        }
        let (mut low, mut high, mut row) = (isize::MAX, isize::MIN, 0);
        for &Place { src, dst } in self.pixels {
            (low, high, row) = (low.min(src), high.max(src), row.max(dst));
        }
        assert!(out >= (self.images - 1) * self.out_image + row + self.n, "tile: output too short");
        let channels = self.channels as isize;
        let last = ((self.images - 1) * self.a_image) as isize;
        for run in self.runs.iter().filter(|run| run.len > 0) {
            let first = low + run.a as isize * channels;
            let steps = run.len as usize * self.channels - 1;
            let end = last + high + run.a as isize * channels + steps as isize;
            assert!(first >= 0 && (end as usize) < a, "tile: A too short");
            let rows = (run.b + run.len) as usize * self.channels;
            assert!(rows * self.b_row <= b, "tile: B too short");
        }
    }
}
