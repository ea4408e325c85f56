//! Changed copies of a support, for a classifier to learn from (Tian et al. 2020, RFS, released code).

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::{Augmentation, Purpose, Set, Targets, stream};

use crate::error::Error;
use crate::task::Examples;

/// So many changed copies of a support, in place of its pictures.
///
/// What is drawn for a copy follows from the seed and its place: equal supports have equal copies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SupportCopies {
    /// Copies of each picture; RFS has 5.
    pub count: usize,
    /// How each of them is changed.
    pub augmentation: Augmentation,
    /// What is drawn follows from it.
    pub seed: u64,
}

impl SupportCopies {
    /// Whether examples of this shape can be changed so, and there are copies.
    pub(crate) fn check(&self, example: &[usize]) -> Result<(), Error> {
        let unfit = |cause: String| Err(Error::Unfit { cause });
        let &[_, _, channels] = example else {
            return unfit(format!(
                "copies of a support are changed pictures [height, width, channels], its examples are {example:?}"
            ));
        };
        if self.count == 0 {
            return unfit("no copies of a support are nothing to learn from".into());
        }
        self.augmentation.check(channels).or_else(|refused| unfit(refused.to_string()))
    }

    /// The copies of a support, one behind the other.
    pub(crate) fn of<F: Float>(&self, support: &Examples<Array<F>>) -> Examples<Array<F>> {
        let classes = support.y.class_list("SupportCopies").to_vec();
        let set = Set::new(support.x.cast::<f32>().into(), Targets::Classes(classes));
        let copies = self.augmentation.copies(&set, self.count, &mut stream(self.seed, Purpose::Dropout, 0));
        Examples::from(copies)
    }
}
