//! The files of a run.

/// Settings of the run.
pub const CONFIG: &str = "config.toml";
/// Which classes are for what, and what the data were.
pub const DIVISION: &str = "division.json";
/// Weights, statistics and protocol.
pub const MODEL: &str = "model.safetensors";
/// Weights, statistics and the outer optimiser, to go on with.
pub const PROGRESS: &str = "progress.safetensors";
/// Loss and accuracy of each iteration.
pub const METRICS: &str = "metrics.csv";
/// Scores on validation classes, of a run that selects its weights.
pub const VALIDATION: &str = "validation.csv";
/// Seconds of training at each iteration, apart so that equal runs have equal metrics.
pub const TIMING: &str = "timing.csv";

/// The result on test episodes at the end of training, as `fewshot evaluate --json` prints it.
pub const RESULT: &str = "result.json";

/// Temperatures of its probabilities, which `fewshot evaluate --calibrate` has fitted.
pub const TEMPERATURES: &str = "calibration.json";

/// Most bytes of what is read of a folder beside weights.
pub const LARGEST_TEXT: u64 = 1 << 27;

/// All of them.
pub const ALL: [&str; 9] =
    [CONFIG, PROGRESS, MODEL, VALIDATION, METRICS, TIMING, DIVISION, RESULT, TEMPERATURES];
/// What `fewshot plot` draws of a run.
pub const PLOTS: [&str; 9] = [
    "learning.svg",
    "instances.svg",
    "reads.svg",
    "episode.svg",
    "embedding.svg",
    "gates.svg",
    "reliability.svg",
    "steps.svg",
    "wave.svg",
];
/// First line of the metrics.
pub const METRICS_HEADER: &str = "iteration,loss,accuracy";
/// First line of the seconds.
pub const TIMING_HEADER: &str = "iteration,seconds";
