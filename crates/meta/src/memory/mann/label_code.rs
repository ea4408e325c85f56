//! What classes are called when a network with a memory is told them.

use fewshot_autodiff::{Float, Var};
use fewshot_episodes::{ALPHABET, STRING_LENGTH};

use crate::labels::{ClassNumbers, Labels};

/// What a class is called in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelCode {
    /// A number below this, one-hot.
    OneHot(usize),
    /// Five letters out of five, each one-hot: 3125 names.
    Strings,
}

impl LabelCode {
    /// Numbers of a label.
    pub fn width(self) -> usize {
        match self {
            LabelCode::OneHot(names) => names,
            LabelCode::Strings => STRING_LENGTH * ALPHABET,
        }
    }

    /// Labels as vectors `[n, width]`.
    #[track_caller]
    pub(crate) fn coded<'t, F: Float>(self, labels: &Labels<Var<'t, F>>) -> Var<'t, F> {
        match (self, *labels) {
            (LabelCode::OneHot(names), Labels::Classes(ClassNumbers { numbers, .. })) => {
                numbers.tape().one_hot(numbers, names)
            }
            (LabelCode::Strings, Labels::Values(letters)) => letters,
            (LabelCode::OneHot(_), _) => {
                panic!("Mann: real targets given, but it tells numbered classes apart")
            }
            (LabelCode::Strings, _) => panic!("Mann: numbered classes given, but it names them by strings"),
        }
    }
}
