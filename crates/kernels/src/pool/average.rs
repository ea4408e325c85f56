//! Average pooling of NHWC images.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::parallel;
use crate::pool::shape::PoolShape;

/// The mean over the part of each window inside the image.
#[inline(never)]
pub fn avg_pool<F: Element>(out: &mut [F], x: &[F], s: &PoolShape) {
    s.check(x.len(), out.len());
    if x.is_empty() {
        return out.fill(F::zero());
    }
    let [x_image, out_image] = s.images();
    let each = s.each();
    parallel::chunks(out, each * out_image, |i, out| {
        let x = x[i * each * x_image..].chunks_exact(x_image);
        for (out, x) in out.chunks_exact_mut(out_image).zip(x) {
            avg_image(out, x, s);
        }
    });
}

/// The gradient of [`avg_pool`].
#[inline(never)]
pub fn avg_pool_dx<F: Element>(dx: &mut [F], g: &[F], s: &PoolShape) {
    s.check(dx.len(), g.len());
    let [x_image, out_image] = s.images();
    dx.fill(F::zero());
    if g.is_empty() {
        return;
    }
    let each = s.each();
    parallel::chunks(dx, each * x_image, |i, dx| {
        let g = g[i * each * out_image..].chunks_exact(out_image);
        for (dx, g) in dx.chunks_exact_mut(x_image).zip(g) {
            avg_image_dx(dx, g, s);
        }
    });
}

versions! {
    fn avg_image<F>(out: &mut [F], x: &[F], s: &PoolShape) where [F: Element] = avg_body;
    fn avg_image_dx<F>(dx: &mut [F], g: &[F], s: &PoolShape) where [F: Element] = avg_dx_body;
}

#[inline(always)]
fn avg_body<F: Element, I: Isa>(out: &mut [F], x: &[F], s: &PoolShape) {
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
fn avg_strip<F: Element, I: Isa, const W: usize>(
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
fn avg_dx_body<F: Element, I: Isa>(dx: &mut [F], g: &[F], s: &PoolShape) {
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
