//! [`Tape`]: one task's record, nodes in the order they were written.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use fewshot_kernels::elementwise::Source;

use crate::array::Array;
use crate::float::Float;
use crate::inputs::{Input, Inputs};
use crate::op::{CustomOp, Op};
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
    arena: Vec<u32>,
    /// While a program is recorded: its inputs so far, values to come.
    pub(crate) open: Option<Vec<(u32, InputKind)>>,
}

/// Whether each task of a batch has its own value of a program's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputKind {
    /// Each task has its own.
    PerTask,
    /// All tasks of a batch share one.
    Shared,
}

impl<F: Float> Record<F> {
    pub(crate) fn inputs(&self, id: usize) -> &[u32] {
        let (start, end) = self.nodes[id].inputs;
        &self.arena[start as usize..end as usize]
    }

    #[track_caller]
    pub(crate) fn value(&self, id: usize) -> &Array<F> {
        let node = &self.nodes[id];
        node.value.as_ref().unwrap_or_else(|| {
            let (name, shape) = (node.op.name(), node.shape);
            match self.open {
                Some(_) => panic!(
                    "the value of `{name}` {shape} is not known while a program is recorded: work that depends on values runs eagerly, on a tape"
                ),
                None => panic!(
                    "the value of `{name}` {shape} was freed by `backward`: read it before, or use `grad`, which keeps the record"
                ),
            }
        })
    }

    /// How many outputs node `id` has, or none if it is itself a further output of another.
    pub(crate) fn outputs(&self, id: usize) -> usize {
        let further = |i: usize| matches!(self.nodes.get(i).map(|n| &n.op), Some(Op::Output));
        if further(id) {
            return 0;
        }
        (id + 1..).take_while(|&i| further(i)).count() + 1
    }

    pub(crate) fn push(&mut self, op: Op<F>, inputs: &[u32], shape: Shape, value: Option<Array<F>>) -> u32 {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(inputs);
        self.nodes.push(Node { op, inputs: (start, self.arena.len() as u32), shape, value });
        (self.nodes.len() - 1) as u32
    }

    /// Has node `id` apply `op` to `inputs` instead.
    pub(crate) fn rewrite(&mut self, id: usize, op: Op<F>, inputs: &[u32]) {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(inputs);
        let node = &mut self.nodes[id];
        (node.op, node.inputs) = (op, (start, self.arena.len() as u32));
    }

    /// Writes down an operator; its further outputs become nodes of their own.
    fn write(&mut self, op: Op<F>, ids: &[u32], shapes: &[Shape], values: Option<Vec<Array<F>>>) -> u32 {
        let mut values = values.map(Vec::into_iter);
        let mut next = || values.as_mut().and_then(Iterator::next);
        let first = self.push(op, ids, shapes[0], next());
        for shape in &shapes[1..] {
            self.push(Op::Output, &[first], *shape, next());
        }
        first
    }

    /// The outputs' values, unless an input is not known yet.
    #[track_caller]
    fn execute(&self, op: &Op<F>, ids: &[u32], shapes: &[Shape]) -> Option<Vec<Array<F>>> {
        if self.open.is_some() && ids.iter().any(|&id| self.nodes[id as usize].value.is_none()) {
            return None;
        }
        // here, where panics name the caller's line
        for &id in ids {
            self.value(id as usize);
        }
        let mut values = Vec::with_capacity(shapes.len());
        for &shape in shapes {
            values.push(Array::build(shape, |_| ()));
        }
        let input = |i: usize| {
            let id = ids[i] as usize;
            Input { source: Source::Slice(self.value(id).data()), shape: &self.nodes[id].shape }
        };
        let done = Inputs::gather(ids.len(), input, |x| {
            if let [value] = &mut values[..] {
                F::forward(op, x, &mut [value.data_mut()], shapes)
            } else {
                let mut out: Vec<&mut [F]> = values.iter_mut().map(Array::data_mut).collect();
                F::forward(op, x, &mut out, shapes)
            }
        });
        if let Err(error) = done {
            panic!("{error}");
        }
        Some(values)
    }

    /// Forgets all nodes from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(first) = self.nodes.get(len) {
            self.arena.truncate(first.inputs.0 as usize);
            self.nodes.truncate(len);
        }
    }
}

/// Names of inputs that are kept without an allocation.
const FEW: usize = 8;

/// Names of an operator's inputs.
struct Ids {
    few: [u32; FEW],
    /// All names, where there are more.
    many: Vec<u32>,
    count: usize,
}

impl std::ops::Deref for Ids {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        if self.count > FEW { &self.many } else { &self.few[..self.count] }
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
    gradients: Gradients,
    /// Whether a gradient was taken.
    differentiated: Cell<bool>,
}

