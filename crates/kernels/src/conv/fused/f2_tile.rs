//! First layers of 3x3 whose output is pooled two by two: a pooling window's four values in fewer products, by Winograd's F(2x2, 3x3).
//!
//! The 4x4 pixels under a pooling window are transformed once for all output channels; each of them then takes 16 products for a
//! channel of the image instead of 36. The gradient for the weights is the adjoint of the same. Windows of the same pixels may differ in
//! their last digits: which of them is the greatest then makes no difference to the gradient, as it is that of the same pixels.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::conv::fused::f2_input::{TransformedImage, place};
use crate::conv::fused::gradient::{Arriving, add_row, placed};
use crate::conv::fused::tile::{Layer, Tile, output_tiles};
use crate::conv::winograd::f2_transform::{self as f2, SIDE};
use crate::conv::winograd::f4_transform::LinearMap;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::prefetch::Prefetch;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

versions! {
    /// As [`crate::conv::fused::tile::output`], for a shape that [`crate::conv::fused::f2_input::suits`].
    pub fn output<F>(y: &mut [F], image: &mut TransformedImage<'_, F>, layer: &Layer<'_, F>) where [F: Element] = output_body;
    /// As [`crate::conv::fused::gradient::products`], to sums `[16 c_in + 1, wide]` of products with transformed windows.
    pub fn products<F>(sums: &mut [F], strip: &mut [F], image: &mut TransformedImage<'_, F>, layer: &Layer<'_, F>, dy: &[F])
        where [F: Element] = products_body;
}

/// Calls `$f::<F, I, WHOLE>(args...)` for channels from `$col` on, by vectors.
macro_rules! vectors {
    ($s:expr, $f:ident::<$F:ident, $I:ident>($col:ident => $($arg:expr),*)) => {{
        let (c, lanes) = ($s.conv.c_out, <$I::Vector as Vector>::lanes::<$F>());
        for $col in (0..c).step_by(lanes) {
            if c - $col >= lanes {
                $f::<$F, $I, true>($($arg),*);
            } else {
                $f::<$F, $I, false>($($arg),*);
            }
        }
    }};
}

/// Calls `$f::<F, I, ByTransformedWindow<C>, 4, P, 1, WHOLE>(args...)` with the tile that suits the shape.
macro_rules! tiles {
    (@$C:literal, $P:literal, $s:expr, $f:ident::<$F:ident, $I:ident, $WHOLE:ident>($tile:ident => $($arg:expr),*)) => {{
        let $tile = ByTransformedWindow::<$C> { channels: $s.conv.c_in };
        $f::<$F, $I, _, 4, $P, 1, $WHOLE>($($arg),*)
    }};
    ($s:expr, $f:ident::<$F:ident, $I:ident, $WHOLE:ident>$args:tt) => {
        // two transformed windows find room in many registers alone
        match ($I::REGISTERS >= 32 && $s.out_w() > 1, $s.conv.c_in) {
            (true, 1) => tiles!(@1, 2, $s, $f::<$F, $I, $WHOLE>$args),
            (true, 3) => tiles!(@3, 2, $s, $f::<$F, $I, $WHOLE>$args),
            (true, _) => tiles!(@0, 2, $s, $f::<$F, $I, $WHOLE>$args),
            (false, 1) => tiles!(@1, 1, $s, $f::<$F, $I, $WHOLE>$args),
            (false, 3) => tiles!(@3, 1, $s, $f::<$F, $I, $WHOLE>$args),
            (false, _) => tiles!(@0, 1, $s, $f::<$F, $I, $WHOLE>$args),
        }
    };
}

#[inline(always)]
fn output_body<F: Element, I: Isa>(y: &mut [F], image: &mut TransformedImage<'_, F>, layer: &Layer<'_, F>) {
    let s = layer.shape;
    for (row, y) in y.chunks_exact_mut(s.out_w() * s.conv.c_out).enumerate() {
        image.transform::<I>(row..row + 1);
        vectors!(s, output_row::<F, I>(col => y, image, layer, col));
    }
}

