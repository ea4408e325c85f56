//! Indexing: gather and scatter_add (adjoint to each other), one-hot, largest and smallest values.

use crate::array::Array;
use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::indices::{Indices, OutOfRange, place, places};
use crate::shape::{Shape, check_axes};
use crate::tape::Tape;
use crate::var::Var;

/// Operators that read or write elements by index. Indices are whole numbers in the element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexOp {
    /// The entries of an axis at the indices of the second input.
    Gather { axis: usize },
    /// The adjoint of `Gather`: entry `i` is added at the `i`-th index of the second input.
    ScatterAdd { axis: usize },
    /// Rows of zeros with a one at the index.
    OneHot,
    /// The largest element of each row `[.., c]`, and (second output) its index.
    MaxLast,
    /// The element of each row at the index that the second input gives.
    PickLast,
    /// The adjoint of `PickLast`: each element at its index in a row of zeros.
    PlaceLast,
}

impl IndexOp {
    fewshot_kernels::names! {
        IndexOp::Gather { .. } => "gather",
        IndexOp::ScatterAdd { .. } => "scatter_add",
        IndexOp::OneHot => "one_hot",
        IndexOp::MaxLast => "max_axes",
        IndexOp::PickLast => "pick",
        IndexOp::PlaceLast => "place",
    }

