//! A program for several tasks at once: their values lie side by side, and an operator takes all of them in one call where it can.
//!
//! The operators of a small network take less time than calling them. What does not depend on a task is computed once for all.

use std::sync::{Arc, PoisonError};

use super::arena::{Arena, Rest};
use super::{Operand, Place, Program, Step, part};
use crate::array::Array;
use crate::float::Float;
use crate::inputs::{Input, Inputs};
use crate::kernels::map::Source;
use crate::kernels::matmul::is_large;
use crate::kernels::reduce::is_one_piece;
use crate::op::Op;
use crate::ops::binary::Binary;
use crate::ops::fused::Fused;
use crate::ops::layout::Layout;
use crate::ops::product::Product;
use crate::pool::Buffer;
use crate::shape::{MAX_RANK, Shape};
use crate::tape::Given;

/// Bytes of the memory of tasks that run together: half of a small second-level cache.
const CACHE: usize = 512 << 10;
/// Most tasks at once: twice as many gained 5 %, and threads end further apart.
const MOST: usize = 8;

/// How an operator takes several tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lift {
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
    tasks: usize,
    lifts: Vec<Lift>,
    /// Shapes of the operands, and of the outputs of the steps, by their places in `shapes`.
    operands: Vec<u32>,
    outputs: Vec<u32>,
    shapes: Vec<Shape>,
}

impl Lifted {
    fn of<F: Float>(program: &Program<F>, tasks: usize) -> Self {
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
        for shape in of_operands {
            let at = self.shape(shape);
            self.operands.push(at);
        }
        let at = self.shape(out);
        self.outputs.push(at);
    }

    fn shape(&mut self, wanted: Shape) -> u32 {
        let known = self.shapes.iter().position(|shape| *shape == wanted);
        known.unwrap_or_else(|| {
            self.shapes.push(wanted);
            self.shapes.len() - 1
        }) as u32
    }
}

impl<F: Float> Program<F> {
    /// The results for several tasks at once, along a leading axis, with the bits of [`Program::run`] for each: `tasks[i]` has the
    /// values of all inputs for task `i`; those recorded with [`Tape::common_input`](crate::Tape::common_input) are read from the
    /// first task.
    ///
    /// For small programs that is faster than run after run, see [`Program::tasks_at_once`].
    ///
    /// # Panics
    /// Without tasks, when one of them has not one value an input or a shape differs, or a result has the most axes there may be.
    #[track_caller]
    pub fn run_many(&self, tasks: &[Vec<&Array<F>>]) -> Vec<Array<F>> {
        assert!(!tasks.is_empty(), "Program::run_many: there is no task");
        tasks.iter().for_each(|inputs| self.check(inputs));
        let lifted = self.lifted(tasks.len());
        let own: Vec<Buffer<F>> = (0..self.inputs.len()).map(|k| self.beside(tasks, k)).collect();
        let given = Values { program: self, common: &tasks[0], own: &own, tasks: tasks.len() };
        let mut arena = self.arena(tasks.len());
        for (step, i) in self.steps.iter().zip(0..) {
            given.execute(step, &lifted, i, &mut arena);
        }
        let results = (0..self.results.len()).map(|i| given.result(i, &mut arena)).collect();
        self.idle.put(arena.memory);
        results
    }

    /// How many tasks [`Program::run_many`] is to be given: as many as have their memory in a core's cache, 1 for all but small
    /// programs.
    pub fn tasks_at_once(&self) -> usize {
        let has_axis = self.results.iter().all(|result| self.shape(result).len() < MAX_RANK);
        if has_axis { (CACHE / self.peak_bytes().max(1)).clamp(1, MOST) } else { 1 }
    }

    /// How the steps take so many tasks.
    fn lifted(&self, tasks: usize) -> Arc<Lifted> {
        let mut known = self.lifted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lifted) = known.iter().find(|lifted| lifted.tasks == tasks) {
            return Arc::clone(lifted);
        }
        let lifted = Arc::new(Lifted::of(self, tasks));
        known.push(Arc::clone(&lifted));
        lifted
    }

    /// The values of an input that tasks have each, one after the other.
    fn beside(&self, tasks: &[Vec<&Array<F>>], input: usize) -> Buffer<F> {
        let (shape, given) = &self.inputs[input];
        if *given == Given::Once {
            return Buffer::default();
        }
        let count = shape.count();
        let mut all = Buffer::dirty(tasks.len() * count);
        for (k, inputs) in tasks.iter().enumerate() {
            all.data_mut()[k * count..][..count].copy_from_slice(inputs[input].data());
        }
        all
    }
}

