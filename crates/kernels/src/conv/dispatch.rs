//! Convolution and its two adjoints: which way each size goes.

use crate::buffer::Buffer;
use crate::conv::direct::{dx_few, gather};
use crate::conv::geometry;
use crate::conv::shape::{ConvShape, FEW_CHANNELS};
use crate::conv::weight_gradient::{dw_few, of_pairs};
use crate::conv::winograd::{f4, strided};
use crate::element::Element;
use crate::layout::transpose::transpose;

/// `out[n, oy, ox, :] = sum over taps of x[n, iy, ix, :] w[tap]`.
#[inline(never)]
pub fn conv<F: Element>(out: &mut [F], x: &[F], w: &[F], s: &ConvShape) {
    s.check(x.len(), w.len(), out.len());
    if out.is_empty() {
        return;
    }
    if f4::suits::<F>(s) {
        return f4::conv(out, x, w, s);
    }
    if strided::suits::<F>(s) {
        return strided::conv(out, x, w, s);
    }
    let (inputs, outputs) = (s.h * s.w, s.out_h() * s.out_w());
    gather(out, x, w, &geometry::of(s).forward, s.n, [inputs, outputs], [s.c_in, s.c_out]);
}

/// The gradient of [`conv`] for the images: `dx[n, iy, ix, :] = sum over the windows that read it of g[n, oy, ox, :] w[tap]^T`.
#[inline(never)]
pub fn conv_dx<F: Element>(dx: &mut [F], g: &[F], w: &[F], s: &ConvShape) {
    s.check(dx.len(), w.len(), g.len());
    if dx.is_empty() || g.is_empty() || w.is_empty() {
        return dx.fill(F::zero());
    }
    if s.c_in < FEW_CHANNELS {
        return dx_few(dx, g, w, s);
    }
    let (inputs, outputs, size) = (s.h * s.w, s.out_h() * s.out_w(), s.c_in * s.c_out);
    let mut flipped = Buffer::dirty(w.len());
    // the geometry counts kernel positions from the last
    for (to, from) in flipped.data_mut().chunks_exact_mut(size).rev().zip(w.chunks_exact(size)) {
        transpose(to, from, s.c_in, s.c_out);
    }
    if f4::suits::<F>(s) {
        return f4::conv(dx, g, flipped.data(), &s.adjoint());
    }
    if strided::suits::<F>(s) {
        return strided::conv_dx(dx, g, flipped.data(), s);
    }
    gather(dx, g, flipped.data(), &geometry::of(s).back, s.n, [outputs, inputs], [s.c_out, s.c_in]);
}

/// The gradient of [`conv`] for the weights: `dw[tap] = sum over windows of x[n, iy, ix, :]^T g[n, oy, ox, :]`.
#[inline(never)]
pub fn conv_dw<F: Element>(dw: &mut [F], x: &[F], g: &[F], s: &ConvShape) {
    s.check(x.len(), dw.len(), g.len());
    if dw.is_empty() || x.is_empty() || g.is_empty() {
        return dw.fill(F::zero());
    }
    if s.c_in < FEW_CHANNELS {
        dw.fill(F::zero());
        dw_few(dw, x, g, s)
    } else if f4::suits::<F>(s) {
        f4::conv_dw(dw, x, g, s)
    } else if strided::suits_dw::<F>(s) {
        strided::conv_dw(dw, x, g, s)
    } else {
        of_pairs(dw, x, g, s, &geometry::of(s).taps)
    }
}
