//! Batch norm with activation and the max-pooling behind it, in windows side by side: what is pooled is in memory nowhere. The same
//! bits as the norm and the pooling one after the other.

use std::marker::PhantomData;

use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::strip::load;
use crate::element::Element;
use crate::elementwise::map::Source;
use crate::norm::backward::{backward, means, put_terms, summed, sums};
use crate::norm::backward2::{Second, backward2, sums2};
use crate::norm::batch_norm::{Norm, TASK, check, constants, statistics, z};
use crate::norm::rows::{Pooled, windows_of_pixels};
use crate::norm::terms::Terms;
use crate::parallel;
use crate::pool::max::{Values, each_window, max_strip, pixels};
use crate::pool::shape::PoolShape;

impl PoolShape {
    /// Whether windows lie side by side, without padding.
    pub fn is_beside(&self) -> bool {
        self.size == self.stride && self.pad == [[0; 2]; 2]
    }

    fn check_norm(&self, x: usize, pooled: [usize; 2]) {
        let [image, out_image] = self.images();
        assert!(self.is_beside(), "norm and pooling: windows of {self:?} overlap");
        assert!(self.n > 0 && out_image > 0 && image < 1 << 24, "norm and pooling: images of {self:?}");
        assert_eq!(x, self.n * image, "norm and pooling: images");
        assert_eq!(pooled, [self.n * out_image; 2], "norm and pooling: windows");
    }
}

/// The greatest of each window of the normalised `x`, its place within its image, and mean and variance `[2, c]`.
#[inline(never)]
pub fn norm_pool<F: Element>(
    [out, places, stats]: [&mut [F]; 3],
    x: &[F],
    terms: &Terms<'_, F>,
    s: &PoolShape,
) {
    check(x.len(), stats.len(), terms.scale, terms.shift, s.c);
    s.check_norm(x.len(), [out.len(), places.len()]);
    statistics(stats, x, s.c);
    let constants = constants(&stats[s.c..], terms.scale, terms.shift, terms.eps);
    let norm = Norm::new(x, stats, &constants, terms.slope);
    let (pixels, [_, image], each) = (s.h * s.w, s.images(), s.each());
    parallel::chunks2((out, each * image), (places, each * image), |i, out, places| {
        let images = out.chunks_exact_mut(image).zip(places.chunks_exact_mut(image));
        for ((out, places), k) in images.zip(i * each..) {
            pool_image(out, places, &norm.rows(k * pixels, pixels), s);
        }
    });
}

/// The gradient of [`norm_pool`] for x, scale and shift, where `u` arrives at the windows whose greatest are at `places`.
#[inline(never)]
pub fn norm_pool_backward<F: Element>(
    [dx, dscale, dshift]: [&mut [F]; 3],
    x: &[F],
    stats: &[F],
    [u, places]: [&[F]; 2],
    terms: &Terms<'_, F>,
    s: &PoolShape,
) {
    let c = s.c;
    check(x.len(), stats.len(), terms.scale, terms.shift, c);
    s.check_norm(x.len(), [u.len(), places.len()]);
    assert_eq!([dx.len(), dscale.len(), dshift.len()], [x.len(), c, c], "norm and pooling: gradients");
    let constants = constants(&stats[c..], terms.scale, terms.shift, terms.eps);
    let norm = Norm::new(x, stats, &constants, terms.slope);
    let windows = windows_of_pixels(s);
    let from = |row: usize| Pooled::new(u, places, &windows, s, row);
    let sums = summed(&norm, 2, |part, norm, rows| sums(part, norm, from(rows.start / c)));
    put_terms([dscale, dshift], &sums, &norm);
    let means = means(sums, x.len() / c);
    parallel::chunks(dx, TASK * c, |i, dx| {
        backward(dx, &norm.rows(i * TASK, dx.len() / c), from(i * TASK), &means);
    });
}

