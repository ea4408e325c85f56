//! Correct answers of a classifier.

use fewshot_autodiff::{Array, Float};

/// The predicted class of a row of logits: the index of the largest, of equal ones the first; `None` where a logit is NaN, which is never
/// correct.
///
/// ```
/// use fewshot_nn::answer;
/// assert_eq!(answer(&[0.1, 0.9, 0.9]), Some(1));
/// assert_eq!(answer(&[f32::NAN, 1.0]), None);
/// ```
pub fn answer<F: Float>(logits: &[F]) -> Option<usize> {
    let mut best = 0;
    for (i, &x) in logits.iter().enumerate() {
        if x.is_nan() {
            return None;
        }
        if x > logits[best] {
            best = i;
        }
    }
    (!logits.is_empty()).then_some(best)
}

/// The number of rows of `logits` `[n, classes]` whose [`answer`] is their label.
///
/// ```
/// use fewshot_autodiff::Array;
/// let logits = Array::new(&[3, 2], vec![0.1_f32, 0.9, 0.5, 0.5, 0.2, 0.3]);
/// assert_eq!(fewshot_nn::correct(&logits, &[1, 0, 0]), 2);
/// ```
///
/// # Panics
/// When the numbers of rows and labels differ, or a label is not below the number of classes.
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
        count += usize::from(answer(row) == Some(label));
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
        for (row, named) in rows.iter().zip([Some(0), None, None, Some(2)]) {
            assert_eq!(answer(row), named);
        }
        assert_eq!([answer::<f32>(&[]), answer(&[f32::NEG_INFINITY])], [None, Some(0)]);
    }

    #[test]
    #[should_panic(expected = "correct: label 3 among 2 classes")]
    fn a_label_beyond_the_columns_is_named() {
        correct(&Array::new(&[1, 2], vec![0.0_f32, 1.0]), &[3]);
    }
}
