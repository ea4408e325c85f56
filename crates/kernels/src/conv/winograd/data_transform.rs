//! Winograd's input and output transforms: linear maps between windows of images and their transforms, on vectors of channels.

#![allow(unsafe_code)]

use std::hint::black_box;

use crate::buffer::Buffer;
use crate::conv::winograd::f4_transform::{self as f4, LinearMap, SIDE, STEP, both};
use crate::conv::winograd::planes::{Apart, Part, Places, Planes, Shared};
use crate::conv::winograd::strided_transform::{self as strided, GRADIENTS, HALF, INPUTS, OUTPUTS, TAKERS};
use crate::conv::winograd::tiles::Tiles;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::raw::Reader;
use crate::cpu::vector::{Vector, Vector128};
use crate::element::Element;

/// Calls `$f::<F, V>(first channel, args...)` for vectors that together cover `$c` channels, a multiple of [`PIECE`].
macro_rules! vectors {
    ($c:expr, $f:ident::<$F:ident, $I:ident; $($more:tt),+>($($arg:expr),* $(,)?)) => {{
        let (mut at, wide, piece) = (0, <$I as Isa>::Vector::lanes::<$F>(), Vector128::lanes::<$F>());
        while at + wide <= $c {
            // SAFETY: this runs with the features of `I`.
            unsafe { $f::<$F, <$I as Isa>::Vector, $($more),+>(at, $($arg),*) }
            at += wide;
        }
        while at < $c {
            // SAFETY: every machine has this vector.
            unsafe { $f::<$F, Vector128, $($more),+>(at, $($arg),*) }
            at += piece;
        }
    }};
}
pub(crate) use vectors;

/// Channels come in multiples of this.
pub const PIECE: usize = 4;

versions! {
    /// Input transform of F(4x4, 3x3), `B^T d B` of windows of 6x6: these planes of the windows from `from` on.
    pub fn input_transform<F>(to: &mut [F], planes: Planes, x: &[F], s: &Tiles, from: usize) where [F: Element] = input_transform_body;
    /// Adjoint of [`output_transform`], `A d A^T` of windows of 4x4 of gradients.
    pub fn gradient_transform<F>(to: &mut [F], planes: Planes, g: &[F], s: &Tiles, from: usize) where [F: Element] = gradient_transform_body;
    /// Output transform of F(4x4, 3x3), `A^T m A`: windows of 4x4 of the images `y` from all planes.
    pub fn output_transform<F>(y: &mut [F], m: &[F], planes: Planes, s: &Tiles, from: usize) where [F: Element] = output_transform_body;
}

versions! {
    /// Input transform of stride 2: windows of 7x7 of images, of which every second pixel is the middle of an output's.
    pub fn strided_input_transform<F>(to: &mut [F], planes: Planes, x: &[F], s: &Tiles, from: usize)
        where [F: Element] = strided_input_transform_body;
    /// Adjoint of [`strided_output_transform`]: windows of 3x3 of gradients.
    pub fn strided_output_adjoint<F>(to: &mut [F], planes: Planes, g: &[F], s: &Tiles, from: usize)
        where [F: Element] = strided_output_adjoint_body;
    /// Output transform of stride 2: windows of 3x3 of outputs.
    pub fn strided_output_transform<F>(y: &mut [F], m: &[F], planes: Planes, s: &Tiles, from: usize)
        where [F: Element] = strided_output_transform_body;
    /// Transform of windows of 4x4 of gradients, for the gradient of the images.
    pub fn strided_gradient_transform<F>(to: &mut [F], planes: Planes, g: &[F], s: &Tiles, from: usize)
        where [F: Element] = strided_gradient_transform_body;
    /// Windows of 6x6 of the gradient of the images.
    pub fn strided_input_gradient<F>(dx: &mut [F], m: &[F], planes: Planes, s: &Tiles, from: usize)
        where [F: Element] = strided_input_gradient_body;
}

