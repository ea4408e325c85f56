//! Direct convolution of NHWC images, and its two adjoints.
//!
//! No im2col: output pixels whose windows hold the same taps share one table, whose rows feed the register tile.

use super::geometry::{self, Class};
use super::map::add_assign;
use super::matmul::matmul;
use super::pairs::{self, PairJob, Row};
use super::permute::transpose;
use super::split;
use super::tile::{self, Job};
use crate::float::Float;
use crate::pool::Buffer;

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

    fn check(&self, x: usize, w: usize, y: usize) {
        assert_eq!(
            x,
            self.n * self.h * self.w * self.c_in,
            "conv: images of {self:?}"
        );
        assert_eq!(
            w,
            self.kh * self.kw * self.c_in * self.c_out,
            "conv: weights of {self:?}"
        );
        assert_eq!(
            y,
            self.n * self.out_h() * self.out_w() * self.c_out,
            "conv: output of {self:?}"
        );
    }
}

/// Input channels below which the gradients treat several taps at once.
const FEW_CHANNELS: usize = 4;
/// Output pixels of one block of the weight gradient: as many as the first-level cache holds with 64 channels.
const BLOCK_PIXELS: usize = 128;
/// The same with few input channels, where more columns of the output fit.
const FEW_PIXELS: usize = 512;
/// Images of one partial sum of the weight gradient with few input channels.
const BLOCK_IMAGES: usize = 16;

/// How many windows of `size` fit into `len` elements and their padding.
pub(super) fn windows(len: usize, pad: [usize; 2], size: usize, stride: usize) -> usize {
    let padded = len + pad[0] + pad[1];
    if padded < size {
        0
    } else {
        (padded - size) / stride + 1
    }
}

