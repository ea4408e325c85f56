//! Shapes: broadcasting, axes, and every message about them.

use std::fmt;
use std::ops::Deref;

use fewshot_kernels::MAX_RANK;

/// Most elements of an array: their bytes can be counted in either element type.
const MOST: usize = isize::MAX as usize / 8;

/// The product of sizes; nothing where an array of them has more elements than can be counted. Sizes of 0 do not count, so that the
/// product of any of them is in range too.
fn product(sizes: &[usize]) -> Option<usize> {
    let all = sizes.iter().filter(|&&size| size > 0).try_fold(1usize, |all, &size| all.checked_mul(size));
    all.filter(|&all| all <= MOST)
}

/// Checks that arrays of these sizes can be: all products of sizes of a [`Shape`] are in range.
#[track_caller]
fn check_product(sizes: &[usize]) {
    if product(sizes).is_none() {
        panic!("shape {sizes:?} has more elements than can be counted");
    }
}

/// The sizes of an array's axes, outermost first. Copy; dereferences to `[usize]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape with these sizes.
    ///
    /// # Panics
    /// With more than [`MAX_RANK`] axes, or when the product of the sizes other than 0 overflows.
    #[track_caller]
    pub fn new(dims: &[usize]) -> Self {
        assert!(
            dims.len() <= MAX_RANK,
            "shape {dims:?} has {} axes, at most {MAX_RANK} are possible",
            dims.len()
        );
        check_product(dims);
        let mut all = [0; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Shape { dims: all, rank: dims.len() as u8 }
    }

    /// The shape of a scalar: no axes.
    pub const fn scalar() -> Self {
        Shape { dims: [0; MAX_RANK], rank: 0 }
    }

    /// Number of elements of an array of this shape: the product of the sizes.
    pub fn count(&self) -> usize {
        self.iter().product()
    }

    /// This shape with the size of one axis replaced.
    #[track_caller]
    pub(crate) fn with(mut self, axis: usize, size: usize) -> Self {
        self[..].get(axis).expect("axis was checked");
        self.dims[axis] = size;
        check_product(&self);
        self
    }

    /// This shape with the given axes kept as 1.
    pub(crate) fn with_ones(mut self, axes: &[usize]) -> Self {
        for &axis in axes {
            self.dims[axis] = 1;
        }
        self
    }

    /// This shape without the given axes.
    pub(crate) fn without(&self, axes: &[usize]) -> Self {
        let mut out = Shape::scalar();
        for (axis, &size) in self.iter().enumerate() {
            if !axes.contains(&axis) {
                out.dims[out.rank as usize] = size;
                out.rank += 1;
            }
        }
        out
    }

    /// This shape with an axis of `size` put in before `axis`.
    #[track_caller]
    pub(crate) fn insert(&self, axis: usize, size: usize) -> Self {
        assert!(self.len() < MAX_RANK, "shape {self} has {MAX_RANK} axes already, as many as are possible");
        let mut out = *self;
        out.dims.copy_within(axis..self.len(), axis + 1);
        out.dims[axis] = size;
        out.rank += 1;
        check_product(&out);
        out
    }

    /// Elements before, along and after `axis`: an array is `[outer, size, inner]` seen from an axis.
    pub(crate) fn around(&self, axis: usize) -> (usize, usize, usize) {
        (self[..axis].iter().product(), self[axis], self[axis + 1..].iter().product())
    }
}

impl Deref for Shape {
    type Target = [usize];

    #[inline]
    fn deref(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self[..])
    }
}

impl PartialEq<[usize]> for Shape {
    fn eq(&self, other: &[usize]) -> bool {
        self[..] == *other
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self[..] == other[..]
    }
}

/// The shape to which both operands broadcast, axes aligned from the last, as in numpy.
#[track_caller]
pub(crate) fn broadcast(name: &str, a: &Shape, b: &Shape) -> Shape {
    if a == b {
        return *a;
    }
    let rank = a.len().max(b.len());
    let mut out = Shape { dims: [0; MAX_RANK], rank: rank as u8 };
    for back in 1..=rank {
        let x = if back <= a.len() { a[a.len() - back] } else { 1 };
        let y = if back <= b.len() { b[b.len() - back] } else { 1 };
        assert!(x == y || x == 1 || y == 1, "{name}: {a} and {b} do not broadcast: sizes {x} and {y} differ");
        out.dims[rank - back] = if x == 1 { y } else { x };
    }
    assert!(product(&out).is_some(), "{name}: {a} and {b} give {out}, more elements than can be counted");
    out
}

/// Whether `from` broadcasts to exactly `to`.
pub(crate) fn broadcasts_to(from: &[usize], to: &[usize]) -> bool {
    from.len() <= to.len() && from.iter().rev().zip(to.iter().rev()).all(|(&f, &t)| f == t || f == 1)
}

/// Checks that `axes` name different axes of `shape`.
#[track_caller]
pub(crate) fn check_axes(name: &str, shape: &Shape, axes: &[usize]) {
    for (i, &axis) in axes.iter().enumerate() {
        assert!(axis < shape.len(), "{name}: {shape} has no axis {axis}");
        assert!(!axes[..i].contains(&axis), "{name}: axis {axis} is named twice in {axes:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_from_the_last_axis() {
        let s = |d: &[usize]| Shape::new(d);
        assert_eq!(broadcast("add", &s(&[3, 1]), &s(&[4])), [3, 4]);
        assert_eq!(broadcast("add", &s(&[]), &s(&[2, 5])), [2, 5]);
        assert_eq!(broadcast("add", &s(&[2, 0]), &s(&[1, 1])), [2, 0]);
    }

    #[test]
    #[should_panic(expected = "add: [3, 2] and [4] do not broadcast: sizes 2 and 4 differ")]
    fn the_message_names_both_shapes() {
        broadcast("add", &Shape::new(&[3, 2]), &Shape::new(&[4]));
    }
}
