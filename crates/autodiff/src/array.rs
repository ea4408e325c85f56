//! [`Array`]: shared, contiguous, row-major values of dynamic shape.

use std::fmt;
use std::sync::Arc;

use fewshot_kernels::{Buffer, Kernels};

use crate::shape::Shape;

/// Values with a shape, at rest: what goes onto a tape and comes back from it.
///
/// Cloning shares the values; writing to a shared array copies it first. An array is `Send + Sync`, so weights can be read
/// by many threads.
///
/// ```
/// use fewshot_autodiff::Array;
/// let x = Array::new(&[2, 3], vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(x.shape(), [2, 3]);
/// assert_eq!(x.map(|v| v * v).data()[5], 36.0);
/// ```
#[derive(Clone)]
pub struct Array<F: Kernels = f32> {
    buffer: Arc<Buffer<F>>,
    shape: Shape,
}

impl<F: Kernels> Array<F> {
    /// An array of `shape` with `data` in row-major order, taken over without a copy.
    ///
    /// # Panics
    /// When the length of `data` is not the number of elements of `shape`, or that number overflows.
    #[track_caller]
    pub fn new(shape: &[usize], data: Vec<F>) -> Self {
        let shape = Shape::new(shape);
        assert_eq!(
            data.len(),
            shape.count(),
            "Array::new: shape {shape} needs {} values, {} were given",
            shape.count(),
            data.len()
        );
        Array { buffer: Arc::new(Buffer::from_vec(data)), shape }
    }

    /// A single value, shape `[]`.
    pub fn scalar(value: F) -> Self {
        Self::full(&[], value)
    }

    /// All zeros.
    ///
    /// # Panics
    /// When there is not enough memory; so do the other constructors.
    #[track_caller]
    pub fn zeros(shape: &[usize]) -> Self {
        Self::full(shape, F::zero())
    }

    /// All ones.
    #[track_caller]
    pub fn ones(shape: &[usize]) -> Self {
        Self::full(shape, F::one())
    }

    /// All `value`.
    #[track_caller]
    pub fn full(shape: &[usize], value: F) -> Self {
        Self::build(Shape::new(shape), |out| out.fill(value))
    }

    /// The value at flat row-major index `i` is `f(i)`.
    #[track_caller]
    pub fn from_fn(shape: &[usize], mut f: impl FnMut(usize) -> F) -> Self {
        Self::build(Shape::new(shape), |out| {
            for (i, o) in out.iter_mut().enumerate() {
                *o = f(i);
            }
        })
    }

    /// An array from this thread's pool; `fill` writes every element (it finds old contents).
    #[track_caller]
    pub(crate) fn build(shape: Shape, fill: impl FnOnce(&mut [F])) -> Self {
        let mut buffer = Buffer::dirty(shape.count());
        fill(buffer.data_mut());
        Array { buffer: Arc::new(buffer), shape }
    }

    /// The values of a buffer of the shape's length.
    pub(crate) fn from_buffer(buffer: Buffer<F>, shape: Shape) -> Self {
        debug_assert_eq!(buffer.data().len(), shape.count());
        Array { buffer: Arc::new(buffer), shape }
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn shape_copy(&self) -> Shape {
        self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.data().len()
    }

    /// Whether there are no values (an axis has size zero).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in row-major order.
    #[inline]
    pub fn data(&self) -> &[F] {
        self.buffer.data()
    }

    /// The values, to be written; copied first if they are shared.
    pub fn data_mut(&mut self) -> &mut [F] {
        if Arc::get_mut(&mut self.buffer).is_none() {
            *self = Self::build(self.shape, |out| out.copy_from_slice(self.buffer.data()));
        }
        Arc::get_mut(&mut self.buffer).expect("a fresh copy is not shared").data_mut()
    }

    /// The values as a vector.
    pub fn to_vec(&self) -> Vec<F> {
        self.data().to_vec()
    }

    /// The only value.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    pub fn item(&self) -> F {
        assert_eq!(self.len(), 1, "item: an array of shape {} has not exactly one value", self.shape);
        self.data()[0]
    }

