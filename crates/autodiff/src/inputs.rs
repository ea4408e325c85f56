//! [`Inputs`]: the values an operator reads, wherever they lie.

use fewshot_kernels::Kernels;
use fewshot_kernels::elementwise::Source;

use crate::array::Array;
use crate::shape::Shape;

/// A value as an operator sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, F> {
    pub(crate) data: &'a [F],
    pub(crate) shape: &'a Shape,
}

impl<'a, F: Kernels> View<'a, F> {
    #[inline(always)]
    pub(crate) fn data(self) -> &'a [F] {
        self.data
    }

    #[inline(always)]
    pub(crate) fn shape(self) -> &'a Shape {
        self.shape
    }

    pub(crate) fn to_array(self) -> Array<F> {
        Array::build(*self.shape, |out| out.copy_from_slice(self.data))
    }
}

/// One input: a value, or what the output holds before it is written.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a, F> {
    pub(crate) source: Source<'a, F>,
    pub(crate) shape: &'a Shape,
}

/// The values of an operator's inputs.
pub(crate) struct Inputs<'a, F: Kernels>(&'a [Input<'a, F>]);

impl<'a, F: Kernels> Inputs<'a, F> {
    /// Calls `f` with the inputs `input(0)` to `input(count - 1)`.
    #[inline(always)]
    pub(crate) fn gather<R>(
        count: usize,
        input: impl Fn(usize) -> Input<'a, F>,
        f: impl FnOnce(&Inputs<'_, F>) -> R,
    ) -> R {
        const FEW: usize = 4;
        const NONE: Shape = Shape::scalar();
        if count > FEW {
            return f(&Inputs(&(0..count).map(input).collect::<Vec<_>>()));
        }
        let mut few = [Input { source: Source::Out, shape: &NONE }; FEW];
        for (i, place) in few[..count].iter_mut().enumerate() {
            *place = input(i);
        }
        f(&Inputs(&few[..count]))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Input `i` for a kernel that may write over it.
    #[inline]
    pub(crate) fn source(&self, i: usize) -> Source<'a, F> {
        self.0[i].source
    }

    #[inline]
    pub(crate) fn shape(&self, i: usize) -> &'a Shape {
        self.0[i].shape
    }

    #[inline]
    pub(crate) fn at(&self, i: usize) -> View<'a, F> {
        let Input { source: Source::Slice(data), shape } = self.0[i] else {
            unreachable!("an operand that is overwritten is read through the output")
        };
        View { data, shape }
    }
}
