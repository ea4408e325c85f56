//! Direct convolution of NHWC images.
//!
//! No im2col: output pixels whose windows hold the same taps share one table, whose rows feed the register tile.

use crate::buffer::Buffer;
use crate::conv::direct_tile;
use crate::conv::geometry::{self, Class};
use crate::conv::shape::{ConvShape, GROUP_BYTES, image_sizes};
use crate::cpu::prefetch::Prefetch;
use crate::element::Element;
use crate::layout::transpose::transpose;
use crate::matmul::dense;
use crate::matmul::product::matmul;
use crate::parallel;
use crate::tile::job::{Job, Place};

/// Pixels from which on it pays to copy the weights into rows of whole vectors.
const MANY: usize = 128;

/// With few input channels: all products of an output pixel with the weights first, as one matrix; then each input pixel
/// collects its own.
pub(crate) fn dx_few<F: Element>(dx: &mut [F], g: &[F], w: &[F], s: &ConvShape) {
    let (taps, outputs) = (s.kh * s.kw, s.out_h() * s.out_w());
    let [x_image, g_image] = image_sizes(s);
    let columns = taps * s.c_in;
    let geometry = geometry::of(s);
    let back = &geometry.back;
    let mut transposed = Buffer::dirty(w.len());
    transpose(transposed.data_mut(), w, columns, s.c_out);
    let transposed = transposed.data();
    let each = s.n.div_ceil(parallel::pieces(s.n));
    parallel::chunks(dx, each * x_image, |i, dx| {
        let mut products = Buffer::dirty(outputs * columns);
        for (k, dx) in dx.chunks_exact_mut(x_image).enumerate() {
            let g = &g[(i * each + k) * g_image..][..g_image];
            matmul(products.data_mut(), g, transposed, outputs, s.c_out, columns, false, false);
            back.iter().for_each(|class| collect(dx, products.data(), class, taps, s.c_in));
        }
    });
}

/// Each input pixel of a class adds up its products: `columns = taps * c_in` for every output pixel.
fn collect<F: Element>(dx: &mut [F], products: &[F], class: &Class, taps: usize, c_in: usize) {
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
pub(crate) fn gather<F: Element>(
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
    let each = images.div_ceil(parallel::pieces(images));
    parallel::chunks(out, each * out_image, |i, out| {
        let x = &x[i * each * x_image..][..out.len() / out_image * x_image];
        in_groups(out, x, (w, w_row), classes, [x_image, out_image], channels);
    });
}

/// Convolves group by group of images; each group prefetches the next.
fn in_groups<F: Element>(
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
        let next_images = images.min(behind.len() / out_image);
        let next = [&x_behind[..next_images * x_image], &behind[..next_images * out_image]];
        let mut prefetch = (!behind.is_empty()).then(|| Prefetch::new(next, images * of_image));
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
                prefetch,
            };
            direct_tile::product(these, those, w, &job);
            prefetch = prefetch.map(|prefetch| prefetch.after(images * steps(class)));
        }
        (out, x) = (behind, x_behind);
    }
}
