//! The least used slots of a memory: an operator through which no gradient flows.

use std::sync::Arc;

use fewshot_autodiff::{Array, CustomOp, Float, Var};

/// The `count` smallest entries of each row, as rows of 0 and 1.
#[derive(Debug)]
struct LeastUsed {
    count: usize,
}

impl<F: Float> CustomOp<F> for LeastUsed {
    fn name(&self) -> &'static str {
        "least_used"
    }

    #[track_caller]
    fn shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        let [rows, slots] = inputs[0] else {
            panic!("least_used: usage {:?}: expected [sequences, slots]", inputs[0]);
        };
        assert!(self.count <= *slots, "least_used: {} of {slots} slots", self.count);
        vec![*rows, self.count, *slots]
    }

    fn forward(&self, inputs: &[&Array<F>]) -> Array<F> {
        let usage = inputs[0];
        let (rows, slots) = (usage.shape()[0], usage.shape()[1]);
        let mut marks = vec![F::zero(); rows * self.count * slots];
        let marked = marks.chunks_exact_mut(self.count * slots);
        for (usage, marks) in usage.data().chunks_exact(slots).zip(marked) {
            for (rank, slot) in smallest(usage, self.count).into_iter().enumerate() {
                marks[rank * slots + slot] = F::one();
            }
        }
        Array::new(&[rows, self.count, slots], marks)
    }

    fn vjp<'t>(&self, _: &[Var<'t, F>], _: Var<'t, F>, _: Var<'t, F>) -> Vec<Option<Var<'t, F>>> {
        vec![None]
    }
}

/// Indices of the smallest values, the smallest first; of equal values the first.
fn smallest<F: Float>(values: &[F], count: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::with_capacity(count + 1);
    for (place, value) in values.iter().enumerate() {
        if found.len() == count && found.last().is_none_or(|&last| *value >= values[last]) {
            continue;
        }
        let rank = found.partition_point(|&other| values[other] <= *value);
        found.insert(rank, place);
        found.truncate(count);
    }
    found
}

/// The least used slots of usage `[n, slots]` as `[n, count, slots]`: row `h` is 1 at the slot with the
/// `h`-th lowest usage, counted from 0, else 0. Of equally used slots the first counts as used less.
#[track_caller]
pub(crate) fn least_used<'t, F: Float>(usage: Var<'t, F>, count: usize) -> Var<'t, F> {
    usage.tape().custom(Arc::new(LeastUsed { count }), &[usage])
}

#[cfg(test)]
mod tests {
    use fewshot_autodiff::Tape;

    use super::*;

    #[test]
    fn the_smallest_come_first_and_of_equal_ones_the_first() {
        assert_eq!(smallest(&[0.2, 0.5, 0.1], 1), [2]);
        assert_eq!(smallest(&[1.0, 0.0, 0.0, 0.5, 0.0], 4), [1, 2, 4, 3]);
        assert_eq!(smallest(&[3.0, 2.0, 1.0], 3), [2, 1, 0]);
        assert_eq!(smallest(&[3.0, 2.0], 0), [0_usize; 0]);
    }

    #[test]
    fn no_gradient_passes() {
        let tape = Tape::new();
        let usage = tape.var(&Array::new(&[1, 3], vec![0.2, 0.5, 0.1]));
        let marks = least_used(usage, 2);
        assert_eq!(marks.value().data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!((marks * 3.0).sum().grad(usage).value().data(), [0.0; 3]);
    }
}
