//! What a recorded program is: MAML's work on one task, printed, drawn and timed operator by operator.
//!
//! `cargo run --release --example 06_recorded > maml.dot && dot -Tsvg maml.dot > maml.svg`
//!
//! Training records the work on the first task of each shape and replays it for the others. This prints to standard error the
//! program with its memory and its slowest operators, and to standard output its graph for Graphviz.

use std::collections::BTreeMap;

use fewshot::autodiff::StepTime;
use fewshot::meta::{Checkpointing, Runner};
use fewshot::prelude::*;

/// Seconds by operator, slowest first.
fn by_operator(times: &[StepTime]) -> Vec<(&'static str, f64)> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for time in times {
        *sums.entry(time.operator).or_default() += time.seconds;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    sums
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let waves = Sinusoid::new(10, 10, 1, Purpose::Train)?;
    let task = Task::<Array<f32>>::from(&waves.episode(0));
    for (steps, checkpointing) in
        [(1, Checkpointing::Keep), (16, Checkpointing::Keep), (16, Checkpointing::Recompute)]
    {
        let learner = Maml { train_steps: steps, checkpointing, ..Maml::new(Mlp::new(&[1, 40, 40, 1])) };
        let (runner, meta) = (Runner::new(&learner), learner.init(1));
        let program = runner.program(&meta, &task).expect("MAML can be recorded");
        eprintln!(
            "{steps} steps, {checkpointing:?}: {} operators, {} bytes",
            program.len(),
            program.peak_bytes()
        );
        if steps == 1 {
            eprintln!("{program}");
            println!("{}", program.to_dot());
            let noise = || stream(1, Purpose::Dropout, 0);
            let profile = |_| runner.profile(&meta, &task, noise).expect("MAML can be recorded");
            let times = (0..100).map(profile).next_back().expect("it ran");
            for (operator, seconds) in by_operator(&times).iter().take(5) {
                eprintln!("{:5.1} us {operator}", seconds * 1e6);
            }
        }
    }
    Ok(())
}
