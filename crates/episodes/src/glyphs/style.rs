//! An alphabet's style: which strokes it is written with, and how they are put together.

use super::chance::{chance, factor, pick, weighted};
use super::stroke::{Figure, Point, Stroke};
use crate::{ChaCha8Rng, RngExt};
use std::f64::consts::TAU;

/// The families of strokes with their usual weights.
const FIGURES: [(Figure, f64); 9] = [
    (Figure::Line, 1.0),
    (Figure::Bend, 0.6),
    (Figure::Zigzag, 0.2),
    (Figure::Arc, 1.0),
    (Figure::Wave, 0.4),
    (Figure::Hook, 0.7),
    (Figure::Spiral, 0.06),
    (Figure::Ring, 0.35),
    (Figure::Dot, 0.15),
];

/// What all characters of some alphabets carry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ornament {
    None,
    /// A bar over the whole character.
    HeadBar,
    /// A small ring on most loose ends.
    Rings,
    /// A short level tick on most loose ends.
    Serifs,
}

const ORNAMENTS: [(Ornament, f64); 4] =
    [(Ornament::None, 0.78), (Ornament::HeadBar, 0.1), (Ornament::Rings, 0.05), (Ornament::Serifs, 0.07)];

/// The habits that the characters of one alphabet share.
#[derive(Debug)]
pub(super) struct Style {
    /// How likely each family of strokes is, in the order of `FIGURES`.
    figures: [f64; 9],
    /// How likely characters of 1, 2, 3, ... strokes are.
    pub(super) strokes: [f64; 7],
    /// Shortest and longest plain stroke; a character is about 2 wide.
    lengths: [f64; 2],
    /// Strokes set out in one of this many directions, evenly spread from `tilt` on.
    directions: usize,
    tilt: f64,
    /// Usual angle of a corner and of a whole curve.
    turns: [f64; 2],
    /// Probability that a stroke touches what is already there.
    pub(super) contact: f64,
    /// Probability that a part comes from the shared repertoire.
    pub(super) reuse: f64,
    /// Probability that a part of the repertoire stands in its usual place.
    pub(super) seated: f64,
    /// Probability that a character is a variant of another one.
    pub(super) variants: f64,
    /// Probability that a part of the repertoire is mirrored.
    pub(super) mirrored: f64,
    /// Loose parts begin on a lattice of this many points a side.
    lattice: usize,
    /// Width and height of the usual character, as shares.
    pub(super) proportions: Point,
    pub(super) ornament: Ornament,
}

impl Style {
    /// Draws a style.
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let usual = rng.uniform(1.8, 4.5);
        let narrow = factor(rng, 0.2);
        Style {
            figures: FIGURES.map(|(_, weight)| weight * factor(rng, 1.1)),
            strokes: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(|n| libm::exp(-(n - usual) * (n - usual) / 1.5)),
            lengths: [rng.uniform(0.7, 1.1), rng.uniform(1.3, 1.9)],
            directions: *pick(rng, &[4, 4, 8, 8, 12, 24]),
            tilt: 0.12 * rng.normal(),
            turns: [rng.uniform(1.0, 2.3), rng.uniform(1.6, 4.2)],
            contact: rng.uniform(0.75, 1.0),
            reuse: rng.uniform(0.5, 0.95),
            seated: rng.uniform(0.2, 0.7),
            variants: rng.uniform(0.2, 0.8),
            mirrored: *pick(rng, &[0.0, 0.2, 0.5]),
            lattice: *pick(rng, &[2, 3, 3, 4]),
            proportions: [narrow.min(1.0), (1.0 / narrow).min(1.0)],
            ornament: ORNAMENTS[weighted(rng, &ORNAMENTS.map(|(_, weight)| weight))].0,
        }
    }

    /// Draws a new stroke that begins at `start`.
    pub(super) fn stroke(&self, start: Point, rng: &mut ChaCha8Rng) -> Stroke {
        let (figure, _) = FIGURES[weighted(rng, &self.figures)];
        let heading = self.tilt + TAU * rng.below(self.directions) as f64 / self.directions as f64;
        let length = rng.uniform(self.lengths[0], self.lengths[1]);
        let usual = match figure {
            Figure::Bend | Figure::Zigzag => self.turns[0],
            _ => self.turns[1],
        };
        let side = if chance(rng, 0.5) { 1.0 } else { -1.0 };
        let turn = side * usual * rng.uniform(0.85, 1.2);
        Stroke::walk(figure, start, heading, length, turn)
    }

    /// Draws a place for a loose part, in -1..1.
    pub(super) fn place(&self, rng: &mut ChaCha8Rng) -> Point {
        let step = 1.5 / (self.lattice - 1) as f64;
        let mut coordinate = || rng.below(self.lattice) as f64 * step - 0.75;
        [coordinate(), coordinate()]
    }
}
