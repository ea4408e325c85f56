//! Batch normalisation on the statistics of the batch, with an activation, as one operator: value, first and second
//! derivative are written by hand, higher ones composed of simpler operators.
//!
//! With h = (x - mean) / sqrt(variance + eps) and z = scale h + shift, y = z where positive, else slope z.

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::ops::unary::Unary;
use crate::shape::Shape;
use crate::var::Var;

/// An activation, element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else this slope times `x`.
    LeakyRelu(f64),
}

impl Activation {
    /// The factor of negative values.
    pub fn slope(self) -> f64 {
        match self {
            Activation::Identity => 1.0,
            Activation::Relu => 0.0,
            Activation::LeakyRelu(slope) => slope,
        }
    }

    /// Applies the activation to a value.
    #[track_caller]
    pub fn apply<F: Float>(self, x: Var<'_, F>) -> Var<'_, F> {
        match self {
            Activation::Identity => x,
            Activation::Relu => x.relu(),
            Activation::LeakyRelu(slope) => x.leaky_relu(F::of(slope)),
        }
    }
}

/// Which inputs there are beside the images, and the two numbers of the formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Terms<F> {
    scale: bool,
    shift: bool,
    eps: F,
    slope: F,
}

impl<F> Terms<F> {
    /// How many of scale and shift there are.
    pub(crate) fn affine(&self) -> usize {
        usize::from(self.scale) + usize::from(self.shift)
    }
}

impl<F: Float> Terms<F> {
    /// Scale and shift behind the first input, and the numbers.
    pub(super) fn given<'a>(&self, x: &Inputs<'a, F>) -> fewshot_kernels::norm::Terms<'a, F> {
        fewshot_kernels::norm::Terms {
            scale: self.scale.then(|| x.at(1).data()),
            shift: self.shift.then(|| x.at(self.affine()).data()),
            eps: self.eps,
            slope: self.slope,
        }
    }
}

/// The batch-norm operators. All take x, and scale and shift where they exist; what else is said at each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NormOp<F> {
    /// To y and the statistics `[2, c]`: mean and biased variance.
    Forward(Terms<F>),
    /// With statistics and dy, to dx, dscale and dshift.
    Backward(Terms<F>),
    /// With statistics, dy and the cotangents of the three outputs of `Backward`, to the gradients for x, dy and scale.
    Backward2(Terms<F>),
}

impl<F: Float> NormOp<F> {
    fewshot_kernels::names! {
        NormOp::Forward(_) => "batch_norm",
        NormOp::Backward(_) => "batch_norm gradient",
        NormOp::Backward2(_) => "batch_norm second gradient",
    }

    fn terms(&self) -> Terms<F> {
        match *self {
            NormOp::Forward(t) | NormOp::Backward(t) | NormOp::Backward2(t) => t,
        }
    }

    /// The arriving gradient may be overwritten by the one that is computed.
    pub(crate) fn overwrites(&self, i: usize) -> Option<usize> {
        let arrives = |k: usize| i == 2 + self.terms().affine() + k;
        match self {
            NormOp::Backward(_) if arrives(0) => Some(0),
            NormOp::Backward2(_) if arrives(0) => Some(1),
            NormOp::Backward2(_) if arrives(1) => Some(0),
            _ => None,
        }
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [&mut [F]]) {
        let t = self.terms();
        let (a, shape) = (x.at(0).data(), x.at(0).shape());
        let c = shape[shape.len() - 1];
        let scale = t.scale.then(|| x.at(1).data());
        let shift = t.shift.then(|| x.at(1 + usize::from(t.scale)).data());
        let rest = |i: usize| x.at(1 + t.affine() + i).data();
        let source = |i: usize| x.source(1 + t.affine() + i);
        match (self, out) {
            (NormOp::Forward(_), [y, stats]) => F::batch_norm(y, stats, a, scale, shift, c, t.eps, t.slope),
            (NormOp::Backward(_), [dx, ds, db]) => {
                F::batch_norm_backward(dx, ds, db, a, rest(0), scale, shift, source(1), c, t.eps, t.slope);
            }
            (NormOp::Backward2(_), [to_x, to_dy, to_scale]) => F::batch_norm_backward2(
                to_x,
                to_dy,
                to_scale,
                a,
                rest(0),
                scale,
                shift,
                source(1),
                source(2),
                rest(3),
                rest(4),
                c,
                t.eps,
                t.slope,
            ),
            _ => unreachable!("the outputs were counted when the operator was written"),
        }
    }

    pub(crate) fn vjp(&self, r: &mut GradientRule<'_, '_, F>) {
        match *self {
            NormOp::Forward(t) => forward_rule(t, r),
            NormOp::Backward(t) => backward_rule(t, r),
            NormOp::Backward2(t) => r.give_composed(|r| composed_backward2(t, r)),
        }
    }
}

fn inputs<'t, F: Float>(r: &GradientRule<'_, 't, F>, count: usize) -> Vec<Var<'t, F>> {
    (0..count).map(|i| r.x(i)).collect()
}

fn forward_rule<F: Float>(t: Terms<F>, r: &mut GradientRule<'_, '_, F>) {
    if r.u_of(1).is_some() {
        // Statistics that are used as values: rare, so simpler operators do.
        return r.give_composed(|r| {
            let (y, mean, variance) = composed(t, &inputs(r, 1 + t.affine()));
            vec![y, Var::stack(&[mean, variance], 0)]
        });
    }
    let mut all = inputs(r, 1 + t.affine());
    all.push(r.y().output(1));
    all.push(r.u());
    let shape = r.x(0).shape();
    let channel = Shape::new(&shape[shape.len() - 1..]);
    let dx = r.x(0).tape().push_many(Op::Norm(NormOp::Backward(t)), &all, &[shape, channel, channel]);
    r.give(0, || dx);
    if t.scale {
        r.give(1, || dx.output(1));
    }
    if t.shift {
        r.give(t.affine(), || dx.output(2));
    }
}

