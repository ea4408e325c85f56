//! Convolutions of 3x3 with stride 1 in fewer products: Winograd's F(4x4, 3x3) (Lavin and Gray 2016, section 4).
//!
//! A window of 4x4 outputs takes 36 products of channels instead of 144: `A^T [(G g G^T) (B^T d B)] A`, of which the product of a
//! place's numbers over all windows is one of matrices. The gradient for the weights is the adjoint of the same. An infinite pixel
//! makes NaN of all outputs of the windows that read it.

use super::ahead::Ahead;
use super::conv::{ConvShape, GROUP_BYTES};
use super::dense::{self, Strides};
use super::map::add_assign;
use super::split;
use super::winograd_lines::STEP;
use super::winograd_maps::{PIECE, PLANES, of_gradients, of_images, of_weights, to_images, to_weights};
use super::winograd_tiles::Tiles;
use crate::float::Float;
use crate::pool::Buffer;

/// Elements of a plane of one block of windows: all planes of a block stay in the second-level cache.
const BLOCK: usize = 1536;
/// Windows of a block are a multiple of this: rows of a register tile.
const ROWS: usize = 6;
/// Windows below which turning weights into planes takes longer than is saved; and planes into the gradient of weights.
const FEW: usize = 32;
const FEW_DW: usize = 128;
/// Images of one partial sum of the gradient of the weights.
const IMAGES: usize = 32;

/// Taps of all windows along an axis that are not on the padding.
fn taps(size: usize, [before, after]: [usize; 2]) -> usize {
    3 * (size + before + after - 2) - [before, after].map(|p| p * (p + 1) / 2).iter().sum::<usize>()
}

/// Whether this takes less time than the direct kernel.
pub fn suits<F: Float>(s: &ConvShape) -> bool {
    let form = [s.kh, s.kw] == [3, 3] && s.stride == [1, 1] && s.pad.as_flattened().iter().all(|&p| p <= 2);
    let channels = s.c_in.is_multiple_of(PIECE) && s.c_out.is_multiple_of(PIECE);
    if !form || !channels || s.h < 3 || s.w < 3 {
        return false;
    }
    let windows = s.out_h().div_ceil(STEP) * s.out_w().div_ceil(STEP);
    let direct = taps(s.h, s.pad[0]) * taps(s.w, s.pad[1]);
    // the maps take up to nine tenths of the time of the products, and more with fewer channels than two vectors
    let fewer = 10 * direct >= 19 * PLANES * windows;
    s.c_in.min(s.c_out) >= 2 * dense::lanes::<F>() && s.n * windows >= FEW && fewer
}

/// Whether it does for the gradient of the weights, too.
pub fn suits_dw<F: Float>(s: &ConvShape) -> bool {
    s.n * s.out_h().div_ceil(STEP) * s.out_w().div_ceil(STEP) >= FEW_DW && suits::<F>(s)
}

/// Windows over the input and the output of a convolution.
fn tiles(s: &ConvShape) -> [Tiles; 2] {
    let out = [s.out_h(), s.out_w()];
    let (grid, pad) = (out.map(|size| size.div_ceil(STEP)), s.pad.map(|[before, _]| before));
    [
        Tiles { size: [s.h, s.w], pad, grid, channels: s.c_in, row: s.c_in },
        Tiles { size: out, pad: [0, 0], grid, channels: s.c_out, row: s.c_out },
    ]
}

/// All windows of so many images, block by block.
struct Blocks {
    windows: usize,
    all: usize,
}

impl Blocks {
    fn new(images: usize, s: &ConvShape, tiles: &Tiles) -> Self {
        let windows = (BLOCK / s.c_in.max(s.c_out)).max(ROWS) / ROWS * ROWS;
        Self { windows, all: images * tiles.grid[0] * tiles.grid[1] }
    }

    /// The windows of the block that begins with window `from`, first and behind the last; none behind them all.
    fn block(&self, from: usize) -> [usize; 2] {
        [from, self.all.min(from + self.windows)]
    }

    fn each(&self) -> impl Iterator<Item = [usize; 2]> {
        (0..self.all).step_by(self.windows).map(|from| self.block(from))
    }

    /// Room for the planes of one.
    fn planes<F: Float>(&self, tiles: &Tiles) -> Buffer<F> {
        Buffer::dirty(PLANES * tiles.plane(self.windows))
    }
}

/// Whether slices of so many elements are not in the second-level cache when they are needed.
fn is_far<F>(elements: usize) -> bool {
    elements * size_of::<F>() > GROUP_BYTES
}

/// As [`super::conv::conv`], for a shape that [`suits`].
pub fn conv<F: Float>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    let size = s.c_in * s.c_out;
    let mut weights = Buffer::dirty(PLANES * size);
    of_weights(weights.data_mut(), w, size);
    let [x_image, out_image] = tiles(s).map(|tiles| tiles.image());
    let each = s.n.div_ceil(split::pieces(s.n));
    split::chunks(out, each * out_image, |i, out| {
        let images = out.len() / out_image;
        conv_of_images(out, &x[i * each * x_image..][..images * x_image], weights.data(), s);
    });
}

