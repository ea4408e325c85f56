//! Rows picked along an axis, and their adjoint.

use crate::element::Element;

/// `out[o, i] = x[o, places[i]]` for `x` of `[outer, size, inner]`.
#[inline(never)]
pub fn gather<F: Element>(out: &mut [F], x: &[F], places: &[usize], [outer, size, inner]: [usize; 3]) {
    let mut rows = out.chunks_exact_mut(inner.max(1));
    for o in 0..outer {
        for (&place, row) in places.iter().zip(&mut rows) {
            match (row, &x[(o * size + place) * inner..][..inner]) {
                // without a call
                ([to], [from]) => *to = *from,
                (to, from) => to.copy_from_slice(from),
            }
        }
    }
}

/// Adds `x[o, i]` to `out[o, places[i]]`, zero before, for `out` of `[outer, size, inner]`.
#[inline(never)]
pub fn scatter_add<F: Element>(out: &mut [F], x: &[F], places: &[usize], [outer, size, inner]: [usize; 3]) {
    out.fill(F::zero());
    let mut rows = x.chunks_exact(inner.max(1));
    for o in 0..outer {
        for (&place, row) in places.iter().zip(&mut rows) {
            let out = &mut out[(o * size + place) * inner..][..inner];
            out.iter_mut().zip(row).for_each(|(out, &x)| *out += x);
        }
    }
}