#[inline(always)]
fn output_row<F: Element, I: Isa, const WHOLE: bool>(
    y: &mut [F],
    image: &TransformedImage<'_, F>,
    layer: &Layer<'_, F>,
    col: usize,
) {
    let from = image.row(0);
    tiles!(layer.shape, output_tiles::<F, I, WHOLE>(tile => y, from, tile, layer, col));
}

/// The tile over transformed windows of images of `C` channels; of any number of channels where `C` is 0.
#[derive(Clone, Copy)]
struct ByTransformedWindow<const C: usize> {
    channels: usize,
}

impl<const C: usize> Tile for ByTransformedWindow<C> {
    #[inline(always)]
    unsafe fn of<F: Element, I: Isa, const K: usize, const P: usize, const N: usize>(
        self,
        from: Reader<'_, F>,
        x: usize,
        layer: &Layer<'_, F>,
        col: usize,
    ) -> [[[I::Vector; N]; P]; K] {
        const { assert!(K == 4 && N == 1) };
        // SAFETY: the caller's promise.
        unsafe {
            let added =
                Reader::new(&layer.weights[layer.depth * layer.wide + col..]).vectors::<I::Vector, 1>()[0];
            let zero = I::Vector::splat(F::zero());
            let t0 = self.column::<F, I, 0, P>(from, x, layer, col, zero);
            let t1 = self.column::<F, I, 1, P>(from, x, layer, col, added);
            let t2 = self.column::<F, I, 2, P>(from, x, layer, col, zero);
            let t3 = self.column::<F, I, 3, P>(from, x, layer, col, zero);
            let mut z = [[[zero; N]; P]; K];
            for i in 0..P {
                for row in 0..2 {
                    let m = [t0[row][i], t1[row][i], t2[row][i], t3[row][i]];
                    [z[2 * row][i][0], z[2 * row + 1][i][0]] = f2::Output::of::<F, I::Vector>(m);
                }
            }
            z
        }
    }
}

impl<const C: usize> ByTransformedWindow<C> {
    /// Column `J` of the products with transformed windows, transformed along the column; `first` is the initial value of row 1.
    ///
    /// # Safety
    /// As of [`Tile::of`].
    #[inline(always)]
    unsafe fn column<F: Element, I: Isa, const J: usize, const P: usize>(
        self,
        from: Reader<'_, F>,
        x: usize,
        layer: &Layer<'_, F>,
        col: usize,
        first: I::Vector,
    ) -> [[I::Vector; P]; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = I::Vector::splat(F::zero());
            let channels = if C > 0 { C } else { self.channels };
            let mut m = [[zero; P]; SIDE];
            m[1] = [first; P];
            for c in 0..channels {
                let weights = Reader::new(layer.weights).after(place(col, c, channels));
                for i in 0..SIDE {
                    let k = (SIDE * i + J) * MOST_LANES;
                    let [w] = weights.after(k as isize).vectors::<I::Vector, 1>();
                    for p in 0..P {
                        let element = from.after(place(x + p, c, channels)).element(k);
                        m[i][p] = I::Vector::splat(element).mul_add::<F>(w, m[i][p]);
                    }
                }
            }
            let mut t = [[zero; P]; 2];
            for p in 0..P {
                [t[0][p], t[1][p]] = f2::Output::of::<F, I::Vector>([m[0][p], m[1][p], m[2][p], m[3][p]]);
            }
            t
        }
    }
}

#[inline(always)]
fn products_body<F: Element, I: Isa>(
    sums: &mut [F],
    strip: &mut [F],
    image: &mut TransformedImage<'_, F>,
    layer: &Layer<'_, F>,
    dy: &[F],
) {
    let of = Arriving { layer, dy };
    for rows in of.strips() {
        image.transform::<I>(rows.clone());
        vectors!(layer.shape, strip_products::<F, I>(col => sums, strip, image, of, &rows, col));
    }
}

