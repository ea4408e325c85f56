//! Winograd's convolutions, block by block of windows: input transform, products with transformed filters, output transform.

use std::ops::Range;

use crate::buffer::Buffer;
use crate::conv::shape::{ConvShape, GROUP_BYTES, image_sizes};
use crate::conv::winograd::planes::{Axis, Part, Planes};
use crate::conv::winograd::prefetch::{Blocks, PrefetchBlock, Streams};
use crate::conv::winograd::tiles::Tiles;
use crate::element::Element;
use crate::elementwise::map::add_assign;
use crate::matmul::dense::{self, Strides};
use crate::parallel;

/// A transform of windows of images: arguments are the output, its planes, the images, their windows, and the first window.
type WindowTransform<F> = fn(&mut [F], Planes, &[F], &Tiles, usize);

/// The transforms of a convolution.
pub struct Form<F> {
    pub axis: Axis,
    pub filter_transform: fn(&mut [F], &[F], usize),
    pub input_transform: WindowTransform<F>,
    pub output_transform: fn(&mut [F], &[F], Planes, &Tiles, usize),
    /// Elements of the rows of one block of windows, whose planes stay in the second-level cache with those of few weights.
    pub block: usize,
}

/// The transforms of a convolution's gradient for the weights.
pub struct WeightForm<F> {
    pub axis: Axis,
    pub input_transform: WindowTransform<F>,
    pub gradient_transform: WindowTransform<F>,
    pub filter_gradient: fn(&mut [F], &[F], usize),
    /// Elements of the rows of one block of windows, of which half of the planes stay in the second-level cache.
    pub block: usize,
}

/// Bytes of the planes of weights from which every block of windows has them from the third-level cache, or from memory.
const FAR_WEIGHTS: usize = 8 << 20;

/// Whether transformed filters of `planes` elements in all are too large for the second-level cache.
pub fn weights_are_far<F>(planes: usize) -> bool {
    planes * size_of::<F>() > FAR_WEIGHTS
}

/// Windows of a block: `block` elements at `row` elements a window, and enough to make up for loading the weights of all planes.
fn windows<F>(block: usize, row: usize, planes: usize) -> usize {
    let least = if weights_are_far::<F>(planes) { 96 } else { 24 };
    least.max(block / row)
}

/// Whether slices of `elements` elements in all have left the second-level cache when they are needed.
fn is_far<F>(elements: usize) -> bool {
    elements * size_of::<F>() > GROUP_BYTES
}

/// Convolves images with weights `[3, 3, ..]`, `each` images at a time; `tiles(n)` are the windows of `n` images.
pub fn conv<F: Element>(
    out: &mut [F],
    x: &[F],
    w: &[F],
    [x_image, out_image]: [usize; 2],
    form: &Form<F>,
    each: usize,
    tiles: impl Fn(usize) -> [Tiles; 2] + Send + Sync,
) {
    let size = w.len() / 9;
    let mut weights = Buffer::dirty(form.axis.planes(Part::All).len() * size);
    (form.filter_transform)(weights.data_mut(), w, size);
    let is_far = is_far::<F>(x.len() + out.len());
    parallel::chunks(out, each * out_image, |i, out| {
        let images = out.len() / out_image;
        let x = x[i * each * x_image..].split_at(images * x_image);
        conv_of_images(out, x, weights.data(), &tiles(images), form, is_far);
    });
}

