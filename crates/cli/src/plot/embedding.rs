//! The embeddings of one episode, seen along the two directions in which they differ most.

use fewshot_autodiff::Array;

use super::chart::{Chart, Series};
use super::episode::{Shown, places};
use super::marks::{LOOKS, Mark, PLAIN};

/// Steps of power iteration for each direction.
const STEPS: usize = 200;

/// Support as outlines, queries as dots, class means as crosses, a colour and a shape for each class; nothing for a learner that does
/// not compare embeddings.
pub fn chart(shown: &Shown) -> Option<Chart> {
    let (support, query) = (&shown.task.support, &shown.task.query);
    let embedded = [shown.predictor.embed(&support.x)?, shown.predictor.embed(&query.x)?];
    let rows: Vec<Vec<f64>> = embedded.iter().flat_map(rows).collect();
    let (known, directions) = (support.y.len(), directions(&rows));
    let share: Vec<String> = directions.iter().map(|d| format!("{:.0} %", 100.0 * d.share)).collect();
    let at = |row: &[f64]| (directions[0].along(row), directions[1].along(row));
    let (ways, classes) = (shown.names.len(), shown.names.len().min(LOOKS));
    let key =
        |(name, mark)| Series { look: Some(PLAIN), is_key: true, ..Series::new(name, mark, Vec::new()) };
    let keys = [("support", Mark::Rings), ("class mean", Mark::Crosses), ("query", Mark::Dots)];
    let mut series: Vec<Series> = keys.into_iter().map(key).collect();
    for (class, name) in shown.names.iter().enumerate().take(classes) {
        let learned: Vec<_> = places(&support.y, class).into_iter().map(|i| at(&rows[i])).collect();
        let asked = places(&query.y, class).into_iter().map(|i| at(&rows[known + i])).collect();
        let count = learned.len().max(1) as f64;
        let sum = learned.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        let mut add = |name: &str, mark, points| {
            series.push(Series { look: Some(class), ..Series::new(name, mark, points) });
        };
        add(name, Mark::Dots, asked);
        add("", Mark::Crosses, vec![(sum.0 / count, sum.1 / count)]);
        add("", Mark::Rings, learned);
    }
    let of = if classes < ways { format!(", {classes} of {ways} classes") } else { String::new() };
    Some(Chart {
        title: format!("Embeddings of a test episode{of}"),
        x: format!("first principal component ({} of the variance)", share[0]),
        y: format!("second ({})", share[1]),
        series,
    })
}

fn rows(z: &Array<f32>) -> Vec<Vec<f64>> {
    z.data().chunks(z.shape()[1]).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
}

/// A principal component.
struct Direction {
    mean: Vec<f64>,
    vector: Vec<f64>,
    /// Of the variance.
    share: f64,
}

impl Direction {
    fn along(&self, row: &[f64]) -> f64 {
        row.iter().zip(&self.mean).zip(&self.vector).map(|((x, m), v)| (x - m) * v).sum()
    }
}

/// The first two principal components, by power iteration on the rows, the second on what the first leaves.
fn directions(rows: &[Vec<f64>]) -> [Direction; 2] {
    let (count, width) = (rows.len() as f64, rows[0].len());
    let mean: Vec<f64> = (0..width).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / count).collect();
    let mut left: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().zip(&mean).map(|(x, m)| x - m).collect()).collect();
    let total: f64 = left.iter().flatten().map(|x| x * x).sum();
    [0, 1].map(|_| {
        let (vector, variance) = strongest(&left);
        for row in &mut left {
            let along = dot(row, &vector);
            row.iter_mut().zip(&vector).for_each(|(x, v)| *x -= along * v);
        }
        let share = if total > 0.0 { variance / total } else { 0.0 };
        Direction { mean: mean.clone(), vector, share }
    })
}

/// The direction in which the rows are longest, and the sum of their squares along it.
fn strongest(rows: &[Vec<f64>]) -> (Vec<f64>, f64) {
    let longest = rows.iter().max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut vector = longest.cloned().unwrap_or_default();
    let mut variance = 0.0;
    for _ in 0..STEPS {
        let length = dot(&vector, &vector).sqrt();
        if length == 0.0 {
            break;
        }
        vector.iter_mut().for_each(|v| *v /= length);
        let along: Vec<f64> = rows.iter().map(|row| dot(row, &vector)).collect();
        variance = dot(&along, &along);
        vector =
            (0..vector.len()).map(|j| rows.iter().zip(&along).map(|(row, a)| row[j] * a).sum()).collect();
    }
    let length = dot(&vector, &vector).sqrt().max(f64::MIN_POSITIVE);
    vector.iter_mut().for_each(|v| *v /= length);
    (vector, variance)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_the_axes_of_an_ellipse() {
        // 3 along (0.6, 0.8, 0), 1 along (0.8, -0.6, 0), around (5, 5, 5)
        let rows: Vec<Vec<f64>> = (0..40)
            .map(|i| {
                let angle = f64::from(i) * std::f64::consts::TAU / 40.0;
                let (a, b) = (3.0 * angle.cos(), angle.sin());
                vec![5.0 + 0.6 * a + 0.8 * b, 5.0 + 0.8 * a - 0.6 * b, 5.0]
            })
            .collect();
        let [first, second] = directions(&rows);
        assert!((first.vector[1] / first.vector[0] - 8.0 / 6.0).abs() < 1e-9);
        assert!((second.vector[0] / second.vector[1] + 8.0 / 6.0).abs() < 1e-9);
        assert!((first.share - 0.9).abs() < 1e-9 && (second.share - 0.1).abs() < 1e-9);
        assert!((first.along(&rows[0]).abs() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn equal_rows_have_no_direction() {
        let [first, second] = directions(&vec![vec![1.0, 2.0]; 3]);
        assert_eq!([first.share, second.share, first.along(&[1.0, 2.0])], [0.0; 3]);
    }
}
