//! First layers of 3x3 whose output is pooled two by two: a pooling window's four values in fewer products, by Winograd's F(2x2, 3x3).
//!
//! The 4x4 pixels under a pooling window are turned into 16 numbers once for all channels; each channel then takes 16 products of a
//! channel of the image instead of 36. The gradient for the weights is the adjoint of the same. Windows of the same pixels may differ in
//! their last digits: which of them is the greatest then makes no difference to the gradient, as it is that of the same pixels.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::conv::fused::f2_input::{Squares, place};
use crate::conv::fused::gradient::{Arriving, add_row, placed};
use crate::conv::fused::tile::{Layer, Tile, output_tiles};
use crate::conv::winograd::f2_transform::{self as lines, SIDE};
use crate::conv::winograd::f4_transform::Line;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::prefetch::Ahead;
use crate::cpu::raw::Reader;
use crate::cpu::vector::{MOST_LANES, Vector};
use crate::element::Element;

versions! {
    /// As [`crate::conv::fused::tile::output`], for a shape that [`crate::conv::fused::f2_input::suits`].
    pub fn output<F>(y: &mut [F], squares: &mut Squares<'_, F>, layer: &Layer<'_, F>) where [F: Element] = output_body;
    /// As [`crate::conv::fused::gradient::products`], to sums `[16 c_in + 1, wide]` of numbers instead of values of windows.
    pub fn products<F>(sums: &mut [F], strip: &mut [F], squares: &mut Squares<'_, F>, layer: &Layer<'_, F>, dy: &[F])
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

/// Calls `$f::<F, I, BySquare<C>, 4, P, 1, WHOLE>(args...)` with the tile that suits the shape.
macro_rules! tiles {
    (@$C:literal, $P:literal, $s:expr, $f:ident::<$F:ident, $I:ident, $WHOLE:ident>($tile:ident => $($arg:expr),*)) => {{
        let $tile = BySquare::<$C> { channels: $s.conv.c_in };
        $f::<$F, $I, _, 4, $P, 1, $WHOLE>($($arg),*)
    }};
    ($s:expr, $f:ident::<$F:ident, $I:ident, $WHOLE:ident>$args:tt) => {
        // two squares' numbers find room in many registers alone
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
fn output_body<F: Element, I: Isa>(y: &mut [F], squares: &mut Squares<'_, F>, layer: &Layer<'_, F>) {
    let s = layer.shape;
    for (row, y) in y.chunks_exact_mut(s.out_w() * s.conv.c_out).enumerate() {
        squares.read::<I>(row..row + 1);
        vectors!(s, output_row::<F, I>(col => y, squares, layer, col));
    }
}

#[inline(always)]
fn output_row<F: Element, I: Isa, const WHOLE: bool>(
    y: &mut [F],
    squares: &Squares<'_, F>,
    layer: &Layer<'_, F>,
    col: usize,
) {
    let from = squares.numbers(0);
    tiles!(layer.shape, output_tiles::<F, I, WHOLE>(tile => y, from, tile, layer, col));
}

/// By the numbers of squares of images of `C` channels; of any number where it is 0.
#[derive(Clone, Copy)]
struct BySquare<const C: usize> {
    channels: usize,
}

impl<const C: usize> Tile for BySquare<C> {
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
                    [z[2 * row][i][0], z[2 * row + 1][i][0]] = lines::Output::of::<F, I::Vector>(m);
                }
            }
            z
        }
    }
}

impl<const C: usize> BySquare<C> {
    /// Column `J` of the squares' products, mapped down; `first` is what the one of the point 1 begins with.
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
                        let number = from.after(place(x + p, c, channels)).element(k);
                        m[i][p] = I::Vector::splat(number).mul_add::<F>(w, m[i][p]);
                    }
                }
            }
            let mut t = [[zero; P]; 2];
            for p in 0..P {
                [t[0][p], t[1][p]] = lines::Output::of::<F, I::Vector>([m[0][p], m[1][p], m[2][p], m[3][p]]);
            }
            t
        }
    }
}

#[inline(always)]
fn products_body<F: Element, I: Isa>(
    sums: &mut [F],
    strip: &mut [F],
    squares: &mut Squares<'_, F>,
    layer: &Layer<'_, F>,
    dy: &[F],
) {
    let of = Arriving { layer, dy };
    for rows in of.strips() {
        squares.read::<I>(rows.clone());
        vectors!(layer.shape, strip_products::<F, I>(col => sums, strip, squares, of, &rows, col));
    }
}

