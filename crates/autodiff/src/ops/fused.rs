//! Fused operators. Only a program's plan makes them, so they have no gradient.

use fewshot_kernels::elementwise::{Binary, Source};

use crate::float::Float;
use crate::inputs::Inputs;
use crate::ops::product::Product;
use crate::shape::Shape;

/// Several operators in one, with their bits.
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
    fewshot_kernels::names! {
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
                F::add_scaled(out, &shape, [0, 1].map(|i| (x.source(i), &x.shape(i)[..])), k)
            }
            Fused::Leaky(s) => F::leaky_gradient(out, x.source(0), x.source(1), s),
            Fused::Affine(product, None) if x.shape(2).count() == out.len() => {
                product.forward(x, Some(x.at(2).data()), out, shape);
            }
            Fused::Affine(product, slope) => {
                product.forward(x, None, out, shape);
                let (added, added_shape) = (x.at(2).data(), x.shape(2));
                match slope {
                    Some(s) => F::add_leaky(out, &shape, added, added_shape, s),
                    None => {
                        let operands = [(Source::Out, &shape[..]), (Source::Slice(added), added_shape)];
                        F::binary(out, &shape, operands, Binary::Add);
                    }
                }
            }
        }
    }
}