/// Aligns the stack of the function that keeps it, so that the vectors that find no register do not cross cache lines, or pages.
#[repr(align(64))]
struct Aligned(#[allow(dead_code, reason = "only its place matters")] u8);

/// Panics unless images have their size and there is room for transformed windows of `M` by `M`, of which these planes have `R` rows.
fn check<F, const R: usize, const M: usize>(transformed: &[F], planes: &Planes, s: &Tiles, images: &[F]) {
    assert_eq!(planes.transformed_size(), [R, M], "winograd: rows and columns of transformed windows");
    assert!(
        s.channels.is_multiple_of(PIECE) && s.channels <= planes.row,
        "winograd: {} channels",
        s.channels
    );
    assert!(transformed.len() >= planes.len() && images.len() == s.all(), "winograd: sizes");
}

/// One of the transforms of windows above, by its linear map along an axis.
macro_rules! windows_transform {
    ($body:ident: $line:ty, $places:ty, $n:expr, $m:expr, $half:expr) => {
        #[inline(always)]
        fn $body<F: Element, I: Isa>(to: &mut [F], planes: Planes, x: &[F], s: &Tiles, from: usize) {
            match planes.part {
                Part::All => windows_transform::<F, I, $line, $places, { $n }, { $m }, 0, { $m }>(
                    to, planes, x, s, from,
                ),
                Part::First => windows_transform::<F, I, $line, $places, { $n }, { $m }, 0, { $half }>(
                    to, planes, x, s, from,
                ),
                Part::Last => {
                    windows_transform::<F, I, $line, $places, { $n }, { $m }, { $half }, { $m - $half }>(
                        to, planes, x, s, from,
                    )
                }
            }
        }
    };
}

windows_transform!(input_transform_body: f4::Image, Apart, SIDE, SIDE, SIDE / 2);
windows_transform!(gradient_transform_body: f4::Gradient, Apart, STEP, SIDE, SIDE / 2);
windows_transform!(strided_input_transform_body: strided::Image, Shared<INPUTS>, INPUTS, INPUTS, HALF);
windows_transform!(strided_output_adjoint_body: strided::OutputAdjoint, Shared<INPUTS>, OUTPUTS, INPUTS, HALF);
windows_transform!(strided_gradient_transform_body: strided::Gradient, Shared<INPUTS>, GRADIENTS, INPUTS, HALF);

/// `R` rows of the transformed windows from row `FIRST` on.
#[inline(always)]
fn windows_transform<
    F: Element,
    I: Isa,
    L: LinearMap<N, M>,
    P: Places<M>,
    const N: usize,
    const M: usize,
    const FIRST: usize,
    const R: usize,
>(
    to: &mut [F],
    planes: Planes,
    x: &[F],
    s: &Tiles,
    first: usize,
) {
    check::<F, R, M>(to, &planes, s, x);
    black_box(&mut Aligned(0));
    let mut zeros = Buffer::dirty(s.channels);
    zeros.data_mut().fill(F::zero());
    let padding = Reader::new(zeros.data());
    let x = Reader::new(x);
    let mut elements = P::first(&planes);
    s.each::<N>([first, first + planes.windows], |places| {
        let mut from = [[padding; N]; N];
        for i in 0..N {
            for j in 0..N {
                if places[i][j] < s.all() {
                    from[i][j] = x.after(places[i][j] as isize);
                }
            }
        }
        vectors!(s.channels, window_transform::<F, I; L, P, N, M, FIRST, R>(to, &elements, &from));
        elements.next();
    });
}

/// # Safety
/// [`check`] has passed, all channels from the readers on can be read, and the machine has the vector's instruction set.
#[inline(always)]
unsafe fn window_transform<
    F: Element,
    V: Vector,
    L: LinearMap<N, M>,
    P: Places<M>,
    const N: usize,
    const M: usize,
    const FIRST: usize,
    const R: usize,
>(
    at: usize,
    to: &mut [F],
    elements: &P,
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
        let transformed = both::<F, V, L, N, M>(d);
        for i in 0..R {
            for j in 0..M {
                let place = elements.place(i, j) + at;
                debug_assert!(place + V::lanes::<F>() <= to.len(), "a plane ends before {place}");
                transformed[FIRST + i][j].store(to.as_mut_ptr().add(place));
            }
        }
    }
}

#[inline(always)]
fn output_transform_body<F: Element, I: Isa>(y: &mut [F], m: &[F], planes: Planes, s: &Tiles, from: usize) {
    windows_from_planes::<F, I, f4::Output, Apart, SIDE, STEP>(y, m, planes, s, from);
}

#[inline(always)]
fn strided_output_transform_body<F: Element, I: Isa>(
    y: &mut [F],
    m: &[F],
    planes: Planes,
    s: &Tiles,
    from: usize,
) {
    windows_from_planes::<F, I, strided::Output, Shared<INPUTS>, INPUTS, OUTPUTS>(y, m, planes, s, from);
}

#[inline(always)]
fn strided_input_gradient_body<F: Element, I: Isa>(
    dx: &mut [F],
    m: &[F],
    planes: Planes,
    s: &Tiles,
    from: usize,
) {
    windows_from_planes::<F, I, strided::InputGradient, Shared<INPUTS>, INPUTS, TAKERS>(
        dx, m, planes, s, from,
    );
}

#[inline(always)]
fn windows_from_planes<
    F: Element,
    I: Isa,
    L: LinearMap<M, N>,
    P: Places<M>,
    const M: usize,
    const N: usize,
>(
    y: &mut [F],
    m: &[F],
    planes: Planes,
    s: &Tiles,
    first: usize,
) {
    check::<F, M, M>(m, &planes, s, y);
    black_box(&mut Aligned(0));
    let mut nowhere = Buffer::dirty(s.channels);
    let padding = nowhere.data_mut().as_mut_ptr();
    let mut elements = P::first(&planes);
    s.each::<N>([first, first + planes.windows], |places| {
        let mut to = [[padding; N]; N];
        for i in 0..N {
            for j in 0..N {
                if places[i][j] < s.all() {
                    // images are whole pixels, so all channels of one that begins in them lie there
                    debug_assert!(places[i][j] + s.channels <= y.len(), "a pixel begins at {}", places[i][j]);
                    to[i][j] = y.as_mut_ptr().wrapping_add(places[i][j]);
                }
            }
        }
        vectors!(s.channels, window_from_planes::<F, I; L, P, M, N>(&to, m, &elements));
        elements.next();
    });
}

/// # Safety
/// As of [`window_transform`], and all channels from the pointers on can be written.
#[inline(always)]
unsafe fn window_from_planes<
    F: Element,
    V: Vector,
    L: LinearMap<M, N>,
    P: Places<M>,
    const M: usize,
    const N: usize,
>(
    at: usize,
    to: &[[*mut F; N]; N],
    m: &[F],
    elements: &P,
) {
    let m = Reader::new(m).after(at as isize);
    // SAFETY: the caller's promise.
    unsafe {
        let mut transformed = [[m.after(elements.place(0, 0) as isize).vectors::<V, 1>()[0]; M]; M];
        for i in 0..M {
            for j in 0..M {
                transformed[i][j] = m.after(elements.place(i, j) as isize).vectors::<V, 1>()[0];
            }
        }
        let v = both::<F, V, L, M, N>(transformed);
        for i in 0..N {
            for j in 0..N {
                v[i][j].store(to[i][j].add(at));
            }
        }
    }
}
