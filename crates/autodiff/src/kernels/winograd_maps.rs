//! The linear maps of Winograd's convolution, on vectors of channels: of tiles of images, and of weights.
//!
//! Planes hold one number each of all tiles (or weights): plane `6 i + j` is row `i`, column `j` of the squares.

#![allow(unsafe_code)]

use std::hint::black_box;

use super::isa::{Isa, versions};
use super::reader::Reader;
use super::vector::{Vector, Vector128};
use super::winograd_lines::{Gradient, Image, Line, Output, SIDE, STEP, Weight, WeightGradient, both};
use super::winograd_tiles::Tiles;
use crate::float::Float;
use crate::pool::Buffer;

/// Numbers of a square.
pub const PLANES: usize = SIDE * SIDE;

/// Some planes.
#[derive(Clone, Copy)]
pub enum Part {
    All,
    /// The first half: those of the first three rows of the squares.
    First,
    /// The last half.
    Last,
}

/// Calls `$f::<F, V>(first channel, args...)` for vectors that together cover `$c` channels, a multiple of [`PIECE`].
macro_rules! vectors {
    ($c:expr, $f:ident::<$F:ident, $I:ident $(; $($more:ident),+)?>($($arg:expr),* $(,)?)) => {{
        let (mut at, wide, piece) = (0, <$I as Isa>::Vector::lanes::<$F>(), Vector128::lanes::<$F>());
        while at + wide <= $c {
            // SAFETY: this runs with the features of `I`.
            unsafe { $f::<$F, <$I as Isa>::Vector $(, $($more),+)?>(at, $($arg),*) }
            at += wide;
        }
        while at < $c {
            // SAFETY: every machine has this vector.
            unsafe { $f::<$F, Vector128 $(, $($more),+)?>(at, $($arg),*) }
            at += piece;
        }
    }};
}

/// Channels come in multiples of this.
pub const PIECE: usize = 4;

versions! {
    /// `B^T d B` of windows of 6x6: these planes of the windows `range`.
    pub fn of_images<F>(planes: &mut [F], part: Part, x: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = of_images_body;
    /// `A d A^T` of windows of 4x4, the adjoint of [`to_images`]: these planes of the windows `range`.
    pub fn of_gradients<F>(planes: &mut [F], part: Part, g: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = of_gradients_body;
    /// `A^T m A`: windows of 4x4 of the images `y` from planes.
    pub fn to_images<F>(y: &mut [F], planes: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = to_images_body;
    /// `G g G^T` of weights `[3, 3, size]`: planes of `size`.
    pub fn of_weights<F>(planes: &mut [F], w: &[F], size: usize) where [F: Float] = of_weights_body;
    /// `G^T s G`, the adjoint of [`of_weights`].
    pub fn to_weights<F>(w: &mut [F], planes: &[F], size: usize) where [F: Float] = to_weights_body;
}

/// Aligns the stack of the function that keeps it, so that the vectors that find no register do not cross cache lines, or pages.
#[repr(align(64))]
struct Aligned(#[allow(dead_code, reason = "only its place matters")] u8);

/// A vector of each plane from `at` on.
///
/// # Safety
/// They lie in the reader's slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn load<F: Float, V: Vector, const N: usize>(planes: Reader<'_, F>, plane: usize) -> [[V; N]; N] {
    // SAFETY: the caller's promise.
    let mut square = unsafe { [[planes.vectors::<V, 1>()[0]; N]; N] };
    for i in 0..N {
        for j in 0..N {
            // SAFETY: as above.
            square[i][j] = unsafe { planes.after(((N * i + j) * plane) as isize).vectors::<V, 1>()[0] };
        }
    }
    square
}

/// Writes a vector to each plane from `at` on.
///
/// # Safety
/// They lie in the slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn store<F: Float, V: Vector, const N: usize>(
    planes: &mut [F],
    plane: usize,
    at: usize,
    values: &[[V; N]],
) {
    for (i, row) in values.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            let at = (N * i + j) * plane + at;
            debug_assert!(at + V::lanes::<F>() <= planes.len(), "a plane ends before {at}");
            // SAFETY: the caller's promise.
            unsafe { value.store(planes.as_mut_ptr().add(at)) }
        }
    }
}

fn check<F>(planes: &[F], count: usize, s: &Tiles, images: &[F], [from, to]: [usize; 2]) {
    assert!(s.channels.is_multiple_of(PIECE), "winograd: {} channels", s.channels);
    assert!(planes.len() >= count * s.plane(to - from) && images.len() == s.all(), "winograd: sizes");
}

#[inline(always)]
fn of_images_body<F: Float, I: Isa>(planes: &mut [F], part: Part, x: &[F], s: &Tiles, range: [usize; 2]) {
    of_part::<F, I, Image, SIDE>(planes, part, x, s, range);
}

#[inline(always)]
fn of_gradients_body<F: Float, I: Isa>(planes: &mut [F], part: Part, g: &[F], s: &Tiles, range: [usize; 2]) {
    of_part::<F, I, Gradient, STEP>(planes, part, g, s, range);
}

