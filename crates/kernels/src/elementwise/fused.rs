//! Elementwise functions that follow each other, as one, with the same bits.

use crate::cpu::limits::{self, Leaky};
use crate::element::Element;
use crate::elementwise::broadcast::broadcast2;
use crate::elementwise::map::{Source, map2};

/// `out = a + b factor`, broadcast to `shape`.
pub(crate) fn add_scaled<F: Element>(
    out: &mut [F],
    shape: &[usize],
    [(a, a_shape), (b, b_shape)]: [(Source<'_, F>, &[usize]); 2],
    factor: F,
) {
    broadcast2(out, shape, a, a_shape, b, b_shape, move |a, b| a + b * factor);
}

/// `out = u` where `x > 0`, else `u slope`.
pub(crate) fn leaky_gradient<F: Element>(out: &mut [F], u: Source<'_, F>, x: Source<'_, F>, slope: F) {
    map2(out, u, x, move |u, x| limits::leaky_gradient(u, x, slope));
}

/// `out = leaky(out + added)` with this slope, `added` being broadcast to `shape`.
pub(crate) fn add_leaky<F: Element>(
    out: &mut [F],
    shape: &[usize],
    added: &[F],
    added_shape: &[usize],
    slope: F,
) {
    let leaky = Leaky::new(slope);
    broadcast2(out, shape, Source::Out, shape, added, added_shape, move |a: F, c: F| leaky.of(a + c));
}

/// `out = a + b`.
pub(crate) fn add<F: Element>(out: &mut [F], a: &[F], b: &[F]) {
    map2(out, a, b, |a, b| a + b);
}
