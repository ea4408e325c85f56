//! [`Float`]: the element types of arrays on a tape.

use fewshot_kernels::Kernels;

/// Has the operators compiled for both element types here, once, not again in every crate that uses them.
#[allow(private_interfaces, reason = "the module is private: nobody outside can name or call these")]
pub(crate) mod sealed {
    use fewshot_kernels::Kernels;

    use crate::grad::GradientRule;
    use crate::inputs::Inputs;
    use crate::op::Op;
    use crate::ops::indices::OutOfRange;
    use crate::shape::Shape;

    #[doc(hidden)]
    pub trait Sealed: Kernels {
        fn forward(
            op: &Op<Self>,
            x: &Inputs<'_, Self>,
            out: &mut [&mut [Self]],
            shapes: &[Shape],
        ) -> Result<(), OutOfRange>
        where
            Self: super::Float;

        fn vjp(op: &Op<Self>, rule: &mut GradientRule<'_, '_, Self>)
        where
            Self: super::Float;
    }

    macro_rules! sealed {
        ($t:ident) => {
            impl Sealed for $t {
                fn forward(
                    op: &Op<$t>,
                    x: &Inputs<'_, $t>,
                    out: &mut [&mut [$t]],
                    shapes: &[Shape],
                ) -> Result<(), OutOfRange> {
                    op.forward(x, out, shapes)
                }

                fn vjp(op: &Op<$t>, rule: &mut GradientRule<'_, '_, $t>) {
                    op.vjp(rule);
                }
            }
        };
    }

    sealed!(f32);
    sealed!(f64);
}

/// An element type of arrays, `f32` (default everywhere) or `f64` (gradient checks, references): an [`Element`](crate::Element) for which the operators
/// are compiled. Sealed.
pub trait Float: Kernels + sealed::Sealed {}

impl Float for f32 {}
impl Float for f64 {}
