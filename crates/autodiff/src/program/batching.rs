//! How an operator takes several tasks in one call, with the bits of a call for each.

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
use crate::tape::Given;

/// How an operator takes several tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lift {
    /// In one call, their values along a leading axis.
    Axis,
    /// In one call, their rows below one another.
    Rows,
    /// In a call for each.
    Apart,
    /// It does not depend on the task.
    Once,
}

/// What a step reads: `each[i]` whether tasks have an input `i` each, `shapes[i]` its shape.
struct Reads<'a> {
    each: &'a [bool],
    shapes: &'a [Shape],
}

impl Reads<'_> {
    /// How the operator that writes `out` from these takes `tasks` tasks with the bits of a call for each.
    fn lift<F: Float>(&self, op: &Op<F>, out: &Shape, tasks: usize) -> Lift {
        let all = self.each.iter().all(|&each| each);
        let axis = |fits: bool| if fits && out.len() < MAX_RANK { Lift::Axis } else { Lift::Apart };
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
                    Lift::Axis if *kind != Product::SquaredDistances => Lift::Axis,
                    _ if self.has_rows(*kind, out, tasks) => Lift::Rows,
                    _ => Lift::Apart,
                }
            }
            _ => Lift::Apart,
        }
    }

    /// Whether the product is one of the rows of all tasks with one matrix, and its kernel the same as for the rows of one.
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

/// The shape of the values of all tasks, aligned with others of `rank` axes and one of tasks.
fn with_tasks(shape: &Shape, rank: usize, tasks: usize) -> Shape {
    let mut dims = [1; MAX_RANK];
    dims[0] = tasks;
    dims[1 + rank - shape.len()..=rank].copy_from_slice(shape);
    Shape::new(&dims[..=rank])
}

/// How the steps of a program take a number of tasks.
pub(super) struct Lifted {
    pub(super) tasks: usize,
    /// Of each step.
    pub(super) lifts: Vec<Lift>,
    /// Shapes of the operands, and of the steps' first outputs, by their places in `shapes`.
    pub(super) operands: Vec<u32>,
    pub(super) outputs: Vec<u32>,
    pub(super) shapes: Vec<Shape>,
}

impl Lifted {
    pub(super) fn of<F: Float>(program: &Program<F>, tasks: usize) -> Self {
        let mut all = Lifted {
            tasks,
            lifts: Vec::with_capacity(program.steps.len()),
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
        let each: Vec<bool> = list.iter().map(|operand| operand.given == Given::Each).collect();
        let shapes: Vec<Shape> = list.iter().map(|operand| *program.shape(operand)).collect();
        let out = *program.shape(target);
        let lift = match target.given {
            Given::Each => Reads { each: &each, shapes: &shapes }.lift(&step.op, &out, self.tasks),
            Given::Once => Lift::Once,
        };
        let rank = shapes.iter().chain([&out]).map(|shape| shape.len()).max().unwrap_or(0);
        let lifted = |shape: Shape, each: bool| match lift {
            Lift::Axis if each => with_tasks(&shape, rank, self.tasks),
            Lift::Rows if each => shape.with(0, self.tasks * shape[0]),
            _ => shape,
        };
        let out = lifted(out, true);
        let of_operands: Vec<Shape> =
            shapes.into_iter().zip(each).map(|(shape, each)| lifted(shape, each)).collect();
        self.lifts.push(lift);
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
