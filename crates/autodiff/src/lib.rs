//! Tape-based reverse-mode automatic differentiation whose gradients can be differentiated again.
//!
//! Gradient rules are written in recorded operations, so [`Var::grad`] returns an ordinary value of which any further
//! gradient can be taken; [`Var::backward`] returns arrays, records nothing and frees what it has passed.
//!
//! ```
//! use fewshot_autodiff::{Array, Tape};
//! let tape = Tape::new();
//! let x = tape.var(&Array::new(&[3], vec![1.0_f64, 2.0, 3.0]));
//! let y = (x * x * x).sum();
//! let dy = y.grad(x); // 3 x^2
//! let ddy = dy.sum().grad(x); // 6 x
//! assert_eq!(ddy.value().data(), [6.0, 12.0, 18.0]);
//! ```
//!
//! Images are `[n, h, w, c]`, convolution weights `[kh, kw, c_in, c_out]`, dense weights `[in, out]`.

#![forbid(unsafe_code)]

mod array;
mod checkpoint;
mod float;
mod grad;
pub mod gradcheck;
mod gradients;
mod inputs;
#[doc(hidden)]
pub mod instances;
mod jacobian;
mod ndarrays;
mod op;
mod ops;
mod program;
mod shape;
mod tape;
mod var;

pub use array::Array;
#[doc(hidden)]
pub use fewshot_kernels::cpu::{instruction_set, peak::fma_rate};
pub use fewshot_kernels::{BufferPoolUse, Element, MAX_RANK, WorkerGroup, buffer_pool_use, with_split};
pub use float::Float;
pub use gradients::Variables;
pub use op::CustomOp;
#[doc(hidden)]
pub use op::operators;
pub use ops::conv::{Conv, Padding};
pub use ops::conv_block::ConvBlock;
pub use ops::conv_layer::ConvLayer;
pub use ops::indices::Indices;
pub use ops::linalg::{NotPositiveDefinite, Transpose, Triangle};
pub use ops::norm::Activation;
pub use ops::pool::Pool;
pub use program::{BatchedRun, Program, StepTime};
pub use shape::Shape;
pub use tape::Tape;
pub use var::Var;
