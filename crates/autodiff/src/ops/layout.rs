//! Sums over axes and broadcasting (adjoint to each other), slices and padding (likewise), and the order of elements.

use fewshot_kernels::MAX_RANK;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::shape::{Shape, broadcasts_to, check_axes};
use crate::var::Var;

/// Operators that move or sum elements. The node has the shape of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Sums the axes along which the result would be broadcast to the input.
    SumTo,
    BroadcastTo,
    Reshape,
    /// The input's values as constants: no gradient passes.
    Detach,
    /// Axis `i` of the result is axis `axes[i]` of the input.
    Permute([u8; MAX_RANK]),
    Concat {
        axis: u8,
    },
    /// To consecutive ranges of an axis, one an output.
    Split {
        axis: u8,
    },
    Slice {
        axis: u8,
        start: usize,
    },
    /// The adjoint of `Slice`: zeros around the input along an axis.
    Pad {
        axis: u8,
        before: usize,
    },
}

impl Layout {
    /// The permutation that transposes a matrix.
    pub(crate) fn transpose() -> Self {
        Layout::Permute([1, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Which axes of `from` must be summed to arrive at the right-aligned `to`.
fn summed_axes(from: &Shape, to: &Shape) -> [bool; MAX_RANK] {
    let lead = from.len() - to.len();
    std::array::from_fn(|i| i < lead || (i < from.len() && to[i - lead] == 1 && from[i] != 1))
}

fn copy_along<F: Float>(
    out: &mut [F],
    x: &[F],
    outer: usize,
    to: (usize, usize),
    from: (usize, usize),
    run: usize,
) {
    let ((to_step, to_start), (from_step, from_start)) = (to, from);
    for o in 0..outer {
        let (t, f) = (o * to_step + to_start, o * from_step + from_start);
        F::copy(&mut out[t..t + run], &x[f..f + run]);
    }
}

impl Layout {
    fewshot_kernels::names! {
        Layout::SumTo => "sum_to",
        Layout::BroadcastTo => "broadcast_to",
        Layout::Reshape => "reshape",
        Layout::Detach => "detach",
        Layout::Permute(_) => "permute",
        Layout::Concat { .. } => "concat",
        Layout::Split { .. } => "split",
        Layout::Slice { .. } => "slice",
        Layout::Pad { .. } => "pad",
    }

    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, outputs: &mut [&mut [F]], shapes: &[Shape]) {
        let a = x.at(0);
        let from = a.shape();
        let (shape, out) = (shapes[0], &mut *outputs[0]);
        match *self {
            Layout::Reshape | Layout::Detach => unreachable!("has its input's values"),
            Layout::SumTo => F::sum_axes(out, a.data(), from, &summed_axes(from, &shape)[..from.len()]),
            Layout::BroadcastTo => F::broadcast_to(out, &shape, a.data(), from),
            Layout::Permute(axes) => {
                let axes: Vec<usize> = axes[..from.len()].iter().map(|&a| a as usize).collect();
                F::permute(out, a.data(), from, &axes);
            }
            Layout::Concat { axis } => concat(x, out, shape, axis as usize),
            Layout::Split { axis } => {
                let (outer, size, inner) = from.around(axis as usize);
                let mut start = 0;
                for (part, shape) in outputs.iter_mut().zip(shapes) {
                    let run = shape[axis as usize] * inner;
                    copy_along(part, a.data(), outer, (run, 0), (size * inner, start), run);
                    start += run;
                }
            }
            Layout::Slice { axis, start } => {
                let (outer, size, inner) = from.around(axis as usize);
                let run = shape[axis as usize] * inner;
                copy_along(out, a.data(), outer, (run, 0), (size * inner, start * inner), run);
            }
            Layout::Pad { axis, before } => {
                out.fill(F::zero());
                let (outer, size, inner) = from.around(axis as usize);
                let step = shape[axis as usize] * inner;
                let run = size * inner;
                copy_along(out, a.data(), outer, (step, before * inner), (run, 0), run);
            }
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let from = r.x(0).shape();
        // a split may be visited for later outputs alone
        let u = r.u_or_zeros(0);
        match *self {
            Layout::SumTo => r.give(0, || u.broadcast_to(&from)),
            Layout::BroadcastTo => r.give(0, || u.sum_to(&from)),
            Layout::Reshape => r.give(0, || u.reshape(&from)),
            Layout::Detach => {}
            Layout::Permute(axes) => {
                let mut back = vec![0; from.len()];
                for (i, &axis) in axes[..from.len()].iter().enumerate() {
                    back[axis as usize] = i;
                }
                r.give(0, || u.permute(&back));
            }
            Layout::Concat { axis } => {
                let axis = axis as usize;
                let mut start = 0;
                for i in 0..r.len() {
                    let size = r.x(i).shape()[axis];
                    r.give(i, || u.slice(axis, start..start + size));
                    start += size;
                }
            }
            Layout::Split { axis } => {
                let mut parts = vec![u];
                parts.extend((1..r.outputs()).map(|k| r.u_or_zeros(k)));
                r.give(0, || Var::concat(&parts, axis as usize));
            }
            Layout::Slice { axis, start } => {
                let axis = axis as usize;
                let after = from[axis] - start - u.shape()[axis];
                r.give(0, || u.pad_axis(axis, start, after));
            }
            Layout::Pad { axis, before } => {
                let axis = axis as usize;
                r.give(0, || u.slice(axis, before..before + from[axis]));
            }
        }
    }
}

fn concat<F: Float>(x: &Inputs<'_, F>, out: &mut [F], shape: Shape, axis: usize) {
    let (outer, size, inner) = shape.around(axis);
    let mut start = 0;
    for i in 0..x.len() {
        let part = x.at(i);
        let run = part.shape()[axis] * inner;
        copy_along(out, part.data(), outer, (size * inner, start), (run, 0), run);
        start += run;
    }
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    pub(super) fn layout(self, op: Layout, shape: Shape) -> Var<'t, F> {
        self.tape().push(Op::Layout(op), &[self], shape)
    }

    /// This value as a constant: no gradient flows through it.
    #[track_caller]
    pub fn detach(self) -> Var<'t, F> {
        self.layout(Layout::Detach, self.shape())
    }

    /// Sums the axes along which `shape` would be broadcast to this value's shape: the adjoint of
    /// [`broadcast_to`](Var::broadcast_to).
    ///
    /// # Panics
    /// When `shape` does not broadcast to this value's shape.
    #[track_caller]
    pub fn sum_to(self, shape: &[usize]) -> Var<'t, F> {
        let from = self.shape();
        assert!(broadcasts_to(shape, &from), "sum_to: {shape:?} does not broadcast to {from}");
        if from == *shape {
            return self;
        }
        self.layout(Layout::SumTo, Shape::new(shape))
    }

    /// Repeats this value along axes of size 1 and new leading axes, as numpy does.
    ///
    /// # Panics
    /// When this value's shape does not broadcast to `shape`.
    #[track_caller]
    pub fn broadcast_to(self, shape: &[usize]) -> Var<'t, F> {
        let from = self.shape();
        assert!(broadcasts_to(&from, shape), "broadcast_to: {from} does not broadcast to {shape:?}");
        if from == *shape {
            return self;
        }
        self.layout(Layout::BroadcastTo, Shape::new(shape))
    }

