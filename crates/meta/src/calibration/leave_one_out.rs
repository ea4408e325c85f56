//! How far the examples of a support are from the mean of the others of their class: the scale of a class, and a threshold of distances that needs
//! no validation episodes.

use fewshot_autodiff::{Array, Float};

use crate::error::Error;
use crate::heads::algebra::{class_means, class_sizes, rows};

/// Squared distances of the examples of a support to the mean of the other examples of their class, for classes of two examples or more.
///
/// ```
/// use fewshot_autodiff::Array;
/// use fewshot_meta::LeaveOneOut;
/// let embeddings = Array::new(&[2, 1], vec![0.0_f64, 2.0]); // of unbiased variance 2
/// let left_out = LeaveOneOut::new(&embeddings, &[0, 0]);
/// assert_eq!(left_out.squares(), [4.0, 4.0]);
/// assert_eq!(left_out.corrected(), [3.0, 3.0]); // 2 (1 + 1/2), what is expected of a query
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LeaveOneOut {
    /// Class and squared distance of each example that could be left out.
    squares: Vec<(usize, f64)>,
    sizes: Vec<usize>,
}

impl LeaveOneOut {
    /// The distances of embeddings `[n, d]`, those that the head compares ([`Predictor::embed`](crate::Predictor::embed)), with their classes. Without
    /// an example that could be left out there are none.
    ///
    /// # Panics
    /// When the classes do not fit the embeddings, there are none, or a class below the largest has no example.
    #[track_caller]
    pub fn new<F: Float>(embeddings: &Array<F>, classes: &[usize]) -> Self {
        let shape = embeddings.shape();
        assert!(
            shape.len() == 2 && shape[0] == classes.len() && !embeddings.is_empty(),
            "LeaveOneOut::new: embeddings {shape:?} and {} classes: expected embeddings [examples, d] and at least one example",
            classes.len()
        );
        let ways = classes.iter().max().map_or(0, |largest| largest + 1);
        let sizes = class_sizes(classes, ways);
        if let Some(empty) = sizes.iter().position(|&size| size == 0) {
            panic!("LeaveOneOut::new: class {empty} of {ways} has no example: embeddings {shape:?}");
        }
        let z = embeddings.cast();
        let means = class_means(&z, classes, ways);
        let means: Vec<&[f64]> = rows(&means).collect();
        let of_example = |(row, &class): (&[f64], &usize)| {
            // s - (K c - s) / (K - 1) = (s - c) K / (K - 1)
            let size = sizes[class] as f64;
            let square: f64 = row.iter().zip(means[class]).map(|(s, c)| (s - c).powi(2)).sum();
            (sizes[class] > 1).then(|| (class, square * (size / (size - 1.0)).powi(2)))
        };
        LeaveOneOut { squares: rows(&z).zip(classes).filter_map(of_example).collect(), sizes }
    }

    /// `|s_i - c_n^(-i)|^2` of each example of a class of two or more, in the order of the support.
    pub fn squares(&self) -> Vec<f64> {
        self.squares.iter().map(|(_, square)| *square).collect()
    }

    /// The squares as they are to be expected of a query: times `(K^2 - 1) / K^2` for a class of `K` examples.
    ///
    /// A point's square to the mean of `K - 1` others has the expectation `v (1 + 1 / (K - 1))`, a query's to the mean of `K` has
    /// `v (1 + 1 / K)`, with the variance `v` of the class summed over the features; the factor is their quotient.
    pub fn corrected(&self) -> Vec<f64> {
        let of_example = |&(class, square): &(usize, f64)| {
            let size = self.sizes[class] as f64;
            square * (size * size - 1.0) / (size * size)
        };
        self.squares.iter().map(of_example).collect()
    }

