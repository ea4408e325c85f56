//! A program run for a batch of tasks: the tasks' values lie side by side, and an operator computes all of them in one call where its
//! batching rule allows it (`batching.rs`).
//!
//! The operators of a small network take less time than calling them. Values that do not depend on a task are computed once.

use std::sync::{Arc, PoisonError};

use fewshot_kernels::Buffer;
use fewshot_kernels::MAX_RANK;
use fewshot_kernels::elementwise::Source;

use super::arena::{Arena, Rest};
use super::batching::{BatchedSteps, Batching};
use super::{Operand, Place, Program, Step, part, refuse};
use crate::array::Array;
use crate::float::Float;
use crate::inputs::{Input, Inputs};
use crate::shape::Shape;
use crate::tape::InputKind;

/// Bytes of memory of a batch: more than a small second-level cache, because reading old values from the next cache costs less than
/// calls for few tasks do.
const MEMORY: usize = 2 << 20;
/// Average bytes that an operator writes for a batch: the next operator finds them in the first-level cache.
const WRITTEN: usize = 32 << 10;
/// Most tasks of a batch: thirteen tasks of a small network take 7 % less time than batches of eight; larger batches gain little.
const MOST: usize = 16;

impl<F: Float> Program<F> {
    /// A run of this program for a batch of at most `most` tasks; their inputs are given with [`BatchedRun::add`].
    ///
    /// For small programs a batch is faster than one run after another, see [`Program::tasks_at_once`].
    ///
    /// ```
    /// use fewshot_autodiff::{Array, Program};
    /// let program = Program::record(|tape| vec![tape.shared_input(&[2]) * tape.input(&[2])]);
    /// let (w, mut batch) = (Array::new(&[2], vec![3.0, 5.0]), program.batched(2));
    /// batch.add(&[&w, &Array::new(&[2], vec![1.0, 1.0])]);
    /// batch.add(&[&w, &Array::new(&[2], vec![0.0, 2.0])]);
    /// assert_eq!(batch.run()[0].data(), [3.0, 5.0, 0.0, 10.0]);
    /// ```
    ///
    /// # Panics
    /// When a result has [`MAX_RANK`](crate::MAX_RANK) axes already, or the inputs of `most` tasks need more memory than there is.
    #[track_caller]
    #[inline(never)]
    pub fn batched(&self, most: usize) -> BatchedRun<'_, F> {
        assert!(self.has_axis(), "Program::batched: a result has {MAX_RANK} axes, the most there may be");
        let mut own = Vec::with_capacity(self.inputs.len());
        for (shape, kind) in &self.inputs {
            own.push(match kind {
                InputKind::PerTask => Buffer::dirty(Shape::new(&[most, shape.count()]).count()),
                InputKind::Shared => Buffer::default(),
            });
        }
        BatchedRun { program: self, first: Vec::new(), own, tasks: 0, most }
    }

    /// The batch size at which [`Program::batched`] is fastest, as far as caches tell: 1 unless the program's values are small.
    pub fn tasks_at_once(&self) -> usize {
        let written = self.unshared * size_of::<F>() / self.len().max(1);
        let most = (MEMORY / self.peak_bytes().max(1)).min(WRITTEN / written.max(1));
        if self.has_axis() { most.clamp(1, MOST) } else { 1 }
    }

    /// Whether every result has room for a leading axis.
    fn has_axis(&self) -> bool {
        self.results.iter().all(|result| self.shape(result).len() < MAX_RANK)
    }

    /// The batched steps for `tasks` tasks, made once and kept.
    fn batched_steps(&self, tasks: usize) -> Arc<BatchedSteps> {
        let mut known = self.batched_steps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batched) = known.iter().find(|batched| batched.tasks == tasks) {
            return Arc::clone(batched);
        }
        let batched = Arc::new(BatchedSteps::of(self, tasks));
        known.push(Arc::clone(&batched));
        batched
    }
}

/// A run of a [`Program`] for a batch of tasks, made by [`Program::batched`].
pub struct BatchedRun<'p, F: Float> {
    program: &'p Program<F>,
    /// Inputs of the first task.
    first: Vec<Array<F>>,
    /// Inputs of all tasks, one after the other; empty for shared inputs.
    own: Vec<Buffer<F>>,
    tasks: usize,
    most: usize,
}

