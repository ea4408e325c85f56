//! Scripts: how the characters of one alphabet are made up from its style and its shared
//! parts.

use super::chance::{chance, pick, weighted};
use super::shape::Shape;
use super::stroke::{Point, Stroke, bounds};
use super::style::{Ornament, Style};
use crate::{ChaCha8Rng, RngExt};

/// A stroke program, about within -1..1.
pub(super) type Character = Vec<Stroke>;

/// Mean and largest distance by which two characters of an alphabet differ at least.
const DISTINCT: [f64; 2] = [0.1, 0.4];
/// Least and most length of a character's strokes together.
const LENGTH: [f64; 2] = [1.5, 8.0];
/// A part is the best of this many.
const TRIES: usize = 4;

/// A part that the characters of an alphabet share.
struct Radical {
    /// Its strokes; the first begins at 0.
    strokes: Vec<Stroke>,
    /// Where it usually begins.
    seat: Point,
}

/// Draws the characters of one alphabet, no two alike.
pub(super) fn alphabet(count: usize, rng: &mut ChaCha8Rng) -> Vec<Character> {
    let script = Script::draw(rng);
    let mut characters: Vec<Character> = Vec::with_capacity(count);
    let mut shapes: Vec<Shape> = Vec::with_capacity(count);
    // A poor style may not hold so many characters: after each failure a little less is
    // asked for.
    let mut asked = 1.0;
    while characters.len() < count {
        let character = if !characters.is_empty() && chance(rng, script.style.variants) {
            let original = pick(rng, &characters).clone();
            script.variant(original, rng)
        } else {
            script.character(rng)
        };
        let shape = Shape::of(&character);
        if script.accepts(&shape, &shapes, asked) {
            characters.push(character);
            shapes.push(shape);
        } else {
            asked *= 0.99;
        }
    }
    characters.into_iter().map(|character| script.ornamented(character, rng)).collect()
}

/// A style with its repertoire.
struct Script {
    style: Style,
    radicals: Vec<Radical>,
}

