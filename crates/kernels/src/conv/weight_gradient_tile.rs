//! The register tile of weight gradients: sums of outer products over pairs of an input and an output pixel.

#![allow(unsafe_code)]

use crate::buffer::Buffer;
use crate::conv::shape::{ConvShape, image_sizes};
use crate::cpu::isa::{Isa, OfSize, Work, versions};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::Reader;
use crate::cpu::small_array;
use crate::cpu::vector::Vector;
use crate::element::Element;
use crate::tile::job::Pixel;
use crate::tile::steps::{STEPS, step, store_rows};
use crate::tile::window::{Window, at_rows, at_width, most_rows, rows_of_tile};

/// Pairs after which what a tile reads of an input pixel has come from the second-level cache: it lies too scattered for the processor
/// to foresee.
const PREFETCH_STEPS: usize = 8;

/// Pairs of an input and an output pixel of several images, as offsets in elements.
#[derive(Debug)]
pub struct Pairs {
    /// Offsets in x and in g, image after image, and `PREFETCH_STEPS` more of no meaning.
    steps: Vec<[usize; 2]>,
    /// Pairs of one image.
    each: usize,
    /// Elements of x and of g that a pair's offsets and its first channel, or its row of g, need at least.
    ends: [usize; 2],
}

impl Pairs {
    /// The pairs `pixels` of each of `images` images.
    pub fn new(pixels: &[Pixel], images: usize, s: &ConvShape) -> Self {
        let [x_image, g_image] = image_sizes(s);
        let first: Vec<[usize; 2]> =
            pixels.iter().map(|p| [p.src as usize * s.c_in, p.dst as usize * s.c_out]).collect();
        // as if of one pair at the very start where there is none
        let ends =
            first.iter().fold([0, s.c_out], |[x, g], pair| [x.max(pair[0] + 1), g.max(pair[1] + s.c_out)]);
        let mut steps = Vec::with_capacity(images * pixels.len() + PREFETCH_STEPS);
        for image in 0..images {
            let [x, g] = [image * x_image, image * g_image];
            steps.extend(first.iter().map(|pair| [pair[0] + x, pair[1] + g]));
        }
        steps.extend([[0; 2]; PREFETCH_STEPS]);
        Self { steps, each: pixels.len(), ends }
    }
}

/// `out[row + r, :] += sum over pairs of x[pair + first + r] g[pair, :]` for every `r` below `rows`.
#[derive(Clone, Copy)]
pub struct PairJob<'a, F> {
    /// What is summed over.
    pub pairs: &'a Pairs,
    /// Elements from the input pixel's first channel to the first row's factor.
    pub first: usize,
    /// First row of the output.
    pub row: usize,
    /// Rows of the output.
    pub rows: usize,
    /// Number of images, at most those of `pairs`.
    pub images: usize,
    /// Whether the output starts with what it holds, not with zero.
    pub add: bool,
    /// Sizes of images and channels.
    pub shape: &'a ConvShape,
    /// A prefetch of what the next jobs read; a step is one pair for one row.
    pub prefetch: Option<Prefetch<'a, F>>,
}

impl<F> PairJob<'_, F> {
    /// Elements of g that are read through a window of `width` columns that sticks out.
    fn needs(&self, width: usize) -> usize {
        let [_, g_image] = image_sizes(self.shape);
        (self.images - 1) * g_image + self.pairs.ends[1] - self.shape.c_out + width
    }

    /// Panics unless every element the tiles of a window touch lies inside slices of these lengths.
    fn check(&self, out: usize, x: usize, g: usize, window: Window) {
        let s = self.shape;
        let [x_image, g_image] = image_sizes(s);
        assert!(self.images > 0 && x >= self.images * x_image && g >= self.images * g_image, "pairs: images");
        assert!((self.row + self.rows) * s.c_out <= out, "pairs: output");
        let last = self.first + self.rows.max(1) - 1;
        assert!(self.pairs.ends[0] + last <= x_image && self.pairs.ends[1] <= g_image, "pairs: pixels");
        assert!(window.width <= s.c_out || self.needs(window.width) <= g, "pairs: columns");
    }

    /// The pairs of all images.
    #[inline(always)]
    fn steps(&self) -> &[[usize; 2]] {
        &self.pairs.steps[..self.images * self.pairs.each]
    }
}

/// Spreads a prefetch of the `next` slices over the jobs.
pub fn plan_prefetch<'a, F: Element>(jobs: &mut [PairJob<'a, F>], next: [&'a [F]; 2]) {
    let steps = |job: &PairJob<'_, F>| job.rows * job.steps().len();
    let mut prefetch = Prefetch::new(next, jobs.iter().map(steps).sum());
    for job in jobs {
        job.prefetch = Some(prefetch);
        prefetch = prefetch.after(steps(job));
    }
}