/// Whether the gradients of a tape are recorded or constants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gradients {
    Recorded,
    Constant,
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
    #[inline(never)]
    pub fn new() -> Self {
        Tape {
            record: RefCell::new(Record {
                nodes: Vec::with_capacity(256),
                arena: Vec::with_capacity(512),
                open: None,
            }),
            gradients: Gradients::Recorded,
            differentiated: Cell::new(false),
        }
    }

    /// A tape on which every gradient is a constant: `grad`, `grads`, `vjp` and `hvp` return what
    /// [`constant_grads`](Var::constant_grads) does, and free nothing.
    ///
    /// For checks: a function that takes gradients inside, such as an inner loop, has here the derivative that ignores how
    /// these gradients change (the first-order approximation). `backward` and `constant_grads` are not affected. The difference
    /// between the two tapes is what the second order contributes.
    ///
    /// ```
    /// use fewshot_autodiff::Tape;
    /// let step = |tape: &Tape<f64>| {
    ///     let w = tape.scalar(1.0);
    ///     let fast = w - (w - 3.0).square().grad(w) * 0.1;
    ///     fast.constant_grads(&[w])[0].item()
    /// };
    /// assert_eq!(step(&Tape::new()), 0.8); // 1 - 0.1 * 2
    /// assert_eq!(step(&Tape::with_constant_gradients()), 1.0);
    /// ```
    pub fn with_constant_gradients() -> Self {
        Tape { gradients: Gradients::Constant, ..Self::new() }
    }

    /// Whether a gradient of any kind was taken on this tape.
    ///
    /// For checks: where a function has taken no gradient inside, it has no inner gradients that could be taken for constants.
    pub fn is_differentiated(&self) -> bool {
        self.differentiated.get()
    }

    /// Remembers that a gradient was taken.
    pub(crate) fn note_gradient(&self) {
        self.differentiated.set(true);
    }

    /// Gradients as this tape returns them: recorded, or as constants.
    pub(crate) fn as_returned<'t>(&'t self, gradients: Vec<Var<'t, F>>) -> Vec<Var<'t, F>> {
        self.note_gradient();
        match self.gradients {
            Gradients::Recorded => gradients,
            Gradients::Constant => gradients.into_iter().map(Var::detach).collect(),
        }
    }

    /// A tape on which operators are written and not executed, unless all they depend on is constant.
    pub(crate) fn recorder() -> Self {
        let tape = Self::new();
        tape.record.borrow_mut().open = Some(Vec::new());
        tape
    }

    /// Whether a program is being recorded: values are not known then.
    pub fn is_recording(&self) -> bool {
        self.record.borrow().open.is_some()
    }

    /// The next input of the program that is being recorded; its value is an argument of [`Program::run`](crate::Program::run).
    ///
    /// # Panics
    /// On a tape that records no program.
    #[track_caller]
    #[inline(never)]
    pub fn input(&self, shape: &[usize]) -> Var<'_, F> {
        self.open_input(shape, InputKind::PerTask)
    }

    /// An input that all tasks of a batch share ([`Program::batched`](crate::Program::batched)), such as weights; an ordinary
    /// [`Tape::input`] has a value for each task.
    ///
    /// # Panics
    /// On a tape that records no program.
    #[track_caller]
    pub fn shared_input(&self, shape: &[usize]) -> Var<'_, F> {
        self.open_input(shape, InputKind::Shared)
    }

    #[track_caller]
    fn open_input(&self, shape: &[usize], kind: InputKind) -> Var<'_, F> {
        let mut record = self.record.borrow_mut();
        assert!(
            record.open.is_some(),
            "input: no program is being recorded; use `var` to put values on a tape"
        );
        let id = record.push(Op::Leaf, &[], Shape::new(shape), None);
        record.open.as_mut().expect("it was just looked at").push((id, kind));
        Var::new(self, id)
    }

    /// Puts an array on the tape: data, or a weight if gradients with respect to it are taken later. Shares the values.
    pub fn var(&self, value: &Array<F>) -> Var<'_, F> {
        self.leaf(value.clone())
    }

    /// Puts a single number on the tape, shape `[]`.
    pub fn scalar(&self, value: F) -> Var<'_, F> {
        self.leaf(Array::scalar(value))
    }

    /// Number of nodes recorded so far.
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

    #[inline(never)]
    pub(crate) fn leaf(&self, value: Array<F>) -> Var<'_, F> {
        let shape = value.shape_copy();
        let id = self.record.borrow_mut().push(Op::Leaf, &[], shape, Some(value));
        Var::new(self, id)
    }

    /// Executes and records an operator with one output.
    #[track_caller]
    pub(crate) fn push<'t>(&'t self, op: Op<F>, inputs: &[Var<'t, F>], shape: Shape) -> Var<'t, F> {
        self.push_many(op, inputs, &[shape])
    }

    /// Executes and records an operator; its outputs become consecutive nodes, of which the first is returned.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn push_many<'t>(&'t self, op: Op<F>, inputs: &[Var<'t, F>], shapes: &[Shape]) -> Var<'t, F> {
        let ids = self.ids(&op, inputs);
        let values = {
            let record = self.record.borrow();
            if op.is_alias() {
                let known = record.nodes[ids[0] as usize].value.is_some() || record.open.is_none();
                if known { Some(vec![record.value(ids[0] as usize).reshape(&shapes[0])]) } else { None }
            } else {
                record.execute(&op, &ids, shapes)
            }
        };
        Var::new(self, self.record.borrow_mut().write(op, &ids, shapes, values))
    }

    /// Writes down an operator whose outputs are known, or never are on this tape.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn push_known<'t>(
        &'t self,
        op: Op<F>,
        inputs: &[Var<'t, F>],
        shapes: &[Shape],
        values: Option<Vec<Array<F>>>,
    ) -> Var<'t, F> {
        let ids = self.ids(&op, inputs);
        Var::new(self, self.record.borrow_mut().write(op, &ids, shapes, values))
    }

    /// The names of the inputs.
    #[track_caller]
    fn ids(&self, op: &Op<F>, inputs: &[Var<'_, F>]) -> Ids {
        let mut ids = Ids { few: [0; FEW], many: Vec::new(), count: inputs.len() };
        if inputs.len() > FEW {
            ids.many.reserve_exact(inputs.len());
            for x in inputs {
                ids.many.push(self.own(x, op));
            }
        } else {
            for (id, x) in ids.few.iter_mut().zip(inputs) {
                *id = self.own(x, op);
            }
        }
        ids
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
