//! Operators, tapes and programs. One program, so that what is generic is compiled once for all tests.

mod batched_run;
mod edges;
mod fuse_norm_pool;
mod fused;
mod gradcheck;
mod indices;
mod instruction_sets;
mod nan;
mod panics;
mod precision;
mod program;
mod sizes;
mod tape;