impl<F: Float> BatchedRun<'_, F> {
    /// Adds a task with these values of the program's inputs, which are copied. Shared inputs
    /// ([`Tape::shared_input`](crate::Tape::shared_input)) are read from the first task only.
    ///
    /// # Panics
    /// When the batch is full, when the number of values is not the number of inputs, or a shape differs.
    #[track_caller]
    #[inline(never)]
    pub fn add(&mut self, inputs: &[&Array<F>]) {
        assert!(self.tasks < self.most, "BatchedRun::add: there are {} tasks already", self.tasks);
        self.program.check(inputs);
        if self.tasks == 0 {
            self.first = inputs.iter().map(|&x| x.clone()).collect();
        }
        for ((own, x), (_, kind)) in self.own.iter_mut().zip(inputs).zip(&self.program.inputs) {
            if *kind == InputKind::PerTask {
                own.data_mut()[self.tasks * x.len()..][..x.len()].copy_from_slice(x.data());
            }
        }
        self.tasks += 1;
    }

    /// The results for all tasks, along a leading axis, with the bits of [`Program::run`] for each.
    ///
    /// # Panics
    /// When there is no task, or an index or label is out of range.
    #[track_caller]
    #[inline(never)]
    pub fn run(self) -> Vec<Array<F>> {
        assert!(self.tasks > 0, "BatchedRun::run: there is no task");
        let program = self.program;
        let (batched, mut arena) = (program.batched_steps(self.tasks), program.arena(self.tasks));
        for (step, i) in program.steps.iter().zip(0..) {
            self.execute(step, &batched, i, &mut arena);
        }
        let results = (0..program.results.len()).map(|i| self.result(i, &mut arena)).collect();
        program.idle.put(arena.memory);
        results
    }

    /// The values of an input or a constant, which lie outside the arena.
    fn outside(&self, operand: &Operand) -> &[F] {
        match operand.place {
            Place::Input(k) if operand.kind == InputKind::PerTask => {
                &self.own[k as usize].data()[..self.tasks * operand.count]
            }
            Place::Input(k) => self.first[k as usize].data(),
            Place::Constant(k) => self.program.constants[k as usize].data(),
            _ => unreachable!("operators write to the arena"),
        }
    }

    /// The values of an operand, of all tasks where each has its own.
    #[inline(always)]
    fn source<'b>(&'b self, operand: &Operand, rest: &Rest<'b, F>) -> Source<'b, F> {
        match operand.place {
            Place::Memory(_) | Place::Result(_) => Source::Slice(rest.value(operand)),
            Place::Target => Source::Out,
            _ => Source::Slice(self.outside(operand)),
        }
    }

    /// Executes step `i`.
    #[track_caller]
    fn execute(&self, step: &Step<F>, batched: &BatchedSteps, i: usize, arena: &mut Arena<F>) {
        let targets = part(&self.program.targets, &step.targets);
        let list = part(&self.program.operands, &step.operands);
        let own_shapes = &self.program.shapes[targets[0].shape as usize..][..targets.len()];
        let out_shapes = match batched.rules[i] {
            Batching::PerTask => return self.execute_per_task(step, own_shapes, arena),
            Batching::Shared => own_shapes,
            Batching::LeadingAxis | Batching::Rows => &batched.shapes[batched.outputs[i] as usize..][..1],
        };
        let shapes = part(&batched.operands, &step.operands);
        let done = arena.split(targets, self.tasks, |out, rest| {
            let input = |i: usize| Input {
                source: self.source(&list[i], rest),
                shape: &batched.shapes[shapes[i] as usize],
            };
            Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, out, out_shapes))
        });
        if let Err(error) = done {
            refuse(error);
        }
    }

    /// Executes a step in one call for each task.
    #[track_caller]
    fn execute_per_task(&self, step: &Step<F>, shapes: &[Shape], arena: &mut Arena<F>) {
        let targets = part(&self.program.targets, &step.targets);
        let list = part(&self.program.operands, &step.operands);
        let done = arena.split(targets, self.tasks, |out, rest| {
            for task in 0..self.tasks {
                let input = |i: usize| {
                    let operand = &list[i];
                    let source = match self.source(operand, rest) {
                        Source::Slice(all) if operand.kind == InputKind::PerTask => {
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
        if let Err(error) = done {
            refuse(error);
        }
    }

    /// Result `i` of all tasks; its memory leaves the arena with the last result that lies there.
    fn result(&self, i: usize, arena: &mut Arena<F>) -> Array<F> {
        let result = &self.program.results[i];
        let shape = self.program.shape(result).insert(0, self.tasks);
        let read_later = self.program.results[i + 1..].iter().any(|later| later.place == result.place);
        if let (Place::Result(k), InputKind::PerTask, false) = (result.place, result.kind, read_later) {
            return Array::from_buffer(std::mem::take(&mut arena.results[k as usize]), shape);
        }
        let values = match result.place {
            Place::Result(k) => arena.results[k as usize].data(),
            _ => self.outside(result),
        };
        Array::build(shape, |out| {
            let size = result.elements(self.tasks);
            out.chunks_exact_mut(size.max(1)).for_each(|out| out.copy_from_slice(&values[..size]));
        })
    }
}
