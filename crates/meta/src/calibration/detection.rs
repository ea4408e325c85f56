//! How well a score tells known from unknown queries.

use crate::calibration::threshold::quantile_threshold;

/// The area under the receiver operating characteristic: the probability that a known query has a larger score than an unknown one, equal scores
/// counting half. From the ranks of the sorted scores, ties by mid-ranks.
///
/// Where scores of different episodes are not on one scale, it is taken in each episode, and averaged over these.
///
/// ```
/// use fewshot_meta::auroc;
/// assert_eq!(auroc(&[3.0, 1.0], &[2.0, 0.0]), 0.75);
/// ```
///
/// # Panics
/// When there are no known or no unknown queries, or a score is NaN.
#[track_caller]
pub fn auroc(known: &[f64], unknown: &[f64]) -> f64 {
    check("auroc", known, unknown);
    let mut all: Vec<(f64, bool)> =
        known.iter().map(|&s| (s, true)).chain(unknown.iter().map(|&s| (s, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut before) = (0.0, 0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + 0.5 * (tied.len() + 1) as f64;
        ranks += rank * tied.iter().filter(|(_, known)| *known).count() as f64;
        before += tied.len();
    }
    let (n, m) = (known.len() as f64, unknown.len() as f64);
    (ranks - 0.5 * n * (n + 1.0)) / (n * m)
}

/// The share of unknown queries that are taken for known where at least the share `kept` of the known ones is kept, customarily 0.95: at the largest such
/// threshold.
///
/// ```
/// use fewshot_meta::false_positive_rate;
/// let known: Vec<f64> = (1..=20).map(f64::from).collect(); // 1 may be refused
/// assert_eq!(false_positive_rate(&known, &[0.0, 1.5, 2.0, 30.0], 0.95), 0.5);
/// ```
///
/// # Panics
/// When there are no known or no unknown queries, a score is NaN, or `kept` is not above 0 and at most 1.
#[track_caller]
pub fn false_positive_rate(known: &[f64], unknown: &[f64], kept: f64) -> f64 {
    check("false_positive_rate", known, unknown);
    assert!(
        kept > 0.0 && kept <= 1.0,
        "false_positive_rate: the share {kept} to be kept is not above 0 and at most 1"
    );
    let threshold = quantile_threshold(known, 1.0 - kept);
    unknown.iter().filter(|&&score| score >= threshold).count() as f64 / unknown.len() as f64
}

#[track_caller]
fn check(who: &str, known: &[f64], unknown: &[f64]) {
    assert!(
        !known.is_empty() && !unknown.is_empty(),
        "{who}: {} known and {} unknown queries: at least one of each is needed",
        known.len(),
        unknown.len()
    );
    let nan = known.iter().chain(unknown).position(|score| score.is_nan());
    assert!(
        nan.is_none(),
        "{who}: score {} of {} known and {} unknown is NaN",
        nan.unwrap_or(0),
        known.len(),
        unknown.len()
    );
}