    /// This array's values under another shape, shared.
    ///
    /// # Panics
    /// When the number of values differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let shape = Shape::new(shape);
        assert_eq!(
            self.len(),
            shape.count(),
            "reshape: {} and {shape} hold different numbers of values",
            self.shape
        );
        Array { buffer: Arc::clone(&self.buffer), shape }
    }

    /// `f` of every element.
    pub fn map(&self, f: impl Fn(F) -> F) -> Self {
        Self::build(self.shape, |out| {
            for (o, &x) in out.iter_mut().zip(self.data()) {
                *o = f(x);
            }
        })
    }

    /// `f` of the values of two arrays, element by element.
    ///
    /// # Panics
    /// When the shapes differ.
    #[track_caller]
    pub fn zip(&self, other: &Self, f: impl Fn(F, F) -> F) -> Self {
        assert_eq!(self.shape, other.shape, "zip: {} and {} differ", self.shape, other.shape);
        Self::build(self.shape, |out| {
            for ((o, &a), &b) in out.iter_mut().zip(self.data()).zip(other.data()) {
                *o = f(a, b);
            }
        })
    }

    /// The values in another element type, rounded to nearest; shared if it is the same.
    pub fn cast<G: Kernels>(&self) -> Array<G> {
        if let Some(same) = (self as &dyn std::any::Any).downcast_ref::<Array<G>>() {
            return same.clone();
        }
        Array::build(self.shape, |out| {
            for (o, &x) in out.iter_mut().zip(self.data()) {
                *o = G::of(x.as_f64());
            }
        })
    }

    /// Adds every one of `arrays`, which holds the values of arrays of this shape one after the other, in order.
    ///
    /// # Panics
    /// When the length of `arrays` is no multiple of this array's.
    #[track_caller]
    pub fn add_each(&mut self, arrays: &[F]) {
        assert!(
            arrays.len().is_multiple_of(self.len().max(1)),
            "add_each: {} values are no whole number of arrays of shape {}",
            arrays.len(),
            self.shape
        );
        F::add_rows(self.data_mut(), arrays);
    }

    /// Whether no value is NaN or infinite.
    pub fn all_finite(&self) -> bool {
        self.data().iter().all(|x| x.is_finite())
    }

    /// Adds `other` to this array, in place if it is not shared.
    pub(crate) fn accumulate(&mut self, other: &Self) {
        debug_assert_eq!(self.shape, other.shape);
        match Arc::get_mut(&mut self.buffer) {
            Some(buffer) => F::accumulate(buffer.data_mut(), other.data()),
            None => *self = Self::build(self.shape, |out| F::sum_of(out, self.data(), other.data())),
        }
    }
}

/// Adds another array of the same shape, in place if the values are not shared.
impl<F: Kernels> std::ops::AddAssign<&Array<F>> for Array<F> {
    #[track_caller]
    fn add_assign(&mut self, other: &Array<F>) {
        assert_eq!(self.shape, other.shape, "add_assign: {} and {} differ", self.shape, other.shape);
        self.accumulate(other);
    }
}

impl<F: Kernels> PartialEq for Array<F> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data() == other.data()
    }
}

impl<F: Kernels> fmt::Debug for Array<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        write!(f, "Array<{}>{} ", F::NAME, self.shape)?;
        let data = self.data();
        f.debug_list().entries(&data[..data.len().min(SHOWN)]).finish()?;
        if data.len() > SHOWN {
            write!(f, " and {} more", data.len() - SHOWN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_to_a_shared_array_leaves_the_other_alone() {
        let a = Array::<f32>::from_fn(&[3], |i| i as f32);
        let mut b = a.clone();
        b.data_mut()[0] = 9.0;
        assert_eq!(a.data(), [0.0, 1.0, 2.0]);
        assert_eq!(b.data(), [9.0, 1.0, 2.0]);
    }

    #[test]
    fn arrays_are_added_one_after_the_other() {
        for len in [0, 1, 7, 100] {
            let arrays: Vec<f32> = (0..3 * len).map(|i| (i as f32).sin()).collect();
            let mut sum = Array::from_fn(&[len], |i| i as f32);
            sum.add_each(&arrays);
            let wanted = |i: usize| (0..3).fold(i as f32, |sum, k| sum + arrays[k * len + i]);
            assert_eq!(sum, Array::from_fn(&[len], wanted));
        }
    }

    #[test]
    #[should_panic(expected = "add_each: 5 values are no whole number of arrays of shape [2]")]
    fn a_part_of_an_array_is_not_added() {
        Array::<f32>::zeros(&[2]).add_each(&[1.0; 5]);
    }

    #[test]
    #[should_panic(expected = "Array::new: shape [2, 2] needs 4 values, 3 were given")]
    fn a_wrong_length_is_named() {
        Array::new(&[2, 2], vec![1.0_f32, 2.0, 3.0]);
    }
}
