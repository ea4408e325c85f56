//! [`Program`]: a computation recorded once and replayed for other values.
//!
//! Recording writes operators without executing them; what does not lead to a result is pruned, constants are computed
//! at once, and every value gets a place in one arena, whose memory is reused after a value's last use. A run may take a batch of
//! tasks (`program/batched_run.rs`).

mod arena;
mod batched_run;
mod batching;
mod difference;
mod fuse;
mod fuse_norm_pool;
mod memory;
pub(crate) mod plan;
mod print;
mod rematerialize;
mod transpose;

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arena::{Arena, FreeLists};
pub use batched_run::BatchedRun;
use batching::BatchedSteps;

use fewshot_kernels::Buffer;
use fewshot_kernels::elementwise::Source;

use crate::array::Array;
use crate::float::Float;
use crate::inputs::{Input, Inputs};
use crate::op::Op;
use crate::ops::indices::OutOfRange;
use crate::shape::Shape;
use crate::tape::{InputKind, Tape};
use crate::var::Var;

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Input(u32),
    Constant(u32),
    /// From this element of the arena on.
    Memory(usize),
    /// In the memory of a result, which leaves with it.
    Result(u32),
    /// Where the operator writes: it overwrites this operand.
    Target,
}

/// A value as a step or a result refers to it. Small, as all of a program: it passes through the nearest cache in each run.
#[derive(Debug, Clone, Copy)]
struct Operand {
    place: Place,
    count: usize,
    /// Which of the program's shapes.
    shape: u32,
    /// Number of the value, for printing.
    value: u32,
    /// Whether each task of a batch has its own value, or all share one.
    kind: InputKind,
}

/// One operator of a program.
struct Step<F: Float> {
    op: Op<F>,
    operands: Range<u32>,
    targets: Range<u32>,
}

/// The part of a list that a step owns.
#[inline]
fn part<'a, T>(list: &'a [T], range: &Range<u32>) -> &'a [T] {
    &list[range.start as usize..range.end as usize]
}

/// A computation recorded once and replayed for other values of the same shapes, with the same bits as on a tape.
///
/// Replaying skips shape rules, the record and memory management: a value's memory is reused after its last use, and
/// each thread that runs the program has an arena of its own. Gradients are part of what is recorded, of any order.
///
/// ```
/// use fewshot_autodiff::{Array, Program};
/// let slope = Program::record(|tape| {
///     let x = tape.input(&[]);
///     vec![x.powi(3).grad(x)]
/// });
/// assert_eq!(slope.run(&[&Array::scalar(2.0_f64)])[0].item(), 12.0);
/// assert_eq!(slope.run(&[&Array::scalar(5.0)])[0].item(), 75.0);
/// ```
pub struct Program<F: Float = f32> {
    inputs: Vec<(Shape, InputKind)>,
    constants: Vec<Array<F>>,
    steps: Vec<Step<F>>,
    operands: Vec<Operand>,
    /// Outputs of the steps, in order; their places are in the arena.
    targets: Vec<Operand>,
    /// The shapes there are; those of one step's targets lie side by side.
    shapes: Vec<Shape>,
    results: Vec<Operand>,
    /// Elements of the arena, and of the results that leave it.
    memory: usize,
    leaving: Vec<usize>,
    /// Elements of all values if no memory were reused.
    unshared: usize,
    idle: FreeLists<F>,
    /// The steps for each batch size that has run so far.
    batched_steps: Mutex<Vec<Arc<BatchedSteps>>>,
}

/// The time that one step of a program took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepTime {
    /// The operator.
    pub operator: &'static str,
    /// Shape of its (first) output.
    pub shape: Shape,
    /// Wall-clock time, with about 30 ns for reading the clock.
    pub seconds: f64,
}

/// Ends a run that was given an index or label out of range.
#[cold]
#[track_caller]
fn refuse(error: OutOfRange) -> ! {
    panic!("{error}")
}

