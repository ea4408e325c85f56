//! The register tile of a first layer: the output of windows beside each other, pooled where it stands.

#![allow(unsafe_code)]

use crate::conv::fused::image::Image;
use crate::conv::fused::shape::BlockShape;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::Leaky;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

/// What both directions know of a block.
#[derive(Clone, Copy)]
pub struct Layer<'a, F> {
    pub shape: &'a BlockShape,
    /// Weights and, as a last row, what is added, with the norm in them: `[depth + 1, wide]`. Where blocks are computed by
    /// F(2x2, 3x3), the transformed filters instead of the weights.
    pub weights: &'a [F],
    /// Rows of weights.
    pub depth: usize,
    /// Elements of a row of weights.
    pub wide: usize,
    /// Slope of the activation where negative.
    pub slope: F,
}

versions! {
    /// The output of one image.
    pub fn output<F>(y: &mut [F], image: &Image<'_, F>, layer: &Layer<'_, F>) where [F: Element] = output_body;
}

/// Calls `$f::<F, I, N, WHOLE>(args...)` for groups of channels from `$col` on: of two vectors, of one, and last of a part of one.
macro_rules! channels {
    ($c:expr, $f:ident::<$F:ident, $I:ident>($col:ident => $($arg:expr),*)) => {{
        let lanes = <$I::Vector as Vector>::lanes::<$F>();
        let mut $col = 0;
        while $col < $c {
            if $I::TILE_VECTORS > 2 && $c - $col >= 2 * lanes {
                $f::<$F, $I, 2, true>($($arg),*);
                $col += 2 * lanes;
            } else if $c - $col >= lanes {
                $f::<$F, $I, 1, true>($($arg),*);
                $col += lanes;
            } else {
                $f::<$F, $I, 1, false>($($arg),*);
                $col += lanes;
            }
        }
    }};
}
pub(crate) use channels;

#[inline(always)]
fn output_body<F: Element, I: Isa>(y: &mut [F], image: &Image<'_, F>, layer: &Layer<'_, F>) {
    let s = layer.shape;
    let c = s.conv.c_out;
    for (row, y) in y.chunks_exact_mut(s.out_w() * c).enumerate() {
        let from = image.window(row * s.pool[0]);
        channels!(c, output_row::<F, I>(col => y, from, image, layer, col));
    }
}

/// A row of the output, from channel `col` on.
#[inline(always)]
fn output_row<F: Element, I: Isa, const N: usize, const WHOLE: bool>(
    y: &mut [F],
    from: Reader<'_, F>,
    image: &Image<'_, F>,
    layer: &Layer<'_, F>,
    col: usize,
) {
    let tile = ByWindow { taps: &image.taps, below: image.row };
    match (layer.shape.pools(), layer.shape.out_w()) {
        (false, 8..) => output_tiles::<F, I, _, 1, 8, N, WHOLE>(y, from, tile, layer, col),
        (false, _) => output_tiles::<F, I, _, 1, 1, N, WHOLE>(y, from, tile, layer, col),
        (true, 2..) => output_tiles::<F, I, _, 4, 2, N, WHOLE>(y, from, tile, layer, col),
        (true, _) => output_tiles::<F, I, _, 4, 1, N, WHOLE>(y, from, tile, layer, col),
    }
}

/// A row of the output by tiles of `P` pooling windows of `K` windows; the last tile ends with the row.
#[inline(always)]
pub fn output_tiles<
    F: Element,
    I: Isa,
    T: Tile,
    const K: usize,
    const P: usize,
    const N: usize,
    const WHOLE: bool,
>(
    y: &mut [F],
    from: Reader<'_, F>,
    tile: T,
    layer: &Layer<'_, F>,
    col: usize,
) {
    let (c, width) = (layer.shape.conv.c_out, layer.shape.out_w());
    for x in (0..width).step_by(P) {
        let x = x.min(width - P);
        // SAFETY: the windows lie in the image, and this runs with the features of `I`.
        unsafe {
            prefetch_pixels::<F, I, N>(y, x * c + col, P, c, width * c);
            let z = tile.of::<F, I, K, P, N>(from, x, layer, col);
            let Leaky { slope, least } = Leaky::new(layer.slope);
            let [zero, slope, least] = [F::zero(), slope, least].map(|x| I::Vector::splat(x));
            for i in 0..P {
                let mut best = greatest::<F, I, K, P, N>(&z, i);
                for j in 0..N {
                    // the second operand where one is NaN, which is the output that is kept
                    let bounded = least.max::<F>(best[j]);
                    best[j] = bounded.mul_add::<F>(slope, zero).max::<F>(best[j]);
                }
                store_lanes::<F, I::Vector, N, WHOLE>(&mut y[(x + i) * c + col..], best, c - col);
            }
        }
    }
}