/// Convolves images `x`, with others `behind` them in memory that are prefetched.
fn conv_of_images<F: Element>(
    out: &mut [F],
    (x, behind): (&[F], &[F]),
    weights: &[F],
    [inputs, outputs]: &[Tiles; 2],
    form: &Form<F>,
    is_far: bool,
) {
    let row = inputs.channels.max(outputs.channels);
    let blocks = Blocks::new(inputs.count(), windows::<F>(form.block, row, weights.len()));
    let of = |windows| Planes { axis: form.axis, part: Part::All, windows, row };
    let mut transformed = Buffer::dirty(of(blocks.most()).len());
    let transformed = transformed.data_mut();
    for (block, range) in blocks.each().enumerate() {
        let planes = of(range[1] - range[0]);
        (form.input_transform)(transformed, planes, x, inputs, range[0]);
        let next = PrefetchBlock::next(x, behind, inputs, &blocks, range[1]);
        let this = PrefetchBlock { images: &*out, tiles: outputs, windows: range };
        let streams = is_far.then(|| Streams::new([next, this], planes.rows_of_all(), inputs.channels));
        multiply(transformed, planes, weights, [inputs.channels, outputs.channels], block, streams);
        (form.output_transform)(out, transformed, planes, outputs, range[0]);
    }
}

/// Multiplies the rows of all planes by their weights, in place.
fn multiply<F: Element>(
    transformed: &mut [F],
    planes: Planes,
    weights: &[F],
    [c_in, c_out]: [usize; 2],
    block: usize,
    streams: Option<Streams<'_, F>>,
) {
    let (starts, mut done) = (planes.starts(), 0);
    for p in there_and_back(block, planes.range()) {
        let weights = &weights[p * c_in * c_out..][..c_in * c_out];
        let rows = planes.rows(p);
        let plane = &mut transformed[starts[p]..][..rows * planes.row];
        let prefetch = streams.as_ref().map(|streams| streams.after(done));
        dense::replace_rows(plane, planes.row, weights, [rows, c_in, c_out], prefetch);
        done += rows;
    }
}

/// Images whose part of the gradient of the weights is summed apart, and that share mosaics: two threads have about as many where there
/// are two such groups.
fn images_of_sum(n: usize) -> usize {
    if (37..=72).contains(&n) { n.div_ceil(2) } else { 36 }
}

/// Adds the gradient for the weights to `dw`. Fixed numbers of images are summed apart, then in order, so that results do not depend
/// on threads; `tiles` are those of a convolution.
pub fn weights<F: Element>(
    dw: &mut [F],
    [x, g]: [&[F]; 2],
    s: &ConvShape,
    form: &WeightForm<F>,
    tiles: impl Fn(&ConvShape) -> [Tiles; 2] + Send + Sync,
) {
    let each = images_of_sum(s.n);
    // sums of whole vectors
    let wide = s.c_out.next_multiple_of(dense::lanes::<F>());
    let size = s.c_in * wide;
    let ([x_image, g_image], is_far) = (image_sizes(s), is_far::<F>(x.len() + g.len()));
    let groups = s.n.div_ceil(each);
    let add = |i: usize, parts: &[Part], sums: &mut [F]| {
        let some = ConvShape { n: each.min(s.n - i * each), ..*s };
        let (x, x_behind) = x[i * each * x_image..].split_at(some.n * x_image);
        let (g, g_behind) = g[i * each * g_image..].split_at(some.n * g_image);
        let tiles = tiles(&some);
        sums.fill(F::zero());
        add_weights(sums, [(x, x_behind, &tiles[0]), (g, g_behind, &tiles[1])], parts, wide, form, is_far);
    };
    let planes = [Part::First, Part::All].map(|part| form.axis.planes(part).len() * size);
    let mut partial = Buffer::dirty(groups * 9 * size);
    if groups < parallel::threads() {
        let mut sums = Buffer::dirty(groups * planes[1]);
        halves_of_groups(sums.data_mut(), planes, add);
        parallel::chunks(partial.data_mut(), 9 * size, |i, partial| {
            (form.filter_gradient)(partial, &sums.data()[i * planes[1]..][..planes[1]], size);
        });
    } else {
        parallel::chunks(partial.data_mut(), 9 * size, |i, partial| {
            let mut sums = Buffer::dirty(planes[1]);
            // by halves, which leave room in the cache for the sums of all planes
            add(i, &[Part::First, Part::Last], sums.data_mut());
            (form.filter_gradient)(partial, sums.data(), size);
        });
    }
    partial.data().chunks_exact(9 * size).for_each(|part| add_rows(dw, part, s.c_out, wide));
}

