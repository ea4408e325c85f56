//! The operator table of `gradcheck.rs` at every instruction set this machine has.
//!
//! Kernels choose their instruction set once per process, so the table runs in child processes of this test.

use std::process::Command;

#[path = "gradcheck.rs"]
mod table;

/// Runs the tests of [`table`] in a process that is limited to `level`.
fn table_passes_at(level: &str) {
    let this = std::env::current_exe().expect("a test knows where it lies");
    let child =
        Command::new(this).arg("table::").env("FEWSHOT_ISA", level).output().expect("a test can be started");
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "at {level}:\n{text}");
    let row = "table::every_row_agrees_with_central_differences ... ok";
    assert!(text.contains(row), "the table did not run at {level}:\n{text}");
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