    pub(crate) fn forward<F: Float>(
        &self,
        x: &Inputs<'_, F>,
        out: &mut [&mut [F]],
        shapes: &[Shape],
    ) -> Result<(), OutOfRange> {
        let (a, from, to) = (x.at(0).data(), x.at(0).shape(), shapes[0]);
        let places = |size| places(self.name(), x.at(1).data(), size);
        match (self, out) {
            (IndexOp::Gather { axis }, [out]) => {
                let (outer, size, inner) = from.around(*axis);
                F::gather(out, a, &places(size)?, [outer, size, inner]);
            }
            (IndexOp::ScatterAdd { axis }, [out]) => {
                let (outer, size, inner) = to.around(*axis);
                F::scatter_add(out, a, &places(size)?, [outer, size, inner]);
            }
            (IndexOp::OneHot, [out]) => {
                out.fill(F::zero());
                for (i, &label) in a.iter().enumerate() {
                    out[i * to[1] + place(self.name(), label, to[1])?] = F::one();
                }
            }
            (IndexOp::MaxLast, [largest, found]) => {
                let width = from[from.len() - 1];
                for (i, &p) in F::argmax_last(a, width).iter().enumerate() {
                    largest[i] = a[i * width + p];
                    found[i] = F::of(p as f64);
                }
            }
            (IndexOp::PickLast, [out]) => {
                let width = from[from.len() - 1];
                for (i, (out, p)) in out.iter_mut().zip(places(width)?).enumerate() {
                    *out = a[i * width + p];
                }
            }
            (IndexOp::PlaceLast, [out]) => {
                let width = to[to.len() - 1];
                out.fill(F::zero());
                for (i, (&v, p)) in a.iter().zip(places(width)?).enumerate() {
                    out[i * width + p] = v;
                }
            }
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
        Ok(())
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let x = r.x(0);
        let width = x.shape().last().copied().unwrap_or(1);
        match *self {
            IndexOp::Gather { axis } => {
                let (u, index, size) = (r.u(), r.x(1), x.shape()[axis]);
                r.give(0, || u.scatter(axis, index, size));
            }
            IndexOp::ScatterAdd { axis } => {
                let (u, index) = (r.u(), r.x(1));
                r.give(0, || u.pick_along(axis, index));
            }
            IndexOp::OneHot => {}
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

impl<F: Float> Array<F> {
    /// Indices or class labels as an array `[n]`, the form that [`Indices`] have on a tape.
    ///
    /// # Panics
    /// When an index is 2^24 or more, which f32 cannot tell from its neighbours.
    #[track_caller]
    pub fn index(places: &[usize]) -> Self {
        if let Some(i) = places.iter().find(|&&i| i >= 1 << 24) {
            panic!("index: place {i} is not below 2^24, as far as f32 tells whole numbers apart");
        }
        Array::from_fn(&[places.len()], |i| F::of(places[i] as f64))
    }
}

impl<'t, F: Float> Tape<F> {
    /// Indices or class labels on the tape, `[n]`: data for a gather or a loss.
    ///
    /// # Panics
    /// When an index is 2^24 or more.
    #[track_caller]
    pub fn index(&'t self, places: &[usize]) -> Var<'t, F> {
        self.leaf(Array::index(places))
    }

    /// Rows of `classes` zeros with a one at the label: `[n]` labels to `[n, classes]`.
    ///
    /// # Panics
    /// When a label is no whole number below `classes`.
    #[track_caller]
    pub fn one_hot(&'t self, labels: impl Indices<'t, F>, classes: usize) -> Var<'t, F> {
        let labels = labels.on(self, "one_hot", classes);
        let shape = Shape::new(&[labels.shape()[0], classes]);
        self.push(Op::Index(IndexOp::OneHot), &[labels], shape)
    }
}

impl<'t, F: Float> Var<'t, F> {
    /// The entries `index` along an axis, in that order, repetitions allowed.
    ///
    /// # Panics
    /// When the axis does not exist, or an index is no whole number below its size.
    #[track_caller]
    pub fn gather(self, axis: usize, index: impl Indices<'t, F>) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("gather", &shape, &[axis]);
        self.pick_along(axis, index.on(self.tape(), "gather", shape[axis]))
    }

    #[track_caller]
    fn pick_along(self, axis: usize, index: Var<'t, F>) -> Var<'t, F> {
        let shape = self.shape().with(axis, index.shape()[0]);
        self.tape().push(Op::Index(IndexOp::Gather { axis }), &[self, index], shape)
    }

    /// Zeros with an axis of `size`, to which entry `i` of this value is added at `index[i]`: the adjoint of
    /// [`gather`](Var::gather).
    ///
    /// # Panics
    /// When the axis does not exist, the numbers of indices and entries differ, or an index is no whole number below `size`.
    #[track_caller]
    pub fn scatter_add(self, axis: usize, index: impl Indices<'t, F>, size: usize) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("scatter_add", &shape, &[axis]);
        let index = index.on(self.tape(), "scatter_add", size);
        let count = index.shape()[0];
        assert_eq!(count, shape[axis], "scatter_add: {count} indices for axis {axis} of {shape}");
        self.scatter(axis, index, size)
    }

    #[track_caller]
    fn scatter(self, axis: usize, index: Var<'t, F>, size: usize) -> Var<'t, F> {
        let shape = self.shape().with(axis, size);
        self.tape().push(Op::Index(IndexOp::ScatterAdd { axis }), &[self, index], shape)
    }

    #[track_caller]
    fn pick(self, places: Var<'t, F>) -> Var<'t, F> {
        self.tape().push(Op::Index(IndexOp::PickLast), &[self, places], places.shape())
    }

    #[track_caller]
    fn place(self, places: Var<'t, F>, width: usize) -> Var<'t, F> {
        let shape = self.shape().insert(self.shape().len(), width);
        self.tape().push(Op::Index(IndexOp::PlaceLast), &[self, places], shape)
    }

    /// The largest values along `axes`, which are removed; NaN where any value is; the gradient goes to the first of equal ones, or to
    /// the first NaN.
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

    /// The smallest values along `axes`, which are removed; NaN where any value is; the gradient goes to the first of equal ones, or to
    /// the first NaN.
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

    /// The indices of the largest values along one axis, row-major over the other axes; of equal values the first, and the first NaN
    /// where there is one.
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
            return F::argmax_last(value.data(), size);
        }
        let mut rows = Vec::with_capacity(value.len());
        for o in 0..outer {
            for i in 0..inner {
                rows.extend((0..size).map(|s| value.data()[(o * size + s) * inner + i]));
            }
        }
        F::argmax_last(&rows, size)
    }
}