    /// This value under another shape, in row-major order.
    ///
    /// # Panics
    /// When the number of values differs.
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Var<'t, F> {
        let (from, to) = (self.shape(), Shape::new(shape));
        assert_eq!(from.count(), to.count(), "reshape: {from} and {to} hold different numbers of values");
        if from == to {
            return self;
        }
        self.layout(Layout::Reshape, to)
    }

    /// All axes but the first as one: `[n, ...]` to `[n, features]`.
    ///
    /// # Panics
    /// For a scalar.
    #[track_caller]
    pub fn flatten(self) -> Var<'t, F> {
        let shape = self.shape();
        assert!(!shape.is_empty(), "flatten: a scalar has no first axis to keep");
        let (_, first, rest) = shape.around(0);
        self.reshape(&[first, rest])
    }

    /// A new axis of size 1 before `axis`.
    ///
    /// # Panics
    /// When `axis` is larger than the number of axes.
    #[track_caller]
    pub fn insert_axis(self, axis: usize) -> Var<'t, F> {
        let shape = self.shape();
        assert!(axis <= shape.len(), "insert_axis: {shape} has no place {axis}");
        self.reshape(&shape.insert(axis, 1))
    }

    /// Removes an axis of size 1.
    ///
    /// # Panics
    /// When the axis does not exist or has another size.
    #[track_caller]
    pub fn remove_axis(self, axis: usize) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("remove_axis", &shape, &[axis]);
        assert_eq!(shape[axis], 1, "remove_axis: axis {axis} of {shape} is not of size 1");
        self.reshape(&shape.without(&[axis]))
    }

    /// Axis `i` of the result is axis `axes[i]` of this value.
    ///
    /// # Panics
    /// When `axes` is no permutation of all axes.
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Var<'t, F> {
        let from = self.shape();
        check_axes("permute", &from, axes);
        assert_eq!(axes.len(), from.len(), "permute: {axes:?} does not name every axis of {from}");
        let (mut order, mut to) = ([0; MAX_RANK], [0; MAX_RANK]);
        for (i, &axis) in axes.iter().enumerate() {
            order[i] = axis as u8;
            to[i] = from[axis];
        }
        self.layout(Layout::Permute(order), Shape::new(&to[..from.len()]))
    }

    /// The transpose of a matrix.
    ///
    /// # Panics
    /// When this value has not two axes.
    #[track_caller]
    pub fn t(self) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(shape.len(), 2, "t: {shape} is not a matrix; use `permute`");
        self.permute(&[1, 0])
    }
}
