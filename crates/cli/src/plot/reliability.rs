//! Reliability diagrams: accuracy against confidence (Guo, Pleiss, Sun, Weinberger 2017, figure 1).

use fewshot_meta::{Calibration, QueryLogits};

use super::chart::{self, Chart, Series};
use super::marks::{Mark, PLAIN};

/// The diagram of some queries, and below it that of the probabilities at a temperature, where there is one. `episodes` says what the queries are of.
pub fn svg(logits: &QueryLogits, temperature: Option<f64>, episodes: &str) -> String {
    let plain = if temperature.is_some() { "Reliability without temperature" } else { "Reliability" };
    let mut charts = vec![diagram(plain, &logits.calibration(1.0), episodes)];
    if let Some(temperature) = temperature {
        let title = format!("Reliability with temperature {temperature:.4}");
        charts.push(diagram(&title, &logits.calibration(temperature), episodes));
    }
    chart::document(&charts)
}

fn diagram(title: &str, calibration: &Calibration, episodes: &str) -> Chart {
    let bins = &calibration.reliability.bins;
    let (count, all) = (bins.len() as f64, bins.iter().map(|bin| bin.count).sum::<usize>() as f64);
    let middle = |place: usize| 100.0 * (place as f64 + 0.5) / count;
    let accuracy = bins.iter().enumerate().map(|(place, bin)| (middle(place), 100.0 * bin.accuracy));
    let share = bins.iter().enumerate().map(|(place, bin)| (middle(place), 100.0 * bin.count as f64 / all));
    let ideal = Series::new("as right as sure", Mark::Dashed, vec![(0.0, 0.0), (100.0, 100.0)]);
    Chart {
        title: format!(
            "{title}: expected calibration error {:.2} %",
            100.0 * calibration.reliability.expected_error()
        ),
        x: format!("confidence, % ({episodes})"),
        y: "accuracy, %".into(),
        series: vec![
            Series::new("accuracy", Mark::Bars, accuracy.collect()),
            Series::new(
                "share of all queries",
                Mark::Dots,
                share.filter(|(_, share)| *share > 0.0).collect(),
            ),
            Series { look: Some(PLAIN), ..ideal },
        ],
    }
}

#[cfg(test)]
mod tests {
    use fewshot_autodiff::Array;

    use super::*;

    /// Ten queries, sure by 0.9, of which seven are right.
    fn logits() -> QueryLogits {
        let logits = Array::new(&[10, 2], [9.0_f32.ln(), 0.0].repeat(10));
        QueryLogits::new(logits, vec![0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    }

    #[test]
    fn bars_show_accuracy_where_there_is_confidence() {
        let diagram = diagram("t", &logits().calibration(1.0), "2-way");
        let [accuracy, share, ideal] = &diagram.series[..] else { panic!("{diagram:?}") };
        let filled: Vec<usize> = (0..15).filter(|&place| accuracy.points[place].1 > 0.0).collect();
        assert_eq!(filled, [13], "0.9 lies between 13 and 14 fifteenths");
        let (confidence, height) = accuracy.points[13];
        assert!((confidence - 90.0).abs() < 1e-9 && (height - 70.0).abs() < 1e-9, "{diagram:?}");
        assert_eq!((share.points.len(), share.points[0].1), (1, 100.0));
        assert_eq!(ideal.points, [(0.0, 0.0), (100.0, 100.0)]);
        assert_eq!(diagram.title, "t: expected calibration error 20.00 %");
    }

    #[test]
    fn a_temperature_has_a_diagram_of_its_own() {
        let one = svg(&logits(), None, "2-way");
        assert!(one.contains("Reliability: expected calibration error 20.00 %"), "{one}");
        // sure by 0.7 where 9^(1/T) is 7/3
        let temperature = 9.0_f64.ln() / (7.0_f64 / 3.0).ln();
        let two = svg(&logits(), Some(temperature), "2-way");
        for said in [
            "without temperature: expected calibration error 20.00 %",
            "with temperature 2.5932: expected calibration error 0.00 %",
        ] {
            assert!(two.contains(said), "{said}: {two}");
        }
        let bars = |svg: &str| svg.matches("<rect").count();
        assert!(bars(&two) > bars(&one), "each has its bars");
    }
}
