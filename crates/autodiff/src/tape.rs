//! [`Tape`]: one task's record, nodes in the order they were written.

use std::cell::RefCell;
use std::ops::Index;
use std::sync::Arc;

use crate::array::Array;
use crate::float::Float;
use crate::op::{CustomOp, Op, Outputs};
use crate::shape::Shape;
use crate::var::Var;

/// One line of the record: what was done, to which inputs, and the result while it is kept.
pub(crate) struct Node<F: Float> {
    pub(crate) op: Op<F>,
    inputs: (u32, u32),
    pub(crate) shape: Shape,
    pub(crate) value: Option<Array<F>>,
}

/// The record itself; a node's index is its name.
pub(crate) struct Record<F: Float> {
    pub(crate) nodes: Vec<Node<F>>,
    inputs: Vec<u32>,
}

impl<F: Float> Record<F> {
    pub(crate) fn inputs(&self, id: usize) -> &[u32] {
        let (start, end) = self.nodes[id].inputs;
        &self.inputs[start as usize..end as usize]
    }

    #[track_caller]
    pub(crate) fn value(&self, id: usize) -> &Array<F> {
        self.nodes[id].value.as_ref().unwrap_or_else(|| {
            panic!(
                "the value of `{}` {} was freed by `backward`: read it before, or use `grad`, which keeps the record",
                self.nodes[id].op.name(),
                self.nodes[id].shape
            )
        })
    }

    fn push(&mut self, op: Op<F>, inputs: &[u32], shape: Shape, value: Array<F>) -> u32 {
        let start = self.inputs.len() as u32;
        self.inputs.extend_from_slice(inputs);
        self.nodes.push(Node { op, inputs: (start, self.inputs.len() as u32), shape, value: Some(value) });
        (self.nodes.len() - 1) as u32
    }

    /// Forgets all nodes from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(first) = self.nodes.get(len) {
            self.inputs.truncate(first.inputs.0 as usize);
            self.nodes.truncate(len);
        }
    }
}

/// The values of an operator's inputs.
pub(crate) struct Inputs<'a, F: Float> {
    record: &'a Record<F>,
    ids: &'a [u32],
}

impl<F: Float> Inputs<'_, F> {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

impl<F: Float> Index<usize> for Inputs<'_, F> {
    type Output = Array<F>;

    fn index(&self, i: usize) -> &Array<F> {
        self.record.value(self.ids[i] as usize)
    }
}

/// The record of one task's computation, from which gradients follow.
///
/// A tape belongs to one thread; every task gets its own. Handles ([`Var`]) are `Copy` and live as long as the tape.
///
/// ```
/// use fewshot_autodiff::{Array, Tape};
/// let tape = Tape::new();
/// let x = tape.var(&Array::scalar(2.0_f64));
/// let y = x * x * x;
/// let dy = y.grad(x);
/// assert_eq!(dy.item(), 12.0);
/// assert_eq!(dy.grad(x).item(), 12.0);
/// ```
pub struct Tape<F: Float = f32> {
    pub(crate) record: RefCell<Record<F>>,
}

impl<F: Float> Default for Tape<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Float> std::fmt::Debug for Tape<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape<{}>({} nodes)", F::NAME, self.len())
    }
}

impl<F: Float> Tape<F> {
    /// An empty record.
    pub fn new() -> Self {
        Tape {
            record: RefCell::new(Record { nodes: Vec::with_capacity(256), inputs: Vec::with_capacity(512) }),
        }
    }

    /// Puts an array on the tape: data or a weight, as the gradients asked for later decide. Shares the values.
    pub fn var(&self, value: &Array<F>) -> Var<'_, F> {
        self.leaf(value.clone())
    }

    /// Puts a single number on the tape, shape `[]`.
    pub fn scalar(&self, value: F) -> Var<'_, F> {
        self.leaf(Array::scalar(value))
    }

    /// How many nodes were recorded so far.
    pub fn len(&self) -> usize {
        self.record.borrow().nodes.len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The result of a user's own operator.
    ///
    /// # Panics
    /// When the operator's `forward` returns another shape than its `shape` promised.
    #[track_caller]
    pub fn custom<'t>(&'t self, op: Arc<dyn CustomOp<F>>, inputs: &[Var<'t, F>]) -> Var<'t, F> {
        let shapes: Vec<Shape> = inputs.iter().map(|x| x.shape()).collect();
        let views: Vec<&[usize]> = shapes.iter().map(|s| &s[..]).collect();
        let shape = Shape::new(&op.shape(&views));
        self.push(Op::Custom(op), inputs, shape)
    }

    pub(crate) fn leaf(&self, value: Array<F>) -> Var<'_, F> {
        let shape = value.shape_copy();
        let id = self.record.borrow_mut().push(Op::Leaf, &[], shape, value);
        Var::new(self, id)
    }

    /// Executes and records an operator with one output.
    #[track_caller]
    pub(crate) fn push<'t>(&'t self, op: Op<F>, inputs: &[Var<'t, F>], shape: Shape) -> Var<'t, F> {
        self.push_many(op, inputs, &[shape])
    }

    /// Executes and records an operator; its outputs become consecutive nodes, of which the first is returned.
    #[track_caller]
    pub(crate) fn push_many<'t>(&'t self, op: Op<F>, inputs: &[Var<'t, F>], shapes: &[Shape]) -> Var<'t, F> {
        const FEW: usize = 8;
        let mut few = [0; FEW];
        let many: Vec<u32>;
        let ids = if inputs.len() <= FEW {
            for (id, x) in few.iter_mut().zip(inputs) {
                *id = self.own(x, &op);
            }
            &few[..inputs.len()]
        } else {
            many = inputs.iter().map(|x| self.own(x, &op)).collect();
            &many[..]
        };
        let outputs = {
            let record = self.record.borrow();
            F::forward(&op, &Inputs { record: &record, ids }, shapes)
        };
        let mut record = self.record.borrow_mut();
        match outputs {
            Outputs::One(value) => Var::new(self, record.push(op, ids, shapes[0], value)),
            Outputs::Many(values) => {
                let mut values = values.into_iter().zip(shapes);
                let (value, shape) = values.next().expect("an operator has an output");
                let first = record.push(op, ids, *shape, value);
                for (value, shape) in values {
                    record.push(Op::Output, &[first], *shape, value);
                }
                Var::new(self, first)
            }
        }
    }

    #[track_caller]
    fn own(&self, x: &Var<'_, F>, op: &Op<F>) -> u32 {
        assert!(
            std::ptr::eq(self, x.tape()),
            "{}: its inputs live on two different tapes; put both values on one with `tape.var`",
            op.name()
        );
        x.id
    }
}