impl Script {
    /// Draws a style and its repertoire: single strokes, and pairs that touch.
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let style = Style::draw(rng);
        let count = 4 + rng.below(5);
        let mut radicals = Vec::with_capacity(count);
        for _ in 0..count {
            let mut strokes = vec![style.stroke([0.0, 0.0], rng)];
            if chance(rng, 0.3) {
                let start = *pick(rng, &strokes[0].trace());
                strokes.push(style.stroke(start, rng));
            }
            radicals.push(Radical { strokes, seat: style.place(rng) });
        }
        Script { style, radicals }
    }

    /// Whether a shape is neither too small nor too crowded nor like another; `asked` = 1
    /// asks for all of it.
    fn accepts(&self, shape: &Shape, others: &[Shape], asked: f64) -> bool {
        let differs = |other: &Shape| {
            let [mean, largest] = shape.difference(other);
            mean >= asked * DISTINCT[0] && largest >= asked * DISTINCT[1]
        };
        shape.length >= asked * LENGTH[0] && shape.length * asked <= LENGTH[1] && others.iter().all(differs)
    }

    /// Draws a character.
    fn character(&self, rng: &mut ChaCha8Rng) -> Character {
        let strokes = 1 + weighted(rng, &self.style.strokes);
        let mut character = Character::new();
        while character.len() < strokes {
            self.add_part(&mut character, rng);
        }
        let size = rng.uniform(0.8, 1.0);
        fitted(&character, self.style.proportions.map(|share| size * share))
    }

    /// Draws a variant of a character: a part more, a part for a stroke, or a stroke
    /// less.
    fn variant(&self, mut character: Character, rng: &mut ChaCha8Rng) -> Character {
        let kind = rng.below(3);
        if kind > 0 && character.len() > 1 {
            character.remove(rng.below(character.len()));
        }
        if kind < 2 {
            self.add_part(&mut character, rng);
        }
        fitted(&character, [1.0, 1.0])
    }

    /// Adds the best of a few parts.
    fn add_part(&self, character: &mut Character, rng: &mut ChaCha8Rng) {
        let tries: Vec<Character> = (0..TRIES).map(|_| self.part(character, rng)).collect();
        let there = (!character.is_empty()).then(|| Shape::of(character));
        let cost = |part: &Character| awkwardness(&Shape::of(part), there.as_ref());
        let best = tries.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b)));
        character.extend(best.expect("TRIES is not 0"));
    }

    /// Draws a part: from the repertoire or new; in its seat, touching the character, or
    /// loose.
    fn part(&self, character: &[Stroke], rng: &mut ChaCha8Rng) -> Character {
        let style = &self.style;
        let radical = if chance(rng, style.reuse) { Some(pick(rng, &self.radicals)) } else { None };
        let start = match radical {
            Some(radical) if chance(rng, style.seated) => radical.seat,
            _ if !character.is_empty() && chance(rng, style.contact) => touched(pick(rng, character), rng),
            _ => style.place(rng),
        };
        let Some(radical) = radical else {
            return vec![style.stroke(start, rng)];
        };
        let scale = rng.uniform(0.8, 1.0);
        let across = if chance(rng, style.mirrored) { -scale } else { scale };
        let place = |[x, y]: Point| [start[0] + across * x, start[1] + scale * y];
        radical.strokes.iter().map(|stroke| stroke.map(place)).collect()
    }

    /// Adds the alphabet's ornament.
    fn ornamented(&self, mut character: Character, rng: &mut ChaCha8Rng) -> Character {
        let [low, high] = extent(&character);
        let mut ends: Vec<Point> = character.iter().flat_map(Stroke::ends).collect();
        ends.retain(|_| chance(rng, 0.7));
        let serif = |[x, y]: &Point| Stroke::line([x - 0.2, *y], [x + 0.2, *y]);
        match self.style.ornament {
            Ornament::None => {}
            Ornament::HeadBar => {
                character.push(Stroke::line([low[0] - 0.15, low[1]], [high[0] + 0.15, low[1]]));
            }
            Ornament::Rings => character.extend(ends.iter().map(|end| Stroke::ring(*end, 0.16))),
            Ornament::Serifs => character.extend(ends.iter().map(serif)),
        }
        character
    }
}

/// Draws a point of a stroke, an end rather than another.
fn touched(stroke: &Stroke, rng: &mut ChaCha8Rng) -> Point {
    let ends = stroke.ends();
    if !ends.is_empty() && chance(rng, 0.6) { *pick(rng, &ends) } else { *pick(rng, &stroke.trace()) }
}

/// How badly a part sits: it leaves the square, covers what is there, or makes the whole
/// long and thin.
fn awkwardness(part: &Shape, character: Option<&Shape>) -> f64 {
    let Some(character) = character else {
        return part.outside();
    };
    let [a, b] = [part.bounds(), character.bounds()];
    let side = |i: usize| a[1][i].max(b[1][i]) - a[0][i].min(b[0][i]);
    let thinness = (side(0) - side(1)).abs();
    2.0 * part.outside() + part.covered(character, 0.15) as f64 + 8.0 * thinness
}

/// Moves strokes to the middle and scales them: the longer side of their extent becomes
/// 2, then `proportions` apply.
fn fitted(strokes: &[Stroke], proportions: Point) -> Character {
    let [low, high] = extent(strokes);
    let scale = 2.0 / (high[0] - low[0]).max(high[1] - low[1]).max(0.5);
    let place = |p: Point| [0, 1].map(|i| scale * proportions[i] * (p[i] - (low[i] + high[i]) / 2.0));
    strokes.iter().map(|stroke| stroke.map(place)).collect()
}

/// Smallest and largest x and y of the pen's ways.
fn extent(strokes: &[Stroke]) -> [Point; 2] {
    bounds(&strokes.iter().flat_map(Stroke::trace).collect::<Vec<Point>>())
}
