//! How long one meta-gradient over a whole meta-batch takes: the side of `benches/peers/compare.py` that is ours.
//!
//! `RAYON_NUM_THREADS=2 cargo run --release --example speed -- conv_paper 20 --gradients conv_paper.safetensors`
//!
//! Prints `NAME median X ms min Y ms peak Z MiB` after two calls to warm up; the peak is that of the whole process. The file
//! has the gradients by name, and the loss and all times in its metadata. `--profile` adds where the time of one task goes, on
//! one thread: the least time of each operator over the repetitions, added up by kind.

#[path = "../benches/workloads/mod.rs"]
mod workloads;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fewshot::autodiff::StepTime;
use fewshot::episodes::{Purpose, Tasks, stream};
use fewshot::meta::{Meta, Runner, Task};
use fewshot::meta::{MetaGradient, save};
use workloads::{NAMES, Workload, workload};

const WARM_UPS: usize = 2;

struct Args {
    name: String,
    repetitions: usize,
    gradients: Option<PathBuf>,
    profile: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = parse(std::env::args().skip(1))?;
    let workload = workload(&args.name).ok_or_else(usage)?;
    let mut step = workload.meta_gradient();
    for _ in 0..WARM_UPS {
        step();
    }
    let (mut times, mut last) = (Vec::new(), None);
    for _ in 0..args.repetitions {
        let start = Instant::now();
        let result = step();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        last = Some(result);
    }
    let peak = peak_mib().map_or("unknown".to_owned(), |mib| format!("{mib:.1} MiB"));
    let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("{} median {:.3} ms min {fastest:.3} ms peak {peak}", args.name, median(&times));
    if let (Some(path), Some(result)) = (args.gradients, last) {
        write(&path, result, &times)?;
    }
    if args.profile {
        profile(&workload, args.repetitions);
    }
    Ok(())
}

fn usage() -> String {
    format!("usage: speed NAME [REPS] [--gradients FILE] [--profile], with NAME one of {}", NAMES.join(", "))
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut free, mut gradients, mut profile) = (Vec::new(), None, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--gradients" => gradients = Some(words.next().ok_or_else(usage)?.into()),
            "--profile" => profile = true,
            _ => free.push(word),
        }
    }
    let repetitions = free.get(1).map_or(Ok(10), |count| count.parse().map_err(|_| usage()))?;
    match free.into_iter().next() {
        Some(name) if repetitions > 0 => Ok(Args { name, repetitions, gradients, profile }),
        _ => Err(usage()),
    }
}

/// Prints the share of each kind of operator in the work on one task.
fn profile(workload: &Workload, repetitions: usize) {
    let (runner, meta) = (Runner::new(&*workload.learner), workload.meta());
    let task = Task::from(workload.tasks.episode(0));
    let run = || runner.profile(&meta, &task, || stream(0, Purpose::Dropout, 0)).expect("it is recorded");
    let least = |mut least: Vec<StepTime>, now: Vec<StepTime>| {
        least.iter_mut().zip(now).for_each(|(least, now)| least.seconds = least.seconds.min(now.seconds));
        least
    };
    let steps = (0..repetitions).map(|_| run()).reduce(least).expect("there is a repetition");
    let mut kinds: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for step in &steps {
        let (count, seconds) = kinds.entry(step.operator).or_default();
        (*count, *seconds) = (*count + 1, *seconds + step.seconds);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    let total: f64 = steps.iter().map(|step| step.seconds).sum();
    println!("one task: {} operators, {:.1} us", steps.len(), total * 1e6);
    for (operator, (count, seconds)) in kinds {
        println!("{:5.1} % {:9.1} us {count:4} {operator}", 100.0 * seconds / total, seconds * 1e6);
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The most memory this process has had in RAM, where the system says so (Linux).
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}

fn write(path: &Path, result: MetaGradient, times: &[f64]) -> Result<(), fewshot::meta::Error> {
    let times: Vec<String> = times.iter().map(f64::to_string).collect();
    let metadata = [("loss", result.loss.to_string()), ("times_ms", times.join(" "))];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    save(path, &Meta::new(result.gradient, result.statistics), &metadata)
}
