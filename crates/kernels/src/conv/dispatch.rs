//! Direct convolution of NHWC images, and its two adjoints.
//!
//! No im2col: output pixels whose windows hold the same taps share one table, whose rows feed the register tile.

use std::ops::Range;

use super::ahead::Ahead;
use super::dense;
use super::geometry::{self, Class};
use super::job::{Job, Place};
use super::matmul::matmul;
use super::split;
use super::strided;
use super::tile;
use super::turn::turn;
use super::winograd;
use crate::float::Float;
use crate::pool::Buffer;

pub use super::conv_dw::conv_dw;

/// Sizes of a convolution: images `[n, h, w, c_in]`, weights `[kh, kw, c_in, c_out]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConvShape {
    /// Images.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Input channels.
    pub c_in: usize,
    /// Kernel rows.
    pub kh: usize,
    /// Kernel columns.
    pub kw: usize,
    /// Output channels.
    pub c_out: usize,
    /// Steps between windows, down and across.
    pub stride: [usize; 2],
    /// Zeros around the image: `[[top, bottom], [left, right]]`.
    pub pad: [[usize; 2]; 2],
}

impl ConvShape {
    /// Output rows; zero where the kernel does not fit.
    pub fn out_h(&self) -> usize {
        windows(self.h, self.pad[0], self.kh, self.stride[0])
    }

    /// Output columns; zero where the kernel does not fit.
    pub fn out_w(&self) -> usize {
        windows(self.w, self.pad[1], self.kw, self.stride[1])
    }

    /// The convolution that gives the gradient for the images, from turned weights; of stride 1.
    fn adjoint(&self) -> Self {
        let pad = [(self.kh, self.pad[0]), (self.kw, self.pad[1])].map(|(k, pad)| pad.map(|pad| k - 1 - pad));
        ConvShape { h: self.out_h(), w: self.out_w(), c_in: self.c_out, c_out: self.c_in, pad, ..*self }
    }

    /// Taps of these outputs along an axis (0 down, 1 across) that are not on the padding.
    pub(super) fn taps(&self, axis: usize, outputs: Range<usize>) -> usize {
        let (size, taps) = ([self.h, self.w][axis], [self.kh, self.kw][axis]);
        let inside = self.pad[axis][0]..self.pad[axis][0] + size;
        let read = |output: usize| (0..taps).map(move |tap| output * self.stride[axis] + tap);
        outputs.flat_map(read).filter(|place| inside.contains(place)).count()
    }

    pub(super) fn check(&self, x: usize, w: usize, y: usize) {
        assert_eq!(x, self.n * self.h * self.w * self.c_in, "conv: images of {self:?}");
        assert_eq!(w, self.kh * self.kw * self.c_in * self.c_out, "conv: weights of {self:?}");
        assert_eq!(y, self.n * self.out_h() * self.out_w() * self.c_out, "conv: output of {self:?}");
    }
}

/// Input channels below which the gradients treat several taps at once.
pub(super) const FEW_CHANNELS: usize = 4;
/// Bytes of the images that are taken through all classes of windows before the next: they stay in the second-level cache.
pub(super) const GROUP_BYTES: usize = 512 << 10;

/// Pixels from which on it pays to copy the weights into rows of whole vectors.
const MANY: usize = 128;

/// How many windows of `size` fit into `len` elements and their padding.
pub(super) fn windows(len: usize, pad: [usize; 2], size: usize, stride: usize) -> usize {
    let padded = len + pad[0] + pad[1];
    if padded < size { 0 } else { (padded - size) / stride + 1 }
}

/// `out[n, oy, ox, :] = sum over taps of x[n, iy, ix, :] w[tap]`.
#[inline(never)]
pub fn conv<F: Float>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    s.check(x.len(), w.len(), out.len());
    if out.is_empty() {
        return;
    }
    if winograd::suits::<F>(s) {
        return winograd::conv(out, x, w, s);
    }
    if strided::suits::<F>(s) {
        return strided::conv(out, x, w, s);
    }
    let (inputs, outputs) = (s.h * s.w, s.out_h() * s.out_w());
    gather(out, x, w, &geometry::of(s).forward, s.n, [inputs, outputs], [s.c_in, s.c_out]);
}

/// The gradient of [`conv`] for the images: `dx[n, iy, ix, :] = sum over the windows that read it of g[n, oy, ox, :] w[tap]^T`.
#[inline(never)]
pub fn conv_dx<F: Float>(dx: &mut [F], g: &[F], w: &[F], s: &ConvShape) {
    s.check(dx.len(), w.len(), g.len());
    if dx.is_empty() || g.is_empty() || w.is_empty() {
        return dx.fill(F::zero());
    }
    if s.c_in < FEW_CHANNELS {
        return dx_few(dx, g, w, s);
    }
    let (inputs, outputs, size) = (s.h * s.w, s.out_h() * s.out_w(), s.c_in * s.c_out);
    let mut turned = Buffer::dirty(w.len());
    // the geometry counts kernel positions from the last
    for (to, from) in turned.data_mut().chunks_exact_mut(size).rev().zip(w.chunks_exact(size)) {
        turn(to, from, s.c_in, s.c_out);
    }
    if winograd::suits::<F>(s) {
        return winograd::conv(dx, g, turned.data(), &s.adjoint());
    }
    if strided::suits::<F>(s) {
        return strided::conv_dx(dx, g, turned.data(), s);
    }
    gather(dx, g, turned.data(), &geometry::of(s).back, s.n, [outputs, inputs], [s.c_out, s.c_in]);
}