fn conv_of_images<F: Float>(out: &mut [F], x: &[F], weights: &[F], s: &ConvShape) {
    let row = s.c_in.max(s.c_out);
    let [inputs, outputs] = &tiles(s).map(|tiles| Tiles { row, ..tiles });
    let blocks = Blocks::new(out.len() / outputs.image(), s, inputs);
    let mut planes = blocks.planes(inputs);
    let planes = planes.data_mut();
    let is_far = is_far::<F>(x.len() + out.len());
    for range in blocks.each() {
        of_images(planes, x, inputs, range);
        let rows = range[1] - range[0];
        let next = [&x[inputs.part(blocks.block(range[1]))], &out[outputs.part(range)]];
        let ahead = is_far.then(|| Ahead::new(next, PLANES * rows * s.c_in));
        for (p, weights) in weights.chunks_exact(s.c_in * s.c_out).enumerate() {
            let plane = &mut planes[p * inputs.plane(rows)..][..rows * inputs.row];
            let ahead = ahead.map(|ahead| ahead.after(p * rows * s.c_in));
            dense::replace_rows(plane, inputs.row, weights, [rows, s.c_in, s.c_out], ahead);
        }
        to_images(out, planes, outputs, range);
    }
}

/// As [`super::conv::conv_dw`], for a shape that [`suits_dw`]. Groups of images are summed apart, then in order.
pub fn conv_dw<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let mut partial = Buffer::dirty(s.n.div_ceil(IMAGES) * dw.len());
    let [x_image, g_image] = tiles(s).map(|tiles| tiles.image());
    split::chunks(partial.data_mut(), dw.len(), |i, partial| {
        let images = IMAGES.min(s.n - i * IMAGES);
        let x = &x[i * IMAGES * x_image..][..images * x_image];
        let g = &g[i * IMAGES * g_image..][..images * g_image];
        dw_of_images(partial, x, g, s);
    });
    let mut parts = partial.data().chunks_exact(dw.len());
    dw.copy_from_slice(parts.next().expect("there are images"));
    parts.for_each(|part| add_assign(dw, part));
}

fn dw_of_images<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let size = s.c_in * s.c_out;
    let (mut sums, mut product) = (Buffer::dirty(PLANES * size), Buffer::dirty(size));
    let whole = s.c_out.is_multiple_of(dense::lanes::<F>());
    sums.data_mut().fill(F::zero());
    let [inputs, outputs] = &tiles(s);
    let blocks = Blocks::new(x.len() / inputs.image(), s, inputs);
    let (mut v, mut m) = (blocks.planes(inputs), blocks.planes(outputs));
    let is_far = is_far::<F>(x.len() + g.len());
    for range in blocks.each() {
        of_images(v.data_mut(), x, inputs, range);
        of_gradients(m.data_mut(), g, outputs, range);
        let (rows, behind) = (range[1] - range[0], blocks.block(range[1]));
        let next = [&x[inputs.part(behind)], &g[outputs.part(behind)]];
        let ahead = is_far.then(|| Ahead::new(next, PLANES * rows * s.c_in));
        for (p, sum) in sums.data_mut().chunks_exact_mut(size).enumerate() {
            let v = &v.data()[p * inputs.plane(rows)..][..rows * s.c_in];
            let m = &m.data()[p * outputs.plane(rows)..][..rows * s.c_out];
            let strides = Strides { row: 1, column: s.c_in };
            if whole {
                let ahead = ahead.map(|ahead| ahead.after(p * rows * s.c_in));
                dense::add_product(sum, v, strides, m, [s.c_in, rows, s.c_out], ahead);
            } else {
                dense::products(product.data_mut(), v, strides, m, [1, s.c_in, rows, s.c_out]);
                add_assign(sum, product.data());
            }
        }
    }
    to_weights(dw, sums.data(), size);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_ask_for_all_of_the_images_between_them() {
        let s = ConvShape {
            n: 3,
            h: 14,
            w: 11,
            c_in: 64,
            kh: 3,
            kw: 3,
            c_out: 32,
            stride: [1; 2],
            pad: [[1; 2]; 2],
        };
        for tiles in tiles(&s) {
            let blocks = Blocks::new(s.n, &s, &tiles);
            let ranges: Vec<[usize; 2]> = blocks.each().collect();
            let mut done = 0;
            for (i, &range) in ranges.iter().enumerate() {
                let part = tiles.part(range);
                assert!(part.start <= done && part.end >= done, "{part:?} does not go on at {done}");
                done = part.end;
                assert_eq!(ranges.get(i + 1).copied().unwrap_or([36; 2]), blocks.block(range[1]));
            }
            assert_eq!(done, s.n * tiles.image());
            assert!(tiles.part(blocks.block(36)).is_empty());
        }
    }
}
