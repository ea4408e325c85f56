//! Reordering of axes.

use crate::MAX_RANK;
use crate::element::Element;
use crate::layout::transpose::transpose;
use crate::parallel;

/// Elements that a thread copies at once: fewer take less time than asking for threads.
const PIECE: usize = 1 << 15;

/// Copies as many elements as the output has.
#[inline]
pub fn copy<F: Element>(out: &mut [F], x: &[F]) {
    if out.len() <= PIECE {
        return out.copy_from_slice(x);
    }
    assert_eq!(out.len(), x.len(), "copy: lengths");
    parallel::chunks(out, PIECE, |i, out| out.copy_from_slice(&x[i * PIECE..][..out.len()]));
}

/// Axis `i` of the output is axis `axes[i]` of `x`, which has the shape `shape`.
#[inline(never)]
pub fn permute<F: Element>(out: &mut [F], x: &[F], shape: &[usize], axes: &[usize]) {
    let len = shape.iter().product::<usize>();
    assert_eq!(shape.len(), axes.len(), "permute: {shape:?} by {axes:?}");
    assert_eq!((out.len(), x.len()), (len, len), "permute: {shape:?}");
    if out.is_empty() {
        return;
    }
    let mut dims = [(1, 1); MAX_RANK];
    let count = joined(&mut dims, shape, axes);
    let (run, dims) = match dims[..count] {
        [(size, 1), ref outer @ ..] => (size, outer),
        ref all => (1, all),
    };
    match dims {
        [] => out.copy_from_slice(x),
        // the matrix x[j, i] is seen from its columns
        &[(cols, step), (rows, 1), ref outer @ ..] if run == 1 && step == rows => {
            let each = rows * cols;
            let mut at = Odometer::new(outer);
            for out in out.chunks_exact_mut(each) {
                transpose(out, &x[at.next()..][..each], cols, rows);
            }
        }
        _ => runs(out, x, dims, run),
    }
}

/// Size and stride of each output axis, the last axis first, without axes of one element and with neighbours that stay
/// together joined; returns how many there are.
fn joined(dims: &mut [(usize, usize); MAX_RANK], shape: &[usize], axes: &[usize]) -> usize {
    let mut count = 0;
    for &axis in axes.iter().rev() {
        let (size, stride) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        if size == 1 {
            continue;
        }
        if count > 0 && stride == dims[count - 1].0 * dims[count - 1].1 {
            dims[count - 1].0 *= size;
        } else {
            dims[count] = (size, stride);
            count += 1;
        }
    }
    count
}

/// Copies runs of `run` elements in the order of `dims`.
fn runs<F: Element>(out: &mut [F], x: &[F], dims: &[(usize, usize)], run: usize) {
    let (&(size, stride), outer) = dims.split_first().expect("only called with an axis left");
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

/// Counts through axes, the first of the list fastest, and gives the offset of each position.
pub(crate) struct Odometer<'a> {
    dims: &'a [(usize, usize)],
    position: [usize; MAX_RANK],
    offset: usize,
}

impl<'a> Odometer<'a> {
    /// Starts at zero over axes of (size, stride).
    pub fn new(dims: &'a [(usize, usize)]) -> Self {
        assert!(dims.len() <= MAX_RANK, "arrays have at most {MAX_RANK} axes");
        Self { dims, position: [0; MAX_RANK], offset: 0 }
    }

    /// The offset of the present position; steps on.
    #[inline]
    pub fn next(&mut self) -> usize {
        let now = self.offset;
        for (place, &(size, stride)) in self.position[..self.dims.len()].iter_mut().zip(self.dims) {
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
