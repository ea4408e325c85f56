//! Convolutions of 3x3 with stride 1 in fewer products: Winograd's F(4x4, 3x3) (Lavin and Gray 2016, section 4).
//!
//! A window of 4x4 outputs takes 36 products of channels instead of 144: `A^T [(G g G^T) (B^T d B)] A`, of which the product of a
//! place's numbers over all windows is one of matrices. The gradient for the weights is the adjoint of the same.
//!
//! Images lie beside and below each other, the zeros around them shared, so that few windows stick out: three by three images of
//! 14x14 take 121 windows, not 144. So a window may read the edges of several images: it rounds what is read of one to the digits of
//! the largest, and an infinite pixel makes NaN of all its outputs.

use std::ops::Range;

use super::ahead::Ahead;
use super::conv::{ConvShape, GROUP_BYTES};
use super::dense::{self, Strides};
use super::map::add_assign;
use super::split;
use super::winograd_lines::STEP;
use super::winograd_maps::{PIECE, PLANES, Part, of_gradients, of_images, of_weights, to_images, to_weights};
use super::winograd_tiles::{ACROSS, Mosaic, Tiles};
use crate::float::Float;
use crate::pool::Buffer;

/// Elements of a plane of one block of windows, whose planes stay in the second-level cache; in the gradient of weights half of them do.
const BLOCK: usize = 1536;
const BLOCK_DW: usize = 2304;
/// Windows of a block are a multiple of this: rows of a register tile.
const ROWS: usize = 6;
/// Windows below which turning weights into planes takes longer than is saved; and planes into the gradient of weights.
const FEW: usize = 32;
const FEW_DW: usize = 128;
/// Images that share mosaics, and whose part of the gradient of the weights is summed apart: fixed, so that results do not depend on
/// threads.
const IMAGES: usize = 18;
const IMAGES_DW: usize = 36;

/// Taps of all windows along an axis that are not on the padding.
fn taps(size: usize, [before, after]: [usize; 2]) -> usize {
    3 * (size + before + after - 2) - [before, after].map(|p| p * (p + 1) / 2).iter().sum::<usize>()
}

/// Whether this takes less time than the direct kernel.
pub fn suits<F: Float>(s: &ConvShape) -> bool {
    let form = [s.kh, s.kw] == [3, 3] && s.stride == [1, 1] && s.pad.as_flattened().iter().all(|&p| p <= 2);
    let channels = s.c_in.is_multiple_of(PIECE) && s.c_out.is_multiple_of(PIECE);
    if !form || !channels || s.n == 0 || s.h < 3 || s.w < 3 {
        return false;
    }
    let some = ConvShape { n: s.n.min(IMAGES), ..*s };
    let direct = some.n * taps(s.h, s.pad[0]) * taps(s.w, s.pad[1]);
    // the maps take up to nine tenths of the time of the products, and more with fewer channels than two vectors
    let fewer = direct >= 2 * PLANES * Mosaic::of(&some).windows();
    s.c_in.min(s.c_out) >= 2 * dense::lanes::<F>() && windows_apart(s) >= FEW && fewer
}

/// Whether it does for the gradient of the weights, too.
pub fn suits_dw<F: Float>(s: &ConvShape) -> bool {
    windows_apart(s) >= FEW_DW && suits::<F>(s)
}

/// Windows that images take one by one.
fn windows_apart(s: &ConvShape) -> usize {
    s.n * s.out_h().div_ceil(STEP) * s.out_w().div_ceil(STEP)
}

/// Windows over the input and the output of a convolution.
fn tiles(mosaic: Mosaic, s: &ConvShape) -> [Tiles; 2] {
    [
        Tiles::new(mosaic, s.n, [s.h, s.w], s.pad.map(|[before, _]| before), s.c_in),
        Tiles::new(mosaic, s.n, [s.out_h(), s.out_w()], [0, 0], s.c_out),
    ]
}

/// All windows of so many images, block by block.
struct Blocks {
    windows: usize,
    all: usize,
}

impl Blocks {
    /// Of so many elements of a plane.
    fn new(mosaic: Mosaic, s: &ConvShape, elements: usize) -> Self {
        let windows = (elements / s.c_in.max(s.c_out)).max(ROWS) / ROWS * ROWS;
        Self { windows, all: mosaic.windows() }
    }

    /// The windows of the block that begins with window `from`, first and behind the last; none behind them all. A few that would be
    /// left are the last block's.
    fn block(&self, from: usize) -> [usize; 2] {
        let to = from + self.windows;
        [from, if to + ROWS > self.all { self.all } else { to }]
    }

    fn each(&self) -> impl Iterator<Item = [usize; 2]> {
        let some = |range: &[usize; 2]| range[0] < range[1];
        std::iter::successors(Some(self.block(0)), move |range| Some(self.block(range[1])).filter(some))
    }

