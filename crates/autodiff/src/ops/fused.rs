//! Operators that feed one another, as one. Only the plan of a program makes them, so that they have no gradient.

use crate::float::Float;
use crate::inputs::Inputs;
use crate::kernels::limits::{self, Leaky};
use crate::kernels::map::{Source, broadcast2, map2};
use crate::ops::product::Product;
use crate::shape::Shape;

/// What several operators compute, with the same bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fused<F> {
    /// `a + b factor`, broadcast.
    AddScaled(F),
    /// `u` where `x > 0`, else `u slope`: the gradient of a leaky ReLU.
    Leaky(F),
    /// The product of the first two inputs plus the third, broadcast; then a leaky ReLU of this slope, if any.
    Affine(Product, Option<F>),
}

impl<F: Float> Fused<F> {
    names! {
        Fused::AddScaled(_) => "add scaled",
        Fused::Leaky(_) => "leaky_relu gradient",
        Fused::Affine(Product::Right, None) => "matmul_nt + add",
        Fused::Affine(Product::Left, None) => "matmul_tn + add",
        Fused::Affine(_, None) => "matmul + add",
        Fused::Affine(_, Some(_)) => "matmul + add + leaky_relu",
    }

    pub(crate) fn overwrites(&self) -> Option<usize> {
        (!matches!(self, Fused::Affine(..))).then_some(0)
    }

    pub(crate) fn forward(&self, x: &Inputs<'_, F>, out: &mut [F], shape: Shape) {
        match *self {
            Fused::AddScaled(k) => {
                let (a, b) = (x.source(0), x.source(1));
                broadcast2(out, &shape, a, x.shape(0), b, x.shape(1), move |a, b| a + b * k);
            }
            Fused::Leaky(s) => {
                map2(out, x.source(0), x.source(1), move |u, x| limits::leaky_gradient(u, x, s));
            }
            Fused::Affine(product, None) if x.shape(2).count() == out.len() => {
                product.forward(x, Some(x.at(2).data()), out, shape);
            }
            Fused::Affine(product, slope) => {
                product.forward(x, None, out, shape);
                let (c, c_shape) = (x.source(2), x.shape(2));
                let Some(s) = slope else {
                    return broadcast2(out, &shape, Source::Out, &shape, c, c_shape, |a, c| a + c);
                };
                let leaky = Leaky::new(s);
                let activated = move |a: F, c: F| leaky.of(a + c);
                broadcast2(out, &shape, Source::Out, &shape, c, c_shape, activated);
            }
        }
    }
}
