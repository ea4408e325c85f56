//! Picking and placing: gather and scatter_add (adjoint to each other), one-hot, largest and smallest values.

use std::sync::Arc;

use crate::array::Array;
use crate::float::Float;
use crate::grad::Rule;
use crate::kernels::reduce;
use crate::op::{Op, Outputs};
use crate::shape::{Shape, check_axes};
use crate::tape::{Inputs, Tape};
use crate::var::Var;

/// Operators that pick elements or put them in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IndexOp {
    /// Entries `index` along an axis.
    Gather { axis: usize, index: Arc<[usize]> },
    /// The adjoint: entry `i` is added to place `index[i]`.
    ScatterAdd { axis: usize, index: Arc<[usize]> },
    /// The largest of each row `[.., c]`, and (second output) its place.
    MaxLast,
    /// From each row the element at the place that the second input names.
    PickLast,
    /// The adjoint: each element at its place in a row of zeros.
    PlaceLast,
}

impl IndexOp {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            IndexOp::Gather { .. } => "gather",
            IndexOp::ScatterAdd { .. } => "scatter_add",
            IndexOp::MaxLast => "max_axes",
            IndexOp::PickLast => "pick",
            IndexOp::PlaceLast => "place",
        }
    }

    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, shapes: &[Shape]) -> Outputs<F> {
        let a = &x[0];
        let from = a.shape_copy();
        let to = shapes[0];
        match self {
            IndexOp::Gather { axis, index } => {
                let (outer, size, inner) = from.around(*axis);
                Array::build(to, |out| {
                    let mut rows = out.chunks_exact_mut(inner.max(1));
                    for o in 0..outer {
                        for (&i, row) in index.iter().zip(&mut rows) {
                            let start = (o * size + i) * inner;
                            row.copy_from_slice(&a.data()[start..start + inner]);
                        }
                    }
                })
                .into()
            }
            IndexOp::ScatterAdd { axis, index } => {
                let (outer, size, inner) = to.around(*axis);
                Array::build(to, |out| {
                    out.fill(F::zero());
                    let mut rows = a.data().chunks_exact(inner.max(1));
                    for o in 0..outer {
                        for (&i, row) in index.iter().zip(&mut rows) {
                            let start = (o * size + i) * inner;
                            for (t, &v) in out[start..start + inner].iter_mut().zip(row) {
                                *t += v;
                            }
                        }
                    }
                })
                .into()
            }
            IndexOp::MaxLast => {
                let places = reduce::argmax_last(a.data(), from[from.len() - 1]);
                let width = from[from.len() - 1];
                let largest = Array::from_fn(&to, |i| a.data()[i * width + places[i]]);
                let places = Array::from_fn(&to, |i| F::of(places[i] as f64));
                Outputs::Many(vec![largest, places])
            }
            IndexOp::PickLast => {
                let width = from[from.len() - 1];
                let places = x[1].data();
                Array::from_fn(&to, |i| a.data()[i * width + place(places[i])]).into()
            }
            IndexOp::PlaceLast => {
                let width = to[to.len() - 1];
                let places = x[1].data();
                Array::build(to, |out| {
                    out.fill(F::zero());
                    for (i, &v) in a.data().iter().enumerate() {
                        out[i * width + place(places[i])] = v;
                    }
                })
                .into()
            }
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut Rule<'_, '_, F>) {
        let x = r.x(0);
        let width = x.shape().last().copied().unwrap_or(1);
        match self {
            IndexOp::Gather { axis, index } => {
                let (u, size) = (r.u(), x.shape()[*axis]);
                r.give(0, || u.scatter(*axis, Arc::clone(index), size));
            }
            IndexOp::ScatterAdd { axis, index } => {
                let u = r.u();
                r.give(0, || u.pick_along(*axis, Arc::clone(index)));
            }
            IndexOp::MaxLast => {
                // The places are piecewise constant: only the values pass a gradient on.
                if let Some(u) = r.u_of(0) {
                    let places = r.y().output(1);
                    r.give(0, || u.place(places, width));
                }
            }
            IndexOp::PickLast => {
                let (u, places) = (r.u(), r.x(1));
                r.give(0, || u.place(places, width));
            }
            IndexOp::PlaceLast => {
                let (u, places) = (r.u(), r.x(1));
                r.give(0, || u.pick(places));
            }
        }
    }
}

fn place<F: Float>(x: F) -> usize {
    x.as_f64() as usize
}

#[track_caller]
fn check_index(name: &str, index: &[usize], size: usize) {
    if let Some(i) = index.iter().find(|&&i| i >= size) {
        panic!("{name}: index {i} leaves an axis of size {size}");
    }
}

