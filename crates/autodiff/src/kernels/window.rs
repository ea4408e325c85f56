//! How an output is cut into register tiles: windows of columns and groups of rows of the sizes that are compiled.

use super::isa::Isa;
use crate::float::Float;
use crate::pool::Buffer;

/// Columns the tile computes at once, and those of them it keeps.
#[derive(Clone, Copy)]
pub struct Window {
    /// First column.
    pub col: usize,
    /// Columns computed: as many as one of the compiled tiles has.
    pub width: usize,
    /// The computed columns that are stored.
    pub keep: [usize; 2],
}

impl Window {
    /// The window that begins with column `done` of `n`: the last one is moved left to end with the last column.
    #[inline(always)]
    pub fn next<F: Float, I: Isa>(done: usize, n: usize) -> Self {
        let vector = I::VECTOR_BYTES / size_of::<F>();
        let mut width = I::TILE_BYTES / size_of::<F>();
        while width > n - done && width > vector {
            width /= 2;
        }
        let col = done.min(n - width);
        Self { col, width, keep: [done - col, width] }
    }
}

/// Whether `n` columns are fewer than a vector holds.
#[inline(always)]
pub fn narrow<F: Float, I: Isa>(n: usize) -> bool {
    n < I::VECTOR_BYTES / size_of::<F>()
}

/// Rows of `n` widened with zeros to `width`.
pub fn widened<F: Float>(b: &[F], n: usize, width: usize) -> Buffer<F> {
    let mut packed = Buffer::dirty(b.len() / n * width);
    for (to, from) in packed.data_mut().chunks_exact_mut(width).zip(b.chunks_exact(n)) {
        to[..n].copy_from_slice(from);
        to[n..].fill(F::zero());
    }
    packed
}

/// Calls `$f::<F, I, C>(args)` for the compiled width `C` that equals `$width`; other widths are not compiled.
macro_rules! at_width {
    ($width:expr, $f:ident::<$F:ident, $I:ident>($($arg:expr),* $(,)?)) => {
        at_width!(@ [64 32 16 8 4 2] $width, $f::<$F, $I>($($arg),*))
    };
    (@ [$($c:literal)*] $width:expr, $f:ident::<$F:ident, $I:ident>$args:tt) => {$(
        if const { $c <= $I::TILE_BYTES / size_of::<$F>() && $c >= $I::VECTOR_BYTES / size_of::<$F>() } && $width == $c {
            return at_width!(call $f::<$F, $I, $c> $args);
        }
    )*};
    (call $f:ident::<$F:ident, $I:ident, $c:literal> ($($arg:expr),*)) => { $f::<$F, $I, $c>($($arg),*) };
}
pub(super) use at_width;

/// Rows of the next tile of `left`: never one row behind a full tile.
#[inline(always)]
pub fn rows_of_tile<I: Isa>(left: usize) -> usize {
    let rows = most_rows::<I>();
    if left >= 2 * rows || left <= rows { left.min(rows) } else { left.div_ceil(2) }
}

/// Rows of the tallest tile.
pub const fn most_rows<I: Isa>() -> usize {
    if I::TILE_BYTES == 32 { 4 } else { 6 }
}

/// Calls `$f` for the compiled number of rows `R` that equals `$rows`.
macro_rules! at_rows {
    ($rows:expr, $f:ident::<$F:ident, $I:ident, $C:ident>($($arg:expr),* $(,)?)) => {
        at_rows!(@ [1 2 3 4 5 6] $rows, $f::<$F, $I, $C>($($arg),*))
    };
    (@ [$($r:literal)*] $rows:expr, $f:ident::<$F:ident, $I:ident, $C:ident>$args:tt) => {
        match $rows {
            $($r if const { $r <= $crate::kernels::window::most_rows::<$I>() } => at_rows!(call $f::<$F, $I, $r, $C> $args),)*
            _ => unreachable!("tiles have at most six rows"),
        }
    };
    (call $f:ident::<$F:ident, $I:ident, $r:literal, $C:ident> ($($arg:expr),*)) => { $f::<$F, $I, $r, $C>($($arg),*) };
}
pub(super) use at_rows;