/// Products of some rows of the output, for a vector of channels from `col` on.
#[inline(always)]
fn strip_products<F: Element, I: Isa, const WHOLE: bool>(
    sums: &mut [F],
    strip: &mut [F],
    image: &TransformedImage<'_, F>,
    of: Arriving<'_, F>,
    rows: &Range<usize>,
    col: usize,
) {
    let (s, lanes) = (of.layer.shape, I::Vector::lanes::<F>());
    let row = 4 * s.out_w() * lanes;
    let strip = &mut strip[..rows.len() * row];
    for ((i, out), row) in strip.chunks_exact_mut(row).enumerate().zip(rows.clone()) {
        let (from, dy) = (image.row(i), of.at(&(row..row + 1)));
        tiles!(s, placed::<F, I, WHOLE>(tile => out, from, tile, of.layer, dy, col));
    }
    let steps = rows.len() * s.out_w();
    let mut prefetch = of.prefetch(rows, steps * s.conv.c_out.div_ceil(lanes)).after(steps * (col / lanes));
    for c in 0..image.channels {
        let sums = &mut sums[col..];
        if I::REGISTERS >= 32 {
            element_products::<F, I, 0, SIDE>(sums, strip, image, of.layer, c, prefetch);
        } else {
            element_products::<F, I, 0, 2>(sums, strip, image, of.layer, c, prefetch);
            element_products::<F, I, 2, 2>(sums, strip, image, of.layer, c, prefetch);
        }
        prefetch = Prefetch::nothing(strip);
    }
}

/// Adds to rows of `sums` the products of a strip's gradients with `R` rows of the transformed windows from row `FIRST` on, for
/// channel `c` of the image, and their products with ones.
#[inline(always)]
fn element_products<F: Element, I: Isa, const FIRST: usize, const R: usize>(
    sums: &mut [F],
    strip: &[F],
    image: &TransformedImage<'_, F>,
    layer: &Layer<'_, F>,
    c: usize,
    prefetch: Prefetch<'_, F>,
) {
    let (width, lanes, channels) = (layer.shape.out_w(), I::Vector::lanes::<F>(), image.channels);
    let row = 2 * width * lanes;
    // SAFETY: the rows were transformed, and each window has two vectors in two rows of the strip; this runs with the features
    // of `I`.
    unsafe {
        let mut acc = [[I::Vector::splat(F::zero()); SIDE]; R];
        let mut ones = [I::Vector::splat(F::zero())];
        let mut prefetch = prefetch.every(1);
        for (i, rows) in strip.chunks_exact(2 * row).enumerate() {
            let (transformed, rows) = (image.row(i), Reader::new(rows));
            for x in 0..width {
                prefetch.issue();
                let at = rows.after((2 * x * lanes) as isize);
                let (top, bottom) =
                    (at.vectors::<I::Vector, 2>(), at.after(row as isize).vectors::<I::Vector, 2>());
                let left = f2::Gradient::of::<F, I::Vector>([top[0], bottom[0]]);
                let right = f2::Gradient::of::<F, I::Vector>([top[1], bottom[1]]);
                let transformed = transformed.after(place(x, c, channels));
                for i in 0..R {
                    let g = f2::Gradient::of::<F, I::Vector>([left[FIRST + i], right[FIRST + i]]);
                    for j in 0..SIDE {
                        let element =
                            I::Vector::splat(transformed.element((SIDE * (FIRST + i) + j) * MOST_LANES));
                        acc[i][j] = element.mul_add::<F>(g[j], acc[i][j]);
                    }
                    if FIRST + i == 1 {
                        ones[0] = ones[0].add::<F>(g[1]);
                    }
                }
            }
        }
        for (i, j) in (0..R).flat_map(|i| (0..SIDE).map(move |j| (i, j))) {
            let element = (SIDE * (FIRST + i) + j) * channels + c;
            add_row::<F, I, 1>(&mut sums[element * layer.wide..], [acc[i][j]]);
        }
        if FIRST == 0 && c == 0 {
            add_row::<F, I, 1>(&mut sums[layer.depth * layer.wide..], ones);
        }
    }
}
