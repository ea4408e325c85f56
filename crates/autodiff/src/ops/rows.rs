//! Softmax and its relatives, on the last axis of a matrix of rows.

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::indices::{Indices, OutOfRange, places};
use crate::shape::{Shape, check_axes};
use crate::var::Var;

/// Operators on rows of logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Softmax,
    LogSoftmax,
    LogSumExp,
    /// Mean cross-entropy with the labels of the second input, and (second output) the softmax.
    CrossEntropy,
    /// Vectors along an axis times powers of two, and (further outputs) these and their inverses: those that are far from one
    /// come near it.
    Scaled {
        axis: usize,
    },
}

impl Rows {
    fewshot_kernels::names! {
        Rows::Softmax => "softmax",
        Rows::LogSoftmax => "log_softmax",
        Rows::LogSumExp => "logsumexp",
        Rows::CrossEntropy => "cross_entropy",
        Rows::Scaled { .. } => "scaled",
    }

    pub(crate) fn forward<F: Float>(
        &self,
        x: &Inputs<'_, F>,
        out: &mut [&mut [F]],
    ) -> Result<(), OutOfRange> {
        let (a, shape) = (x.at(0).data(), x.at(0).shape());
        let width = shape[shape.len() - 1];
        match (self, out) {
            (Rows::Softmax, [out]) => F::softmax(out, a, width),
            (Rows::LogSoftmax, [out]) => F::log_softmax(out, a, width),
            (Rows::LogSumExp, [out]) => F::logsumexp(out, a, width),
            (Rows::CrossEntropy, [mean, probabilities]) => {
                let labels = places(self.name(), x.at(1).data(), width)?;
                let mut losses = vec![F::zero(); labels.len()];
                F::softmax_cross_entropy(&mut losses, probabilities, a, &labels, width);
                mean[0] = losses.iter().copied().sum::<F>() / F::of(labels.len() as f64);
            }
            (&Rows::Scaled { axis }, [out, factors, inverses]) => {
                F::scale([out, factors, inverses], a, shape.around(axis).into());
            }
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
        Ok(())
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let (x, y) = (r.x(0), r.y());
        let last = x.shape().len() - 1;
        match self {
            Rows::Softmax => {
                let u = r.u();
                r.give(0, || through_softmax(y, u));
            }
            Rows::LogSoftmax => {
                let u = r.u();
                r.give(0, || u - y.exp() * u.keep_sum(&[last]));
            }
            Rows::LogSumExp => {
                let u = r.u();
                r.give(0, || x.softmax(last) * u.insert_axis(last));
            }
            Rows::CrossEntropy => {
                let (probabilities, labels) = (y.output(1), r.x(1));
                if let Some(u) = r.u_of(0) {
                    r.give(0, || {
                        let shape = x.shape();
                        let hot = x.tape().one_hot(labels, shape[1]);
                        (probabilities - hot) * (u * F::of(1.0 / shape[0] as f64))
                    });
                }
                if let Some(u) = r.u_of(1) {
                    r.give(0, || through_softmax(probabilities, u));
                }
            }
            Rows::Scaled { .. } => {
                // the factors are piecewise constant
                if let Some(u) = r.u_of(0) {
                    r.give(0, || u * y.output(1).detach());
                }
            }
        }
    }
}

/// The Jacobian of softmax, which is symmetric: `p (u - sum p u)` a row.
fn through_softmax<'t, F: Float>(p: Var<'t, F>, u: Var<'t, F>) -> Var<'t, F> {
    p * (u - (p * u).keep_sum(&[p.shape().len() - 1]))
}

impl<'t, F: Float> Var<'t, F> {
    /// Applies a row operator along any axis by bringing that axis last.
    #[track_caller]
    fn along(self, op: Rows, axis: usize) -> Var<'t, F> {
        let shape = self.shape();
        check_axes(op.name(), &shape, &[axis]);
        assert!(shape[axis] > 0, "{}: axis {axis} of {shape} is empty", op.name());
        let last = shape.len() - 1;
        let mut order: Vec<usize> = (0..shape.len()).filter(|&a| a != axis).collect();
        let rows = if axis == last {
            self
        } else {
            order.push(axis);
            self.permute(&order)
        };
        if op == Rows::LogSumExp {
            let out = shape.without(&[axis]);
            return self.tape().push(Op::Rows(op), &[rows], out);
        }
        let y = self.tape().push(Op::Rows(op), &[rows], rows.shape());
        if axis == last {
            return y;
        }
        let mut back: Vec<usize> = (0..last).collect();
        back.insert(axis, last);
        y.permute(&back)
    }

    /// Vectors along an axis times powers of two, so that their lengths and the squares of these are normal numbers, and the inverses
    /// of those factors, whose axis has size 1; most vectors stay as they are.
    #[track_caller]
    pub(super) fn scaled(self, axis: usize) -> (Var<'t, F>, Var<'t, F>) {
        let (shape, op) = (self.shape(), Op::Rows(Rows::Scaled { axis }));
        let factors = shape.with_ones(&[axis]);
        let scaled = self.tape().push_many(op, &[self], &[shape, factors, factors]);
        (scaled, scaled.output(2).detach())
    }

    /// `e^x / sum e^x` along an axis; does not overflow.
    ///
    /// # Panics
    /// When the axis does not exist or is empty.
    #[track_caller]
    pub fn softmax(self, axis: usize) -> Var<'t, F> {
        self.along(Rows::Softmax, axis)
    }

    /// `x - ln sum e^x` along an axis; does not overflow.
    ///
    /// The absolute error is about a unit in the last place of the larger of 1 and the result: the logarithm of a probability near 1, which
    /// is near 0, is right to about 1e-7 in `f32`, and not to 1e-7 of itself. The derivatives, differences from probabilities, are as
    /// exact.
    ///
    /// # Panics
    /// When the axis does not exist or is empty.
    #[track_caller]
    pub fn log_softmax(self, axis: usize) -> Var<'t, F> {
        self.along(Rows::LogSoftmax, axis)
    }

    /// `ln sum e^x` along an axis, which is removed; does not overflow.
    ///
    /// # Panics
    /// When the axis does not exist or is empty.
    #[track_caller]
    pub fn logsumexp(self, axis: usize) -> Var<'t, F> {
        self.along(Rows::LogSumExp, axis)
    }

    /// Mean over rows of `-ln softmax(logits)[label]`: logits `[n, classes]`, one label a row, to shape `[]`.
    ///
    /// As exact as [`log_softmax`](Var::log_softmax): in `f32` the loss of an answer that is right and certain to 1e-8 is 0.
    ///
    /// # Panics
    /// When the numbers of labels and rows differ, a label is no whole number below the number of classes, or there are no rows.
    #[track_caller]
    pub fn cross_entropy(self, labels: impl Indices<'t, F>) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(shape.len(), 2, "cross_entropy: logits {shape} are not [n, classes]");
        assert!(shape[0] > 0, "cross_entropy: {shape} has no rows to average over");
        let labels = labels.on(self.tape(), "cross_entropy", shape[1]);
        let count = labels.shape()[0];
        assert_eq!(shape[0], count, "cross_entropy: logits {shape} and {count} labels differ");
        self.tape().push_many(Op::Rows(Rows::CrossEntropy), &[self, labels], &[Shape::scalar(), shape])
    }
}