/// With few input channels: all products of an output pixel with the weights first, as one matrix; then each input pixel
/// collects its own.
fn dx_few<F: Float>(dx: &mut [F], g: &[F], w: &[F], s: &ConvShape) {
    let (taps, outputs) = (s.kh * s.kw, s.out_h() * s.out_w());
    let [x_image, g_image] = image_sizes(s);
    let columns = taps * s.c_in;
    let geometry = geometry::of(s);
    let back = &geometry.back;
    let mut turned = Buffer::dirty(w.len());
    turn(turned.data_mut(), w, columns, s.c_out);
    let turned = turned.data();
    let each = s.n.div_ceil(split::pieces(s.n));
    split::chunks(dx, each * x_image, |i, dx| {
        let mut products = Buffer::dirty(outputs * columns);
        for (k, dx) in dx.chunks_exact_mut(x_image).enumerate() {
            let g = &g[(i * each + k) * g_image..][..g_image];
            matmul(products.data_mut(), g, turned, outputs, s.c_out, columns, false, false);
            back.iter().for_each(|class| collect(dx, products.data(), class, taps, s.c_in));
        }
    });
}

/// Each input pixel of a class adds up its products: `columns = taps * c_in` for every output pixel.
fn collect<F: Float>(dx: &mut [F], products: &[F], class: &Class, taps: usize, c_in: usize) {
    for pixel in &class.pixels {
        for c in 0..c_in {
            let product = |&(tap, offset): &(u32, i32)| {
                let output = (pixel.src + offset) as usize;
                products[(output * taps + taps - 1 - tap as usize) * c_in + c]
            };
            dx[pixel.dst as usize * c_in + c] = class.taps.iter().map(product).sum();
        }
    }
}

/// Runs every class of windows over the images, `pixels` and `channels` being those of `x` and of `out`.
pub(super) fn gather<F: Float>(
    out: &mut [F],
    x: &[F],
    w: &[F],
    classes: &[Class],
    images: usize,
    pixels: [usize; 2],
    channels: [usize; 2],
) {
    let (x_image, out_image) = (pixels[0] * channels[0], pixels[1] * channels[1]);
    if out.is_empty() {
        return;
    }
    let columns = channels[1];
    let w_row = if images * pixels[1] < MANY { columns } else { dense::whole_row::<F>(columns) };
    let wide = (w_row > columns).then(|| dense::widened(w, columns, w_row));
    let w = wide.as_ref().map_or(w, Buffer::data);
    let each = images.div_ceil(split::pieces(images));
    split::chunks(out, each * out_image, |i, out| {
        let x = &x[i * each * x_image..][..out.len() / out_image * x_image];
        in_groups(out, x, (w, w_row), classes, [x_image, out_image], channels);
    });
}

/// Group by group of images, each asking for the next.
fn in_groups<F: Float>(
    mut out: &mut [F],
    mut x: &[F],
    (w, w_row): (&[F], usize),
    classes: &[Class],
    [x_image, out_image]: [usize; 2],
    channels: [usize; 2],
) {
    let (images, bytes) = (out.len() / out_image, (x.len() + out.len()) * size_of::<F>());
    let group = images.div_ceil(bytes.div_ceil(GROUP_BYTES).max(1));
    let steps = |class: &Class| class.pixels.len() * class.taps.len() * channels[0];
    let of_image: usize = classes.iter().map(steps).sum();
    let places: Vec<Place> =
        classes.iter().flat_map(|class| &class.pixels).map(|pixel| pixel.place(channels)).collect();
    while !out.is_empty() {
        let images = group.min(out.len() / out_image);
        let (these, behind) = out.split_at_mut(images * out_image);
        let (those, x_behind) = x.split_at(images * x_image);
        let soon = images.min(behind.len() / out_image);
        let next = [&x_behind[..soon * x_image], &behind[..soon * out_image]];
        let mut ahead = (!behind.is_empty()).then(|| Ahead::new(next, images * of_image));
        let mut left = &places[..];
        for class in classes {
            let pixels;
            (pixels, left) = left.split_at(class.pixels.len());
            let job = Job {
                pixels,
                runs: &class.runs,
                images,
                a_image: x_image,
                out_image,
                channels: channels[0],
                n: channels[1],
                b_row: w_row,
                ahead,
            };
            tile::product(these, those, w, &job);
            ahead = ahead.map(|ahead| ahead.after(images * steps(class)));
        }
        (out, x) = (behind, x_behind);
    }
}

/// Elements of one image of the input and of the output.
pub(super) fn image_sizes(s: &ConvShape) -> [usize; 2] {
    [s.h * s.w * s.c_in, s.out_h() * s.out_w() * s.c_out]
}