fn backward_rule<F: Float>(t: Terms<F>, r: &mut GradientRule<'_, '_, F>) {
    let mut all = inputs(r, 3 + t.affine());
    all.extend([r.u_or_zeros(0), r.u_or_zeros(1), r.u_or_zeros(2)]);
    let shape = r.x(0).shape();
    let channel = Shape::new(&shape[shape.len() - 1..]);
    let to_x = r.x(0).tape().push_many(Op::Norm(NormOp::Backward2(t)), &all, &[shape, shape, channel]);
    // The statistics are functions of x, whose share holds theirs.
    r.give(0, || to_x);
    r.give(2 + t.affine(), || to_x.output(1));
    if t.scale {
        r.give(1, || to_x.output(2));
    }
}

/// The operator anew: y, mean and variance from x, scale and shift.
fn composed<'t, F: Float>(t: Terms<F>, all: &[Var<'t, F>]) -> (Var<'t, F>, Var<'t, F>, Var<'t, F>) {
    let x = all[0];
    let (h, mean, variance) = normalised(t, x);
    let h = if t.scale { h * all[1] } else { h };
    let z = if t.shift { h + all[t.affine()] } else { h };
    (z.leaky_relu(t.slope), mean, variance)
}

fn normalised<'t, F: Float>(t: Terms<F>, x: Var<'t, F>) -> (Var<'t, F>, Var<'t, F>, Var<'t, F>) {
    let rows: Vec<usize> = (0..x.shape().len() - 1).collect();
    let mean = x.mean_axes(&rows);
    let centred = x - mean;
    let variance = centred.square().mean_axes(&rows);
    (centred / (variance + t.eps).sqrt(), mean, variance)
}

/// `Backward` in simpler operators: dx, dscale, dshift from x, scale, shift and dy.
fn composed_backward<'t, F: Float>(t: Terms<F>, all: &[Var<'t, F>], dy: Var<'t, F>) -> [Var<'t, F>; 3] {
    let x = all[0];
    let rows: Vec<usize> = (0..x.shape().len() - 1).collect();
    let (h, _, variance) = normalised(t, x);
    let scaled = if t.scale { h * all[1] } else { h };
    let z = if t.shift { scaled + all[t.affine()] } else { scaled };
    let dz = dy.chain(z.unary(Unary::LeakyMask(t.slope)));
    let (sum, product) = (dz.sum_axes(&rows), (dz * h).sum_axes(&rows));
    let count = F::of((x.shape().count() / sum.shape().count().max(1)).max(1) as f64);
    let gain = (variance + t.eps).sqrt().recip();
    let gain = if t.scale { gain * all[1] } else { gain };
    [gain * (dz - sum / count - h * (product / count)), product, sum]
}

/// `Backward2` in simpler operators: the gradient of `Backward` contracted with its cotangents, for x, dy and scale.
fn composed_backward2<'t, F: Float>(t: Terms<F>, r: &GradientRule<'_, 't, F>) -> Vec<Var<'t, F>> {
    let all = inputs(r, 1 + t.affine());
    let at = |i: usize| r.x(1 + t.affine() + i);
    let dy = at(1);
    let outputs = composed_backward(t, &all, dy);
    let contracted = outputs
        .iter()
        .enumerate()
        .map(|(i, y)| (*y * at(2 + i)).sum())
        .reduce(|a, b| a + b)
        .expect("there are three outputs");
    let mut wrt = vec![all[0], dy];
    if t.scale {
        wrt.push(all[1]);
    }
    r.partials(contracted, &wrt)
}

impl<'t, F: Float> Var<'t, F> {
    /// Batch normalisation over all axes but the last, on the statistics of this batch (Ioffe and Szegedy 2015), with an
    /// activation: `act(scale (x - mean) / sqrt(variance + eps) + shift)`, biased variance. Returns the output and the statistics
    /// `[2, c]`: mean and biased variance. `scale` and `shift` are `[c]`; left out they are 1 and 0.
    ///
    /// # Panics
    /// When this value is a scalar or empty, or `scale` or `shift` is not `[c]`.
    #[track_caller]
    pub fn batch_norm(
        self,
        scale: Option<Var<'t, F>>,
        shift: Option<Var<'t, F>>,
        eps: F,
        activation: Activation,
    ) -> (Var<'t, F>, Var<'t, F>) {
        let shape = self.shape();
        assert!(!shape.is_empty() && shape.count() > 0, "batch_norm: {shape} holds no channels or no rows");
        let c = shape[shape.len() - 1];
        let mut inputs = vec![self];
        for (name, term) in [("scale", scale), ("shift", shift)] {
            if let Some(term) = term {
                let other = term.shape();
                assert_eq!(other, [c], "batch_norm: {shape} and {name} {other}: {name} must be [{c}]");
                inputs.push(term);
            }
        }
        let terms =
            Terms { scale: scale.is_some(), shift: shift.is_some(), eps, slope: F::of(activation.slope()) };
        let op = Op::Norm(NormOp::Forward(terms));
        let y = self.tape().push_many(op, &inputs, &[shape, Shape::new(&[2, c])]);
        (y, y.output(1))
    }
}
