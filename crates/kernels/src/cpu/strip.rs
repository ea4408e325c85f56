//! Matrices `[rows, c]` cut into strips of columns of a few fixed widths, so that any `c` runs as vectors.

use crate::element::Element;

/// Calls `$f::<F, I, W>(first column, args...)` for strips of W = 64, 32, 16, 4, 1 columns that together cover `$c` columns,
/// none wider than eight vectors, beyond which the registers do not hold them.
macro_rules! strips {
    ($c:expr, $f:ident::<$F:ident, $I:ident>($($arg:expr),* $(,)?)) => {{
        let (mut col, c): (usize, usize) = (0, $c);
        strips!(@ [64 32 16 4 1] col c $f $F $I ($($arg),*));
        debug_assert_eq!(col, c);
    }};
    (@ [$($w:literal)*] $col:ident $c:ident $f:ident $F:ident $I:ident $args:tt) => {$(
        while ($w <= 16 || $w * size_of::<$F>() <= 8 * size_of::<<$I as $crate::cpu::isa::Isa>::Vector>()) && $c - $col >= $w {
            strips!(call $f::<$F, $I, $w> $col $args);
            $col += $w;
        }
    )*};
    (call $f:ident::<$F:ident, $I:ident, $w:literal> $col:ident ($($arg:expr),*)) => { $f::<$F, $I, $w>($col, $($arg),*) };
}
pub(crate) use strips;

/// `W` elements by value: what the compiler needs to keep them in registers.
#[inline(always)]
pub fn load<T: Copy, const W: usize>(x: &[T], at: usize) -> [T; W] {
    *x[at..].first_chunk::<W>().expect("a strip ends within its row")
}

/// Writes `W` elements.
#[inline(always)]
pub fn store<T: Copy, const W: usize>(x: &mut [T], at: usize, values: [T; W]) {
    *x[at..].first_chunk_mut::<W>().expect("a strip ends within its row") = values;
}

/// Writes the elements `keep` of each row of `width` to where the row would begin; adds them if `add`.
///
/// Compiled once, not into every tile: most tiles are stored whole.
#[inline(never)]
pub fn store_parts<F: Element>(x: &mut [F], begins: &[usize], rows: &[F], [from, to]: [usize; 2], add: bool) {
    for (&begin, row) in begins.iter().zip(rows.chunks_exact(rows.len() / begins.len())) {
        let (out, row) = (&mut x[begin + from..begin + to], &row[from..to]);
        if add {
            out.iter_mut().zip(row).for_each(|(out, &value)| *out += value);
        } else {
            out.copy_from_slice(row);
        }
    }
}
