//! What a recorded program is: MAML's work on one task, printed, drawn and timed operator by operator.
//!
//! `cargo run --release --example 06_recorded > maml.dot && dot -Tsvg maml.dot > maml.svg`
//!
//! Training records the work on the first task of each shape and replays it for the others. This prints to standard error the
//! program with its memory and its slowest operators, and to standard output its graph for Graphviz.

use fewshot::meta::Checkpointing::{self, Keep, Recompute};
use fewshot::meta::Runner;
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task::<Array>::from(&Sinusoid::new(10, 10, 1, Purpose::Train)?.episode(0));
    let maml = |train_steps: usize, checkpointing: Checkpointing| Maml {
        train_steps,
        checkpointing,
        ..Maml::new(Mlp::new(&[1, 40, 40, 1]))
    };
    for (steps, checkpointing) in [(1, Keep), (16, Keep), (16, Recompute)] {
        let learner = maml(steps, checkpointing);
        let program = Runner::new(&learner).program(&learner.init(1), &task).expect("MAML can be recorded");
        let (operators, bytes) = (program.len(), program.peak_bytes());
        eprintln!("{steps} steps, {checkpointing:?}: {operators} operators, {bytes} bytes");
    }

    let learner = maml(1, Keep);
    let (runner, meta) = (Runner::new(&learner), learner.init(1));
    let program = runner.program(&meta, &task).expect("MAML can be recorded");
    eprintln!("{program}");
    println!("{}", program.to_dot());
    let mut times = Vec::new();
    for _ in 0..100 {
        times =
            runner.profile(&meta, &task, || stream(1, Purpose::Dropout, 0)).expect("MAML can be recorded");
    }
    times.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for time in &times[..5] {
        eprintln!("{:5.1} us {}", time.seconds * 1e6, time.operator);
    }
    Ok(())
}