    /// The scale `r_n` of each class: root of the mean of its squares. A class of one example, or of equal ones, has the scale of
    /// all examples of the others together.
    ///
    /// # Errors
    /// [`Error::Unfit`], when no class has two examples that differ.
    pub fn class_scales(&self) -> Result<Vec<f64>, Error> {
        let root_mean = |class: Option<usize>| {
            let chosen = self.squares.iter().filter(|(own, _)| class.is_none_or(|class| class == *own));
            let squares: Vec<f64> = chosen.map(|(_, square)| *square).collect();
            (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
        };
        let pooled = root_mean(None);
        if pooled == 0.0 {
            let cause = "no class of the support has two examples that differ, so that there is no scale of distances: give two examples of a class, or use the distance itself";
            return Err(Error::Unfit { cause: cause.to_owned() });
        }
        let scale = |class| match root_mean(Some(class)) {
            0.0 => pooled,
            own => own,
        };
        Ok((0..self.sizes.len()).map(scale).collect())
    }

    /// The distance beyond which a query is refused, as none of the classes: the quantile of the corrected distances of all classes that
    /// about the share `refused` of known queries exceeds. A query is refused when its distance to the nearest class mean is **larger**.
    ///
    /// With `n` distances it is the one at place `ceil((n + 1)(1 - refused))` in ascending order, so that the least share is `1 / (n + 1)`. The rate is
    /// approximate: class means contain the examples they are compared with, which the correction makes up for in the mean alone.
    ///
    /// ```
    /// use fewshot_autodiff::Array;
    /// use fewshot_meta::LeaveOneOut;
    /// let left_out = LeaveOneOut::new(&Array::new(&[3, 1], vec![0.0_f64, 1.0, 5.0]), &[0, 0, 0]);
    /// assert!(left_out.refusal_distance(0.25).is_ok());
    /// let error = left_out.refusal_distance(0.05).unwrap_err().to_string();
    /// assert!(error.contains("at least 0.25") && error.contains("19 examples"), "{error}");
    /// ```
    ///
    /// # Errors
    /// [`Error::Unfit`], when a smaller share is asked for than the support can tell, with the smallest it can; and when no class has two
    /// examples.
    ///
    /// # Panics
    /// When `refused` is not above 0 and below 1.
    #[track_caller]
    pub fn refusal_distance(&self, refused: f64) -> Result<f64, Error> {
        assert!(
            refused > 0.0 && refused < 1.0,
            "LeaveOneOut::refusal_distance: the share {refused} of queries to be refused is not above 0 and below 1"
        );
        let mut corrected = self.corrected();
        let n = corrected.len();
        if n == 0 {
            let cause = "no class of the support has two examples, so that none can be left out: give more, or take the threshold from validation episodes";
            return Err(Error::Unfit { cause: cause.to_owned() });
        }
        let least = 1.0 / (n + 1) as f64;
        if refused < least * (1.0 - 1e-9) {
            let needed = (1.0 / refused - 1.0 - 1e-9).ceil();
            let cause = format!(
                "a share of {refused} of known queries refused cannot be told from {n} examples, which allow for at least {least:.4}: give {needed} examples in classes of two or more, ask for a larger share, or take the threshold from validation episodes"
            );
            return Err(Error::Unfit { cause });
        }
        corrected.sort_by(f64::total_cmp);
        let place = ((n + 1) as f64 * (1.0 - refused) - 1e-9).ceil() as usize;
        Ok(corrected[place.clamp(1, n) - 1].sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_one_has_the_scale_of_the_others() {
        let embeddings = Array::new(&[6, 1], vec![0.0_f64, 2.0, 10.0, 14.0, 50.0, 90.0]);
        let left_out = LeaveOneOut::new(&embeddings, &[0, 0, 1, 1, 2, 3]);
        assert_eq!(left_out.squares(), [4.0, 4.0, 16.0, 16.0]);
        let pooled = 10.0_f64.sqrt();
        assert_eq!(left_out.class_scales().unwrap(), [2.0, 4.0, pooled, pooled]);
    }
}
