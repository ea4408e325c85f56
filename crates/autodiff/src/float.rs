//! The two element types: `f32` (default everywhere) and `f64` (gradient checks, references).

use std::cell::RefCell;
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

use num_traits::{FromPrimitive, NumAssign};

use crate::pool::Pool;

/// Keeps the element types to two, and has the operators compiled for both here, once, not again in every crate that uses them.
#[allow(private_interfaces, reason = "the module is private: nobody outside can name or call these")]
pub(crate) mod sealed {
    use crate::grad::Rule;
    use crate::inputs::Inputs;
    use crate::kernels::math::Elementary;
    use crate::op::Op;
    use crate::ops::places::Misplaced;
    use crate::shape::Shape;

    #[doc(hidden)]
    pub trait Sealed: Elementary {
        fn forward(
            op: &Op<Self>,
            x: &Inputs<'_, Self>,
            out: &mut [&mut [Self]],
            shapes: &[Shape],
        ) -> Result<(), Misplaced>
        where
            Self: super::Float;

        fn vjp(op: &Op<Self>, rule: &mut Rule<'_, '_, Self>)
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
                ) -> Result<(), Misplaced> {
                    op.forward(x, out, shapes)
                }

                fn vjp(op: &Op<$t>, rule: &mut Rule<'_, '_, $t>) {
                    op.vjp(rule);
                }
            }
        };
    }

    sealed!(f32);
    sealed!(f64);
}

/// An element type of arrays: `f32` or `f64`. Sealed.
pub trait Float:
    sealed::Sealed
    + num_traits::Float
    + NumAssign
    + FromPrimitive
    + Sum
    + Debug
    + Display
    + LowerExp
    + Default
    + Send
    + Sync
    + 'static
{
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest value to `x`.
    fn of(x: f64) -> Self;

    /// This value as `f64`, exactly.
    fn as_f64(self) -> f64;

    /// Runs `f` on this thread's buffer pool, or returns `None` when the thread is ending.
    #[doc(hidden)]
    fn with_pool<R>(f: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R>;
}

macro_rules! float {
    ($t:ident, $pool:ident) => {
        thread_local! {
            static $pool: RefCell<Pool<$t>> = const { RefCell::new(Pool::new()) };
        }

        impl Float for $t {
            const NAME: &'static str = stringify!($t);

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $t
            }

            #[inline(always)]
            fn as_f64(self) -> f64 {
                f64::from(self)
            }

            fn with_pool<R>(f: impl FnOnce(&mut Pool<Self>) -> R) -> Option<R> {
                $pool.try_with(|pool| f(&mut pool.borrow_mut())).ok()
            }
        }
    };
}

float!(f32, POOL_F32);
float!(f64, POOL_F64);
