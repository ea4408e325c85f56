//! Meta-learning in Rust.
