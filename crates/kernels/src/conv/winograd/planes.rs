//! How the numbers of Winograd's windows lie in planes.
//!
//! A window's numbers are a square. Those that take the same weights are in one plane: window after window, those of a window together.

use std::array;
use std::ops::Range;

/// Elements between two planes, which keep their stores out of one another's cache lines.
const GAP: usize = 16;
/// Most planes.
const MOST: usize = 36;

/// The numbers of a square along an axis, in order: so many of each share weights.
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
    /// Those of the first rows of the squares.
    First,
    /// Those of the others.
    Last,
}

impl Axis {
    /// The planes that a part has, counted in all.
    pub fn planes(&self, part: Part) -> Range<usize> {
        let Range { start, end } = self.kinds(part);
        start * self.shared.len()..end * self.shared.len()
    }

    /// Of the rows of a part.
    fn kinds(&self, part: Part) -> Range<usize> {
        match part {
            Part::All => 0..self.shared.len(),
            Part::First => 0..self.half,
            Part::Last => self.half..self.shared.len(),
        }
    }

    /// Numbers of these kinds.
    fn numbers(&self, kinds: Range<usize>) -> usize {
        self.shared[kinds].iter().sum()
    }

    /// The kind of every number along the axis, and which of its kind it is.
    fn kinds_of<const M: usize>(&self) -> [[usize; 2]; M] {
        let each = |(kind, &shared): (usize, &usize)| (0..shared).map(move |i| [kind, i]);
        let mut all = self.shared.iter().enumerate().flat_map(each);
        array::from_fn(|_| all.next().expect("the axis has as many numbers"))
    }
}

/// The planes of some windows.
#[derive(Clone, Copy)]
pub struct Planes {
    pub axis: Axis,
    pub part: Part,
    pub windows: usize,
    /// Elements of a row: the channels of one number, or more.
    pub row: usize,
}

impl Planes {
    /// Them, counted in all.
    pub fn range(&self) -> Range<usize> {
        self.axis.planes(self.part)
    }

    /// Rows and columns of the numbers of a window.
    pub fn square(&self) -> [usize; 2] {
        [self.axis.kinds(self.part), self.axis.kinds(Part::All)].map(|kinds| self.axis.numbers(kinds))
    }

    /// Elements of all.
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

    /// Elements between the first numbers of a window where no two are in one plane.
    pub fn even(&self) -> usize {
        assert!(self.axis.shared.iter().all(|&shared| shared == 1), "planes of several numbers");
        self.windows * self.row + GAP
    }

    /// For every number of the first window where it lies, and how far from it that of the next window does. Rows begin with the
    /// part's first; those behind its last are of no meaning.
    pub fn numbers<const M: usize>(&self) -> [[[usize; 2]; M]; M] {
        let (axis, starts, kinds) = (self.axis, self.starts(), self.axis.kinds_of::<M>());
        let rows = axis.kinds(self.part);
        let (first, all) = (axis.numbers(0..rows.start), axis.numbers(0..rows.end));
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

/// Where the numbers of a window lie, window after window.
pub trait Places<const M: usize>: Copy {
    /// Of the first window.
    fn first(planes: &Planes) -> Self;
    /// Goes on to the next window.
    fn next(&mut self);
    /// Where the number of row `i` of the part and of column `j` begins.
    fn place(&self, i: usize, j: usize) -> usize;
}

/// In a plane each: no more than two numbers to be kept in registers.
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

/// In planes that several share.
#[derive(Clone, Copy)]
pub struct Shared<const M: usize> {
    places: [[usize; M]; M],
    steps: [[usize; M]; M],
}

impl<const M: usize> Places<M> for Shared<M> {
    #[inline(always)]
    fn first(planes: &Planes) -> Self {
        let numbers = planes.numbers::<M>();
        let [places, steps] = [0, 1].map(|k| numbers.map(|row| row.map(|number| number[k])));
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
            let [at, step] = planes.numbers::<M>()[i][j];
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
    fn every_number_has_a_place_in_a_plane_of_its_kind() {
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
