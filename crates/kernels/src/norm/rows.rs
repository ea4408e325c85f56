//! How gradients arrive at the rows of a norm's output: in rows of their own, or at the places of a max-pooling that follows.

use crate::cpu::strip::{load, store};
use crate::element::Element;
use crate::elementwise::map::Source;
use crate::pool::max::places_of;
use crate::pool::shape::PoolShape;

/// A cursor over the rows of the gradient that arrives, and of the gradient for it.
pub trait Rows<F: Element>: Copy {
    /// The row's elements from channel `col` on; `out` holds those that are overwritten.
    fn row<const W: usize>(&self, out: &[F], col: usize) -> [F; W];

    /// Puts the gradient for the row into `out`.
    fn put<const W: usize>(&self, out: &mut [F], col: usize, values: [F; W]);

    /// On to the next row.
    fn advance(&mut self);
}

/// Rows of `c` elements, one after the other.
#[derive(Clone, Copy)]
pub struct Dense<'a, F> {
    values: Source<'a, F>,
    c: usize,
    at: usize,
}

impl<'a, F> Dense<'a, F> {
    /// From the first row on.
    pub fn new(values: impl Into<Source<'a, F>>, c: usize) -> Self {
        Dense { values: values.into(), c, at: 0 }
    }
}

impl<F: Element> Rows<F> for Dense<'_, F> {
    #[inline(always)]
    fn row<const W: usize>(&self, out: &[F], col: usize) -> [F; W] {
        self.values.load(out, self.at + col)
    }

    #[inline(always)]
    fn put<const W: usize>(&self, out: &mut [F], col: usize, values: [F; W]) {
        store(out, self.at + col, values);
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.at += self.c;
    }
}

/// Pixels of images of which each pooling window passes on the element at one place; the others receive nothing.
#[derive(Clone, Copy)]
pub struct Pooled<'a, F> {
    u: &'a [F],
    places: &'a [F],
    windows: &'a [Option<u32>],
    c: usize,
    /// Elements of an image of the pooled output.
    image: usize,
    first: usize,
    pixel: usize,
}

impl<'a, F: Element> Pooled<'a, F> {
    /// From pixel `row` of all images on; `u` arrives at the windows, whose elements come from `places`. What is put goes to
    /// memory that begins with that pixel's image.
    pub fn new(u: &'a [F], places: &'a [F], windows: &'a [Option<u32>], s: &PoolShape, row: usize) -> Self {
        let [_, image] = s.images();
        let (before, pixel) = (row / windows.len() * image, row % windows.len());
        Pooled { u: &u[before..], places: &places[before..], windows, c: s.c, image, first: 0, pixel }
    }
}

/// For each pixel of an image the first element of the window it is in, of windows side by side.
pub fn windows_of_pixels(s: &PoolShape) -> Vec<Option<u32>> {
    let mut windows = vec![None; s.h * s.w];
    for oy in 0..s.out_h() {
        for ox in 0..s.out_w() {
            let [rows, cols] = s.window(oy, ox);
            let pixels = rows.flat_map(|y| cols.clone().map(move |x| y * s.w + x));
            pixels.for_each(|pixel| windows[pixel] = Some(((oy * s.out_w() + ox) * s.c) as u32));
        }
    }
    windows
}

impl<F: Element> Rows<F> for Pooled<'_, F> {
    #[inline(always)]
    fn row<const W: usize>(&self, _: &[F], col: usize) -> [F; W] {
        let Some(window) = self.windows[self.pixel] else { return [F::zero(); W] };
        let at = self.first + window as usize + col;
        let (mut u, wanted): ([F; W], [F; W]) = (load(self.u, at), load(self.places, at));
        let here: [F; W] = places_of(self.pixel * self.c, col);
        for j in 0..W {
            u[j] = if here[j] == wanted[j] { u[j] } else { F::zero() };
        }
        u
    }

    #[inline(always)]
    fn put<const W: usize>(&self, out: &mut [F], col: usize, values: [F; W]) {
        let Some(window) = self.windows[self.pixel] else { return };
        let at = self.first + window as usize + col;
        let (mut picked, wanted): ([F; W], [F; W]) = (load(out, at), load(self.places, at));
        let here: [F; W] = places_of(self.pixel * self.c, col);
        for j in 0..W {
            picked[j] = if here[j] == wanted[j] { values[j] } else { picked[j] };
        }
        store(out, at, picked);
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.pixel += 1;
        if self.pixel == self.windows.len() {
            (self.pixel, self.first) = (0, self.first + self.image);
        }
    }
}
