//! The charts of a run.

use std::collections::BTreeMap;

use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, Sinusoid, Tasks};
use fewshot_meta::{Evaluation, Learner, Meta, Metric, Task};

use super::chart::{Chart, Series};
use super::marks::Mark;
use crate::error::Error;

/// A learning curve is drawn through about so many points, each the mean of the iterations between.
const POINTS: usize = 200;
/// Points of a drawn wave.
const WAVE_POINTS: usize = 200;
/// Steps after which a wave is drawn, if so many are taken.
const WAVE_STEPS: [usize; 3] = [0, 1, 10];

/// Loss or accuracy over the iterations, from the text of `metrics.csv`, and what was measured meanwhile on validation classes, from
/// that of `validation.csv`; nothing when `metrics.csv` has no whole line. `trained` says what an iteration learns from.
pub fn learning(metrics: &str, validation: &str, trained: &str) -> Option<Chart> {
    let mut has_accuracy = false;
    let numbers = |line: &str| line.split(',').map(|text| text.parse().ok()).collect::<Vec<Option<f64>>>();
    let points: Vec<(f64, f64)> = metrics
        .lines()
        .skip(1)
        .filter_map(|line| {
            let [Some(iteration), Some(loss), accuracy] = numbers(line)[..] else { return None };
            has_accuracy |= accuracy.is_some();
            Some((iteration, accuracy.map_or(loss, |accuracy| 100.0 * accuracy)))
        })
        .collect();
    let mean = |chunk: &[(f64, f64)]| {
        let sum = chunk.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        (sum.0 / chunk.len() as f64, sum.1 / chunk.len() as f64)
    };
    let thinned: Vec<_> = points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect();
    let scale = if has_accuracy { 100.0 } else { 1.0 };
    let looked = validation.lines().skip(1).filter_map(|line| match numbers(line)[..] {
        [Some(iteration), Some(score), Some(interval), ..] => {
            Some(((iteration, scale * score), scale * interval))
        }
        _ => None,
    });
    let (looked, errors): (Vec<_>, Vec<_>) = looked.unzip();
    let mut series = vec![Series::new(&format!("training {trained}"), Mark::Line, thinned)];
    if !looked.is_empty() {
        series.push(Series {
            errors,
            ..Series::new(
                if has_accuracy { "validation classes" } else { "validation tasks" },
                Mark::Joined,
                looked,
            )
        });
    }
    (!points.is_empty()).then(|| Chart {
        title: "Learning curve".into(),
        x: "iteration".into(),
        y: if has_accuracy { "query accuracy, %" } else { "query loss" }.into(),
        series,
    })
}

/// Accuracy or error after each inner step, with intervals.
pub fn steps(stages: &BTreeMap<usize, Evaluation>, title: &str) -> Chart {
    let accuracy = stages.values().any(|stage| stage.metric == Metric::Accuracy);
    let scale = if accuracy { 100.0 } else { 1.0 };
    // an error that grows beyond all bounds would hide the rest
    let start = stages.values().next().map_or(0.0, |stage| stage.mean);
    let shown = || stages.iter().take_while(|(_, stage)| accuracy || stage.mean <= 2.0 * start);
    let at = |(step, stage): (&usize, &Evaluation)| (*step as f64, scale * stage.mean);
    let mut series = Series::new("", Mark::Joined, shown().map(at).collect());
    series.errors = shown().map(|(_, stage)| scale * stage.interval).collect();
    Chart {
        title: title.into(),
        x: "inner steps".into(),
        y: if accuracy { "accuracy, %" } else { "mean squared error" }.into(),
        series: vec![series],
    }
}

