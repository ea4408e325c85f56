//! Limited-memory BFGS (Liu, Nocedal 1989: "On the limited memory BFGS method for large scale optimization").

use std::collections::VecDeque;

use crate::heads::algebra::dot;

/// Pairs of differences that are kept.
const MEMORY: usize = 20;
/// Share of the first-order decrease that a step must bring (Armijo).
const DECREASE: f64 = 1e-4;
/// Share of the slope that may be left after a step.
const SLOPE: f64 = 0.9;
/// Halvings and doublings of one line search.
const TRIES: usize = 80;
/// Relative error of a value, below which a decrease cannot be told.
const ROUNDING: f64 = 1e-12;

/// Where the search ended.
#[derive(Clone, Debug)]
pub(crate) struct Minimum {
    pub(crate) x: Vec<f64>,
    /// The largest number of the gradient.
    pub(crate) gradient: f64,
    /// Steps that were taken.
    pub(crate) steps: usize,
    /// Whether the gradient is within the tolerance.
    pub(crate) converged: bool,
}

/// A point with its value and gradient.
#[derive(Clone)]
struct Point {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

fn point(f: &mut impl FnMut(&[f64], &mut [f64]) -> f64, x: Vec<f64>) -> Point {
    let mut gradient = vec![0.0; x.len()];
    let value = f(&x, &mut gradient);
    Point { x, value, gradient }
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| if x.is_nan() { f64::NAN } else { x.abs().max(m) })
}

/// Differences of points and of gradients, the oldest first.
struct Pairs(VecDeque<(Vec<f64>, Vec<f64>)>);

impl Pairs {
    fn push(&mut self, old: &Point, new: &Point) {
        let difference = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let (s, y) = (difference(&new.x, &old.x), difference(&new.gradient, &old.gradient));
        // positive after the line search, unless rounding is all that is left
        if dot(&s, &y) > f64::EPSILON * dot(&y, &y) {
            self.0.push_back((s, y));
        }
        if self.0.len() > MEMORY {
            self.0.pop_front();
        }
    }

    /// Minus the inverse Hessian, as far as it is known, times the gradient: the two-loop recursion.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.0.len());
        for (s, y) in self.0.iter().rev() {
            let share = dot(s, &q) / dot(s, y);
            q.iter_mut().zip(y).for_each(|(q, y)| *q -= share * y);
            shares.push(share);
        }
        if let Some((s, y)) = self.0.back() {
            let scale = dot(s, y) / dot(y, y);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for ((s, y), share) in self.0.iter().zip(shares.into_iter().rev()) {
            let back = share - dot(y, &q) / dot(s, y);
            q.iter_mut().zip(s).for_each(|(q, s)| *q += back * s);
        }
        q
    }
}

/// A point of the weak Wolfe conditions along a direction of descent, by bisection (Lewis, Overton 2013: "Nonsmooth optimization via
/// quasi-Newton methods", algorithm 2.6); where the decrease drowns in rounding, by the slope (the approximate Wolfe conditions of Hager, Zhang 2005: "A new conjugate gradient
/// method with guaranteed descent and an efficient line search").
fn line_search(
    f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    from: &Point,
    direction: &[f64],
    first: f64,
) -> Option<Point> {
    let slope = dot(&from.gradient, direction);
    if slope.is_nan() || slope >= 0.0 {
        return None;
    }
    let (mut low, mut high, mut step) = (0.0, f64::INFINITY, first);
    for _ in 0..TRIES {
        let x = from.x.iter().zip(direction).map(|(x, d)| x + step * d).collect();
        let to = point(f, x);
        let new_slope = dot(&to.gradient, direction);
        let fell = to.value <= from.value + DECREASE * step * slope;
        let flat = to.value <= from.value + ROUNDING * from.value.abs() && new_slope <= -0.8 * slope;
        if !(fell || flat) {
            high = step;
        } else if new_slope < SLOPE * slope {
            low = step;
        } else {
            return Some(to);
        }
        step = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * step };
    }
    None
}

/// The minimum of `f`, which gives the value at a point and writes the gradient: until no number of the gradient is above `tolerance`, or
/// after `limit` steps, or where no step along the steepest descent helps.
pub(crate) fn minimise(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: Vec<f64>,
    tolerance: f64,
    limit: usize,
) -> Minimum {
    let mut at = point(&mut f, start);
    let (mut pairs, mut steps) = (Pairs(VecDeque::new()), 0);
    while largest(&at.gradient) > tolerance && steps < limit {
        let fresh = pairs.0.is_empty();
        let first = if fresh { (1.0 / largest(&at.gradient)).min(1.0) } else { 1.0 };
        match line_search(&mut f, &at, &pairs.direction(&at.gradient), first) {
            Some(next) => {
                pairs.push(&at, &next);
                at = next;
                steps += 1;
            }
            None if fresh => break,
            None => pairs.0.clear(),
        }
    }
    let gradient = largest(&at.gradient);
    Minimum { x: at.x, gradient, steps, converged: gradient <= tolerance }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sum_i i (x_i - i)^2 / 2`, the curvatures from 1 to 1000.
    fn quadratic(x: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = 0.0;
        for (i, (x, g)) in x.iter().zip(gradient).enumerate() {
            let (curvature, off) = (1.0 + 111.0 * i as f64, x - i as f64);
            value += 0.5 * curvature * off * off;
            *g = curvature * off;
        }
        value
    }

    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient[0] = -2.0 * a - 400.0 * x[0] * b;
        gradient[1] = 200.0 * b;
        a * a + 100.0 * b * b
    }

    #[test]
    fn a_quadratic_is_solved_in_about_as_many_steps_as_it_has_curvatures() {
        let minimum = minimise(quadratic, vec![0.0; 10], 1e-10, 100);
        assert!(minimum.converged && minimum.steps < 40, "{minimum:?}");
        for (i, x) in minimum.x.iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-10, "{minimum:?}");
        }
    }

    #[test]
    fn the_curved_valley_is_followed_to_its_end() {
        let minimum = minimise(rosenbrock, vec![-1.2, 1.0], 1e-9, 200);
        assert!(minimum.converged, "{minimum:?}");
        assert!(minimum.x.iter().all(|x| (x - 1.0).abs() < 1e-8), "{minimum:?}");
    }

    #[test]
    fn the_solution_itself_takes_no_step() {
        let minimum = minimise(rosenbrock, vec![1.0, 1.0], 1e-12, 10);
        assert!(minimum.converged && minimum.steps == 0);
    }

    #[test]
    fn what_has_not_converged_says_so() {
        let few = minimise(rosenbrock, vec![-1.2, 1.0], 1e-9, 5);
        assert!(!few.converged && few.steps == 5 && few.gradient > 1e-9);
        let downhill = |x: &[f64], g: &mut [f64]| {
            g[0] = -1.0;
            -x[0]
        };
        assert!(!minimise(downhill, vec![0.0], 1e-9, 50).converged, "it falls without end");
        let nothing = |_: &[f64], g: &mut [f64]| {
            g[0] = f64::NAN;
            f64::NAN
        };
        assert!(!minimise(nothing, vec![0.0], 1e-9, 50).converged);
    }
}
