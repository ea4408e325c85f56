//! Which way a size goes, where programs ask for it too: what a program rearranges depends on it.

/// Least size of every side, and least work, that goes to the `gemm` crate.
const LARGE_SIDE: usize = 64;
const LARGE_WORK: usize = 256 * 256 * 256;
/// Elements of one task of a split sum.
pub(crate) const SUM_TASK: usize = 1 << 16;

/// Whether a product goes to the `gemm` crate.
pub fn is_large(m: usize, k: usize, n: usize) -> bool {
    m.min(k).min(n) >= LARGE_SIDE && m * k * n >= LARGE_WORK
}

/// Whether `a b^T` for `a` `[m, k]` and `b` `[n, k]` takes longer than the product with `b` transposed before, and gives the same
/// bits.
pub fn transposes_second(m: usize, k: usize, n: usize) -> bool {
    m.min(k).min(n) > 1 && !is_large(m, k, n)
}

/// Whether sums over an array of `count` elements never cut it into pieces.
pub fn is_one_piece(count: usize) -> bool {
    2 * count <= SUM_TASK
}
