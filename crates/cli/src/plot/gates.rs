//! The gates of an LSTM meta-learner over the steps of one episode.

use std::fmt::Write;

use fewshot_meta::{Gates, Spread};

use super::chart::{Chart, HEIGHT, Mark, Series, WIDTH};

/// Two charts, one below the other: how much of a weight stays, and how much of the gradient is taken.
pub fn svg(gates: &[Gates]) -> String {
    let forget: Vec<Spread> = gates.iter().map(|step| step.forget).collect();
    let input: Vec<Spread> = gates.iter().map(|step| step.input).collect();
    let charts = [chart("Forget gate on a test episode", &forget), chart("Input gate", &input)];
    let height = HEIGHT * charts.len() as f64;
    let mut out = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\">\n");
    for (i, chart) in charts.iter().enumerate() {
        let place = format!("<svg y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" ", HEIGHT * i as f64);
        let _ = write!(out, "{}", chart.svg().replacen("<svg ", &place, 1));
    }
    out.push_str("</svg>\n");
    out
}

/// The mean over the weights and the quantiles around it, step by step.
fn chart(title: &str, steps: &[Spread]) -> Chart {
    let over = |y: &dyn Fn(&Spread) -> f64| {
        steps.iter().enumerate().map(|(t, spread)| ((t + 1) as f64, y(spread))).collect::<Vec<_>>()
    };
    let line = |name: &str, mark, colour, y: &dyn Fn(&Spread) -> f64| Series {
        colour: Some(colour),
        ..Series::new(name, mark, over(y))
    };
    let quantile = |name: &str, mark, colour, which: usize| {
        line(name, mark, colour, &move |spread: &Spread| spread.quantiles[which])
    };
    Chart {
        title: title.into(),
        x: "inner step".into(),
        y: "over all weights".into(),
        series: vec![
            quantile("5 % and 95 %", Mark::Dashed, 5, 0),
            quantile("", Mark::Dashed, 5, 4),
            quantile("25 % and 75 %", Mark::Line, 5, 1),
            quantile("", Mark::Line, 5, 3),
            quantile("median", Mark::Line, 0, 2),
            line("mean", Mark::Dots, 1, &|spread| spread.mean),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_gates_stand_below_each_other() {
        let spread =
            |mean: f64| Spread { mean, quantiles: [-0.002, -0.001, 0.0, 0.001, 0.002].map(|d| mean + d) };
        let step = |t: f64| Gates { forget: spread(0.98 + 0.001 * t), input: spread(0.01) };
        let svg = svg(&[step(0.0), step(1.0), step(2.0)]);
        assert_eq!((svg.matches("<svg ").count(), svg.matches("</svg>").count()), (3, 3));
        assert!(svg.contains("y=\"400\"") && svg.contains("viewBox=\"0 0 640 800\""), "{svg}");
        assert_eq!(svg.matches("<polyline ").count(), 2 * 5);
        assert_eq!(svg.matches("<circle ").count(), 2 * 3);
    }
}
