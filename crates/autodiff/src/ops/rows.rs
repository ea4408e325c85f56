//! Softmax and its relatives, on the last axis of a matrix of rows.

use std::sync::Arc;

use crate::array::Array;
use crate::float::Float;
use crate::grad::Rule;
use crate::kernels::rows;
use crate::op::{Op, Outputs};
use crate::shape::{Shape, check_axes};
use crate::tape::Inputs;
use crate::var::Var;

/// Operators on rows of logits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rows {
    Softmax,
    LogSoftmax,
    LogSumExp,
    /// Mean cross-entropy with integer labels, and (second output) the softmax.
    CrossEntropy(Arc<[usize]>),
}

impl Rows {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Rows::Softmax => "softmax",
            Rows::LogSoftmax => "log_softmax",
            Rows::LogSumExp => "logsumexp",
            Rows::CrossEntropy(_) => "cross_entropy",
        }
    }

    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, shapes: &[Shape]) -> Outputs<F> {
        let a = &x[0];
        let width = a.shape()[a.rank() - 1];
        match self {
            Rows::Softmax => Array::build(shapes[0], |out| rows::softmax(out, a.data(), width)).into(),
            Rows::LogSoftmax => Array::build(shapes[0], |out| rows::log_softmax(out, a.data(), width)).into(),
            Rows::LogSumExp => Array::build(shapes[0], |out| rows::logsumexp(out, a.data(), width)).into(),
            Rows::CrossEntropy(labels) => {
                let mut losses = vec![F::zero(); labels.len()];
                let probabilities = Array::build(shapes[1], |out| {
                    rows::softmax_cross_entropy(&mut losses, out, a.data(), labels, width);
                });
                let mean = losses.iter().copied().sum::<F>() / F::of(labels.len() as f64);
                Outputs::Many(vec![Array::scalar(mean), probabilities])
            }
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut Rule<'_, '_, F>) {
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
            Rows::CrossEntropy(labels) => {
                let probabilities = y.output(1);
                if let Some(u) = r.u_of(0) {
                    r.give(0, || {
                        let classes = x.shape()[1];
                        let hot = x.tape().one_hot(labels, classes);
                        (probabilities - hot) * (u * F::of(1.0 / labels.len() as f64))
                    });
                }
                if let Some(u) = r.u_of(1) {
                    r.give(0, || through_softmax(probabilities, u));
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
    /// # Panics
    /// When the axis does not exist or is empty.
    #[track_caller]
    pub fn log_softmax(self, axis: usize) -> Var<'t, F> {
        self.along(Rows::LogSoftmax, axis)
    }

    /// `ln sum e^x` along an axis, which is taken away; does not overflow.
    ///
    /// # Panics
    /// When the axis does not exist or is empty.
    #[track_caller]
    pub fn logsumexp(self, axis: usize) -> Var<'t, F> {
        self.along(Rows::LogSumExp, axis)
    }

    /// Mean over rows of `-ln softmax(logits)[label]`: logits `[n, classes]`, one label a row, to shape `[]`.
    ///
    /// # Panics
    /// When there is not one label a row, or a label is not below the number of classes, or there are no rows.
    #[track_caller]
    pub fn cross_entropy(self, labels: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(shape.len(), 2, "cross_entropy: logits {shape} are not [n, classes]");
        assert_eq!(
            shape[0],
            labels.len(),
            "cross_entropy: logits {shape} and {} labels differ",
            labels.len()
        );
        assert!(shape[0] > 0, "cross_entropy: {shape} has no rows to average over");
        if let Some(label) = labels.iter().find(|&&l| l >= shape[1]) {
            panic!("cross_entropy: label {label} is not one of the {} classes of {shape}", shape[1]);
        }
        let op = Rows::CrossEntropy(labels.into());
        self.tape().push_many(Op::Rows(op), &[self], &[Shape::scalar(), shape])
    }
}
