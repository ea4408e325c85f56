//! Powers of two that bring vectors into a range in which squares and inverses of their lengths are numbers.

use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::surpasses;
use crate::element::Element;

/// Greatest magnitudes of vectors that are left as they are: from the inverse of this to this, 2^30. Squares, inverses and their
/// third powers are normal numbers in `f32`.
const FAR: f64 = (1u64 << 30) as f64;
/// Lanes in which the greatest magnitude of a vector is looked for.
const LANES: usize = 16;

/// `x` of `[outer, size, inner]` with each vector along `size` times a power of two, that factor and its inverse, `[outer, inner]`
/// each: 1 but where the vector's greatest magnitude is far from 1, which it then comes near.
#[inline(never)]
pub fn scale<F: Element>([out, factors, inverses]: [&mut [F]; 3], x: &[F], [outer, size, inner]: [usize; 3]) {
    assert_eq!((out.len(), x.len()), (outer * size * inner, outer * size * inner), "scale: vectors");
    assert_eq!((factors.len(), inverses.len()), (outer * inner, outer * inner), "scale: factors");
    magnitudes(factors, x, size, inner);
    for (factor, inverse) in factors.iter_mut().zip(inverses) {
        *factor = power(*factor);
        *inverse = F::one() / *factor;
    }
    let vectors = (size * inner).max(1);
    let (out, x) = (out.chunks_exact_mut(vectors), x.chunks_exact(vectors));
    for ((out, x), factors) in out.zip(x).zip(factors.chunks_exact(inner.max(1))) {
        if let [factor] = *factors {
            out.iter_mut().zip(x).for_each(|(out, &x)| *out = x * factor);
        } else {
            for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)) {
                out.iter_mut().zip(x).zip(factors).for_each(|((out, &x), &factor)| *out = x * factor);
            }
        }
    }
}

versions! {
    /// The greatest magnitude of each vector, 0 if it has no elements; NaN where one is.
    fn magnitudes<F>(out: &mut [F], x: &[F], size: usize, inner: usize) where [F: Element] = magnitudes_body;
}

#[inline(always)]
fn magnitudes_body<F: Element, I: Isa>(out: &mut [F], x: &[F], size: usize, inner: usize) {
    out.fill(F::zero());
    let larger = |a: F, b: F| if surpasses(b, a) { b } else { a };
    let vectors = x.chunks_exact((size * inner).max(1));
    for (out, x) in out.chunks_exact_mut(inner.max(1)).zip(vectors) {
        if let [out] = out {
            let (blocks, rest) = x.as_chunks::<LANES>();
            let mut lanes = [F::zero(); LANES];
            for block in blocks {
                for j in 0..LANES {
                    lanes[j] = larger(lanes[j], block[j].abs());
                }
            }
            *out = lanes.iter().chain(rest).fold(F::zero(), |all, &x| larger(all, x.abs()));
        } else {
            for x in x.chunks_exact(inner) {
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = larger(*out, x.abs()));
            }
        }
    }
}

/// The factor of a vector of this greatest magnitude: 1 where it is zero, infinite or NaN.
fn power<F: Element>(magnitude: F) -> F {
    let far = F::of(FAR);
    let within = magnitude >= F::one() / far && magnitude <= far;
    if within || !magnitude.is_normal() && !magnitude.is_subnormal() {
        return F::one();
    }
    let (exponent, _) = F::split(magnitude);
    // it and its inverse are normal numbers
    let most = F::of(-F::min_positive_value().as_f64().log2());
    let exponent = if exponent < -most { -most } else { exponent };
    F::power_of_two(-if exponent > most { most } else { exponent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::forced::at_every_level;

    fn scaled(x: &[f32], sizes: [usize; 3]) -> [Vec<f32>; 3] {
        let vectors = sizes[0] * sizes[2];
        let [mut out, mut factors, mut inverses] = [x.len(), vectors, vectors].map(|n| vec![f32::NAN; n]);
        scale([&mut out, &mut factors, &mut inverses], x, sizes);
        [out, factors, inverses]
    }

    #[test]
    fn vectors_come_near_one_by_powers_of_two_and_others_stay() {
        at_every_level(|_| {
            for size in [1, 3, 15, 16, 17, 40] {
                for at in 0..size {
                    for magnitude in [f32::MIN_POSITIVE / 1e6, 1e-30, 1e-8, 1.5, 1e8, 1e30, f32::MAX] {
                        // along rows, and along columns beside others
                        for (inner, column) in [(1, 0), (3, 1)] {
                            let mut x = vec![0.0; size * inner];
                            x[at * inner + column] = -magnitude;
                            let [out, factors, inverses] = scaled(&x, [1, size, inner]);
                            let (factor, value) = (factors[column], out[at * inner + column].abs());
                            assert_eq!(value, magnitude * factor, "of {magnitude:e}");
                            assert_eq!((factor * inverses[column], factor.to_bits() << 9), (1.0, 0));
                            let stays = (1e-9..1e9).contains(&magnitude);
                            let near = if stays { factor == 1.0 } else { (1e-7..=4.0).contains(&value) };
                            assert!(near, "{magnitude:e} becomes {value:e}");
                        }
                    }
                }
            }
        });
    }

    #[test]
    fn vectors_without_a_length_stay_as_they_are() {
        let x = [0.0, -0.0, f32::INFINITY, 1e-30, 1e30, f32::NAN];
        let [out, factors, _] = scaled(&x, [3, 2, 1]);
        assert_eq!(factors, [1.0; 3]);
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        assert_eq!(bits(&out), bits(&x));
        assert_eq!(scaled(&[], [2, 0, 1])[1], [1.0; 2]);
        assert_eq!(scaled(&[], [2, 3, 0])[1], [0.0; 0]);
    }
}
