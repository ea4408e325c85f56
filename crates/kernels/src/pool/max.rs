//! The greatest element of each window, with its place; what is picked from such places, and put there.

use std::ops::Range;

use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::surpasses;
use crate::cpu::small_array;
use crate::cpu::strip::{load, store};
use crate::element::Element;
use crate::parallel;
use crate::pool::shape::PoolShape;

/// The greatest element of each window, and its place within its image: the first one on ties, and the first NaN if there is
/// one. Padding counts as minus infinity. A window of padding alone gives minus infinity at place 0. Places are whole numbers in `F`: an
/// image has fewer than 2^24 elements.
#[inline(never)]
pub fn max_pool<F: Element>(out: &mut [F], places: &mut [F], x: &[F], s: &PoolShape) {
    s.check(x.len(), out.len());
    assert_eq!(places.len(), out.len(), "max_pool: places");
    let [x_image, out_image] = s.images();
    assert!(x_image < 1 << 24, "max_pool: {x_image} elements of an image are too many to be counted in f32");
    let each = s.each();
    parallel::chunks2((out, each * out_image), (places, each * out_image), |i, out, places| {
        let images = i * each..i * each + out.len() / out_image;
        for (k, image) in images.enumerate() {
            let at = k * out_image..(k + 1) * out_image;
            max_image(&mut out[at.clone()], &mut places[at], &x[image * x_image..][..x_image], s);
        }
    });
}

/// From each window of `x` the element at the place that [`max_pool`] found.
#[inline(never)]
pub fn max_pool_pick<F: Element>(out: &mut [F], x: &[F], places: &[F], s: &PoolShape) {
    s.check(x.len(), out.len());
    assert_eq!(places.len(), out.len(), "max_pool: places");
    let ([x_image, out_image], each) = (s.images(), s.each());
    parallel::chunks(out, each * out_image, |i, out| {
        let images = x[i * each * x_image..].chunks_exact(x_image.max(1));
        let places = places[i * each * out_image..].chunks_exact(out_image);
        for ((out, x), places) in out.chunks_exact_mut(out_image).zip(images).zip(places) {
            pick_image(out, x, places, s);
        }
    });
}

/// The adjoint of [`max_pool_pick`]: elements of `u` added at their places in images of zeros.
#[inline(never)]
pub fn max_pool_place<F: Element>(out: &mut [F], u: &[F], places: &[F], s: &PoolShape) {
    s.check(out.len(), u.len());
    assert_eq!(places.len(), u.len(), "max_pool: places");
    if u.is_empty() {
        return out.fill(F::zero());
    }
    let ([x_image, out_image], each) = (s.images(), s.each());
    parallel::chunks(out, each * x_image, |i, out| {
        let u = u[i * each * out_image..].chunks_exact(out_image);
        let places = places[i * each * out_image..].chunks_exact(out_image);
        for ((out, u), places) in out.chunks_exact_mut(x_image).zip(u).zip(places) {
            place_image(out, u, places, s);
        }
    });
}

versions! {
    fn max_image<F>(out: &mut [F], places: &mut [F], x: &[F], s: &PoolShape) where [F: Element] = max_body;
    fn pick_image<F>(out: &mut [F], x: &[F], places: &[F], s: &PoolShape) where [F: Element] = pick_body;
    fn place_image<F>(out: &mut [F], u: &[F], places: &[F], s: &PoolShape) where [F: Element] = place_body;
}

