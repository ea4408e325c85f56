//! Whether scores of classes and labels fit.

use fewshot_autodiff::{Array, Float};

/// The number of classes of `scores` `[n, ways]` with labels.
///
/// # Panics
/// When there are none, or the labels do not fit.
#[track_caller]
pub(crate) fn check<F: Float>(who: &str, what: &str, scores: &Array<F>, classes: &[usize]) -> usize {
    let shape = scores.shape();
    assert!(
        shape.len() == 2 && shape[0] == classes.len() && !scores.is_empty(),
        "{who}: {what} {shape:?} and {} classes: expected {what} [examples, ways] and at least one example",
        classes.len()
    );
    let ways = shape[1];
    if let Some(class) = classes.iter().find(|&&class| class >= ways) {
        panic!("{who}: class {class} among {ways}: {what} {shape:?}");
    }
    ways
}
