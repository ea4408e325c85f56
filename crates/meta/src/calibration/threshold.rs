//! From which score on a query is answered.

/// The largest threshold below which at most the share `refused` of these scores lies: a query is refused, as none of the classes, when its score is
/// **below** it.
///
/// The scores are those of known queries of validation episodes with the ways and shots of use, never of the queries that are to be
/// named. Their refusal rate holds for episodes like these.
///
/// ```
/// use fewshot_meta::quantile_threshold;
/// let scores: Vec<f64> = (0..100).map(f64::from).collect();
/// let threshold = quantile_threshold(&scores, 0.05);
/// assert_eq!((threshold, scores.iter().filter(|&&s| s < threshold).count()), (5.0, 5));
/// ```
///
/// # Panics
/// When there are no scores, one is NaN, or `refused` is not at least 0 and below 1.
#[track_caller]
pub fn quantile_threshold(scores: &[f64], refused: f64) -> f64 {
    assert!(!scores.is_empty(), "quantile_threshold: no scores");
    assert!(
        (0.0..1.0).contains(&refused),
        "quantile_threshold: the share {refused} of {} scores to be refused is not at least 0 and below 1",
        scores.len()
    );
    let nan = scores.iter().position(|score| score.is_nan());
    assert!(nan.is_none(), "quantile_threshold: score {} of {} is NaN", nan.unwrap_or(0), scores.len());
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    // a share such as 1 - 0.95 is not quite the number that is meant
    let below = (scores.len() as f64 * refused + 1e-9).floor() as usize;
    sorted[below.min(scores.len() - 1)]
}
