//! Nearest neighbour in pixels: what a learner must beat.

use crate::{Episode, Set};

/// How alike two examples are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distance {
    /// Angle: the largest `a . b / (|a| |b|)` is nearest. An example of zeros is
    /// at right angles to all.
    #[default]
    Cosine,
    /// Length: the smallest `|a - b|` is nearest. On black and white images
    /// this is the Hamming distance.
    Euclid,
}

/// For each query the label of the nearest support example; of equally near
/// ones, the first.
///
/// ```
/// use fewshot_episodes::{nearest, Episode, Set, Targets};
/// use ndarray::arr2;
/// let set = |x: [[f32; 2]; 2], y: [usize; 2]| {
///     Set::new(arr2(&x).into_dyn(), Targets::Classes(y.to_vec()))
/// };
/// let episode = Episode {
///     support: set([[1.0, 0.0], [3.0, 3.0]], [0, 1]),
///     query: set([[9.0, 1.0], [0.3, 0.3]], [0, 1]),
///     ways: Some(2),
/// };
/// assert_eq!(nearest::predict(&episode, nearest::Distance::Cosine), [0, 1]);
/// assert_eq!(nearest::accuracy(&episode, nearest::Distance::Euclid), 0.0);
/// ```
///
/// # Panics
/// When the support is empty or has no labels, when support and query
/// examples differ in shape, or a likeness is not a number, as that of examples with NaN.
#[track_caller]
pub fn predict(episode: &Episode, distance: Distance) -> Vec<usize> {
    let nearest = nearest(episode, distance).into_iter().enumerate();
    let label = |(query, label): (usize, Option<usize>)| match label {
        Some(label) => label,
        None => panic!("nearest: the likeness of query {query} to a support example is not a number"),
    };
    nearest.map(label).collect()
}

/// The label of the nearest support example of each query; none where a likeness is not a number.
#[track_caller]
fn nearest(Episode { support, query, .. }: &Episode, distance: Distance) -> Vec<Option<usize>> {
    let (s, q) = (support.x.shape(), query.x.shape());
    assert!(
        s.len() == q.len() && s[1..] == q[1..] && s[0] > 0,
        "nearest: support {s:?} and query {q:?}: need one support example and equal shapes"
    );
    let labels = labels(support);
    let known = rows(support);
    let label = |x: &Row| {
        let mut best = (f64::NEG_INFINITY, labels[0]);
        for (k, &label) in known.iter().zip(labels) {
            let likeness = likeness(x, k, distance);
            if likeness.is_nan() {
                return None;
            }
            if likeness > best.0 {
                best = (likeness, label);
            }
        }
        Some(best.1)
    };
    rows(query).iter().map(label).collect()
}

/// Share of the queries whose nearest support example has their label; one whose likeness is not a number is not right.
///
/// # Panics
/// When the support or the query is empty or has no labels, or when their examples differ in shape.
#[track_caller]
pub fn accuracy(episode: &Episode, distance: Distance) -> f64 {
    let truth = labels(&episode.query);
    assert!(!truth.is_empty(), "nearest: the query is empty");
    let nearest = nearest(episode, distance);
    let right = nearest.iter().zip(truth).filter(|(label, truth)| **label == Some(**truth)).count();
    right as f64 / truth.len() as f64
}

#[track_caller]
fn labels(set: &Set) -> &[usize] {
    set.y.classes().expect("nearest: needs class labels, not real targets")
}

/// An example as a vector, with its length.
type Row = (Vec<f64>, f64);

/// The examples as vectors, each with its length.
fn rows(set: &Set) -> Vec<Row> {
    set.x
        .outer_iter()
        .map(|x| {
            let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
            let length = dot(&x, &x).sqrt();
            (x, length)
        })
        .collect()
}

fn likeness((a, la): &Row, (b, lb): &Row, distance: Distance) -> f64 {
    match distance {
        Distance::Cosine if la * lb == 0.0 => 0.0,
        Distance::Cosine => dot(a, b) / (la * lb),
        Distance::Euclid => -a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>(),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;
    use ndarray::arr2;

    #[test]
    fn nan_is_never_right() {
        let set =
            |x: [[f32; 2]; 2], y: [usize; 2]| Set::new(arr2(&x).into_dyn(), Targets::Classes(y.to_vec()));
        let support = set([[1.0, 0.0], [0.0, 1.0]], [0, 1]);
        let query = set([[f32::NAN, 1.0], [0.0, 2.0]], [0, 1]);
        let episode = Episode { query, support, ways: Some(2) };
        for distance in [Distance::Cosine, Distance::Euclid] {
            assert_eq!(accuracy(&episode, distance), 0.5);
            let named = std::panic::catch_unwind(|| predict(&episode, distance)).unwrap_err();
            assert!(named.downcast_ref::<String>().unwrap().contains("query 0"), "{named:?}");
        }
    }
}
