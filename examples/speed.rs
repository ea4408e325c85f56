//! How long one meta-gradient over a whole meta-batch takes: the side of `benches/peers/compare.py` that is ours.
//!
//! `RAYON_NUM_THREADS=2 cargo run --release --example speed -- conv_paper 20 --gradients conv_paper.safetensors`
//!
//! Prints `NAME median X ms min Y ms peak Z MiB` after two calls to warm up; the peak is that of the whole process. The file
//! has the gradients by name, and the loss and all times in its metadata.

#[path = "../benches/workloads/mod.rs"]
mod workloads;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fewshot::Meta;
use fewshot::meta::{MetaGradient, save};
use workloads::{NAMES, workload};

const WARM_UPS: usize = 2;

struct Args {
    name: String,
    repetitions: usize,
    gradients: Option<PathBuf>,
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
    Ok(())
}

fn usage() -> String {
    format!("usage: speed NAME [REPS] [--gradients FILE], with NAME one of {}", NAMES.join(", "))
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut free, mut gradients) = (Vec::new(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--gradients" => gradients = Some(words.next().ok_or_else(usage)?.into()),
            _ => free.push(word),
        }
    }
    let repetitions = free.get(1).map_or(Ok(10), |count| count.parse().map_err(|_| usage()))?;
    match free.into_iter().next() {
        Some(name) if repetitions > 0 => Ok(Args { name, repetitions, gradients }),
        _ => Err(usage()),
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
    save(path, &Meta { theta: result.gradient, statistics: result.statistics }, &metadata)
}
