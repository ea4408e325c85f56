//! A program for several tasks at once: their values lie side by side, and an operator takes all of them in one call where it can
//! (`lift.rs`).
//!
//! The operators of a small network take less time than calling them. What does not depend on a task is computed once for all.

use std::sync::{Arc, PoisonError};

use fewshot_kernels::Buffer;
use fewshot_kernels::MAX_RANK;
use fewshot_kernels::elementwise::Source;

use super::arena::{Arena, Rest};
use super::lift::{Lift, Lifted};
use super::{Operand, Place, Program, Step, part, refuse};
use crate::array::Array;
use crate::float::Float;
use crate::inputs::{Input, Inputs};
use crate::shape::Shape;
use crate::tape::Given;

/// Bytes of the memory of tasks that run together: more than a small second-level cache, because reading again what was written
/// long ago costs less than calls for few tasks do.
const MEMORY: usize = 2 << 20;
/// Bytes that an operator writes for all of them, on average: what the next one reads is in the first-level cache still.
const WRITTEN: usize = 32 << 10;
/// Most tasks at once: thirteen of a small network take 7 % less than by eights, more gain little.
const MOST: usize = 16;

impl<F: Float> Program<F> {
    /// A run for at most so many tasks at once, whose inputs are still to be given.
    ///
    /// For small programs that is faster than run after run, see [`Program::tasks_at_once`].
    ///
    /// ```
    /// use fewshot_autodiff::{Array, Program};
    /// let program = Program::record(|tape| vec![tape.common_input(&[2]) * tape.input(&[2])]);
    /// let (w, mut together) = (Array::new(&[2], vec![3.0, 5.0]), program.together(2));
    /// together.add(&[&w, &Array::new(&[2], vec![1.0, 1.0])]);
    /// together.add(&[&w, &Array::new(&[2], vec![0.0, 2.0])]);
    /// assert_eq!(together.run()[0].data(), [3.0, 5.0, 0.0, 10.0]);
    /// ```
    ///
    /// # Panics
    /// When a result has the most axes there may be, or so many tasks have more values than memory holds.
    #[track_caller]
    pub fn together(&self, most: usize) -> Together<'_, F> {
        assert!(self.has_axis(), "Program::together: a result has {MAX_RANK} axes, the most there may be");
        let mut own = Vec::with_capacity(self.inputs.len());
        for (shape, given) in &self.inputs {
            own.push(match given {
                Given::Each => Buffer::dirty(Shape::new(&[most, shape.count()]).count()),
                Given::Once => Buffer::default(),
            });
        }
        Together { program: self, first: Vec::new(), own, tasks: 0, most }
    }

    /// How many tasks [`Program::together`] is to be given: as many as a core's caches serve well, 1 for all but programs of small
    /// values.
    pub fn tasks_at_once(&self) -> usize {
        let written = self.unshared * size_of::<F>() / self.len().max(1);
        let most = (MEMORY / self.peak_bytes().max(1)).min(WRITTEN / written.max(1));
        if self.has_axis() { most.clamp(1, MOST) } else { 1 }
    }

    /// Whether results may have one axis more.
    fn has_axis(&self) -> bool {
        self.results.iter().all(|result| self.shape(result).len() < MAX_RANK)
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
}

/// A run of a [`Program`] for several tasks.
pub struct Together<'p, F: Float> {
    program: &'p Program<F>,
    /// Inputs of the first task.
    first: Vec<Array<F>>,
    /// Inputs of all tasks, one after the other; empty for those that are common.
    own: Vec<Buffer<F>>,
    tasks: usize,
    most: usize,
}

impl<F: Float> Together<'_, F> {
    /// Gives the values of all inputs for one more task, which are copied; those recorded with
    /// [`Tape::common_input`](crate::Tape::common_input) are read from the first task.
    ///
    /// # Panics
    /// When there are as many tasks as may be, when there is not one value an input, or a shape differs.
    #[track_caller]
    pub fn add(&mut self, inputs: &[&Array<F>]) {
        assert!(self.tasks < self.most, "Together::add: there are {} tasks already", self.tasks);
        self.program.check(inputs);
        if self.tasks == 0 {
            self.first = inputs.iter().map(|&x| x.clone()).collect();
        }
        for ((own, x), (_, given)) in self.own.iter_mut().zip(inputs).zip(&self.program.inputs) {
            if *given == Given::Each {
                own.data_mut()[self.tasks * x.len()..][..x.len()].copy_from_slice(x.data());
            }
        }
        self.tasks += 1;
    }

    /// The results for all tasks, along a leading axis, with the bits of [`Program::run`] for each.
    ///
    /// # Panics
    /// When there is no task, or a label or index names no place.
    #[track_caller]
    pub fn run(self) -> Vec<Array<F>> {
        assert!(self.tasks > 0, "Together::run: there is no task");
        let program = self.program;
        let (lifted, mut arena) = (program.lifted(self.tasks), program.arena(self.tasks));
        for (step, i) in program.steps.iter().zip(0..) {
            self.execute(step, &lifted, i, &mut arena);
        }
        let results = (0..program.results.len()).map(|i| self.result(i, &mut arena)).collect();
        program.idle.put(arena.memory);
        results
    }

    /// The values of an input or a constant.
    fn given(&self, operand: &Operand) -> &[F] {
        match operand.place {
            Place::Input(k) if operand.given == Given::Each => {
                &self.own[k as usize].data()[..self.tasks * operand.count]
            }
            Place::Input(k) => self.first[k as usize].data(),
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
    #[track_caller]
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
        let done = arena.split(targets, self.tasks, |out, rest| {
            let input = |i: usize| Input {
                source: self.source(&list[i], rest),
                shape: &lifted.shapes[shapes[i] as usize],
            };
            Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, out, out_shapes))
        });
        if let Err(misplaced) = done {
            refuse(misplaced);
        }
    }

    /// A step in a call for each task.
    #[track_caller]
    fn execute_apart(&self, step: &Step<F>, shapes: &[Shape], arena: &mut Arena<F>) {
        let targets = part(&self.program.targets, &step.targets);
        let list = part(&self.program.operands, &step.operands);
        let done = arena.split(targets, self.tasks, |out, rest| {
            for task in 0..self.tasks {
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
                let forward = |out: &mut [&mut [F]]| {
                    Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, out, shapes))
                };
                let own = out.iter_mut().zip(targets);
                let mut own = own.map(|(all, target)| &mut all[task * target.count..][..target.count]);
                match targets.len() {
                    1 => forward(&mut [own.next().expect("one target")])?,
                    _ => forward(&mut own.collect::<Vec<_>>())?,
                }
            }
            Ok(())
        });
        if let Err(misplaced) = done {
            refuse(misplaced);
        }
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
