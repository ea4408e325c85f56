//! The gates of an LSTM meta-learner over the steps of one episode.

use fewshot_meta::{Gates, Spread};

use super::chart::{self, Chart, Series};
use super::marks::Mark;

/// Two charts, one below the other: how much of a weight stays, and how much of the gradient is taken.
pub fn svg(gates: &[Gates]) -> String {
    let forget: Vec<Spread> = gates.iter().map(|step| step.forget).collect();
    let input: Vec<Spread> = gates.iter().map(|step| step.input).collect();
    chart::document(&[chart("Forget gate on a test episode", &forget), chart("Input gate", &input)])
}

/// The mean over the weights and the quantiles around it, step by step.
fn chart(title: &str, steps: &[Spread]) -> Chart {
    let over = |y: &dyn Fn(&Spread) -> f64| {
        steps.iter().enumerate().map(|(t, spread)| ((t + 1) as f64, y(spread))).collect::<Vec<_>>()
    };
    let line = |name: &str, mark, look, y: &dyn Fn(&Spread) -> f64| Series {
        look: Some(look),
        ..Series::new(name, mark, over(y))
    };
    let quantile = |name: &str, mark, look, which: usize| {
        line(name, mark, look, &move |spread: &Spread| spread.quantiles[which])
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
        assert_eq!((svg.matches("<svg ").count(), svg.matches("</svg>").count()), (1, 1));
        for (text, times) in
            [("Forget gate on a test episode", 1), ("Input gate", 1), ("median", 2), ("mean\n", 2)]
        {
            assert_eq!(svg.matches(text).count(), times, "{text}: {svg}");
        }
        // the mean of each step, and the swatch of the legend
        assert_eq!(svg.matches("<circle ").count(), 2 * (3 + 1));
    }
}