/// A new sine wave: the points learned from, the wave itself, and what is predicted after some of the inner steps.
pub fn wave(learner: &dyn Learner, meta: &Meta, shots: usize, seed: u64) -> Result<Chart, Error> {
    let tasks = Sinusoid::new(shots, 1, seed, Purpose::Test)?;
    let episode = tasks.episode(0);
    let support = Task::from(&episode).support;
    let x: Vec<f64> = (0..WAVE_POINTS).map(|i| -5.0 + 10.0 * i as f64 / (WAVE_POINTS - 1) as f64).collect();
    let column = Array::new(&[WAVE_POINTS, 1], x.iter().map(|&x| x as f32).collect());
    let curve = |y: &dyn Fn(usize) -> f64| x.iter().enumerate().map(|(i, &x)| (x, y(i))).collect::<Vec<_>>();
    let truth = tasks.wave(0);
    let mut series = vec![Series::new("the wave", Mark::Dashed, curve(&|i| truth.at(x[i])))];
    let stages = learner.adapt_by_step(meta, &support);
    for (step, predictor) in stages.iter().enumerate().filter(|(step, _)| WAVE_STEPS.contains(step)) {
        let y = predictor.predict(&column);
        let name = match step {
            0 => "before adaptation".to_owned(),
            1 => "after 1 step".to_owned(),
            many => format!("after {many} steps"),
        };
        series.push(Series::new(&name, Mark::Line, curve(&|i| f64::from(y.data()[i]))));
    }
    let targets = episode.support.y.values().into_iter().flatten();
    let points = episode.support.x.iter().zip(targets).map(|(&x, &y)| (f64::from(x), f64::from(y)));
    series.push(Series::new("points learned from", Mark::Dots, points.collect()));
    let title = format!("A new sine wave from {shots} points");
    Ok(Chart { title, x: "x".into(), y: "y".into(), series })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learning_curve_is_thinned_and_skips_a_torn_line() {
        let rows: String = (1..=1000).map(|i| format!("{i},{},0.5\n", 1.0 / f64::from(i))).collect();
        let chart = learning(&format!("iteration,loss,accuracy\n{rows}1001,"), "", "episodes").unwrap();
        let points = &chart.series[0].points;
        assert_eq!((points.len(), chart.series.len()), (200, 1));
        assert!(points.iter().all(|p| p.1 == 50.0) && points[0].0 == 3.0);
        let regression = learning("iteration,loss,accuracy\n1,0.25,\n", "", "episodes").unwrap();
        assert_eq!(regression.series[0].points, [(1.0, 0.25)]);
        assert!(learning("iteration,loss,accuracy\n", "", "episodes").is_none());
    }

    #[test]
    fn what_was_measured_on_validation_classes_stands_beside_training() {
        let metrics = "iteration,loss,accuracy\n1,1.5,0.25\n2,1.25,0.5\n";
        let looks = "iteration,score,interval\n1,0.5,0.125\n2,0.75,0.0625\n3,0.7";
        let chart = learning(metrics, looks, "pairs").unwrap();
        let [training, validation] = &chart.series[..] else { panic!("{chart:?}") };
        assert_eq!(
            (training.name.as_str(), &training.points[..]),
            ("training pairs", &[(1.0, 25.0), (2.0, 50.0)][..])
        );
        assert_eq!(validation.points, [(1.0, 50.0), (2.0, 75.0)]);
        assert_eq!(validation.errors, [12.5, 6.25]);
        // sequences have another column, which is drawn elsewhere; an error is no share
        let sequences = learning("i,l,a\n1,2,0.5\n", "i,s,i,n\n1,0.5,0.25,0.3 0.5\n", "sequences").unwrap();
        assert_eq!(sequences.series[1].points, [(1.0, 50.0)]);
        let regression = learning("i,l,a\n1,2.5,\n", "i,s,i\n1,0.5,0.25\n", "episodes").unwrap();
        assert_eq!((regression.series[1].points[0], regression.series[1].errors[0]), ((1.0, 0.5), 0.25));
    }

    #[test]
    fn steps_are_shown_in_per_cent_with_intervals() {
        let stage = |values| Evaluation::new(Metric::Accuracy, values);
        let stages = [(0, stage(vec![0.2, 0.2])), (1, stage(vec![0.8, 1.0]))];
        let chart = steps(&stages.into(), "t");
        assert_eq!(chart.series[0].points, [(0.0, 20.0), (1.0, 90.0)]);
        assert_eq!(chart.series[0].errors[0], 0.0);
    }

    #[test]
    fn an_error_without_bounds_ends_the_curve() {
        let stage = |value| Evaluation::new(Metric::Mse, vec![value, value]);
        let stages = [(0, stage(3.0)), (1, stage(0.4)), (2, stage(1e30)), (3, stage(0.1))];
        assert_eq!(steps(&stages.into(), "t").series[0].points.len(), 2);
    }
}
