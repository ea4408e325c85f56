//! The linear maps of Winograd's convolution, on vectors of channels: of tiles of images, and of weights.
//!
//! Sixteen planes hold one number each of all tiles (or weights): plane `4 i + j` is row `i`, column `j` of the squares.

#![allow(unsafe_code)]

use super::isa::{Isa, versions};
use super::reader::Reader;
use super::vector::{Vector, Vector128};
use crate::float::Float;

/// Numbers of a square of 4x4.
pub const PLANES: usize = 16;
/// Elements between two planes, which keep their stores out of one another's cache lines.
pub const GAP: usize = 16;

/// Images of `[h, w, channels]` under windows of `N` by `N` that are two pixels apart.
#[derive(Clone, Copy)]
pub struct Tiles {
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// Pixels by which the first window begins before the image.
    pub pad: [usize; 2],
    /// Windows down and across.
    pub grid: [usize; 2],
    /// Elements of a pixel.
    pub channels: usize,
}

impl Tiles {
    /// Elements of one image.
    pub fn image(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Elements from one plane of so many tiles to the next.
    pub fn plane(&self, tiles: usize) -> usize {
        tiles * self.channels + GAP
    }

    /// Calls `f(k, image, window)` for the windows `from..to` of all images, `k` counting from 0; a window's pixels are given by
    /// where they begin in the image, or none for padding.
    #[inline(always)]
    fn each<const N: usize>(
        &self,
        [from, to]: [usize; 2],
        mut f: impl FnMut(usize, usize, [[Option<usize>; N]; N]),
    ) {
        let of_image = self.grid[0] * self.grid[1];
        let (mut image, mut window) = (from / of_image, from % of_image);
        for k in 0..to - from {
            let first = [window / self.grid[1], window % self.grid[1]];
            let mut places = [[None; N]; N];
            for (i, row) in places.iter_mut().enumerate() {
                for (j, place) in row.iter_mut().enumerate() {
                    let y = (2 * first[0] + i).wrapping_sub(self.pad[0]);
                    let x = (2 * first[1] + j).wrapping_sub(self.pad[1]);
                    if y < self.size[0] && x < self.size[1] {
                        *place = Some((y * self.size[1] + x) * self.channels);
                    }
                }
            }
            f(k, image, places);
            window += 1;
            if window == of_image {
                (image, window) = (image + 1, 0);
            }
        }
    }
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
    /// `B^T d B` of windows of 4x4: the planes of the windows `range`.
    pub fn of_images<F>(planes: &mut [F], x: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = of_images_body;
    /// `A d A^T` of windows of 2x2, the adjoint of [`to_images`].
    pub fn of_gradients<F>(planes: &mut [F], g: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = of_gradients_body;
    /// `A^T m A`: windows of 2x2 of the images `y` from planes.
    pub fn to_images<F>(y: &mut [F], planes: &[F], s: &Tiles, range: [usize; 2]) where [F: Float] = to_images_body;
    /// `G g G^T` of weights `[3, 3, size]`: planes of `size`.
    pub fn of_weights<F>(planes: &mut [F], w: &[F], size: usize) where [F: Float] = of_weights_body;
    /// `G^T s G`, the adjoint of [`of_weights`].
    pub fn to_weights<F>(w: &mut [F], planes: &[F], size: usize) where [F: Float] = to_weights_body;
}

/// `f` along both axes of a square.
#[inline(always)]
fn both<V: Copy, const P: usize, const Q: usize>(
    x: [[V; P]; P],
    f: impl Fn([V; P]) -> [V; Q],
) -> [[V; Q]; Q] {
    let columns: [[V; Q]; P] = std::array::from_fn(|j| f(std::array::from_fn(|i| x[i][j])));
    std::array::from_fn(|i| f(std::array::from_fn(|j| columns[j][i])))
}

/// A vector of each plane from `at` on.
///
/// # Safety
/// They lie in the reader's slice, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn load<F: Float, V: Vector, const N: usize>(planes: Reader<'_, F>, plane: usize) -> [[V; N]; N] {
    let at = |i, j| planes.after(((N * i + j) * plane) as isize);
    // SAFETY: the caller's promise.
    std::array::from_fn(|i| std::array::from_fn(|j| unsafe { at(i, j).vectors::<V, 1>()[0] }))
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
    values: [[V; N]; N],
) {
    for (i, row) in values.into_iter().enumerate() {
        for (j, value) in row.into_iter().enumerate() {
            let at = (N * i + j) * plane + at;
            debug_assert!(at + V::lanes::<F>() <= planes.len(), "a plane ends before {at}");
            // SAFETY: the caller's promise.
            unsafe { value.store(planes.as_mut_ptr().add(at)) }
        }
    }
}

fn check<F>(planes: &[F], s: &Tiles, images: &[F], [from, to]: [usize; 2]) {
    let of_image = s.grid[0] * s.grid[1];
    assert!(s.channels.is_multiple_of(PIECE), "winograd: {} channels", s.channels);
    assert!(
        planes.len() >= PLANES * s.plane(to - from) && images.len() >= to.div_ceil(of_image) * s.image(),
        "winograd: sizes"
    );
}

#[inline(always)]
fn of_images_body<F: Float, I: Isa>(planes: &mut [F], x: &[F], s: &Tiles, range: [usize; 2]) {
    of_windows::<F, I, Image, 4>(planes, x, s, range);
}

#[inline(always)]
fn of_gradients_body<F: Float, I: Isa>(planes: &mut [F], g: &[F], s: &Tiles, range: [usize; 2]) {
    of_windows::<F, I, Gradient, 2>(planes, g, s, range);
}

/// A map from windows of `N` by `N` to planes.
trait Map<const N: usize> {
    /// Applies it.
    ///
    /// # Safety
    /// The machine has the vector's instruction set.
    unsafe fn planes<F: Float, V: Vector>(d: [[V; N]; N]) -> [[V; 4]; 4];
}

/// `B^T d B`
struct Image;

impl Map<4> for Image {
    #[inline(always)]
    unsafe fn planes<F: Float, V: Vector>(d: [[V; 4]; 4]) -> [[V; 4]; 4] {
        // SAFETY: the caller's promise.
        both(d, |[a, b, c, d]| unsafe { [a.sub::<F>(c), b.add::<F>(c), c.sub::<F>(b), b.sub::<F>(d)] })
    }
}

/// `A d A^T`
struct Gradient;

impl Map<2> for Gradient {
    #[inline(always)]
    unsafe fn planes<F: Float, V: Vector>(d: [[V; 2]; 2]) -> [[V; 4]; 4] {
        // SAFETY: the caller's promise.
        both(d, |[a, b]| unsafe { [a, a.add::<F>(b), a.sub::<F>(b), V::splat(F::zero()).sub::<F>(b)] })
    }
}

#[inline(always)]
fn of_windows<F: Float, I: Isa, M: Map<N>, const N: usize>(
    planes: &mut [F],
    x: &[F],
    s: &Tiles,
    range: [usize; 2],
) {
    check(planes, s, x, range);
    let (plane, zeros) = (s.plane(range[1] - range[0]), [F::zero(); 16]);
    s.each::<N>(range, |k, image, places| {
        let x = &x[image * s.image()..][..s.image()];
        vectors!(s.channels, of_window::<F, I; M, N>(planes, k * s.channels, plane, x, &zeros, &places));
    });
}

/// # Safety
/// [`check`] has passed, the places lie in `x`, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn of_window<F: Float, V: Vector, M: Map<N>, const N: usize>(
    at: usize,
    planes: &mut [F],
    tile: usize,
    plane: usize,
    x: &[F],
    zeros: &[F; 16],
    places: &[[Option<usize>; N]; N],
) {
    let from = |place: Option<usize>| match place {
        Some(place) => Reader::new(x).after((place + at) as isize),
        None => Reader::new(zeros),
    };
    let read = |place| {
        // SAFETY: the caller's promise; no vector has more elements than there are zeros.
        unsafe { from(place).vectors::<V, 1>()[0] }
    };
    let d = std::array::from_fn(|i| std::array::from_fn(|j| read(places[i][j])));
    // SAFETY: the caller's promise.
    unsafe { store(planes, plane, tile + at, M::planes::<F, V>(d)) }
}

#[inline(always)]
fn to_images_body<F: Float, I: Isa>(y: &mut [F], planes: &[F], s: &Tiles, range: [usize; 2]) {
    check(planes, s, y, range);
    let plane = s.plane(range[1] - range[0]);
    s.each::<2>(range, |k, image, places| {
        let y = &mut y[image * s.image()..][..s.image()];
        vectors!(s.channels, to_image::<F, I>(y, &planes[k * s.channels..], plane, &places));
    });
}

/// # Safety
/// As of [`of_window`].
#[inline(always)]
unsafe fn to_image<F: Float, V: Vector>(
    at: usize,
    y: &mut [F],
    planes: &[F],
    plane: usize,
    places: &[[Option<usize>; 2]; 2],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let m = load::<F, V, 4>(Reader::new(planes).after(at as isize), plane);
        let v = both(m, |[a, b, c, d]| [a.add::<F>(b).add::<F>(c), b.sub::<F>(c).sub::<F>(d)]);
        for (places, v) in places.iter().zip(v) {
            for (place, v) in places.iter().zip(v) {
                if let Some(place) = place {
                    v.store(y[place + at..][..V::lanes::<F>()].as_mut_ptr());
                }
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
/// The slices hold sixteen and nine planes of `size`, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn of_weight<F: Float, V: Vector>(at: usize, planes: &mut [F], w: &[F], size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let g = load::<F, V, 3>(Reader::new(w).after(at as isize), size);
        let (half, none) = (V::splat(F::of(0.5)), V::splat(F::zero()));
        let v = both(g, |[a, b, c]| {
            let outer = a.add::<F>(c);
            [a, outer.add::<F>(b).mul_add::<F>(half, none), outer.sub::<F>(b).mul_add::<F>(half, none), c]
        });
        store(planes, size, at, v);
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
        let s = load::<F, V, 4>(Reader::new(planes).after(at as isize), size);
        let (half, none) = (V::splat(F::of(0.5)), V::splat(F::zero()));
        let v = both(s, |[a, b, c, d]| {
            let (sum, rest) =
                (b.add::<F>(c).mul_add::<F>(half, none), b.sub::<F>(c).mul_add::<F>(half, none));
            [a.add::<F>(sum), rest, sum.add::<F>(d)]
        });
        store(w, size, at, v);
    }
}
