//! Pooling of images `[n, h, w, c]`.

use fewshot_kernels::pool::PoolShape;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::conv::{Padding, padding_of};
use crate::shape::Shape;
use crate::var::Var;

/// Size, stride and padding of pooling windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Height and width of the window, in pixels.
    pub size: [usize; 2],
    /// Steps down and right, in pixels.
    pub stride: [usize; 2],
    /// Pixels around the images that no window prefers.
    pub padding: Padding,
}

impl Pool {
    /// Square windows side by side; an odd last row or column belongs to none.
    pub const fn valid(size: usize) -> Self {
        Pool { size: [size; 2], stride: [size; 2], padding: Padding::Valid }
    }

    /// Square windows side by side; odd last rows and columns make windows of their own.
    pub const fn same(size: usize) -> Self {
        Pool { size: [size; 2], stride: [size; 2], padding: Padding::Same }
    }

    /// Height and width of the output for images of this size.
    ///
    /// # Panics
    /// When there are no pixels, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn output_size(self, size: [usize; 2]) -> [usize; 2] {
        let shape = self.checked("Pool", &Shape::new(&[1, size[0], size[1], 1]));
        [shape.out_h(), shape.out_w()]
    }

    /// The sizes of a pooling of images of shape `x`, checked.
    #[track_caller]
    fn checked(self, name: &str, x: &Shape) -> PoolShape {
        let pad = padding_of(name, x, self.size, self.stride, self.padding);
        for (i, pad) in pad.iter().enumerate() {
            assert!(
                pad.iter().all(|&p| p < self.size[i]),
                "{name}: padding {pad:?} leaves windows of {:?} without a pixel",
                self.size
            );
        }
        PoolShape { n: x[0], h: x[1], w: x[2], c: x[3], size: self.size, stride: self.stride, pad }
    }
}

/// The pooling operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolOp {
    /// The largest of each window, and (second output) its place within the image.
    Max(PoolShape),
    /// The elements of images at the places that the second input gives.
    Pick(PoolShape),
    /// The adjoint of `Pick`: elements added at their places in images of zeros.
    Place(PoolShape),
    /// The mean of each window, padding not counted.
    Average(PoolShape),
    /// The adjoint of `Average`.
    Spread(PoolShape),
}

fn image_shape(s: &PoolShape) -> Shape {
    Shape::new(&[s.n, s.h, s.w, s.c])
}

fn output_shape(s: &PoolShape) -> Shape {
    Shape::new(&[s.n, s.out_h(), s.out_w(), s.c])
}

impl PoolOp {
    fewshot_kernels::names! {
        PoolOp::Max(_) => "max_pool",
        PoolOp::Pick(_) => "max_pool pick",
        PoolOp::Place(_) => "max_pool place",
        PoolOp::Average(_) => "avg_pool",
        PoolOp::Spread(_) => "avg_pool spread",
    }

    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let a = x.at(0).data();
        match (self, out) {
            (PoolOp::Max(s), [largest, places]) => F::max_pool(largest, places, a, s),
            (PoolOp::Pick(s), [out]) => F::max_pool_pick(out, a, x.at(1).data(), s),
            (PoolOp::Place(s), [out]) => F::max_pool_place(out, a, x.at(1).data(), s),
            (PoolOp::Average(s), [out]) => F::avg_pool(out, a, s),
            (PoolOp::Spread(s), [out]) => F::avg_pool_dx(out, a, s),
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        match *self {
            PoolOp::Max(s) => {
                // The places are piecewise constant: only the values pass a gradient on.
                if let Some(u) = r.u_of(0) {
                    let places = r.y().output(1);
                    r.give(0, || write(PoolOp::Place(s), &[u, places]));
                }
            }
            PoolOp::Pick(s) => {
                let (u, places) = (r.u(), r.x(1));
                r.give(0, || write(PoolOp::Place(s), &[u, places]));
            }
            PoolOp::Place(s) => {
                let (u, places) = (r.u(), r.x(1));
                r.give(0, || write(PoolOp::Pick(s), &[u, places]));
            }
            PoolOp::Average(s) => {
                let u = r.u();
                r.give(0, || write(PoolOp::Spread(s), &[u]));
            }
            PoolOp::Spread(s) => {
                let u = r.u();
                r.give(0, || write(PoolOp::Average(s), &[u]));
            }
        }
    }
}

#[track_caller]
fn write<'t, F: Float>(op: PoolOp, inputs: &[Var<'t, F>]) -> Var<'t, F> {
    let tape = inputs[0].tape();
    match &op {
        PoolOp::Max(s) => tape.push_many(Op::Pool(op), inputs, &[output_shape(s); 2]),
        PoolOp::Pick(s) | PoolOp::Average(s) => tape.push(Op::Pool(op), inputs, output_shape(s)),
        PoolOp::Place(s) | PoolOp::Spread(s) => tape.push(Op::Pool(op), inputs, image_shape(s)),
    }
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    fn pool_shape(self, name: &str, how: Pool) -> PoolShape {
        let x = self.shape();
        assert_eq!(x.len(), 4, "{name}: {x} is not [n, h, w, c]");
        how.checked(name, &x)
    }

    /// Max-pooling, `[n, h, w, c]` to `[n, oh, ow, c]`: the largest value of each window, NaN where any value is. The gradient goes to the
    /// first of equal values, or to the first NaN.
    ///
    /// # Panics
    /// When this value has not four axes, no pixels or no channels, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn max_pool(self, how: Pool) -> Var<'t, F> {
        let s = self.pool_shape("max_pool", how);
        // An image's places must be whole numbers in f32.
        assert!(s.h * s.w * s.c < 1 << 24, "max_pool: images of {} have more than 2^24 values", self.shape());
        write(PoolOp::Max(s), &[self])
    }

    /// Average pooling, the mean of each window without padding: `[n, h, w, c]` to `[n, oh, ow, c]`.
    ///
    /// # Panics
    /// When this value has not four axes, no pixels or no channels, a stride is 0, or the window does not fit.
    #[track_caller]
    pub fn avg_pool(self, how: Pool) -> Var<'t, F> {
        write(PoolOp::Average(self.pool_shape("avg_pool", how)), &[self])
    }

    /// The mean of each image and channel: `[n, h, w, c]` to `[n, c]`.
    ///
    /// # Panics
    /// When this value has not four axes, or no pixels or channels.
    #[track_caller]
    pub fn global_avg_pool(self) -> Var<'t, F> {
        let x = self.shape();
        assert_eq!(x.len(), 4, "global_avg_pool: {x} is not [n, h, w, c]");
        assert!(
            x[1..].iter().all(|&size| size > 0),
            "global_avg_pool: images {x} [n, h, w, c] have no pixels or channels"
        );
        self.mean_axes(&[1, 2])
    }
}