/// Adds rows of `wide` elements to those of `columns`.
fn add_rows<F: Element>(dw: &mut [F], part: &[F], columns: usize, wide: usize) {
    if wide == columns {
        add_assign(dw, part);
    } else {
        let rows = dw.chunks_exact_mut(columns).zip(part.chunks_exact(wide));
        rows.for_each(|(dw, part)| add_assign(dw, &part[..columns]));
    }
}

/// Sums of all groups, of which there are fewer than threads: each half of one is shared out by itself. `first` of `all` elements of a
/// group's sums are those of the first half.
fn halves_of_groups<F: Element>(
    sums: &mut [F],
    [first, all]: [usize; 2],
    add: impl Fn(usize, &[Part], &mut [F]) + Sync,
) {
    let groups = sums.chunks_exact_mut(all).map(|sums| sums.split_at_mut(first)).enumerate();
    let halves = groups.flat_map(|(i, (first, last))| [(i, Part::First, first), (i, Part::Last, last)]);
    let halves: Vec<_> = halves.collect();
    parallel::share(halves.into_iter(), |(i, part, sums)| add(i, &[part], sums));
}

/// Images or gradients, others that lie behind them, and their windows.
type Side<'a, F> = (&'a [F], &'a [F], &'a Tiles);

/// Adds the gradients of the planes of the weights that some parts have to `sums`, rows of `wide`, of which what is behind the output's
/// channels is of no meaning.
fn add_weights<F: Element>(
    sums: &mut [F],
    [x, g]: [Side<'_, F>; 2],
    parts: &[Part],
    wide: usize,
    form: &WeightForm<F>,
    is_far: bool,
) {
    let c_in = x.2.channels;
    // rows that begin with a cache line
    let row = c_in.next_multiple_of(dense::lanes::<F>());
    // as for all parts, so that sums are the same ones
    let planes = form.axis.planes(Part::All).len() * c_in * wide;
    let blocks = Blocks::new(x.2.count(), windows::<F>(form.block, row.max(wide), planes));
    let of = |part, windows, row| Planes { axis: form.axis, part, windows, row };
    let room = |row| parts.iter().map(|&part| of(part, blocks.most(), row).len()).fold(0, usize::max);
    let [mut v, mut m] = [row, wide].map(|row| Buffer::dirty(room(row)));
    let before = form.axis.planes(parts[0]).start;
    for (block, range) in blocks.each().enumerate() {
        let windows = range[1] - range[0];
        let next = [x, g]
            .map(|(images, behind, tiles)| PrefetchBlock::next(images, behind, tiles, &blocks, range[1]));
        let all = parts.iter().map(|&part| of(part, windows, c_in).rows_of_all()).sum();
        let streams = is_far.then(|| Streams::new(next, all, c_in));
        let mut done = 0;
        for part in there_and_back(block, 0..parts.len()) {
            let [of_x, of_g] = [row, wide].map(|row| of(parts[part], windows, row));
            (form.input_transform)(v.data_mut(), of_x, x.0, x.2, range[0]);
            (form.gradient_transform)(m.data_mut(), of_g, g.0, g.2, range[0]);
            let starts = [of_x, of_g].map(|planes| planes.starts());
            for p in there_and_back(block, of_x.range()) {
                let rows = of_x.rows(p);
                let prefetch = streams.as_ref().map(|streams| streams.after(done));
                let v = &v.data()[starts[0][p]..][..rows * row];
                let m = &m.data()[starts[1][p]..][..rows * wide];
                let sum = &mut sums[(p - before) * c_in * wide..][..c_in * wide];
                dense::add_product(sum, v, Strides { row: 1, column: row }, m, [c_in, rows, wide], prefetch);
                done += rows;
            }
        }
    }
}

/// A range, backwards for every second block: the block before has left in the cache what belongs to its last element.
fn there_and_back(block: usize, range: Range<usize>) -> impl Iterator<Item = usize> {
    let Range { start, end } = range;
    range.map(move |k| if block.is_multiple_of(2) { k } else { start + end - 1 - k })
}
