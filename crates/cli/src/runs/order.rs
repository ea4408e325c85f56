//! In which order runs are listed.

use std::cmp::Ordering;

use clap::ValueEnum;

use super::run::{Listed, Outcome};

/// What runs are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Key {
    /// Path below the folder
    Name,
    /// Algorithm
    Algorithm,
    /// Kind of data
    Data,
    /// Classes of an episode
    Ways,
    /// Labelled examples per class
    Shots,
    /// Iterations done
    Iterations,
    /// Test result, the best first
    #[value(alias = "result", alias = "error", alias = "mse")]
    Accuracy,
    /// When it was written last, the latest first
    Date,
}

/// Sorts runs, equal ones by name; what a run does not have comes last either way.
pub fn sort(runs: &mut [Listed], key: Key, reverse: bool) {
    let turned = |order: Ordering| if reverse { order.reverse() } else { order };
    runs.sort_by(|a, b| {
        let order = match key {
            Key::Name => turned(a.name.cmp(&b.name)),
            Key::Algorithm => known(&a.algorithm, &b.algorithm, |a, b| turned(a.cmp(b))),
            Key::Data => known(&a.data, &b.data, |a, b| turned(a.cmp(b))),
            Key::Ways => known(&a.ways, &b.ways, |a, b| turned(a.cmp(b))),
            Key::Shots => known(&a.shots, &b.shots, |a, b| turned(a.cmp(b))),
            Key::Iterations => known(&a.iterations, &b.iterations, |a, b| turned(a.cmp(b))),
            Key::Accuracy => known(&a.result, &b.result, |a, b| turned(better(a, b))),
            Key::Date => known(&a.modified, &b.modified, |a, b| turned(b.cmp(a))),
        };
        order.then_with(|| a.name.cmp(&b.name))
    });
}

/// What is there comes before what is not.
fn known<T>(a: &Option<T>, b: &Option<T>, compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// Accuracies from the highest, then errors from the lowest.
fn better(a: &Outcome, b: &Outcome) -> Ordering {
    match (a.is_accuracy(), b.is_accuracy()) {
        (true, true) => b.value.total_cmp(&a.value),
        (false, false) => a.value.total_cmp(&b.value),
        (a, b) => b.cmp(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, metric: &str, value: f64) -> Listed {
        let result = (value >= 0.0).then(|| Outcome::test(metric, value));
        Listed { name: name.into(), iterations: Some(value as u64), result, ..Listed::default() }
    }

    #[test]
    fn the_best_come_first_and_what_is_unknown_last() {
        let mut runs = [
            run("none", "accuracy", -1.0),
            run("wave", "mse", 0.5),
            run("good", "accuracy", 95.0),
            run("wave2", "mse", 0.1),
            run("bad", "accuracy", 20.0),
            run("also", "accuracy", 20.0),
        ];
        let mut names = |key, reverse| {
            sort(&mut runs, key, reverse);
            runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(Key::Accuracy, false), "good also bad wave2 wave none");
        assert_eq!(names(Key::Accuracy, true), "wave wave2 also bad good none");
        assert_eq!(names(Key::Name, false), "also bad good none wave wave2");
        assert_eq!(names(Key::Iterations, true), "good also bad none wave wave2");
    }
}
