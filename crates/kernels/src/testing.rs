//! What the kernels' tests share.

use crate::cpu::isa::forced::{at_every_level, pool};
use crate::element::Element;
use crate::parallel::with_split;

/// Numbers in (-1, 1), the same for the same seed.
pub fn values<F: Element>(len: usize, seed: u64) -> Vec<F> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        F::of((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    };
    (0..len).map(next).collect()
}

/// Panics unless all elements agree within `digits` units of rounding times `size`.
#[track_caller]
pub fn assert_close<F: Element>(got: &[F], wanted: &[F], size: f64) {
    assert_eq!(got.len(), wanted.len(), "lengths");
    let bound = 8.0 * size * F::epsilon().as_f64();
    for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let error = (got.as_f64() - wanted.as_f64()).abs();
        assert!(error <= bound, "element {i}: {got} instead of {wanted}, error {error:e}, bound {bound:e}");
    }
}

/// Runs `f` at every level of the machine and asserts that splitting it over threads changes no bit.
#[track_caller]
pub fn at_every_level_split_or_not<F: Element>(f: impl Fn() -> Vec<F> + Sync) {
    at_every_level(|level| {
        let alone = with_split(false, &f);
        let split = pool(level, 3).install(|| with_split(true, &f));
        assert!(alone == split, "splitting over threads changed the result at {level:?}");
    });
}