    /// Room for so many planes of one.
    fn planes<F: Float>(&self, count: usize, tiles: &Tiles) -> Buffer<F> {
        Buffer::dirty(count * tiles.plane(self.windows + ROWS))
    }
}

/// Images that windows are needed of soon.
#[derive(Clone, Copy)]
struct Soon<'a, F> {
    images: &'a [F],
    tiles: &'a Tiles,
    windows: [usize; 2],
}

impl<'a, F: Float> Soon<'a, F> {
    /// The block of `images` that begins with window `from`; behind the last one, the first block of the images `behind` them.
    fn next(images: &'a [F], behind: &'a [F], tiles: &'a Tiles, blocks: &Blocks, from: usize) -> Self {
        let windows = blocks.block(from);
        if windows[0] < windows[1] {
            Soon { images, tiles, windows }
        } else {
            Soon { images: behind, tiles, windows: blocks.block(0) }
        }
    }

    fn part(&self, stream: usize) -> &'a [F] {
        let Range { start, end } = self.tiles.part(self.windows, stream);
        &self.images[start.min(self.images.len())..end.min(self.images.len())]
    }
}

/// What the products of all planes ask for: those of some planes the parts of one stream. Every plane has so many steps.
struct Streams<'a, F> {
    aheads: [Ahead<'a, F>; ACROSS],
    count: usize,
    steps: usize,
}

impl<'a, F: Float> Streams<'a, F> {
    fn new(soon: [Soon<'a, F>; 2], steps: usize) -> Self {
        let count = soon[0].tiles.streams();
        let of = |stream: usize| Ahead::new(soon.map(|soon| soon.part(stream)), PLANES / count * steps);
        Self { aheads: std::array::from_fn(|i| of(i.min(count - 1))), count, steps }
    }

    /// For the plane whose turn it is behind `p` others.
    fn of_plane(&self, p: usize) -> Ahead<'a, F> {
        let stream = p * self.count / PLANES;
        self.aheads[stream].after((p - stream * (PLANES / self.count)) * self.steps)
    }
}

/// Whether slices of so many elements are not in the second-level cache when they are needed.
fn is_far<F>(elements: usize) -> bool {
    elements * size_of::<F>() > GROUP_BYTES
}

/// Elements of an image and of its convolution.
fn images(s: &ConvShape) -> [usize; 2] {
    [s.h * s.w * s.c_in, s.out_h() * s.out_w() * s.c_out]
}

/// As [`super::conv::conv`], for a shape that [`suits`].
pub fn conv<F: Float>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    let size = s.c_in * s.c_out;
    let mut weights = Buffer::dirty(PLANES * size);
    of_weights(weights.data_mut(), w, size);
    let ([x_image, out_image], is_far) = (images(s), is_far::<F>(x.len() + out.len()));
    split::chunks(out, IMAGES * out_image, |i, out| {
        let some = ConvShape { n: out.len() / out_image, ..*s };
        let (x, behind) = x[i * IMAGES * x_image..].split_at(some.n * x_image);
        conv_of_images(out, [x, behind], weights.data(), &some, is_far);
    });
}

fn conv_of_images<F: Float>(
    out: &mut [F],
    [x, behind]: [&[F]; 2],
    weights: &[F],
    s: &ConvShape,
    is_far: bool,
) {
    let (row, mosaic) = (s.c_in.max(s.c_out), Mosaic::of(s));
    let [inputs, outputs] = &tiles(mosaic, s).map(|tiles| tiles.in_rows(row));
    let blocks = Blocks::new(mosaic, s, BLOCK);
    let mut planes = blocks.planes(PLANES, inputs);
    let planes = planes.data_mut();
    for (block, range) in blocks.each().enumerate() {
        of_images(planes, Part::All, x, inputs, range);
        let rows = range[1] - range[0];
        let next = Soon::next(x, behind, inputs, &blocks, range[1]);
        let this = Soon { images: &*out, tiles: outputs, windows: range };
        let streams = is_far.then(|| Streams::new([next, this], rows * s.c_in));
        for (k, p) in there_and_back(block, PLANES) {
            let weights = &weights[p * s.c_in * s.c_out..][..s.c_in * s.c_out];
            let plane = &mut planes[p * inputs.plane(rows)..][..rows * inputs.row];
            let ahead = streams.as_ref().map(|streams| streams.of_plane(k));
            dense::replace_rows(plane, inputs.row, weights, [rows, s.c_in, s.c_out], ahead);
        }
        to_images(out, planes, outputs, range);
    }
}