/// What the steps of a program read beside its arena when several tasks run.
struct Values<'a, F: Float> {
    program: &'a Program<F>,
    /// Inputs of the first task.
    common: &'a [&'a Array<F>],
    /// Inputs of all tasks, one after the other; empty for those that are common.
    own: &'a [Buffer<F>],
    tasks: usize,
}

impl<F: Float> Values<'_, F> {
    /// The values of an input or a constant.
    fn given(&self, operand: &Operand) -> &[F] {
        match operand.place {
            Place::Input(k) if operand.given == Given::Each => self.own[k as usize].data(),
            Place::Input(k) => self.common[k as usize].data(),
            Place::Constant(k) => self.program.constants[k as usize].data(),
            _ => unreachable!("operators write to the arena"),
        }
    }

    /// The values of an operand, of all tasks if they have it each.
    #[inline(always)]
    fn source<'b>(&'b self, operand: &Operand, rest: &Rest<'b, F>) -> Source<'b, F> {
        match operand.place {
            Place::Memory(_) | Place::Result(_) => Source::Slice(rest.value(operand)),
            Place::Target => Source::Out,
            _ => Source::Slice(self.given(operand)),
        }
    }

    /// Step `i`.
    fn execute(&self, step: &Step<F>, lifted: &Lifted, i: usize, arena: &mut Arena<F>) {
        let targets = part(&self.program.targets, &step.targets);
        let list = part(&self.program.operands, &step.operands);
        let own_shapes = &self.program.shapes[targets[0].shape as usize..][..targets.len()];
        let out_shapes = match lifted.lifts[i] {
            Lift::Apart => return self.execute_apart(step, own_shapes, arena),
            Lift::Once => own_shapes,
            Lift::Axis | Lift::Rows => &lifted.shapes[lifted.outputs[i] as usize..][..1],
        };
        let shapes = part(&lifted.operands, &step.operands);
        arena.split(targets, self.tasks, |out, rest| {
            let input = |i: usize| Input {
                source: self.source(&list[i], rest),
                shape: &lifted.shapes[shapes[i] as usize],
            };
            Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, out, out_shapes));
        });
    }

    /// A step in a call for each task.
    fn execute_apart(&self, step: &Step<F>, shapes: &[Shape], arena: &mut Arena<F>) {
        let targets = part(&self.program.targets, &step.targets);
        let list = part(&self.program.operands, &step.operands);
        arena.split(targets, self.tasks, |out, rest| {
            for task in 0..self.tasks {
                let own = out.iter_mut().zip(targets);
                let mut out: Vec<&mut [F]> =
                    own.map(|(all, target)| &mut all[task * target.count..][..target.count]).collect();
                let input = |i: usize| {
                    let operand = &list[i];
                    let source = match self.source(operand, rest) {
                        Source::Slice(all) if operand.given == Given::Each => {
                            Source::Slice(&all[task * operand.count..][..operand.count])
                        }
                        source => source,
                    };
                    Input { source, shape: self.program.shape(operand) }
                };
                Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, &mut out, shapes));
            }
        });
    }

    /// Result `i` of all tasks; its memory leaves the arena with the last result that lies there.
    fn result(&self, i: usize, arena: &mut Arena<F>) -> Array<F> {
        let result = &self.program.results[i];
        let shape = self.program.shape(result).insert(0, self.tasks);
        let again = self.program.results[i + 1..].iter().any(|later| later.place == result.place);
        if let (Place::Result(k), Given::Each, false) = (result.place, result.given, again) {
            return Array::from_buffer(std::mem::take(&mut arena.results[k as usize]), shape);
        }
        let values = match result.place {
            Place::Result(k) => arena.results[k as usize].data(),
            _ => self.given(result),
        };
        Array::build(shape, |out| {
            let size = result.elements(self.tasks);
            out.chunks_exact_mut(size.max(1)).for_each(|out| out.copy_from_slice(&values[..size]));
        })
    }
}
