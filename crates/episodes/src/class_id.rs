//! Classes of a data set, plain or turned.

use std::fmt;

/// A turn by a multiple of 90 degrees, counter-clockwise.
///
/// ```
/// use fewshot_episodes::Turn;
/// let mut turned = [0; 4];
/// Turn::Quarter.apply(&[1, 2, 3, 4], [2, 2, 1], &mut turned, |pixel| pixel);
/// assert_eq!(turned, [2, 4, 1, 3]);
/// assert_eq!(Turn::Quarter.then(Turn::Half).degrees(), 270);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Turn {
    /// Not turned.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

impl Turn {
    /// The four turns in order.
    pub const ALL: [Turn; 4] = [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];

    /// Degrees, counter-clockwise.
    pub fn degrees(self) -> u32 {
        90 * self as u32
    }

    /// The turn of 0, 90, 180 or 270 degrees; `None` for any other number.
    pub fn from_degrees(degrees: u32) -> Option<Turn> {
        Turn::ALL.into_iter().find(|turn| turn.degrees() == degrees)
    }

    /// This turn followed by another.
    pub fn then(self, other: Turn) -> Turn {
        Turn::ALL[(self as usize + other as usize) % 4]
    }

    /// Turns `image`, `[height, width, channels]` row-major, and hands every
    /// value to its place in `out`.
    ///
    /// # Panics
    /// When a quarter turn meets an image that is not square, or the lengths of
    /// `image` and `out` are not those of the shape.
    #[track_caller]
    pub fn apply<T: Copy, U>(self, image: &[T], shape: [usize; 3], out: &mut [U], value: impl Fn(T) -> U) {
        let [h, w, c] = shape;
        assert!(
            image.len() == h * w * c && out.len() == image.len(),
            "turn: {} and {} values for shape {shape:?}",
            image.len(),
            out.len()
        );
        assert!(h == w || matches!(self, Turn::None | Turn::Half), "turn: an image of {h}x{w} is not square");
        let (down, right, wide) = (h as isize - 1, w as isize - 1, w as isize);
        let (start, by_row, by_column) = match self {
            Turn::None => (0, wide, 1),
            Turn::Quarter => (right, -1, wide),
            Turn::Half => (down * wide + right, -wide, -1),
            Turn::ThreeQuarters => (down * wide, 1, -wide),
        };
        for (row, line) in (0..).zip(out.chunks_exact_mut(w * c)) {
            for channel in 0..c {
                let mut from = start + row * by_row;
                for to in line[channel..].iter_mut().step_by(c) {
                    *to = value(image[from as usize * c + channel]);
                    from += by_column;
                }
            }
        }
    }
}

/// A class to draw episodes from: a class of an image set under a turn.
///
/// Where rotated copies count as classes of their own (Santoro et al. 2016,
/// Vinyals et al. 2016), one character stands for up to four of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId {
    /// Number of the class in the image set.
    pub class: usize,
    /// How all its images are turned.
    pub turn: Turn,
}

impl From<usize> for ClassId {
    fn from(class: usize) -> Self {
        Self { class, turn: Turn::None }
    }
}

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} turned by {}", self.class, self.turn.degrees())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(turn: Turn, image: &[u8], shape: [usize; 3]) -> Vec<u8> {
        let mut out = vec![0; image.len()];
        turn.apply(image, shape, &mut out, |v| v);
        out
    }

    #[test]
    fn turns_are_counter_clockwise() {
        let image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let at = |turn| turned(turn, &image, [3, 3, 1]);
        assert_eq!(at(Turn::None), image);
        assert_eq!(at(Turn::Quarter), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        assert_eq!(at(Turn::Half), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(at(Turn::ThreeQuarters), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
    }

    #[test]
    fn channels_stay_together() {
        let colours = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(turned(Turn::Quarter, &colours, [2, 2, 2]), [3, 4, 7, 8, 1, 2, 5, 6]);
        assert_eq!(turned(Turn::Half, &colours, [1, 4, 2]), [7, 8, 5, 6, 3, 4, 1, 2]);
    }

    #[test]
    fn turns_add_up() {
        let image: Vec<u8> = (0..25).collect();
        for first in Turn::ALL {
            for second in Turn::ALL {
                let twice = turned(second, &turned(first, &image, [5, 5, 1]), [5, 5, 1]);
                assert_eq!(twice, turned(first.then(second), &image, [5, 5, 1]));
            }
            assert_eq!(Turn::from_degrees(first.degrees()), Some(first));
        }
        assert_eq!(Turn::from_degrees(45), None);
    }

    #[test]
    #[should_panic(expected = "an image of 1x4 is not square")]
    fn a_quarter_turn_needs_a_square() {
        turned(Turn::Quarter, &[1, 2, 3, 4], [1, 4, 1]);
    }
}
