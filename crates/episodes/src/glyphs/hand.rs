//! Hands: how one drawer writes, and how one drawing differs from the next.

use super::chance::factor;
use super::stroke::{Point, Stroke, bounds};
use crate::{ChaCha8Rng, RngExt};

/// A drawer's habits, the same for all characters of an alphabet.
#[derive(Debug)]
pub(super) struct Hand {
    /// Share of the page that a character fills.
    size: f64,
    /// Width against height.
    stretch: f64,
    slant: f64,
    turn: f64,
    shift: Point,
    /// How unsteady the hand is; 1 is usual.
    unrest: f64,
    /// Half the pen's width, in pages.
    pub(super) pen: f64,
}

impl Hand {
    /// Draws a drawer.
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        Hand {
            size: rng.uniform(0.55, 0.9),
            stretch: factor(rng, 0.14),
            slant: 0.13 * rng.normal(),
            turn: 0.08 * rng.normal(),
            shift: [0.045 * rng.normal(), 0.045 * rng.normal()],
            unrest: factor(rng, 0.25),
            pen: rng.uniform(0.018, 0.025),
        }
    }

    /// Draws a character: the pen's ways on a page of 0..1.
    pub(super) fn write(&self, character: &[Stroke], rng: &mut ChaCha8Rng) -> Vec<Vec<Point>> {
        let page = self.page(rng);
        let mut ways: Vec<Vec<Point>> = character.iter().map(|stroke| self.pull(stroke, rng)).collect();
        for point in ways.iter_mut().flatten() {
            *point = page.apply(*point);
        }
        keep_on_page(&mut ways, 1.5 * self.pen);
        ways
    }

    /// Draws how the whole character is placed on the page.
    fn page(&self, rng: &mut ChaCha8Rng) -> Warp {
        let size = 0.5 * self.size * factor(rng, 0.06);
        let stretch = (self.stretch * factor(rng, 0.06)).sqrt();
        Warp {
            from: [0.0, 0.0],
            to: [0, 1].map(|i| 0.5 + self.shift[i] + 0.03 * rng.normal()),
            scale: [size * stretch, size / stretch],
            slant: self.slant + 0.06 * rng.normal(),
            turn: self.turn + 0.06 * rng.normal(),
            bend: self.bend(0.06 * size, rng),
        }
    }

    /// Draws one stroke: its points, then the stroke as a whole, differ from what was
    /// meant.
    fn pull(&self, stroke: &Stroke, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let mut off = |deviation: f64| deviation * self.unrest * rng.normal();
        let moved = stroke.map(|[x, y]| [x + off(0.03), y + off(0.03)]);
        let [low, high] = bounds(&stroke.points);
        let centre = [0, 1].map(|i| (low[i] + high[i]) / 2.0);
        let warp = Warp {
            from: centre,
            to: centre.map(|c| c + off(0.08)),
            scale: [libm::exp(off(0.08)), libm::exp(off(0.08))],
            slant: off(0.05),
            turn: off(0.08),
            bend: self.bend(0.08, rng),
        };
        moved.trace().into_iter().map(|p| warp.apply(p)).collect()
    }

    fn bend(&self, deviation: f64, rng: &mut ChaCha8Rng) -> [[f64; 3]; 2] {
        [0, 1].map(|_| [0, 1, 2].map(|_| deviation * self.unrest * rng.normal()))
    }
}

/// A map of the plane of degree two: scaled, slanted, turned, moved, and slightly bent.
struct Warp {
    /// The point that stays the middle, and where it goes.
    from: Point,
    to: Point,
    scale: [f64; 2],
    /// Shift of x per y.
    slant: f64,
    turn: f64,
    /// For x and y: the factors of x², xy and y².
    bend: [[f64; 3]; 2],
}

impl Warp {
    fn apply(&self, p: Point) -> Point {
        let [x, y] = [p[0] - self.from[0], p[1] - self.from[1]];
        let [u, v] = [self.scale[0] * (x + self.slant * y), self.scale[1] * y];
        let (sin, cos) = (libm::sin(self.turn), libm::cos(self.turn));
        let bent = self.bend.map(|[xx, xy, yy]| xx * x * x + xy * x * y + yy * y * y);
        [self.to[0] + cos * u - sin * v + bent[0], self.to[1] + sin * u + cos * v + bent[1]]
    }
}

/// Shrinks and moves the ways, where they need it, to lie on the page with a margin
/// around them.
fn keep_on_page(ways: &mut [Vec<Point>], margin: f64) {
    let [low, high] = bounds(ways.iter().flatten());
    let longest = (high[0] - low[0]).max(high[1] - low[1]);
    let scale = ((1.0 - 2.0 * margin) / longest).min(1.0);
    let middle = [0, 1].map(|i| (low[i] + high[i]) / 2.0);
    let place = [0, 1].map(|i| {
        let room = (0.5 - margin - scale * (high[i] - low[i]) / 2.0).max(0.0);
        middle[i].clamp(0.5 - room, 0.5 + room)
    });
    for point in ways.iter_mut().flatten() {
        *point = [0, 1].map(|i| place[i] + scale * (point[i] - middle[i]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, stream};

    #[test]
    fn ways_are_kept_on_the_page_and_left_alone_where_they_fit() {
        let fits = vec![vec![[0.2, 0.3], [0.7, 0.6]]];
        let mut ways = fits.clone();
        keep_on_page(&mut ways, 0.1);
        assert!(ways[0].iter().zip(&fits[0]).all(|(a, b)| super::super::stroke::distance(*a, *b) < 1e-12));

        let mut ways = vec![vec![[0.5, 0.5], [2.5, 1.5]]];
        keep_on_page(&mut ways, 0.1);
        let [low, high] = bounds(&ways[0]);
        assert!(low.iter().chain(&high).all(|v| (0.1 - 1e-12..=0.9 + 1e-12).contains(v)), "{ways:?}");
        assert!((high[0] - low[0] - 0.8).abs() < 1e-12 && (high[1] - low[1] - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_steady_hand_draws_what_was_meant() {
        let mut rng = stream(1, Purpose::Data, 0);
        let hand = Hand { unrest: 0.0, ..Hand::draw(&mut rng) };
        let stroke = Stroke::line([-0.5, 0.1], [0.5, 0.1]);
        let [meant, drawn] = [stroke.trace(), hand.pull(&stroke, &mut rng)];
        assert!(meant.iter().zip(&drawn).all(|(a, b)| super::super::stroke::distance(*a, *b) < 1e-12));
    }
}