/// Calls `$f::<F, W>(first channel, args..., first output, pixels of its window)` for every window and strip of
/// channels, in strips that leave registers free; the common window of 2 by 2 is unrolled. Where a channel may be treated
/// `twice`, the last strip begins inside the one before.
macro_rules! each_window {
    ($s:ident, $twice:literal, $f:ident::<$F:ident>($($arg:expr),*)) => {
        for oy in 0..$s.out_h() {
            for ox in 0..$s.out_w() {
                let [rows, cols] = $s.window(oy, ox);
                let at = (oy * $s.out_w() + ox) * $s.c;
                if rows.len() == 2 && cols.len() == 2 {
                    let first = (rows.start * $s.w + cols.start) * $s.c;
                    let pixels = (0..4).map(|i| first + (i / 2 * $s.w + i % 2) * $s.c);
                    each_window!(@ [16 4 1] $twice $s pixels at $f $F ($($arg),*));
                } else {
                    let pixels = pixels(rows, cols, $s);
                    each_window!(@ [16 4 1] $twice $s pixels at $f $F ($($arg),*));
                }
            }
        }
    };
    (@ [$($w:literal)*] $twice:literal $s:ident $pixels:ident $at:ident $f:ident $F:ident $args:tt) => {
        let mut col = 0;
        $(
            while $s.c - col >= $w {
                each_window!(call $w col $pixels $at $f $F $args);
                col += $w;
            }
            if $twice && col >= $w && col < $s.c {
                let last = $s.c - $w;
                each_window!(call $w last $pixels $at $f $F $args);
                col = $s.c;
            }
        )*
        debug_assert_eq!(col, $s.c);
    };
    (call $w:literal $col:ident $pixels:ident $at:ident $f:ident $F:ident ($($arg:expr),*)) => {
        $f::<$F, $w>($col, $($arg,)* $at, $pixels.clone())
    };
}

pub(crate) use each_window;

/// First elements of the pixels of a window.
#[inline(always)]
pub(crate) fn pixels(
    rows: Range<usize>,
    cols: Range<usize>,
    s: &PoolShape,
) -> impl Iterator<Item = usize> + Clone {
    let (w, c) = (s.w, s.c);
    rows.flat_map(move |y| cols.clone().map(move |x| (y * w + x) * c))
}

/// The places of a pixel's elements.
#[inline(always)]
pub(crate) fn places_of<F: Element, const W: usize>(pixel: usize, col: usize) -> [F; W] {
    let first = F::of((pixel + col) as f64);
    small_array::of(|j| first + F::of(j as f64))
}

#[inline(always)]
fn max_body<F: Element, I: Isa>(out: &mut [F], places: &mut [F], x: &[F], s: &PoolShape) {
    each_window!(s, true, max_strip::<F>(out, places, &InMemory(x)));
}

/// What is pooled.
pub(crate) trait Values<F> {
    /// Elements of the pixel that begins at `pixel`, from channel `col` on.
    fn load<const W: usize>(&self, pixel: usize, col: usize) -> [F; W];
}

struct InMemory<'a, F>(&'a [F]);

impl<F: Element> Values<F> for InMemory<'_, F> {
    #[inline(always)]
    fn load<const W: usize>(&self, pixel: usize, col: usize) -> [F; W] {
        load(self.0, pixel + col)
    }
}

#[inline(always)]
pub(crate) fn max_strip<F: Element, const W: usize>(
    col: usize,
    out: &mut [F],
    places: &mut [F],
    x: &impl Values<F>,
    at: usize,
    mut pixels: impl Iterator<Item = usize>,
) {
    let Some(start) = pixels.next() else {
        store(out, at + col, [F::neg_infinity(); W]);
        store(places, at + col, [F::zero(); W]);
        return;
    };
    let mut best: [F; W] = x.load(start, col);
    let mut place = [F::of(start as f64); W];
    for pixel in pixels {
        let values: [F; W] = x.load(pixel, col);
        let here = F::of(pixel as f64);
        for j in 0..W {
            let better = surpasses(values[j], best[j]);
            best[j] = if better { values[j] } else { best[j] };
            place[j] = if better { here } else { place[j] };
        }
    }
    for j in 0..W {
        place[j] += F::of((col + j) as f64);
    }
    store(out, at + col, best);
    store(places, at + col, place);
}

#[inline(always)]
fn pick_body<F: Element, I: Isa>(out: &mut [F], x: &[F], places: &[F], s: &PoolShape) {
    each_window!(s, true, pick_strip::<F>(out, x, places));
}

#[inline(always)]
fn pick_strip<F: Element, const W: usize>(
    col: usize,
    out: &mut [F],
    x: &[F],
    places: &[F],
    at: usize,
    pixels: impl Iterator<Item = usize>,
) {
    let wanted: [F; W] = load(places, at + col);
    let mut picked = [F::zero(); W];
    for pixel in pixels {
        let (values, here): ([F; W], [F; W]) = (load(x, pixel + col), places_of(pixel, col));
        for j in 0..W {
            picked[j] = if here[j] == wanted[j] { values[j] } else { picked[j] };
        }
    }
    store(out, at + col, picked);
}

