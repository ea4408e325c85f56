//! Right answers of a classifier.

use fewshot_autodiff::{Array, Float};

/// How many rows of `logits` `[n, classes]` are largest at their label; of equal logits the first counts, and NaN is never right.
///
/// ```
/// use fewshot_autodiff::Array;
/// let logits = Array::new(&[3, 2], vec![0.1_f32, 0.9, 0.5, 0.5, 0.2, 0.3]);
/// assert_eq!(fewshot_nn::correct(&logits, &[1, 0, 0]), 2);
/// ```
///
/// # Panics
/// When `logits` has not one row per label, or a label is no column.
#[track_caller]
pub fn correct<F: Float>(logits: &Array<F>, labels: &[usize]) -> usize {
    let shape = logits.shape();
    assert!(
        shape.len() == 2 && shape[0] == labels.len(),
        "correct: logits {shape:?} and {} labels: logits must be [labels, classes]",
        labels.len()
    );
    let classes = shape[1];
    let mut count = 0;
    for (row, &label) in logits.data().chunks(classes.max(1)).zip(labels) {
        assert!(label < classes, "correct: label {label} among {classes} classes");
        let top = row[label];
        let first = row[..label].iter().all(|&x| x < top);
        count += usize::from(first && row[label..].iter().all(|&x| x <= top));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_first_and_nan_is_wrong() {
        let nan = f64::NAN;
        let rows = [[1.0, 1.0, 0.0], [nan, 1.0, 0.0], [0.0, nan, 0.0], [0.0, 1.0, 2.0]];
        let logits = Array::new(&[4, 3], rows.concat());
        assert_eq!(correct(&logits, &[0, 1, 1, 2]), 2);
        assert_eq!(correct(&logits, &[1, 0, 0, 1]), 0);
    }

    #[test]
    #[should_panic(expected = "correct: label 3 among 2 classes")]
    fn a_label_beyond_the_columns_is_named() {
        correct(&Array::new(&[1, 2], vec![0.0_f32, 1.0]), &[3]);
    }
}
