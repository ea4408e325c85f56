//! [`Inputs`]: the values an operator reads, on a tape or in the memory of a program.

use crate::array::Array;
use crate::float::Float;
use crate::kernels::map::Source;
use crate::program::Operands;
use crate::shape::Shape;
use crate::tape::Record;

/// A value as an operator sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, F> {
    pub(crate) data: &'a [F],
    pub(crate) shape: &'a Shape,
}

impl<'a, F: Float> View<'a, F> {
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

/// The values of an operator's inputs.
pub(crate) enum Inputs<'a, F: Float> {
    /// On a tape.
    Record(&'a Record<F>, &'a [u32]),
    /// In the memory of a program.
    Replay(Operands<'a, F>),
}

impl<'a, F: Float> Inputs<'a, F> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Inputs::Record(_, ids) => ids.len(),
            Inputs::Replay(operands) => operands.len(),
        }
    }

    /// Input `i` for a kernel that may write over it.
    #[inline]
    pub(crate) fn source(&self, i: usize) -> Source<'a, F> {
        match self {
            Inputs::Replay(operands) if operands.is_overwritten(i) => Source::Out,
            _ => Source::Slice(self.at(i).data),
        }
    }

    #[inline]
    pub(crate) fn shape(&self, i: usize) -> &'a Shape {
        match self {
            Inputs::Record(record, ids) => &record.nodes[ids[i] as usize].shape,
            Inputs::Replay(operands) => operands.shape(i),
        }
    }

    #[inline]
    pub(crate) fn at(&self, i: usize) -> View<'a, F> {
        match self {
            Inputs::Record(record, ids) => {
                let id = ids[i] as usize;
                View { data: record.value(id).data(), shape: &record.nodes[id].shape }
            }
            Inputs::Replay(operands) => operands.at(i),
        }
    }
}