/// As [`super::conv::conv_dw`], for a shape that [`suits_dw`]. Groups of images are summed apart, then in order.
pub fn conv_dw<F: Float>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    let mut partial = Buffer::dirty(s.n.div_ceil(IMAGES_DW) * dw.len());
    let ([x_image, g_image], is_far) = (images(s), is_far::<F>(x.len() + g.len()));
    split::chunks(partial.data_mut(), dw.len(), |i, partial| {
        let some = ConvShape { n: IMAGES_DW.min(s.n - i * IMAGES_DW), ..*s };
        let x = x[i * IMAGES_DW * x_image..].split_at(some.n * x_image);
        let g = g[i * IMAGES_DW * g_image..].split_at(some.n * g_image);
        dw_of_images(partial, x, g, &some, is_far);
    });
    let mut parts = partial.data().chunks_exact(dw.len());
    dw.copy_from_slice(parts.next().expect("there are images"));
    parts.for_each(|part| add_assign(dw, part));
}

/// Of the first images and gradients of both pairs; the others lie behind them.
fn dw_of_images<F: Float>(dw: &mut [F], x: (&[F], &[F]), g: (&[F], &[F]), s: &ConvShape, is_far: bool) {
    let (size, mosaic) = (s.c_in * s.c_out, Mosaic::of(s));
    let mut sums = Buffer::dirty(PLANES * size);
    sums.data_mut().fill(F::zero());
    let tiles = tiles(mosaic, s);
    let blocks = Blocks::new(mosaic, s, BLOCK_DW);
    let mut room = [0, 1].map(|i| blocks.planes(PLANES / 2, &tiles[i]));
    for (block, range) in blocks.each().enumerate() {
        let rows = range[1] - range[0];
        let soon = [(x, &tiles[0]), (g, &tiles[1])]
            .map(|((images, behind), tiles)| Soon::next(images, behind, tiles, &blocks, range[1]));
        let streams = is_far.then(|| Streams::new(soon, rows * s.c_in));
        // by halves, which leave room in the cache for the sums of all planes
        for (first, half) in there_and_back(block, 2) {
            let part = [Part::First, Part::Last][half];
            let [v, m] = &mut room;
            of_images(v.data_mut(), part, x.0, &tiles[0], range);
            of_gradients(m.data_mut(), part, g.0, &tiles[1], range);
            let sums = &mut sums.data_mut()[half * PLANES / 2 * size..][..PLANES / 2 * size];
            for (k, p) in there_and_back(block, PLANES / 2) {
                let planes = [v.data(), m.data()];
                let ahead = streams.as_ref().map(|streams| streams.of_plane(first * PLANES / 2 + k));
                add_plane(&mut sums[p * size..][..size], planes, p, &tiles, rows, ahead);
            }
        }
    }
    to_weights(dw, sums.data(), size);
}

/// Adds the product of plane `p` of images and of gradients to its sum.
fn add_plane<F: Float>(
    sum: &mut [F],
    planes: [&[F]; 2],
    p: usize,
    tiles: &[Tiles; 2],
    rows: usize,
    ahead: Option<Ahead<'_, F>>,
) {
    let [c_in, c_out] = [tiles[0].channels, tiles[1].channels];
    let plane = |i: usize| &planes[i][p * tiles[i].plane(rows)..][..rows * tiles[i].channels];
    let strides = Strides { row: 1, column: c_in };
    if c_out.is_multiple_of(dense::lanes::<F>()) {
        dense::add_product(sum, plane(0), strides, plane(1), [c_in, rows, c_out], ahead);
    } else {
        let mut product = Buffer::dirty(sum.len());
        dense::products(product.data_mut(), plane(0), strides, plane(1), None, [1, c_in, rows, c_out]);
        add_assign(sum, product.data());
    }
}

/// Numbers below `count` with their places: for every second block from the last to the first, as the block before has left what
/// belongs to them in the cache.
fn there_and_back(block: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).map(move |k| (k, if block.is_multiple_of(2) { k } else { count - 1 - k }))
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
        let mosaic = Mosaic::of(&s);
        for tiles in tiles(mosaic, &s) {
            let blocks = Blocks::new(mosaic, &s, BLOCK);
            let ranges: Vec<[usize; 2]> = blocks.each().collect();
            assert_eq!(ranges.last().map(|range| range[1]), Some(mosaic.windows()));
            for stream in 0..tiles.streams() {
                let first = tiles.part(ranges[0], stream).start;
                let mut done = first;
                for (i, &range) in ranges.iter().enumerate() {
                    let part = tiles.part(range, stream);
                    assert!(part.start <= done && part.end >= done, "{part:?} does not go on at {done}");
                    done = part.end;
                    assert_eq!(ranges.get(i + 1).copied().unwrap_or([blocks.all; 2]), blocks.block(range[1]));
                }
                let next = tiles.part([0, 1], stream + 1).start;
                assert_eq!(done, next.max(first).min(tiles.all()), "stream {stream}");
            }
            assert!(tiles.part(blocks.block(blocks.all), 0).is_empty());
        }
    }
}