versions! {
    /// Runs jobs: `out` has rows of `c_out` elements.
    pub fn accumulate<F>(out: &mut [F], x: &[F], g: &[F], jobs: &[PairJob<'_, F>]) where [F: Element] = accumulate_body;
}

#[inline(always)]
fn accumulate_body<F: Element, I: Isa>(out: &mut [F], x: &[F], g: &[F], jobs: &[PairJob<'_, F>]) {
    let longer = longer::<F, I>(g, jobs);
    let g = longer.as_ref().map_or(g, Buffer::data);
    for job in jobs {
        let n = job.shape.c_out;
        let mut col = 0;
        while col < n {
            let window = Window::next::<F, I>(col, n);
            job.check(out.len(), x.len(), g.len(), window);
            columns_of::<F, I>(out, x, g, job, window);
            col = window.col + window.keep[1];
        }
    }
}

/// A copy of g with room behind it, if a window reads beyond its end.
fn longer<F: Element, I: Isa>(g: &[F], jobs: &[PairJob<'_, F>]) -> Option<Buffer<F>> {
    let n = jobs.first()?.shape.c_out;
    let width = Window::next::<F, I>(0, n).width;
    if width <= n || jobs.iter().all(|job| job.needs(width) <= g.len()) {
        return None;
    }
    let mut longer = Buffer::dirty(g.len() + width);
    let (head, tail) = longer.data_mut().split_at_mut(g.len());
    head.copy_from_slice(g);
    tail.fill(F::zero());
    Some(longer)
}

#[inline(always)]
fn columns_of<F: Element, I: Isa>(out: &mut [F], x: &[F], g: &[F], job: &PairJob<'_, F>, window: Window) {
    at_width!(window.vectors, columns::<F, I>(out, x, g, job, window));
}

/// Walks the rows of one window of columns in tiles.
#[inline(always)]
fn columns<F: Element, I: Isa, const N: usize>(
    out: &mut [F],
    x: &[F],
    g: &[F],
    job: &PairJob<'_, F>,
    window: Window,
) {
    let mut done = 0;
    while done < job.rows {
        let take = rows_of_tile(job.rows - done, const { most_rows::<I, N>() });
        at_rows!(take, most_rows, tile::<F, I, N>(Tile { out, x, g, job, done, window }));
        done += take;
    }
}

/// One tile's place: the rows from `done` on of a job, in a window of columns.
struct Tile<'t, 'a, F> {
    out: &'t mut [F],
    x: &'a [F],
    g: &'a [F],
    job: &'t PairJob<'a, F>,
    done: usize,
    window: Window,
}

#[inline(always)]
fn tile<F: Element, I: Isa, const R: usize, const N: usize>(tile: Tile<'_, '_, F>) {
    // SAFETY: this runs as a body of `accumulate`.
    unsafe { I::apart(OfSize::<_, R, N>(tile)) }
}

impl<F: Element, const R: usize, const N: usize> Work for OfSize<Tile<'_, '_, F>, R, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Tile { out, x, g, job, done, window } = self.0;
        let first = Reader::new(x).after((job.first + done) as isize);
        let from: [Reader<'_, F>; R] = small_array::of(|i| first.after(i as isize));
        let g = Reader::new(g).after(window.col as isize);
        // SAFETY: this runs with the features of `I`.
        let mut acc = [[unsafe { I::Vector::splat(F::zero()) }; N]; R];
        let steps = job.steps();
        let (fours, rest) = steps.as_chunks::<STEPS>();
        let (later, _) = job.pairs.steps[PREFETCH_STEPS..][..steps.len()].as_chunks::<STEPS>();
        let prefetch = job.prefetch.filter(|_| window.keep[0] == 0).unwrap_or_else(|| Prefetch::nothing(x));
        let mut prefetch = prefetch.after(done * steps.len()).every(STEPS * R);
        // SAFETY: `PairJob::check` has compared the largest offsets of pairs and rows with the slices' lengths.
        unsafe {
            for (four, later) in fours.iter().zip(later) {
                prefetch.issue();
                for i in 0..STEPS {
                    let ([x, y], [later, _]) = (four[i], later[i]);
                    from[0].after(later as isize).prefetch_near();
                    from[R - 1].after(later as isize).prefetch_near();
                    step::<F, I, R, N>(&mut acc, &from, x, g.after(y as isize));
                }
            }
            for &[x, y] in rest {
                step::<F, I, R, N>(&mut acc, &from, x, g.after(y as isize));
            }
        }
        let n = job.shape.c_out;
        let begins: [usize; R] = small_array::of(|i| (job.row + done + i) * n + window.col);
        store_rows::<F, I, R, N>(out, &begins, acc, window.keep, job.add);
    }
}
