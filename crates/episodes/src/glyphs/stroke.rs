//! Strokes: control points and how the pen joins them.

use std::f64::consts::{FRAC_PI_4, TAU};

/// A place on the plane, x to the right and y downwards.
pub(super) type Point = [f64; 2];

/// Pieces of the pen's way between two control points.
const PIECES: usize = 5;

/// How the pen goes from one control point to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Join {
    /// Straight, with a corner at each point.
    Straight,
    /// Along a Catmull-Rom spline.
    Smooth,
    /// Along a Catmull-Rom spline that returns to its first point.
    Closed,
}

/// The families of strokes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    Line,
    Bend,
    Zigzag,
    Arc,
    Wave,
    Hook,
    Spiral,
    Ring,
    Dot,
}

impl Figure {
    fn join(self) -> Join {
        match self {
            Figure::Line | Figure::Bend | Figure::Zigzag | Figure::Dot => Join::Straight,
            Figure::Arc | Figure::Wave | Figure::Hook | Figure::Spiral => Join::Smooth,
            Figure::Ring => Join::Closed,
        }
    }

    /// The pen's steps: how far it turns, then how far it goes, in lengths of a plain
    /// line.
    fn steps(self, turn: f64) -> Vec<(f64, f64)> {
        let third = turn / 3.0;
        let eighth = turn.signum() * FRAC_PI_4;
        match self {
            Figure::Line => vec![(0.0, 1.0)],
            Figure::Bend => vec![(0.0, 0.65), (turn, 0.65)],
            Figure::Zigzag => vec![(0.0, 0.5), (turn, 0.5), (-turn, 0.5)],
            Figure::Arc => [0.0, 1.0, 1.0, 1.0, 1.0, 1.0].map(|t| (t * turn / 5.0, 0.24)).to_vec(),
            Figure::Wave => [0.0, 1.0, 1.0, 0.0, -1.0, -1.0].map(|t| (t * third, 0.25)).to_vec(),
            Figure::Hook => [(0.0, 0.7), (third, 0.17), (third, 0.17), (third, 0.17)].to_vec(),
            Figure::Spiral => (0..10).map(|i| (eighth, 0.3 - 0.02 * f64::from(i))).collect(),
            Figure::Ring => vec![(eighth, 0.22); 7],
            Figure::Dot => vec![(0.0, 0.05)],
        }
    }
}

/// One movement of the pen.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    pub(super) points: Vec<Point>,
    pub(super) join: Join,
}

impl Stroke {
    /// A figure walked from `start` in the direction `heading`; its curves and corners
    /// turn by `turn`.
    pub(super) fn walk(figure: Figure, start: Point, heading: f64, length: f64, turn: f64) -> Self {
        let [mut x, mut y] = start;
        let mut angle = heading;
        let mut points = vec![start];
        for (turn, step) in figure.steps(turn) {
            angle += turn;
            x += step * length * libm::cos(angle);
            y += step * length * libm::sin(angle);
            points.push([x, y]);
        }
        Stroke { points, join: figure.join() }
    }

    /// A straight stroke.
    pub(super) fn line(from: Point, to: Point) -> Self {
        Stroke { points: vec![from, to], join: Join::Straight }
    }

    /// A circle.
    pub(super) fn ring(centre: Point, radius: f64) -> Self {
        let at = |i| {
            let angle = TAU * f64::from(i) / 8.0;
            [centre[0] + radius * libm::cos(angle), centre[1] + radius * libm::sin(angle)]
        };
        Stroke { points: (0..8).map(at).collect(), join: Join::Closed }
    }

    /// This stroke with its control points moved.
    pub(super) fn map(&self, place: impl FnMut(Point) -> Point) -> Self {
        Stroke { points: self.points.iter().copied().map(place).collect(), join: self.join }
    }

    /// First and last control point; none of a closed stroke.
    pub(super) fn ends(&self) -> Vec<Point> {
        match self.join {
            Join::Closed => Vec::new(),
            Join::Straight | Join::Smooth => {
                vec![self.points[0], self.points[self.points.len() - 1]]
            }
        }
    }

    /// The pen's way as the points of a polyline.
    pub(super) fn trace(&self) -> Vec<Point> {
        let count = self.points.len() as isize;
        let at = |i: isize| match self.join {
            Join::Closed => self.points[i.rem_euclid(count) as usize],
            Join::Straight | Join::Smooth => self.points[i.clamp(0, count - 1) as usize],
        };
        let legs = if self.join == Join::Closed { count } else { count - 1 };
        let mut way = vec![at(0)];
        for i in 0..legs {
            for j in 1..=PIECES {
                let t = j as f64 / PIECES as f64;
                way.push(match self.join {
                    Join::Straight => between(at(i), at(i + 1), t),
                    Join::Smooth | Join::Closed => spline([at(i - 1), at(i), at(i + 1), at(i + 2)], t),
                });
            }
        }
        way
    }
}

/// The point at share `t` of the way from `a` to `b`.
pub(super) fn between(a: Point, b: Point, t: f64) -> Point {
    [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
}

/// The distance of two points.
pub(super) fn distance(a: Point, b: Point) -> f64 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

/// Catmull-Rom: the cubic from the second to the third point, its tangents the
/// neighbours' chords, at `t` in 0..1.
fn spline(p: [Point; 4], t: f64) -> Point {
    [0, 1].map(|axis| {
        let [a, b, c, d] = p.map(|point| point[axis]);
        let cubic = 3.0 * (b - c) + d - a;
        b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * cubic))
    })
}

/// Smallest and largest x and y of some points: `[low, high]`.
pub(super) fn bounds<'a>(points: impl IntoIterator<Item = &'a Point>) -> [Point; 2] {
    let start = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    points.into_iter().fold(start, |[low, high], p| {
        [[low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])]]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Point, b: Point) -> bool {
        distance(a, b) < 1e-12
    }

    #[test]
    fn the_pen_passes_through_all_control_points() {
        for figure in [Figure::Zigzag, Figure::Arc, Figure::Spiral, Figure::Ring] {
            let stroke = Stroke::walk(figure, [0.3, -0.2], 0.4, 1.5, 2.0);
            let way = stroke.trace();
            for (i, point) in stroke.points.iter().enumerate() {
                assert!(close(way[i * PIECES], *point), "{figure:?}");
            }
        }
    }

    #[test]
    fn a_ring_closes_and_stays_round() {
        let way = Stroke::ring([1.0, 2.0], 0.5).trace();
        assert!(close(way[0], way[way.len() - 1]));
        assert!(way.iter().all(|p| (distance(*p, [1.0, 2.0]) - 0.5).abs() < 0.01));
    }

    #[test]
    fn a_bend_turns_by_its_angle() {
        let stroke = Stroke::walk(Figure::Bend, [0.0, 0.0], 0.0, 1.0, TAU / 4.0);
        assert!(close(stroke.points[1], [0.65, 0.0]) && close(stroke.points[2], [0.65, 0.65]));
    }
}
