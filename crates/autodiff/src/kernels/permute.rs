//! Reordering of axes.

use super::isa::{Isa, versions};
use crate::float::Float;

/// Side of the blocks a transpose moves at once.
const BLOCK: usize = 16;

versions! {
    /// `out[j, i] = x[i, j]` for `x` of `rows` by `cols`.
    pub fn transpose<F>(out: &mut [F], x: &[F], rows: usize, cols: usize) where [F: Float] = transpose_body;
}

#[inline(always)]
fn transpose_body<F: Float, I: Isa>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    assert_eq!((out.len(), x.len()), (rows * cols, rows * cols), "transpose: [{rows}, {cols}]");
    for i in (0..rows).step_by(BLOCK) {
        for j in (0..cols).step_by(BLOCK) {
            if i + BLOCK <= rows && j + BLOCK <= cols {
                block(&mut out[j * rows + i..], &x[i * cols + j..], rows, cols);
            } else {
                for j in j..cols.min(j + BLOCK) {
                    for i in i..rows.min(i + BLOCK) {
                        out[j * rows + i] = x[i * cols + j];
                    }
                }
            }
        }
    }
}

/// One full block: rows are read by value, so that it is done in registers.
#[inline(always)]
fn block<F: Float>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    let mut tile = [[F::zero(); BLOCK]; BLOCK];
    for i in 0..BLOCK {
        tile[i].copy_from_slice(&x[i * cols..][..BLOCK]);
    }
    for j in 0..BLOCK {
        let mut row = [F::zero(); BLOCK];
        for i in 0..BLOCK {
            row[i] = tile[i][j];
        }
        out[j * rows..][..BLOCK].copy_from_slice(&row);
    }
}

/// Axis `i` of the output is axis `axes[i]` of `x`, which has the shape `shape`.
#[inline(never)]
pub fn permute<F: Float>(out: &mut [F], x: &[F], shape: &[usize], axes: &[usize]) {
    let len = shape.iter().product::<usize>();
    assert_eq!(shape.len(), axes.len(), "permute: {shape:?} by {axes:?}");
    assert_eq!((out.len(), x.len()), (len, len), "permute: {shape:?}");
    if out.is_empty() {
        return;
    }
    let mut dims = joined(shape, axes);
    let run = match dims.last() {
        Some(&(size, 1)) => {
            dims.pop();
            size
        }
        _ => 1,
    };
    match dims.as_slice() {
        [] => out.copy_from_slice(x),
        // the matrix x[j, i] is seen from its columns
        &[.., (rows, 1), (cols, step)] if run == 1 && step == rows => {
            let each = rows * cols;
            let mut at = Odometer::new(&dims[..dims.len() - 2]);
            for out in out.chunks_exact_mut(each) {
                transpose(out, &x[at.next()..][..each], cols, rows);
            }
        }
        _ => runs(out, x, &dims, run),
    }
}

/// Size and stride of each output axis, without axes of one element and with neighbours that stay together joined.
fn joined(shape: &[usize], axes: &[usize]) -> Vec<(usize, usize)> {
    let mut dims: Vec<(usize, usize)> = Vec::with_capacity(axes.len());
    for &axis in axes {
        let (size, stride) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        match dims.last_mut() {
            _ if size == 1 => {}
            Some(last) if last.1 == size * stride => *last = (last.0 * size, stride),
            _ => dims.push((size, stride)),
        }
    }
    dims
}

/// Copies runs of `run` elements in the order of `dims`.
fn runs<F: Float>(out: &mut [F], x: &[F], dims: &[(usize, usize)], run: usize) {
    let (&(size, stride), outer) = dims.split_last().expect("only called with an axis left");
    let mut at = Odometer::new(outer);
    for out in out.chunks_exact_mut(size * run) {
        let from = &x[at.next()..];
        if run == 1 {
            for (out, &value) in out.iter_mut().zip(from.iter().step_by(stride)) {
                *out = value;
            }
        } else {
            for (i, out) in out.chunks_exact_mut(run).enumerate() {
                out.copy_from_slice(&from[i * stride..][..run]);
            }
        }
    }
}

/// Counts through axes, the last one fastest, and gives the offset of each position.
pub(super) struct Odometer<'a> {
    dims: &'a [(usize, usize)],
    position: Vec<usize>,
    offset: usize,
}

impl<'a> Odometer<'a> {
    /// Starts at zero over axes of (size, stride).
    pub fn new(dims: &'a [(usize, usize)]) -> Self {
        Self { dims, position: vec![0; dims.len()], offset: 0 }
    }

    /// The offset of the present position; steps on.
    #[inline]
    pub fn next(&mut self) -> usize {
        let now = self.offset;
        for (place, &(size, stride)) in self.position.iter_mut().zip(self.dims).rev() {
            *place += 1;
            self.offset += stride;
            if *place < size {
                break;
            }
            self.offset -= size * stride;
            *place = 0;
        }
        now
    }
}