#[inline(always)]
fn place_body<F: Element, I: Isa>(out: &mut [F], u: &[F], places: &[F], s: &PoolShape) {
    let apart = (0..2).all(|axis| s.stride[axis] >= s.size[axis]);
    let covered = s.size == s.stride
        && s.pad == [[0, 0]; 2]
        && s.out_h() * s.size[0] == s.h
        && s.out_w() * s.size[1] == s.w;
    if !covered {
        out.fill(F::zero());
    }
    if apart {
        each_window!(s, true, place_strip::<F>(out, u, places));
    } else {
        each_window!(s, false, add_strip::<F>(out, u, places));
    }
}

/// Writes the elements of a window that shares none with another.
#[inline(always)]
fn place_strip<F: Element, const W: usize>(
    col: usize,
    out: &mut [F],
    u: &[F],
    places: &[F],
    at: usize,
    pixels: impl Iterator<Item = usize>,
) {
    let (u, wanted): ([F; W], [F; W]) = (load(u, at + col), load(places, at + col));
    for pixel in pixels {
        let mut values: [F; W] = places_of(pixel, col);
        for j in 0..W {
            values[j] = if values[j] == wanted[j] { u[j] } else { F::zero() };
        }
        store(out, pixel + col, values);
    }
}

/// Adds to the elements of a window.
#[inline(always)]
fn add_strip<F: Element, const W: usize>(
    col: usize,
    out: &mut [F],
    u: &[F],
    places: &[F],
    at: usize,
    pixels: impl Iterator<Item = usize>,
) {
    let (u, wanted): ([F; W], [F; W]) = (load(u, at + col), load(places, at + col));
    for pixel in pixels {
        let (mut sum, here): ([F; W], [F; W]) = (load(out, pixel + col), places_of(pixel, col));
        for j in 0..W {
            sum[j] += if here[j] == wanted[j] { u[j] } else { F::zero() };
        }
        store(out, pixel + col, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at_every_level_split_or_not, values};

    #[test]
    fn picking_and_placing_follow_the_places() {
        for (c, size, stride, pad) in [
            (64, [2, 2], [2, 2], [[0, 0], [0, 0]]),
            (21, [2, 2], [2, 2], [[0, 1], [0, 1]]),
            (5, [3, 2], [2, 3], [[1, 1], [0, 1]]),
            (37, [3, 3], [1, 2], [[1, 1], [1, 1]]),
            (3, [1, 2], [2, 2], [[0, 0], [0, 0]]),
        ] {
            let s = PoolShape { n: 9, h: 7, w: 8, c, size, stride, pad };
            let [image, pooled] = s.images();
            let x: Vec<f32> = values::<f32>(s.n * image, 1).iter().map(|v| (v * 2.0).round()).collect();
            let (mut greatest, mut places) = (vec![0.0; s.n * pooled], vec![0.0; s.n * pooled]);
            max_pool(&mut greatest, &mut places, &x, &s);
            let u = values::<f32>(s.n * pooled, 2);
            let mut placed = vec![0.0f32; x.len()];
            for (i, &u) in u.iter().enumerate() {
                placed[i / pooled * image + places[i] as usize] += u;
            }
            at_every_level_split_or_not(|| {
                let (mut picked, mut back) = (vec![f32::NAN; u.len()], vec![f32::NAN; x.len()]);
                max_pool_pick(&mut picked, &x, &places, &s);
                max_pool_place(&mut back, &u, &places, &s);
                assert_eq!(picked, greatest, "{s:?}");
                assert_eq!(back, placed, "{s:?}");
                [picked, back].concat()
            });
        }
    }

    #[test]
    fn images_without_a_window_get_zeros() {
        let s = PoolShape { n: 2, h: 1, w: 3, c: 2, size: [2, 2], stride: [2, 2], pad: [[0, 0]; 2] };
        let mut dx = [1.0f32; 12];
        max_pool_place(&mut dx, &[], &[], &s);
        max_pool_pick(&mut [], &dx, &[], &s);
        assert_eq!(dx, [0.0; 12]);
    }
}
