//! Instances for `f32` of what is generic over the element type: compiled here, and not again in every crate that uses them.
//!
//! An instance of a function that is marked `#[inline(never)]` is taken from the crate below that has it; of any other function
//! a crate compiles its own. Marked are the functions at which much work begins; what they call is compiled with them.

use crate::grad::{recorded, unrecorded};
use crate::program::plan::plan;
use crate::program::{BatchedRun, Program};
use crate::tape::Tape;

/// Names the instances, which has them compiled; there is nothing to call it for.
#[inline(never)]
pub fn f32() -> [*const (); 14] {
    [
        plan::<f32> as *const (),
        Program::<f32>::run as *const (),
        Program::<f32>::profile as *const (),
        Program::<f32>::batched as *const (),
        BatchedRun::<f32>::add as *const (),
        BatchedRun::<f32>::run as *const (),
        Program::<f32>::difference as *const (),
        recorded::<f32> as *const (),
        unrecorded::<f32> as *const (),
        Tape::<f32>::new as *const (),
        Tape::<f32>::input as *const (),
        Tape::<f32>::leaf as *const (),
        Tape::<f32>::push_many as *const (),
        Tape::<f32>::push_known as *const (),
    ]
}