/// `out[n, oy, ox, :] = sum over taps of x[n, iy, ix, :] w[tap]`.
#[inline(never)]
pub fn conv<F: Float>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    s.check(x.len(), w.len(), out.len());
    let (inputs, outputs) = (s.h * s.w, s.out_h() * s.out_w());
    gather(
        out,
        x,
        w,
        &geometry::of(s).forward,
        s.n,
        [inputs, outputs],
        [s.c_in, s.c_out],
    );
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
    for (to, from) in turned
        .data_mut()
        .chunks_exact_mut(size)
        .rev()
        .zip(w.chunks_exact(size))
    {
        transpose(to, from, s.c_in, s.c_out);
    }
    gather(
        dx,
        g,
        turned.data(),
        &geometry::of(s).back,
        s.n,
        [outputs, inputs],
        [s.c_out, s.c_in],
    );
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
    transpose(turned.data_mut(), w, columns, s.c_out);
    let turned = turned.data();
    let each = s.n.div_ceil(split::pieces(s.n));
    split::chunks(dx, each * x_image, |i, dx| {
        let mut products = Buffer::dirty(outputs * columns);
        for (k, dx) in dx.chunks_exact_mut(x_image).enumerate() {
            let g = &g[(i * each + k) * g_image..][..g_image];
            matmul(
                products.data_mut(),
                g,
                turned,
                outputs,
                s.c_out,
                columns,
                false,
                false,
            );
            back.iter()
                .for_each(|class| collect(dx, products.data(), class, taps, s.c_in));
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
fn gather<F: Float>(
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
    let each = images.div_ceil(split::pieces(images));
    split::chunks(out, each * out_image, |i, out| {
        let x = &x[i * each * x_image..][..out.len() / out_image * x_image];
        for class in classes {
            let job = Job {
                pixels: &class.pixels,
                runs: &class.runs,
                images: out.len() / out_image,
                a_image: x_image,
                out_image: pixels[1],
                channels: channels[0],
                a_step: 1,
                n: channels[1],
            };
            tile::product(out, x, w, &job);
        }
    });
}

/// The gradient of [`conv`] for the weights: `dw[tap] = sum over windows of x[n, iy, ix, :]^T g[n, oy, ox, :]`.
#[inline(never)]
pub fn conv_dw<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    s.check(x.len(), dw.len(), g.len());
    dw.fill(F::zero());
    if dw.is_empty() || x.is_empty() || g.is_empty() {
        return;
    }
    if s.c_in < FEW_CHANNELS {
        dw_few(dw, x, g, s)
    } else {
        dw_many(dw, x, g, s)
    }
}

/// Each kernel position by itself, rows of the tile being input channels.
///
/// Every element adds up the same blocks of images in the same order, however the rows are cut.
fn dw_many<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let taps = &geometry.taps;
    let [x_image, g_image] = image_sizes(s);
    let pixels = s.out_h() * s.out_w();
    let (images, parts) = ((BLOCK_PIXELS / pixels).max(1), pixels.div_ceil(BLOCK_PIXELS));
    let channels: Vec<Row> = (0..s.c_in).map(|c| Row { x: c, out: c }).collect();
    let all = s.kh * s.kw * s.c_in;
    let each = all.div_ceil(split::pieces(all));
    split::chunks(dw, each * s.c_out, |i, dw| {
        let rows = i * each..i * each + dw.len() / s.c_out;
        for (x, g) in x.chunks(images * x_image).zip(g.chunks(images * g_image)) {
            for part in 0..parts {
                let mut row = rows.start;
                while row < rows.end {
                    let (tap, first) = (&taps[row / s.c_in], row % s.c_in);
                    let count = (s.c_in - first).min(rows.end - row);
                    let pixels = &tap[tap.len() * part / parts..tap.len() * (part + 1) / parts];
                    let job = PairJob {
                        pixels,
                        rows: &channels[..count],
                        first,
                        images: x.len() / x_image,
                        shape: s,
                    };
                    pairs::accumulate(
                        &mut dw[(row - rows.start) * s.c_out..][..count * s.c_out],
                        x,
                        g,
                        &job,
                    );
                    row += count;
                }
            }
        }
    });
}

/// All kernel positions of a class of windows at once; blocks of images are summed apart, then in order.
fn dw_few<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let geometry = geometry::of(s);
    let classes = &geometry.forward;
    let [x_image, g_image] = image_sizes(s);
    let rows: Vec<Vec<Row>> = classes.iter().map(|class| rows_of(class, s.c_in)).collect();
    let group = (FEW_PIXELS / (s.out_h() * s.out_w())).max(1);
    let mut partial = vec![F::zero(); s.n.div_ceil(BLOCK_IMAGES) * dw.len()];
    split::chunks(&mut partial, dw.len(), |i, partial| {
        let first = i * BLOCK_IMAGES;
        let images = BLOCK_IMAGES.min(s.n - first);
        let (x, g) = (
            &x[first * x_image..][..images * x_image],
            &g[first * g_image..][..images * g_image],
        );
        for (x, g) in x.chunks(group * x_image).zip(g.chunks(group * g_image)) {
            for (class, rows) in classes.iter().zip(&rows) {
                for pixels in class.pixels.chunks(FEW_PIXELS) {
                    let images = x.len() / x_image;
                    pairs::accumulate(
                        partial,
                        x,
                        g,
                        &PairJob {
                            pixels,
                            rows,
                            first: 0,
                            images,
                            shape: s,
                        },
                    );
                }
            }
        }
    });
    for partial in partial.chunks_exact(dw.len()) {
        add_assign(dw, partial);
    }
}

/// The rows of the weight gradient that the windows of a class contribute to.
fn rows_of(class: &Class, c_in: usize) -> Vec<Row> {
    let row = |&(tap, src): &(u32, i32), c| Row {
        x: src as usize * c_in + c,
        out: tap as usize * c_in + c,
    };
    class
        .taps
        .iter()
        .flat_map(|tap| (0..c_in).map(move |c| row(tap, c)))
        .collect()
}

/// Elements of one image of the input and of the output.
fn image_sizes(s: &ConvShape) -> [usize; 2] {
    [s.h * s.w * s.c_in, s.out_h() * s.out_w() * s.c_out]
}