/// How the norm's output is computed where it is needed.
pub trait Tile: Copy {
    /// The norm's output for `P` pooling windows of `K` windows each, row by row, from the `x`-th of a row on that `from` is the start
    /// of, for `N` vectors of channels from `col` on.
    ///
    /// # Safety
    /// What the windows are computed from can be read, and this runs with the features of `I`.
    unsafe fn of<F: Element, I: Isa, const K: usize, const P: usize, const N: usize>(
        self,
        from: Reader<'_, F>,
        x: usize,
        layer: &Layer<'_, F>,
        col: usize,
    ) -> [[[I::Vector; N]; P]; K];
}

/// Window by window from an image.
#[derive(Clone, Copy)]
pub struct ByWindow<'a> {
    /// Elements from a window's first value to each of its values.
    pub taps: &'a [usize],
    /// Elements from a window to the one below.
    pub below: usize,
}

impl Tile for ByWindow<'_> {
    #[inline(always)]
    unsafe fn of<F: Element, I: Isa, const K: usize, const P: usize, const N: usize>(
        self,
        from: Reader<'_, F>,
        x: usize,
        layer: &Layer<'_, F>,
        col: usize,
    ) -> [[[I::Vector; N]; P]; K] {
        let side = if K == 1 { 1 } else { 2 };
        // SAFETY: the caller's promise; weights have one row more than a window has values.
        unsafe {
            let mut weights = Reader::new(layer.weights).after(col as isize);
            let added = weights.after((layer.depth * layer.wide) as isize).vectors::<I::Vector, N>();
            let mut acc = [[added; P]; K];
            for &tap in self.taps {
                let w = weights.vectors::<I::Vector, N>();
                for k in 0..K {
                    let from = from.after((tap + k / side * self.below + x * side) as isize);
                    for i in 0..P {
                        let x = I::Vector::splat(from.element(i * side + k % side));
                        for j in 0..N {
                            acc[k][i][j] = x.mul_add::<F>(w[j], acc[k][i][j]);
                        }
                    }
                }
                weights = weights.after(layer.wide as isize);
            }
            acc
        }
    }
}

/// The greatest value of the `i`-th pooling window of a tile, NaN where one is.
///
/// # Safety
/// This runs with the features of `I`.
#[inline(always)]
pub unsafe fn greatest<F: Element, I: Isa, const K: usize, const P: usize, const N: usize>(
    z: &[[[I::Vector; N]; P]; K],
    i: usize,
) -> [I::Vector; N] {
    let mut best = z[0][i];
    for k in 1..K {
        for j in 0..N {
            // SAFETY: the caller's promise.
            best[j] = unsafe { z[k][i][j].max_or_nan::<F>(best[j]) };
        }
    }
    best
}

/// Prefetches `N` vectors of `pixels` pixels of `c` channels that lie `distance` elements behind place `at`.
#[inline(always)]
fn prefetch_pixels<F: Element, I: Isa, const N: usize>(
    x: &[F],
    at: usize,
    pixels: usize,
    c: usize,
    distance: usize,
) {
    let from = Reader::new(x).after((at + distance) as isize);
    for i in 0..pixels {
        for j in 0..N {
            from.after((i * c + j * I::Vector::lanes::<F>()) as isize).prefetch();
        }
    }
}

/// `N` vectors from the start of a slice; unless they are to be `WHOLE`, its first `count` elements and zeros.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
pub unsafe fn load_lanes<F: Element, V: Vector, const N: usize, const WHOLE: bool>(
    from: &[F],
    count: usize,
) -> [V; N] {
    // SAFETY: the elements lie in the slice, or in the array.
    unsafe {
        if WHOLE {
            return Reader::new(&from[..N * V::lanes::<F>()]).vectors::<V, N>();
        }
        let mut all = [F::zero(); 2 * MOST_LANES];
        all[..count].copy_from_slice(&from[..count]);
        Reader::new(&all).vectors::<V, N>()
    }
}

/// Writes vectors to the start of a slice; unless they are to be `WHOLE`, their first `count` elements.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn store_lanes<F: Element, V: Vector, const N: usize, const WHOLE: bool>(
    to: &mut [F],
    values: [V; N],
    count: usize,
) {
    let lanes = V::lanes::<F>();
    let mut all = [F::zero(); 2 * MOST_LANES];
    let at = if WHOLE { to[..N * lanes].as_mut_ptr() } else { all.as_mut_ptr() };
    for j in 0..N {
        // SAFETY: the vectors lie in the slice, or in the array.
        unsafe { values[j].store(at.wrapping_add(j * lanes)) }
    }
    if !WHOLE {
        to[..count].copy_from_slice(&all[..count]);
    }
}
