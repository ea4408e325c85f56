//! The operator table of `gradcheck.rs`, and what `nan.rs` says of NaN, at every instruction set this machine has.
//!
//! Kernels choose their instruction set once per process, so both run in child processes of this test.

use std::process::Command;

/// Runs the tests of [`gradcheck`](crate::gradcheck) and [`nan`](crate::nan) in a process that is limited to `level`.
fn table_passes_at(level: &str) {
    let this = std::env::current_exe().expect("a test knows where it lies");
    let child = Command::new(this)
        .args(["gradcheck::", "nan::"])
        .env("FEWSHOT_ISA", level)
        .output()
        .expect("a test can be started");
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "at {level}:\n{text}");
    for test in [
        "gradcheck::every_row_agrees_with_central_differences",
        "nan::a_pooling_window_with_nan_anywhere_is_nan",
    ] {
        assert!(text.contains(&format!("{test} ... ok")), "{test} did not run at {level}:\n{text}");
    }
}

#[test]
fn the_table_passes_with_the_baseline() {
    table_passes_at("baseline");
}

/// On a machine without AVX2 this is the baseline again.
#[test]
fn the_table_passes_with_avx2() {
    table_passes_at("avx2");
}