impl<'t, F: Float> Tape<F> {
    /// Rows of `classes` zeros with a one at the label: `[labels.len(), classes]`.
    ///
    /// # Panics
    /// When a label is not below `classes`.
    #[track_caller]
    pub fn one_hot(&'t self, labels: &[usize], classes: usize) -> Var<'t, F> {
        check_index("one_hot", labels, classes);
        let mut out = Array::zeros(&[labels.len(), classes]);
        for (row, &label) in labels.iter().enumerate() {
            out.data_mut()[row * classes + label] = F::one();
        }
        self.var(&out)
    }
}

impl<'t, F: Float> Var<'t, F> {
    /// The entries `index` along an axis, in that order, repetitions allowed.
    ///
    /// # Panics
    /// When the axis does not exist or an index leaves it.
    #[track_caller]
    pub fn gather(self, axis: usize, index: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("gather", &shape, &[axis]);
        check_index("gather", index, shape[axis]);
        self.pick_along(axis, index.into())
    }

    fn pick_along(self, axis: usize, index: Arc<[usize]>) -> Var<'t, F> {
        let shape = self.shape().with(axis, index.len());
        self.tape().push(Op::Index(IndexOp::Gather { axis, index }), &[self], shape)
    }

    /// Zeros with axis of `size`, to which entry `i` of this value is added at place `index[i]`: the adjoint of
    /// [`gather`](Var::gather).
    ///
    /// # Panics
    /// When the axis does not exist, there is not one index an entry, or an index is not below `size`.
    #[track_caller]
    pub fn scatter_add(self, axis: usize, index: &[usize], size: usize) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("scatter_add", &shape, &[axis]);
        assert_eq!(
            index.len(),
            shape[axis],
            "scatter_add: {} indices for axis {axis} of {shape}",
            index.len()
        );
        check_index("scatter_add", index, size);
        self.scatter(axis, index.into(), size)
    }

    fn scatter(self, axis: usize, index: Arc<[usize]>, size: usize) -> Var<'t, F> {
        let shape = self.shape().with(axis, size);
        self.tape().push(Op::Index(IndexOp::ScatterAdd { axis, index }), &[self], shape)
    }

    fn pick(self, places: Var<'t, F>) -> Var<'t, F> {
        self.tape().push(Op::Index(IndexOp::PickLast), &[self, places], places.shape())
    }

    fn place(self, places: Var<'t, F>, width: usize) -> Var<'t, F> {
        let shape = self.shape().insert(self.shape().len(), width);
        self.tape().push(Op::Index(IndexOp::PlaceLast), &[self, places], shape)
    }

    /// The largest values along `axes`, which are taken away; the gradient goes to the first of equal ones.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice, or there are no values along the axes.
    #[track_caller]
    pub fn max_axes(self, axes: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("max_axes", &shape, axes);
        let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
        let width: usize = axes.iter().map(|&a| shape[a]).product();
        assert!(width > 0, "max_axes: {shape} holds no values along axes {axes:?}");
        let out = shape.without(axes);
        let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
        let sorted = order.windows(2).all(|w| w[0] < w[1]);
        let rows = if sorted { self } else { self.permute(&order) };
        rows.reshape(&[out.count(), width]).max_last().reshape(&out)
    }

    /// The smallest values along `axes`, which are taken away; the gradient goes to the first of equal ones.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice, or there are no values along the axes.
    #[track_caller]
    pub fn min_axes(self, axes: &[usize]) -> Var<'t, F> {
        -(-self).max_axes(axes)
    }

    #[track_caller]
    fn max_last(self) -> Var<'t, F> {
        let shape = self.shape();
        let out = shape.without(&[shape.len() - 1]);
        self.tape().push_many(Op::Index(IndexOp::MaxLast), &[self], &[out, out])
    }

    /// The places of the largest values along one axis, row-major over the other axes; the first of equal ones.
    ///
    /// # Panics
    /// When the axis does not exist or has size 0.
    #[track_caller]
    pub fn argmax(self, axis: usize) -> Vec<usize> {
        let shape = self.shape();
        check_axes("argmax", &shape, &[axis]);
        assert!(shape[axis] > 0, "argmax: axis {axis} of {shape} is empty");
        let (outer, size, inner) = shape.around(axis);
        let value = self.value();
        if inner == 1 {
            return reduce::argmax_last(value.data(), size);
        }
        let mut rows = Vec::with_capacity(value.len());
        for o in 0..outer {
            for i in 0..inner {
                rows.extend((0..size).map(|s| value.data()[(o * size + s) * inner + i]));
            }
        }
        reduce::argmax_last(&rows, size)
    }
}