/// Those of some rows of the output, for a vector of channels from `col` on.
#[inline(always)]
fn strip_products<F: Element, I: Isa, const WHOLE: bool>(
    sums: &mut [F],
    strip: &mut [F],
    squares: &Squares<'_, F>,
    of: Arriving<'_, F>,
    rows: &Range<usize>,
    col: usize,
) {
    let (s, lanes) = (of.layer.shape, I::Vector::lanes::<F>());
    let row = 4 * s.out_w() * lanes;
    let strip = &mut strip[..rows.len() * row];
    for ((i, out), row) in strip.chunks_exact_mut(row).enumerate().zip(rows.clone()) {
        let (from, dy) = (squares.numbers(i), of.at(&(row..row + 1)));
        tiles!(s, placed::<F, I, WHOLE>(tile => out, from, tile, of.layer, dy, col));
    }
    let steps = rows.len() * s.out_w();
    let mut ahead = of.ahead(rows, steps * s.conv.c_out.div_ceil(lanes)).after(steps * (col / lanes));
    for c in 0..squares.channels {
        let sums = &mut sums[col..];
        if I::REGISTERS >= 32 {
            number_products::<F, I, 0, SIDE>(sums, strip, squares, of.layer, c, ahead);
        } else {
            number_products::<F, I, 0, 2>(sums, strip, squares, of.layer, c, ahead);
            number_products::<F, I, 2, 2>(sums, strip, squares, of.layer, c, ahead);
        }
        ahead = Ahead::nothing(strip);
    }
}

/// Adds to rows of `sums` the products of the gradients of a strip with `R` rows of the squares' numbers from row `FIRST` on, for
/// channel `c` of the image, and those of ones.
#[inline(always)]
fn number_products<F: Element, I: Isa, const FIRST: usize, const R: usize>(
    sums: &mut [F],
    strip: &[F],
    squares: &Squares<'_, F>,
    layer: &Layer<'_, F>,
    c: usize,
    ahead: Ahead<'_, F>,
) {
    let (width, lanes, channels) = (layer.shape.out_w(), I::Vector::lanes::<F>(), squares.channels);
    let row = 2 * width * lanes;
    // SAFETY: the numbers of the rows were read, and each square has two vectors in two rows of the strip; this runs with the features
    // of `I`.
    unsafe {
        let mut acc = [[I::Vector::splat(F::zero()); SIDE]; R];
        let mut ones = [I::Vector::splat(F::zero())];
        let mut ahead = ahead.every(1);
        for (i, rows) in strip.chunks_exact(2 * row).enumerate() {
            let (numbers, rows) = (squares.numbers(i), Reader::new(rows));
            for x in 0..width {
                ahead.ask();
                let at = rows.after((2 * x * lanes) as isize);
                let (top, bottom) =
                    (at.vectors::<I::Vector, 2>(), at.after(row as isize).vectors::<I::Vector, 2>());
                let left = lines::Gradient::of::<F, I::Vector>([top[0], bottom[0]]);
                let right = lines::Gradient::of::<F, I::Vector>([top[1], bottom[1]]);
                let numbers = numbers.after(place(x, c, channels));
                for i in 0..R {
                    let g = lines::Gradient::of::<F, I::Vector>([left[FIRST + i], right[FIRST + i]]);
                    for j in 0..SIDE {
                        let number = I::Vector::splat(numbers.element((SIDE * (FIRST + i) + j) * MOST_LANES));
                        acc[i][j] = number.mul_add::<F>(g[j], acc[i][j]);
                    }
                    if FIRST + i == 1 {
                        ones[0] = ones[0].add::<F>(g[1]);
                    }
                }
            }
        }
        for (i, j) in (0..R).flat_map(|i| (0..SIDE).map(move |j| (i, j))) {
            let number = (SIDE * (FIRST + i) + j) * channels + c;
            add_row::<F, I, 1>(&mut sums[number * layer.wide..], [acc[i][j]]);
        }
        if FIRST == 0 && c == 0 {
            add_row::<F, I, 1>(&mut sums[layer.depth * layer.wide..], ones);
        }
    }
}
