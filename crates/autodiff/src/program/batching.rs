//! Batching rules: how an operator computes several tasks in one call, with the bits of one call for each task.

use fewshot_kernels::MAX_RANK;
use fewshot_kernels::cost::is_large;
use fewshot_kernels::cost::is_one_piece;

use super::{Program, Step, part};
use crate::float::Float;
use crate::op::Op;
use crate::ops::binary::Binary;
use crate::ops::fused::Fused;
use crate::ops::layout::Layout;
use crate::ops::product::Product;
use crate::shape::Shape;
use crate::tape::InputKind;

/// How an operator computes a batch of tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Batching {
    /// One call, with the tasks along a new leading axis.
    LeadingAxis,
    /// One call, with the rows of all tasks below one another.
    Rows,
    /// One call for each task.
    PerTask,
    /// One call for all tasks: the operator does not depend on the task.
    Shared,
}

/// The inputs of a step: `each[i]` whether every task has an input `i` of its own, `shapes[i]` its shape.
struct Reads<'a> {
    each: &'a [bool],
    shapes: &'a [Shape],
}

impl Reads<'_> {
    /// The batching rule of the operator that computes `out` from these inputs, for `tasks` tasks.
    fn batching<F: Float>(&self, op: &Op<F>, out: &Shape, tasks: usize) -> Batching {
        let all = self.each.iter().all(|&each| each);
        let axis =
            |fits: bool| if fits && out.len() < MAX_RANK { Batching::LeadingAxis } else { Batching::PerTask };
        match op {
            Op::Binary(Binary::Select) | Op::Fused(Fused::Leaky(_)) => axis(all),
            Op::Unary(_)
            | Op::Binary(_)
            | Op::Fused(Fused::AddScaled(_))
            | Op::Layout(Layout::BroadcastTo) => axis(true),
            Op::Layout(Layout::SumTo) => {
                axis(self.shapes[0].len() < MAX_RANK && is_one_piece(self.shapes[0].count()))
            }
            Op::Product(kind) | Op::Fused(Fused::Affine(kind, _)) => {
                match axis(self.each[..2] == [true; 2]) {
                    Batching::LeadingAxis if *kind != Product::SquaredDistances => Batching::LeadingAxis,
                    _ if self.has_rows(*kind, out, tasks) => Batching::Rows,
                    _ => Batching::PerTask,
                }
            }
            _ => Batching::PerTask,
        }
    }

    /// Whether the product multiplies the rows of all tasks by one shared matrix, with the kernel that the rows of one task would take.
    fn has_rows(&self, kind: Product, out: &Shape, tasks: usize) -> bool {
        let [rows, matrix] = [self.shapes[0], self.shapes[1]];
        let plain = matches!(kind, Product::Plain | Product::Right) && rows.len() == 2 && matrix.len() == 2;
        let added = self.shapes.get(2).is_none_or(|shape| match self.each[2] {
            true => shape == out,
            false => shape.len() < 2 || shape[0] == 1,
        });
        plain
            && added
            && self.each[..2] == [true, false]
            && rows[0] > 1
            && !is_large(tasks * rows[0], rows[1], out[1])
    }
}

/// The shape with a leading axis of `tasks`, padded with ones to `rank` axes behind it so that it broadcasts against other operands.
fn with_tasks(shape: &Shape, rank: usize, tasks: usize) -> Shape {
    let mut dims = [1; MAX_RANK];
    dims[0] = tasks;
    dims[1 + rank - shape.len()..=rank].copy_from_slice(shape);
    Shape::new(&dims[..=rank])
}

/// The steps of a program for a batch of `tasks` tasks.
pub(super) struct BatchedSteps {
    pub(super) tasks: usize,
    /// The batching rule of each step.
    pub(super) rules: Vec<Batching>,
    /// Batched shapes of the operands and of the steps' first outputs, as indices into `shapes`.
    pub(super) operands: Vec<u32>,
    pub(super) outputs: Vec<u32>,
    pub(super) shapes: Vec<Shape>,
}

impl BatchedSteps {
    pub(super) fn of<F: Float>(program: &Program<F>, tasks: usize) -> Self {
        let mut all = BatchedSteps {
            tasks,
            rules: Vec::with_capacity(program.steps.len()),
            operands: Vec::with_capacity(program.operands.len()),
            outputs: Vec::with_capacity(program.steps.len()),
            shapes: Vec::new(),
        };
        program.steps.iter().for_each(|step| all.push(program, step));
        all
    }

    fn push<F: Float>(&mut self, program: &Program<F>, step: &Step<F>) {
        let (list, target) =
            (part(&program.operands, &step.operands), &program.targets[step.targets.start as usize]);
        let each: Vec<bool> = list.iter().map(|operand| operand.kind == InputKind::PerTask).collect();
        let shapes: Vec<Shape> = list.iter().map(|operand| *program.shape(operand)).collect();
        let out = *program.shape(target);
        let batching = match target.kind {
            InputKind::PerTask => Reads { each: &each, shapes: &shapes }.batching(&step.op, &out, self.tasks),
            InputKind::Shared => Batching::Shared,
        };
        let rank = shapes.iter().chain([&out]).map(|shape| shape.len()).max().unwrap_or(0);
        let batched = |shape: Shape, each: bool| match batching {
            Batching::LeadingAxis if each => with_tasks(&shape, rank, self.tasks),
            Batching::Rows if each => shape.with(0, self.tasks * shape[0]),
            _ => shape,
        };
        let out = batched(out, true);
        let of_operands: Vec<Shape> =
            shapes.into_iter().zip(each).map(|(shape, each)| batched(shape, each)).collect();
        self.rules.push(batching);
        let places: Vec<u32> = of_operands.into_iter().map(|shape| self.shape(shape)).collect();
        self.operands.extend(places);
        let place = self.shape(out);
        self.outputs.push(place);
    }

    fn shape(&mut self, wanted: Shape) -> u32 {
        let known = self.shapes.iter().position(|shape| *shape == wanted);
        known.unwrap_or_else(|| {
            self.shapes.push(wanted);
            self.shapes.len() - 1
        }) as u32
    }
}
