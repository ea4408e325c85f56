//! The charts of a run.

use std::collections::BTreeMap;

use fewshot_autodiff::Array;
use fewshot_episodes::{Purpose, Sinusoid, Tasks};
use fewshot_meta::{Evaluation, Learner, Meta, Metric, Task};

use super::chart::{Chart, Mark, Series};
use crate::error::Error;

/// A learning curve is drawn through about so many points, each the mean of the iterations between.
const POINTS: usize = 200;
/// Points of a drawn wave.
const WAVE_POINTS: usize = 200;
/// Steps after which a wave is drawn, if so many are taken.
const WAVE_STEPS: [usize; 3] = [0, 1, 10];

/// Loss or accuracy over the iterations, from the text of `metrics.csv`; nothing when that has no whole line.
pub fn learning(metrics: &str) -> Option<Chart> {
    let mut has_accuracy = false;
    let points: Vec<(f64, f64)> = metrics
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split(',');
            let mut next = || fields.next().and_then(|text| text.parse::<f64>().ok());
            let (iteration, loss, accuracy) = (next()?, next()?, next());
            has_accuracy |= accuracy.is_some();
            Some((iteration, accuracy.map_or(loss, |accuracy| 100.0 * accuracy)))
        })
        .collect();
    let mean = |chunk: &[(f64, f64)]| {
        let sum = chunk.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        (sum.0 / chunk.len() as f64, sum.1 / chunk.len() as f64)
    };
    let thinned: Vec<_> = points.chunks(points.len().div_ceil(POINTS).max(1)).map(mean).collect();
    (!thinned.is_empty()).then(|| Chart {
        title: "Learning curve, training episodes".into(),
        x: "iteration".into(),
        y: if has_accuracy { "query accuracy, %" } else { "query loss" }.into(),
        series: vec![Series::new("", Mark::Line, thinned)],
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
    let mut series = Series::new("", Mark::Line, shown().map(at).collect());
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
        let chart = learning(&format!("iteration,loss,accuracy\n{rows}1001,")).unwrap();
        let points = &chart.series[0].points;
        assert_eq!(points.len(), 200);
        assert!(points.iter().all(|p| p.1 == 50.0) && points[0].0 == 3.0);
        let regression = learning("iteration,loss,accuracy\n1,0.25,\n").unwrap();
        assert_eq!(regression.series[0].points, [(1.0, 0.25)]);
        assert!(learning("iteration,loss,accuracy\n").is_none());
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