#[inline(always)]
fn of_part<F: Float, I: Isa, L: Line<N, SIDE>, const N: usize>(
    planes: &mut [F],
    part: Part,
    x: &[F],
    s: &Tiles,
    range: [usize; 2],
) {
    match part {
        Part::All => of_windows::<F, I, L, N, 0, SIDE>(planes, x, s, range),
        Part::First => of_windows::<F, I, L, N, 0, { SIDE / 2 }>(planes, x, s, range),
        Part::Last => of_windows::<F, I, L, N, { SIDE / 2 }, SIDE>(planes, x, s, range),
    }
}

#[inline(always)]
fn of_windows<F: Float, I: Isa, L: Line<N, SIDE>, const N: usize, const FROM: usize, const TO: usize>(
    planes: &mut [F],
    x: &[F],
    s: &Tiles,
    range: [usize; 2],
) {
    check(planes, SIDE * (TO - FROM), s, x, range);
    black_box(&mut Aligned(0));
    let plane = s.plane(range[1] - range[0]);
    let mut zeros = Buffer::dirty(s.channels);
    zeros.data_mut().fill(F::zero());
    let padding = Reader::new(zeros.data());
    let x = Reader::new(x);
    s.each::<N>(range, |k, places| {
        let mut from = [[padding; N]; N];
        for i in 0..N {
            for j in 0..N {
                if places[i][j] < s.all() {
                    from[i][j] = x.after(places[i][j] as isize);
                }
            }
        }
        vectors!(s.channels, of_window::<F, I; L, N, FROM, TO>(planes, k * s.row, plane, &from));
    });
}

/// # Safety
/// [`check`] has passed, all channels from the readers on can be read, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn of_window<
    F: Float,
    V: Vector,
    L: Line<N, SIDE>,
    const N: usize,
    const FROM: usize,
    const TO: usize,
>(
    at: usize,
    planes: &mut [F],
    tile: usize,
    plane: usize,
    from: &[[Reader<'_, F>; N]; N],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut d = [[from[0][0].after(at as isize).vectors::<V, 1>()[0]; N]; N];
        for i in 0..N {
            for j in 0..N {
                d[i][j] = from[i][j].after(at as isize).vectors::<V, 1>()[0];
            }
        }
        store(planes, plane, tile + at, &both::<F, V, L, N, SIDE>(d)[FROM..TO])
    }
}

#[inline(always)]
fn to_images_body<F: Float, I: Isa>(y: &mut [F], planes: &[F], s: &Tiles, range: [usize; 2]) {
    check(planes, PLANES, s, y, range);
    black_box(&mut Aligned(0));
    let plane = s.plane(range[1] - range[0]);
    let mut nowhere = Buffer::dirty(s.channels);
    let padding = nowhere.data_mut().as_mut_ptr();
    s.each::<STEP>(range, |k, places| {
        let mut to = [[padding; STEP]; STEP];
        for i in 0..STEP {
            for j in 0..STEP {
                if places[i][j] < s.all() {
                    // images are whole pixels, so all channels of one that begins in them lie there
                    debug_assert!(places[i][j] + s.channels <= y.len(), "a pixel begins at {}", places[i][j]);
                    to[i][j] = y.as_mut_ptr().wrapping_add(places[i][j]);
                }
            }
        }
        vectors!(s.channels, to_image::<F, I>(&to, &planes[k * s.row..], plane));
    });
}

/// # Safety
/// As of [`of_window`], and all channels from the pointers on can be written.
#[inline(always)]
unsafe fn to_image<F: Float, V: Vector>(at: usize, to: &[[*mut F; STEP]; STEP], planes: &[F], plane: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let m = load::<F, V, SIDE>(Reader::new(planes).after(at as isize), plane);
        let v = both::<F, V, Output, SIDE, STEP>(m);
        for i in 0..STEP {
            for j in 0..STEP {
                v[i][j].store(to[i][j].add(at));
            }
        }
    }
}

#[inline(always)]
fn of_weights_body<F: Float, I: Isa>(planes: &mut [F], w: &[F], size: usize) {
    assert!(
        planes.len() == PLANES * size && w.len() == 9 * size && size.is_multiple_of(PIECE),
        "winograd: sizes"
    );
    vectors!(size, of_weight::<F, I>(planes, w, size));
}

/// # Safety
/// The slices hold [`PLANES`] and nine planes of `size`, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn of_weight<F: Float, V: Vector>(at: usize, planes: &mut [F], w: &[F], size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let g = load::<F, V, 3>(Reader::new(w).after(at as isize), size);
        store(planes, size, at, &both::<F, V, Weight, 3, SIDE>(g));
    }
}

#[inline(always)]
fn to_weights_body<F: Float, I: Isa>(w: &mut [F], planes: &[F], size: usize) {
    assert!(
        planes.len() == PLANES * size && w.len() == 9 * size && size.is_multiple_of(PIECE),
        "winograd: sizes"
    );
    vectors!(size, to_weight::<F, I>(w, planes, size));
}

/// # Safety
/// As of [`of_weight`].
#[inline(always)]
unsafe fn to_weight<F: Float, V: Vector>(at: usize, w: &mut [F], planes: &[F], size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let s = load::<F, V, SIDE>(Reader::new(planes).after(at as isize), size);
        store(w, size, at, &both::<F, V, WeightGradient, SIDE, 3>(s));
    }
}