impl<F: Float> Program<F> {
    /// Records what `f` computes: it makes the program's inputs with [`Tape::input`] and returns its results. Values put on the tape in
    /// any other way are constants of the program.
    ///
    /// # Panics
    /// When `f` reads a value that is not constant: such work runs eagerly, on a tape.
    pub fn record(f: impl for<'t> FnOnce(&'t Tape<F>) -> Vec<Var<'t, F>>) -> Self {
        let tape = Tape::recorder();
        let results: Vec<(u32, Shape)> = f(&tape).iter().map(|y| (y.id, y.shape())).collect();
        plan::plan(tape.record.into_inner(), &results)
    }

    /// The results for these values of the inputs, given in the order in which the inputs were recorded.
    ///
    /// # Panics
    /// When the number of values is not the number of inputs, a shape differs, or an index or label is out of range.
    #[track_caller]
    #[inline(never)]
    pub fn run(&self, inputs: &[&Array<F>]) -> Vec<Array<F>> {
        self.replay(inputs, |_| ())
    }

    /// Runs the program and tells how long each step took.
    ///
    /// # Panics
    /// As [`Program::run`].
    #[track_caller]
    #[inline(never)]
    pub fn profile(&self, inputs: &[&Array<F>]) -> Vec<StepTime> {
        let mut times = Vec::with_capacity(self.steps.len());
        let mut before = Instant::now();
        self.replay(inputs, |i| {
            let step = &self.steps[i];
            let shape = *self.shape(&self.targets[step.targets.start as usize]);
            times.push(StepTime { operator: step.op.name(), shape, seconds: before.elapsed().as_secs_f64() });
            before = Instant::now();
        });
        times
    }

    /// Number of operators that a run executes.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether a run executes nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes of one thread's arena: the most memory a run takes beside inputs and constants, results included.
    pub fn peak_bytes(&self) -> usize {
        (self.memory + self.leaving.iter().sum::<usize>()) * size_of::<F>()
    }

    /// Returns the memory of idle arenas to this thread's buffer pool, for other programs; the next run takes new memory.
    pub fn release(&self) {
        self.idle.clear();
    }

    #[track_caller]
    fn replay(&self, inputs: &[&Array<F>], mut after: impl FnMut(usize)) -> Vec<Array<F>> {
        self.check(inputs);
        let mut arena = self.arena(1);
        for (i, step) in self.steps.iter().enumerate() {
            self.execute(step, inputs, &mut arena);
            after(i);
        }
        let results = self.take_results(inputs, &mut arena.results);
        self.idle.put(arena.memory);
        results
    }

    #[track_caller]
    fn check(&self, inputs: &[&Array<F>]) {
        let (given, wanted) = (inputs.len(), self.inputs.len());
        assert_eq!(given, wanted, "Program::run: {given} values for {wanted} inputs");
        for (i, (x, (shape, _))) in inputs.iter().zip(&self.inputs).enumerate() {
            assert!(
                x.shape() == &shape[..],
                "Program::run: input {i} has shape {:?}, not {shape}",
                x.shape()
            );
        }
    }

    /// A free arena for a batch of `tasks` tasks, with new memory for the results.
    fn arena(&self, tasks: usize) -> Arena<F> {
        let results = self.leaving.iter().map(|&count| Buffer::dirty(count * tasks)).collect();
        Arena { memory: self.idle.take(self.memory * tasks), results }
    }

    fn shape(&self, operand: &Operand) -> &Shape {
        &self.shapes[operand.shape as usize]
    }

    #[inline]
    #[track_caller]
    fn execute(&self, step: &Step<F>, inputs: &[&Array<F>], arena: &mut Arena<F>) {
        let targets = part(&self.targets, &step.targets);
        let shapes = &self.shapes[targets[0].shape as usize..][..targets.len()];
        let list = part(&self.operands, &step.operands);
        let done = arena.split(targets, 1, |out, rest| {
            let input = |i: usize| {
                let operand = &list[i];
                let source = match operand.place {
                    Place::Input(k) => Source::Slice(inputs[k as usize].data()),
                    Place::Constant(k) => Source::Slice(self.constants[k as usize].data()),
                    Place::Memory(_) | Place::Result(_) => Source::Slice(rest.value(operand)),
                    Place::Target => Source::Out,
                };
                Input { source, shape: self.shape(operand) }
            };
            Inputs::gather(list.len(), input, |x| F::forward(&step.op, x, out, shapes))
        });
        if let Err(error) = done {
            refuse(error);
        }
    }

    fn take_results(&self, inputs: &[&Array<F>], leaving: &mut [Buffer<F>]) -> Vec<Array<F>> {
        let mut done: Vec<Array<F>> = Vec::with_capacity(self.results.len());
        for (i, result) in self.results.iter().enumerate() {
            let shape = self.shape(result);
            let array = match result.place {
                Place::Input(k) => inputs[k as usize].reshape(shape),
                Place::Constant(k) => self.constants[k as usize].reshape(shape),
                place => match self.results[..i].iter().position(|earlier| earlier.place == place) {
                    Some(same) => done[same].reshape(shape),
                    None => match place {
                        Place::Result(k) => {
                            Array::from_buffer(std::mem::take(&mut leaving[k as usize]), *shape)
                        }
                        _ => unreachable!("results lie apart"),
                    },
                },
            };
            done.push(array);
        }
        done
    }
}

impl<F: Float> std::fmt::Debug for Program<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program<{}>({} steps, {} bytes)", F::NAME, self.len(), self.peak_bytes())
    }
}
