//! How an output is cut into register tiles: windows of columns and groups of rows of the sizes that are compiled.

use crate::cpu::isa::Isa;
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Columns the tile computes at once, and those of them it keeps.
#[derive(Clone, Copy)]
pub struct Window {
    /// First column.
    pub col: usize,
    /// Vectors computed.
    pub vectors: usize,
    /// Columns computed, perhaps more than there are.
    pub width: usize,
    /// The computed columns that are stored.
    pub keep: [usize; 2],
}

impl Window {
    /// The window that begins with column `done` of `n`, of at most [`Isa::TILE_VECTORS`] vectors.
    ///
    /// Windows are about equally wide. The last one is moved left to end with the last column; a lone one may stick out.
    #[inline(always)]
    pub fn next<F: Element, I: Isa>(done: usize, n: usize) -> Self {
        Self::within::<F, I>(I::TILE_VECTORS, done, n)
    }

    /// [`Window::next`] of at most `most` vectors.
    #[inline(always)]
    pub fn within<F: Element, I: Isa>(most: usize, done: usize, n: usize) -> Self {
        let left = (n - done).div_ceil(I::Vector::lanes::<F>());
        // a division takes as long as a small tile
        let vectors = if left <= most { left } else { left.div_ceil(left.div_ceil(most)) };
        let width = vectors * I::Vector::lanes::<F>();
        let col = done.min(n.saturating_sub(width));
        Self { col, vectors, width, keep: [done - col, width.min(n - col)] }
    }
}

/// Calls `$f::<F, I, N>(args)` for the number of vectors `N` that equals `$vectors`.
macro_rules! at_width {
    ($vectors:expr, $f:ident::<$F:ident, $I:ident>($($arg:expr),* $(,)?)) => {
        at_width!(@ [1 2 3 4] $vectors, $f::<$F, $I>($($arg),*))
    };
    (@ [$($n:literal)*] $vectors:expr, $f:ident::<$F:ident, $I:ident>$args:tt) => {
        match $vectors {
            $($n if const { $n <= $I::TILE_VECTORS } => at_width!(call $f::<$F, $I, $n> $args),)*
            _ => unreachable!("windows have one to four vectors"),
        }
    };
    (call $f:ident::<$F:ident, $I:ident, $n:literal> ($($arg:expr),*)) => { $f::<$F, $I, $n>($($arg),*) };
}
pub(crate) use at_width;

/// Rows of the next tile of `left`, for tiles of at most `most` rows: never one row behind a full tile.
#[inline(always)]
pub fn rows_of_tile(left: usize, most: usize) -> usize {
    match left {
        _ if left >= most + 5 || left == most => most,
        8 | 13.. if most > 8 => 8,
        _ if left <= most.min(6) => left,
        _ => left.div_ceil(2),
    }
}

/// Rows of the tallest tile of `N` vectors: about as many accumulators as the widest tile has.
pub const fn most_rows<I: Isa, const N: usize>() -> usize {
    let rows = I::TILE_ROWS * I::TILE_VECTORS / N;
    if rows > 12 { 12 } else { rows }
}

/// Calls `$f` for the compiled number of rows `R` that equals `$rows`, at most `$most::<I, N>()`.
macro_rules! at_rows {
    ($rows:expr, $most:ident, $f:ident::<$F:ident, $I:ident, $N:ident>($($arg:expr),* $(,)?)) => {
        at_rows!(@ [1 2 3 4 5 6 8 12] $rows, $most, $f::<$F, $I, $N>($($arg),*))
    };
    (@ [$($r:literal)*] $rows:expr, $most:ident, $f:ident::<$F:ident, $I:ident, $N:ident>$args:tt) => {
        match $rows {
            $($r if const { $r <= $most::<$I, $N>() } => at_rows!(call $f::<$F, $I, $r, $N> $args),)*
            _ => unreachable!("tiles have 1 to 6, 8 or 12 rows"),
        }
    };
    (call $f:ident::<$F:ident, $I:ident, $r:literal, $N:ident> ($($arg:expr),*)) => { $f::<$F, $I, $r, $N>($($arg),*) };
}
pub(crate) use at_rows;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::{Avx2, Avx512, Baseline};

    fn check<F: Element, I: Isa>() {
        for n in 1..300 {
            let mut done = 0;
            while done < n {
                let w = Window::next::<F, I>(done, n);
                assert!(w.vectors <= I::TILE_VECTORS && w.width == w.vectors * I::Vector::lanes::<F>());
                assert_eq!(w.col + w.keep[0], done, "columns follow each other");
                assert!(w.keep[1] <= w.width && w.keep[0] < w.keep[1]);
                assert!(w.col + w.width <= n || w.col == 0 && w.keep == [0, n]);
                done = w.col + w.keep[1];
            }
            assert_eq!(done, n);
        }
    }

    #[test]
    fn windows_cover_all_columns_once() {
        check::<f32, Avx512>();
        check::<f64, Avx512>();
        check::<f32, Avx2>();
        check::<f64, Avx2>();
        check::<f32, Baseline>();
        check::<f64, Baseline>();
    }

    #[test]
    fn tiles_have_compiled_heights_and_leave_no_single_row() {
        for most in [4, 6, 8, 12] {
            for rows in 1..100 {
                let mut left = rows;
                while left > 0 {
                    let take = rows_of_tile(left, most);
                    assert!([1, 2, 3, 4, 5, 6, 8, 12].contains(&take) && take <= most, "{take} of {left}");
                    left -= take;
                    assert!(left != 1, "one row left of {rows}");
                }
            }
        }
    }
}
