//! Concatenation and splitting along axes, slices and padding.

use std::ops::Range;

use crate::float::Float;
use crate::op::Op;
use crate::ops::layout::Layout;
use crate::shape::check_axes;
use crate::var::Var;

impl<'t, F: Float> Var<'t, F> {
    /// Concatenates values along an existing axis.
    ///
    /// # Panics
    /// Without values, or when sizes of other axes differ.
    #[track_caller]
    pub fn concat(values: &[Var<'t, F>], axis: usize) -> Var<'t, F> {
        let first = values.first().expect("concat: there is nothing to concatenate");
        let shape = first.shape();
        check_axes("concat", &shape, &[axis]);
        let mut size = 0usize;
        for x in values {
            let other = x.shape();
            let fits = other.len() == shape.len() && other.without(&[axis]) == shape.without(&[axis]);
            assert!(fits, "concat: {shape} and {other} differ beside axis {axis}");
            size = size.saturating_add(other[axis]);
        }
        let op = Layout::Concat { axis: axis as u8 };
        first.tape().push(Op::Layout(op), values, shape.with(axis, size))
    }

    /// Stacks values of one shape along a new axis.
    ///
    /// # Panics
    /// Without values, or when shapes differ.
    #[track_caller]
    pub fn stack(values: &[Var<'t, F>], axis: usize) -> Var<'t, F> {
        let mut parts = Vec::with_capacity(values.len());
        for x in values {
            parts.push(x.insert_axis(axis));
        }
        Self::concat(&parts, axis)
    }

    /// A range of one axis.
    ///
    /// # Panics
    /// When the range leaves the axis.
    #[track_caller]
    pub fn slice(self, axis: usize, range: Range<usize>) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("slice", &shape, &[axis]);
        assert!(
            range.start <= range.end && range.end <= shape[axis],
            "slice: {range:?} leaves axis {axis} of {shape}"
        );
        if range.len() == shape[axis] {
            return self;
        }
        let op = Layout::Slice { axis: axis as u8, start: range.start };
        self.layout(op, shape.with(axis, range.len()))
    }

    /// Consecutive ranges of one axis, of the given sizes.
    ///
    /// # Panics
    /// When the sizes do not add up to the axis's.
    #[track_caller]
    pub fn split(self, axis: usize, sizes: &[usize]) -> Vec<Var<'t, F>> {
        let shape = self.shape();
        check_axes("split", &shape, &[axis]);
        let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        assert_eq!(sum, Some(shape[axis]), "split: sizes {sizes:?} do not add up to axis {axis} of {shape}");
        if sizes.len() < 2 {
            return vec![self; sizes.len()];
        }
        let shapes: Vec<_> = sizes.iter().map(|&size| shape.with(axis, size)).collect();
        let op = Op::Layout(Layout::Split { axis: axis as u8 });
        let first = self.tape().push_many(op, &[self], &shapes);
        (0..sizes.len()).map(|k| first.output(k as u32)).collect()
    }

    /// A part of each axis, one range an axis: the adjoint of [`pad`](Var::pad).
    ///
    /// # Panics
    /// When the number of ranges is not the number of axes, or a range leaves its axis.
    #[track_caller]
    pub fn crop(self, ranges: &[Range<usize>]) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(ranges.len(), shape.len(), "crop: {} ranges for {shape}", ranges.len());
        let mut x = self;
        for (axis, range) in ranges.iter().enumerate() {
            x = x.slice(axis, range.clone());
        }
        x
    }

    /// Pads each axis with zeros before and after.
    ///
    /// # Panics
    /// When the number of pairs is not the number of axes.
    #[track_caller]
    pub fn pad(self, widths: &[(usize, usize)]) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(widths.len(), shape.len(), "pad: {} widths for {shape}", widths.len());
        let mut x = self;
        for (axis, &(before, after)) in widths.iter().enumerate() {
            x = x.pad_axis(axis, before, after);
        }
        x
    }

    #[track_caller]
    pub(super) fn pad_axis(self, axis: usize, before: usize, after: usize) -> Var<'t, F> {
        if before == 0 && after == 0 {
            return self;
        }
        let shape = self.shape();
        let size = before.saturating_add(shape[axis]).saturating_add(after);
        let op = Layout::Pad { axis: axis as u8, before };
        self.layout(op, shape.with(axis, size))
    }
}
