//! How transformed windows of Winograd's convolutions lie in planes.
//!
//! A transformed window is a square of elements. Elements that are multiplied by the same weights lie in one plane: window after window,
//! the elements of a window together.

use std::array;
use std::ops::Range;

/// Elements between two planes, which keep their stores out of one another's cache lines.
const GAP: usize = 16;
/// Most planes.
const MOST: usize = 36;

/// The elements of a transformed window along an axis, in order: `shared[i]` of them are multiplied by weights of kind `i`.
#[derive(Clone, Copy)]
pub struct Axis {
    pub shared: &'static [usize],
    /// How many of these kinds [`Part::First`] has.
    pub half: usize,
}

/// Some planes.
#[derive(Clone, Copy)]
pub enum Part {
    All,
    /// The planes of the first rows of transformed windows.
    First,
    /// The planes of the other rows.
    Last,
}

impl Axis {
    /// The range of a part's planes among all planes.
    pub fn planes(&self, part: Part) -> Range<usize> {
        let Range { start, end } = self.kinds(part);
        start * self.shared.len()..end * self.shared.len()
    }

    /// The kinds of the rows of a part.
    fn kinds(&self, part: Part) -> Range<usize> {
        match part {
            Part::All => 0..self.shared.len(),
            Part::First => 0..self.half,
            Part::Last => self.half..self.shared.len(),
        }
    }

    /// How many elements are of these kinds.
    fn elements(&self, kinds: Range<usize>) -> usize {
        self.shared[kinds].iter().sum()
    }

    /// The kind of every element along the axis, and its index within the kind.
    fn kinds_of<const M: usize>(&self) -> [[usize; 2]; M] {
        let each = |(kind, &shared): (usize, &usize)| (0..shared).map(move |i| [kind, i]);
        let mut all = self.shared.iter().enumerate().flat_map(each);
        array::from_fn(|_| all.next().expect("the axis has as many elements"))
    }
}

/// The planes of some windows.
#[derive(Clone, Copy)]
pub struct Planes {
    pub axis: Axis,
    pub part: Part,
    pub windows: usize,
    /// Length of a row of a plane: the channels of one element of a window, or more.
    pub row: usize,
}

impl Planes {
    /// The range of these planes among all planes.
    pub fn range(&self) -> Range<usize> {
        self.axis.planes(self.part)
    }

    /// Rows and columns of a transformed window.
    pub fn transformed_size(&self) -> [usize; 2] {
        [self.axis.kinds(self.part), self.axis.kinds(Part::All)].map(|kinds| self.axis.elements(kinds))
    }

    /// Length of all planes.
    pub fn len(&self) -> usize {
        self.rows_of_all() * self.row + self.range().len() * GAP
    }

    /// Rows of all.
    pub fn rows_of_all(&self) -> usize {
        self.range().map(|p| self.rows(p)).sum()
    }

    /// Rows of plane `p`.
    pub fn rows(&self, p: usize) -> usize {
        let shared = self.axis.shared;
        shared[p / shared.len()] * shared[p % shared.len()] * self.windows
    }

    /// Where each plane begins.
    pub fn starts(&self) -> [usize; MOST] {
        let (mut starts, mut end) = ([usize::MAX; MOST], 0);
        for p in self.range() {
            starts[p] = end;
            end += self.rows(p) * self.row + GAP;
        }
        starts
    }

    /// Distance of a window's elements where each lies in a plane of its own.
    pub fn even(&self) -> usize {
        assert!(self.axis.shared.iter().all(|&shared| shared == 1), "planes of several elements");
        self.windows * self.row + GAP
    }

    /// For every element of the first window its place, and the distance to the same element of the next window. Rows begin with the
    /// part's first; rows behind its last are of no meaning.
    pub fn elements<const M: usize>(&self) -> [[[usize; 2]; M]; M] {
        let (axis, starts, kinds) = (self.axis, self.starts(), self.axis.kinds_of::<M>());
        let rows = axis.kinds(self.part);
        let (first, all) = (axis.elements(0..rows.start), axis.elements(0..rows.end));
        array::from_fn(|i| {
            kinds.map(|[across, j]| {
                let [down, i] = kinds[(first + i).min(all - 1)];
                let [rows, columns] = [axis.shared[down], axis.shared[across]];
                let start = starts[down * axis.shared.len() + across];
                [start + (i * columns + j) * self.row, rows * columns * self.row]
            })
        })
    }
}

/// Where the elements of a transformed window lie, window after window.
pub trait Places<const M: usize>: Copy {
    /// The places of the first window.
    fn first(planes: &Planes) -> Self;
    /// Goes on to the next window.
    fn next(&mut self);
    /// Where the element of row `i` of the part and column `j` begins.
    fn place(&self, i: usize, j: usize) -> usize;
}

/// Each element in a plane of its own: no more than two values to be kept in registers.
#[derive(Clone, Copy)]
pub struct Apart {
    window: usize,
    row: usize,
    plane: usize,
}

impl<const M: usize> Places<M> for Apart {
    #[inline(always)]
    fn first(planes: &Planes) -> Self {
        Apart { window: 0, row: planes.row, plane: planes.even() }
    }

    #[inline(always)]
    fn next(&mut self) {
        self.window += self.row;
    }

    #[inline(always)]
    fn place(&self, i: usize, j: usize) -> usize {
        self.window + (M * i + j) * self.plane
    }
}

/// Planes that several elements of a window share.
#[derive(Clone, Copy)]
pub struct Shared<const M: usize> {
    places: [[usize; M]; M],
    steps: [[usize; M]; M],
}

impl<const M: usize> Places<M> for Shared<M> {
    #[inline(always)]
    fn first(planes: &Planes) -> Self {
        let elements = planes.elements::<M>();
        let [places, steps] = [0, 1].map(|k| elements.map(|row| row.map(|element| element[k])));
        Shared { places, steps }
    }

    #[inline(always)]
    fn next(&mut self) {
        for i in 0..M {
            for j in 0..M {
                self.places[i][j] += self.steps[i][j];
            }
        }
    }

    #[inline(always)]
    fn place(&self, i: usize, j: usize) -> usize {
        self.places[i][j]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn check<const R: usize>(axis: Axis, part: Part) {
        const M: usize = 7;
        let planes = Planes { axis, part, windows: 5, row: 3 };
        let mut seen = HashSet::new();
        for (i, j, k) in (0..R).flat_map(|i| (0..M).flat_map(move |j| (0..5).map(move |k| (i, j, k)))) {
            let [at, step] = planes.elements::<M>()[i][j];
            let at = at + k * step;
            assert!((at..at + 3).all(|element| seen.insert(element)), "row {i}, column {j} of window {k}");
            let plane = planes.range().find(|&p| {
                let start = planes.starts()[p];
                (start..start + planes.rows(p) * 3).contains(&at)
            });
            assert!(plane.is_some() && at + 3 <= planes.len(), "row {i}, column {j} lies in no plane");
        }
        assert_eq!(seen.len(), planes.rows_of_all() * 3);
        assert_eq!(planes.range().map(|p| planes.rows(p)).sum::<usize>(), planes.rows_of_all());
    }

    #[test]
    fn every_element_has_a_place_in_a_plane_of_its_kind() {
        let axis = Axis { shared: &[1, 1, 1, 1, 3], half: 4 };
        check::<7>(axis, Part::All);
        check::<4>(axis, Part::First);
        check::<3>(axis, Part::Last);
        let axis = Axis { shared: &[1, 2, 1, 2, 1], half: 2 };
        check::<7>(axis, Part::All);
        check::<3>(axis, Part::First);
        check::<4>(axis, Part::Last);
    }
}