/// What arrives at the gradient of batch norm fused with max-pooling.
#[derive(Clone, Copy)]
pub struct Cotangents<'a, F> {
    /// At that for x; that for x may be written over it.
    pub x: Source<'a, F>,
    /// At that for scale.
    pub scale: &'a [F],
    /// At that for shift.
    pub shift: &'a [F],
}

/// The gradient of [`norm_pool_backward`] for x, `u` and scale.
#[inline(never)]
pub fn norm_pool_backward2<F: Element>(
    [to_x, to_u, to_scale]: [&mut [F]; 3],
    x: &[F],
    stats: &[F],
    [u, places]: [&[F]; 2],
    arrived: &Cotangents<'_, F>,
    terms: &Terms<'_, F>,
    s: &PoolShape,
) {
    let c = s.c;
    check(x.len(), stats.len(), terms.scale, terms.shift, c);
    s.check_norm(x.len(), [u.len(), places.len()]);
    assert_eq!([to_x.len(), arrived.x.len(to_x.len())], [x.len(); 2], "norm and pooling: gradients of rows");
    assert_eq!(to_u.len(), u.len(), "norm and pooling: gradient of windows");
    let channels = [to_scale.len(), arrived.scale.len(), arrived.shift.len()];
    assert_eq!(channels, [c; 3], "norm and pooling: gradients of channels");
    let constants = constants(&stats[c..], terms.scale, terms.shift, terms.eps);
    let norm = Norm::new(x, stats, &constants, terms.slope);
    let (rows, windows) = (x.len() / c, windows_of_pixels(s));
    let from = |row: usize| Pooled::new(u, places, &windows, s, row);
    let v = arrived.x.slice(to_x);
    let sums = summed(&norm, 5, |part, norm, rows| {
        sums2(part, norm, from(rows.start / c), &v[rows]);
    });
    let second = Second::new(&norm, &means(sums, rows), arrived.scale, arrived.shift, rows);
    to_scale.copy_from_slice(&second.to_scale);
    // whole images: a window's pixels are not apart
    let ([image, out_image], each) = (s.images(), s.each());
    parallel::chunks2((to_x, each * image), (to_u, each * out_image), |i, to_x, to_u| {
        let first = i * each * windows.len();
        let norm = norm.rows(first, to_x.len() / c);
        let v = arrived.x.part(first * c..first * c + to_x.len());
        to_u.fill(F::zero());
        backward2(to_x, to_u, &norm, from(first), v, &second.channels);
    });
}

versions! {
    /// The greatest of each window of one image, and its place.
    fn pool_image<F>(out: &mut [F], places: &mut [F], norm: &Norm<'_, F>, s: &PoolShape) where [F: Element] = pool_body;
}

/// The activated values of a norm.
struct Activated<'a, F, I> {
    norm: &'a Norm<'a, F>,
    /// Elements of the rows of a window, after which the next ones are prefetched.
    rows: usize,
    isa: PhantomData<I>,
}

impl<F: Element, I: Isa> Values<F> for Activated<'_, F, I> {
    #[inline(always)]
    fn load<const W: usize>(&self, pixel: usize, col: usize) -> [F; W] {
        let norm = self.norm;
        Reader::new(norm.x).after((pixel + col + self.rows) as isize).prefetch_row(W);
        let x: [F; W] = load(norm.x, pixel + col);
        let mean: [F; W] = load(norm.mean, col);
        let factor: [F; W] = load(norm.factor, col);
        let shift: [F; W] = load(norm.shift, col);
        let mut y = [F::zero(); W];
        for j in 0..W {
            y[j] = norm.activation.of(z::<F, I>(x[j], mean[j], factor[j], shift[j]));
        }
        y
    }
}

#[inline(always)]
fn pool_body<F: Element, I: Isa>(out: &mut [F], places: &mut [F], norm: &Norm<'_, F>, s: &PoolShape) {
    let values = Activated::<F, I> { norm, rows: s.size[0] * s.w * s.c, isa: PhantomData };
    each_window!(s, true, max_strip::<F>(out, places, &values));
}
