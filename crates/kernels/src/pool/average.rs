//! Pooling of NHWC images.

use super::conv::windows;
use super::isa::{Isa, versions};
use super::split;
use super::strip::{load, store, strips};
use crate::float::Float;

pub use super::max_pool::{max_pool, max_pool_pick, max_pool_place};

/// Sizes of a pooling: images `[n, h, w, c]`; rows and columns that do not fill a window are dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PoolShape {
    /// Images.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Steps between windows, down and across.
    pub stride: [usize; 2],
    /// Padding: `[[top, bottom], [left, right]]`.
    pub pad: [[usize; 2]; 2],
}

impl PoolShape {
    /// Output rows.
    pub fn out_h(&self) -> usize {
        windows(self.h, self.pad[0], self.size[0], self.stride[0])
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        windows(self.w, self.pad[1], self.size[1], self.stride[1])
    }

    /// Elements of one image of the input and of the output.
    pub(super) fn images(&self) -> [usize; 2] {
        [self.h * self.w * self.c, self.out_h() * self.out_w() * self.c]
    }

    pub(super) fn check(&self, x: usize, out: usize) {
        let [x_image, out_image] = self.images();
        assert_eq!((x, out), (self.n * x_image, self.n * out_image), "pool: {self:?}");
    }

    /// Images of one task.
    pub(super) fn each(&self) -> usize {
        self.n.div_ceil(split::pieces(self.n)).max(1)
    }

    /// The part of window (`oy`, `ox`) inside the image: rows and columns.
    #[inline(always)]
    pub(super) fn window(&self, oy: usize, ox: usize) -> [std::ops::Range<usize>; 2] {
        let inside = |o: usize, axis: usize, len: usize| {
            let (start, pad) = (o * self.stride[axis], self.pad[axis][0]);
            start.saturating_sub(pad).min(len)..(start + self.size[axis]).saturating_sub(pad).min(len)
        };
        [inside(oy, 0, self.h), inside(ox, 1, self.w)]
    }
}

/// The mean over the part of each window inside the image.
#[inline(never)]
pub fn avg_pool<F: Float>(out: &mut [F], x: &[F], s: &PoolShape) {
    s.check(x.len(), out.len());
    if x.is_empty() {
        return out.fill(F::zero());
    }
    let [x_image, out_image] = s.images();
    let each = s.each();
    split::chunks(out, each * out_image, |i, out| {
        let x = x[i * each * x_image..].chunks_exact(x_image);
        for (out, x) in out.chunks_exact_mut(out_image).zip(x) {
            avg_image(out, x, s);
        }
    });
}

/// The gradient of [`avg_pool`].
#[inline(never)]
pub fn avg_pool_dx<F: Float>(dx: &mut [F], g: &[F], s: &PoolShape) {
    s.check(dx.len(), g.len());
    let [x_image, out_image] = s.images();
    dx.fill(F::zero());
    if g.is_empty() {
        return;
    }
    let each = s.each();
    split::chunks(dx, each * x_image, |i, dx| {
        let g = g[i * each * out_image..].chunks_exact(out_image);
        for (dx, g) in dx.chunks_exact_mut(x_image).zip(g) {
            avg_image_dx(dx, g, s);
        }
    });
}

versions! {
    fn avg_image<F>(out: &mut [F], x: &[F], s: &PoolShape) where [F: Float] = avg_body;
    fn avg_image_dx<F>(dx: &mut [F], g: &[F], s: &PoolShape) where [F: Float] = avg_dx_body;
}

#[inline(always)]
fn avg_body<F: Float, I: Isa>(out: &mut [F], x: &[F], s: &PoolShape) {
    for oy in 0..s.out_h() {
        for ox in 0..s.out_w() {
            let [rows, cols] = s.window(oy, ox);
            let scale = F::one() / F::of((rows.len() * cols.len()).max(1) as f64);
            let at = (oy * s.out_w() + ox) * s.c;
            let pixels = rows.flat_map(|y| cols.clone().map(move |x| (y * s.w + x) * s.c));
            strips!(s.c, avg_strip::<F, I>(out, x, at, scale, pixels.clone()));
        }
    }
}

#[inline(always)]
fn avg_strip<F: Float, I: Isa, const W: usize>(
    col: usize,
    out: &mut [F],
    x: &[F],
    at: usize,
    scale: F,
    pixels: impl Iterator<Item = usize>,
) {
    let mut sum = [F::zero(); W];
    for pixel in pixels {
        let values: [F; W] = load(x, pixel + col);
        for j in 0..W {
            sum[j] += values[j];
        }
    }
    for j in 0..W {
        sum[j] *= scale;
    }
    store(out, at + col, sum);
}

#[inline(always)]
fn avg_dx_body<F: Float, I: Isa>(dx: &mut [F], g: &[F], s: &PoolShape) {
    for oy in 0..s.out_h() {
        for ox in 0..s.out_w() {
            let [rows, cols] = s.window(oy, ox);
            let scale = F::one() / F::of((rows.len() * cols.len()).max(1) as f64);
            let g = &g[(oy * s.out_w() + ox) * s.c..][..s.c];
            for y in rows {
                for x in cols.clone() {
                    let dx = &mut dx[(y * s.w + x) * s.c..][..s.c];
                    for (dx, &g) in dx.iter_mut().zip(g) {
                        *dx += g * scale;
                    }
                }
            }
        }
    }
}
