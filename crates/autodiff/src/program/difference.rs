//! Whether two programs do the same.

use std::fmt::Debug;

use super::{Place, Program, Step, part};
use crate::array::Array;
use crate::float::Float;
use crate::op::Op;

impl<F: Float> Program<F> {
    /// The first thing in which two programs differ, in words; nothing where they give the same bits for the same inputs.
    ///
    /// Recorded twice, work that does the same each time makes programs without a difference; work that draws random numbers of its own,
    /// or counts how often it is called, does not.
    ///
    /// ```
    /// use fewshot_autodiff::Program;
    /// let scaled = |by: f32| Program::<f32>::record(|tape| vec![tape.input(&[2]) * by]);
    /// assert_eq!(scaled(2.0).difference(&scaled(2.0)), None);
    /// assert!(scaled(2.0).difference(&scaled(3.0)).is_some());
    /// ```
    #[inline(never)]
    pub fn difference(&self, other: &Program<F>) -> Option<String> {
        let shapes = |program: &Self| program.inputs.iter().map(|(shape, _)| *shape).collect::<Vec<_>>();
        if shapes(self) != shapes(other) {
            return Some("the inputs differ".into());
        }
        if let Some((k, constant)) = self
            .constants
            .iter()
            .enumerate()
            .find(|(k, c)| !other.constants.get(*k).is_some_and(|o| same(c, o)))
        {
            return Some(format!("constant {k} {:?} has other values", constant.shape()));
        }
        if self.len() != other.len() {
            return Some(format!("there are {} operators and {}", self.len(), other.len()));
        }
        let words = |program: &Self, step: &Step<F>| {
            let reads = part(&program.operands, &step.operands);
            let writes = part(&program.targets, &step.targets);
            let place = |place: Place| format!("{place:?}");
            let all = reads.iter().chain(writes);
            (described(&step.op), all.map(|o| (place(o.place), *program.shape(o))).collect::<Vec<_>>())
        };
        for (i, (mine, theirs)) in self.steps.iter().zip(&other.steps).enumerate() {
            let (mine, theirs) = (words(self, mine), words(other, theirs));
            if mine.0 != theirs.0 {
                return Some(format!("operator {i} is {} and {}", mine.0, theirs.0));
            }
            if mine.1 != theirs.1 {
                return Some(format!("operator {i}, {}, works on other values", mine.0));
            }
        }
        let results = |program: &Self| program.results.iter().map(|r| r.place).collect::<Vec<_>>();
        (results(self) != results(other)).then(|| "the results are other values".into())
    }
}

/// Whether both have the same shape and bits.
fn same<F: Float>(a: &Array<F>, b: &Array<F>) -> bool {
    let bits = |x: &F| x.as_f64().to_bits();
    a.shape() == b.shape() && a.data().iter().map(bits).eq(b.data().iter().map(bits))
}

/// An operator with all its numbers.
fn described<F: Float>(op: &Op<F>) -> String {
    let numbers: &dyn Debug = match op {
        Op::Leaf | Op::Output | Op::Checkpoint(_) => return op.name().to_owned(),
        Op::Unary(op) => op,
        Op::Binary(op) => op,
        Op::Layout(op) => op,
        Op::Index(op) => op,
        Op::Product(op) => op,
        Op::Rows(op) => op,
        Op::Conv(op) => op,
        Op::ConvBlock(op) => op,
        Op::ConvLayer(op) => op,
        Op::Pool(op) => op,
        Op::Norm(op) => op,
        Op::NormPool(op) => op,
        Op::Lstm(op) => op,
        Op::Linalg(op) => op,
        Op::Fused(op) => op,
        Op::Custom(op) => op,
    };
    format!("{numbers:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::var::Var;

    /// A way for a number to enter.
    type Way = for<'t> fn(Var<'t, f32>, f32) -> Var<'t, f32>;

    /// A product and its gradient, where `number` enters as `f` says.
    fn recorded(number: f32, f: Way) -> Program<f32> {
        Program::record(|tape| {
            let (x, w) = (tape.input(&[4, 3]), tape.input(&[3, 2]));
            let loss = f(x.matmul(w), number).square().sum();
            vec![loss, loss.grad(w)]
        })
    }

    #[test]
    fn numbers_in_operators_and_constants_tell_programs_apart() {
        let ways: [Way; 4] = [
            |x, c| x * c,
            |x, c| x + x.tape().var(&Array::full(&[4, 2], c)),
            |x, c| x.leaky_relu(c),
            |x, c| if c > 1.0 { x.relu().relu() } else { x.relu() },
        ];
        for (i, &f) in ways.iter().enumerate() {
            assert_eq!(recorded(0.5, f).difference(&recorded(0.5, f)), None, "way {i}");
            let found = recorded(0.5, f).difference(&recorded(1.5, f));
            assert!(found.is_some(), "way {i}");
        }
        assert_eq!(recorded(f32::NAN, ways[1]).difference(&recorded(f32::NAN, ways[1])), None);
    }
}
