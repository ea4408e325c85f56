//! Conversion between arrays and those of `ndarray`.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use crate::array::Array;
use crate::float::Float;
use crate::shape::Shape;

/// Takes the values over without a copy where the ndarray is contiguous in row-major order.
impl<F: Float, D: Dimension> From<ndarray::Array<F, D>> for Array<F> {
    fn from(x: ndarray::Array<F, D>) -> Self {
        if x.is_standard_layout() {
            let shape = Shape::new(x.shape());
            let (store, offset) = x.into_raw_vec_and_offset();
            let (start, len) = (offset.unwrap_or(0), shape.count());
            if start == 0 && store.len() == len {
                return Array::new(&shape, store);
            }
            return Array::new(&shape, store[start..start + len].to_vec());
        }
        Array::from(&x)
    }
}

/// A copy in row-major order.
impl<F: Float, S: Data<Elem = F>, D: Dimension> From<&ArrayBase<S, D>> for Array<F> {
    fn from(x: &ArrayBase<S, D>) -> Self {
        Array::new(x.shape(), x.iter().copied().collect())
    }
}

impl<F: Float> From<&Array<F>> for ArrayD<F> {
    fn from(x: &Array<F>) -> Self {
        ArrayD::from_shape_vec(IxDyn(x.shape()), x.to_vec())
            .expect("an array has as many values as its shape says")
    }
}

impl<F: Float> From<Array<F>> for ArrayD<F> {
    fn from(x: Array<F>) -> Self {
        ArrayD::from(&x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndarray_round_trip_keeps_row_major_order() {
        let x = ndarray::Array2::from_shape_fn((2, 3), |(i, j)| (10 * i + j) as f64);
        assert_eq!(ArrayD::from(&Array::from(x.clone())), x.clone().into_dyn());
        let mut sliced = x.clone();
        sliced.slice_axis_inplace(ndarray::Axis(0), (1..).into());
        assert_eq!(Array::from(sliced).data(), [10.0, 11.0, 12.0]);
        assert_eq!(Array::from(&x.t()).data(), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
    }
}
