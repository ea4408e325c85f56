//! What is drawn in a chart.

use super::marks::Mark;

/// Numbers from here on are beyond any chart.
const HUGE: f64 = 1e30;

/// Points under one name.
#[derive(Clone, Debug)]
pub struct Series {
    /// Shown in the legend; without one it is not.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// x and y; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Half heights of error bars, one a point, or none at all.
    pub errors: Vec<f64>,
    /// The number of its colour and shape; by default its place among the series.
    pub look: Option<usize>,
    /// Whether it explains a mark, and shows nothing itself.
    pub is_key: bool,
}

impl Series {
    /// Without error bars.
    pub fn new(name: &str, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        Series { name: name.to_owned(), mark, points, errors: Vec::new(), look: None, is_key: false }
    }

    /// The points that can be drawn, each with its error.
    pub(super) fn drawn(&self) -> impl Iterator<Item = ((f64, f64), f64)> {
        let errors = self.errors.iter().copied().chain(std::iter::repeat(0.0));
        let fine = |v: f64| v.abs() < HUGE;
        self.points.iter().copied().zip(errors).filter(move |((x, y), e)| fine(*x) && fine(*y) && fine(*e))
    }
}
