//! Shapes: characters as points, to tell whether two are alike.

use super::stroke::{Point, Stroke, between, bounds, distance};

/// Points of a shape.
const POINTS: usize = 40;

/// Points spread evenly along the strokes of a character, about as many for every
/// character.
#[derive(Debug)]
pub(super) struct Shape {
    points: Vec<Point>,
    /// Length of all strokes together.
    pub(super) length: f64,
}

impl Shape {
    pub(super) fn of(strokes: &[Stroke]) -> Self {
        let ways: Vec<Vec<Point>> = strokes.iter().map(Stroke::trace).collect();
        let pieces: Vec<(Point, Point, f64)> = ways
            .iter()
            .flat_map(|way| way.windows(2))
            .map(|piece| (piece[0], piece[1], distance(piece[0], piece[1])))
            .collect();
        let length = pieces.iter().map(|(_, _, length)| length).sum::<f64>();
        let step = length / POINTS as f64;
        let mut points = Vec::with_capacity(POINTS + 1);
        let (mut passed, mut next) = (0.0, step / 2.0);
        for (a, b, length) in pieces {
            while next < passed + length {
                points.push(between(a, b, (next - passed) / length));
                next += step;
            }
            passed += length;
        }
        Shape { points, length }
    }

    /// Mean and largest distance of one shape's points to the other shape, the larger of
    /// both directions (the modified Hausdorff distance of Dubuisson and Jain 1994, and
    /// Hausdorff's own).
    pub(super) fn difference(&self, other: &Shape) -> [f64; 2] {
        [(self, other), (other, self)].into_iter().fold(
            [0.0, 0.0],
            |[mean, largest]: [f64; 2], (from, to)| {
                let distances = from.points.iter().map(|p| to.distance(*p));
                let (sum, most) =
                    distances.fold((0.0, largest), |(sum, most), d| (sum + d, f64::max(most, d)));
                [mean.max(sum / from.points.len() as f64), most]
            },
        )
    }

    /// Number of points closer than `reach` to the other shape.
    pub(super) fn covered(&self, other: &Shape, reach: f64) -> usize {
        self.points.iter().filter(|p| other.distance(**p) < reach).count()
    }

    /// How far the points leave the square -1..1, summed.
    pub(super) fn outside(&self) -> f64 {
        self.points.iter().map(|p| (p[0].abs().max(p[1].abs()) - 1.0).max(0.0)).sum()
    }

    /// Smallest and largest x and y.
    pub(super) fn bounds(&self) -> [Point; 2] {
        bounds(&self.points)
    }

    fn distance(&self, point: Point) -> f64 {
        self.points.iter().map(|own| distance(point, *own)).fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(y: f64) -> Stroke {
        Stroke::line([-1.0, y], [1.0, y])
    }

    #[test]
    fn points_are_even_over_strokes_of_any_number() {
        let shape = Shape::of(&[line(0.0), Stroke::line([0.0, 1.0], [0.0, 2.0])]);
        assert!((shape.length - 3.0).abs() < 1e-12);
        assert!(shape.points.len().abs_diff(POINTS) <= 1);
        let lower = shape.points.iter().filter(|p| p[1] > 0.5).count();
        assert!(lower.abs_diff(POINTS / 3) <= 1, "{lower}");
    }

    #[test]
    fn a_stroke_more_is_a_difference_in_both_orders() {
        let (one, two) = (Shape::of(&[line(0.0)]), Shape::of(&[line(0.0), line(1.0)]));
        assert!(one.difference(&one).iter().all(|d| *d < 1e-12));
        let [mean, largest] = one.difference(&two);
        assert!((mean - 0.5).abs() < 0.05 && (largest - 1.0).abs() < 0.05, "{mean} {largest}");
        assert_eq!(one.difference(&two), two.difference(&one));
    }

    #[test]
    fn what_leaves_the_square_or_covers_another_is_counted() {
        let (inside, outside) = (Shape::of(&[line(0.0)]), Shape::of(&[line(1.5)]));
        assert_eq!((inside.outside(), inside.covered(&outside, 0.15)), (0.0, 0));
        assert!((outside.outside() - 0.5 * outside.points.len() as f64).abs() < 1e-9);
        assert_eq!(inside.covered(&Shape::of(&[line(0.1)]), 0.15), inside.points.len());
    }
}
