//! From a record to a program: prune, number the values, give them places.

use std::sync::Mutex;

use super::arena::FreeLists;
use super::fuse::fuse;
use super::fuse_norm_pool::fuse_norm_pool;
use super::memory::{Life, share};
use super::rematerialize::rematerialize;
use super::transpose::share_transposes;
use super::{Operand, Place, Program, Step};
use crate::array::Array;
use crate::float::Float;
use crate::op::Op;
use crate::shape::Shape;
use crate::tape::{InputKind, Record};

/// Bytes that values begin at multiples of.
const CACHE_LINE: usize = 64;

/// The node that holds the values of `id`: aliases and checkpoints have those of another.
pub(super) fn root<F: Float>(record: &Record<F>, mut id: usize) -> usize {
    loop {
        let node = &record.nodes[id];
        id = match &node.op {
            op if op.is_alias() => record.inputs(id)[0] as usize,
            Op::Checkpoint(function) => function.made[0] as usize,
            Op::Output => {
                let first = record.inputs(id)[0] as usize;
                match &record.nodes[first].op {
                    Op::Checkpoint(function) => function.made[id - first] as usize,
                    _ => return id,
                }
            }
            _ => return id,
        };
    }
}

/// Which nodes must be executed for the results.
fn needed<F: Float>(record: &Record<F>, results: &[(u32, Shape)]) -> Vec<bool> {
    let mut needed = vec![false; record.nodes.len()];
    for &(id, _) in results {
        needed[root(record, id as usize)] = true;
    }
    for id in (0..record.nodes.len()).rev() {
        if !needed[id] || record.nodes[id].value.is_some() {
            continue;
        }
        for &input in record.inputs(id) {
            needed[root(record, input as usize)] = true;
        }
    }
    needed
}

/// What is known while steps are laid out.
struct Planner<'a, F: Float> {
    record: &'a Record<F>,
    steps: Vec<Step<F>>,
    operands: Vec<Operand>,
    targets: Vec<Operand>,
    constants: Vec<Array<F>>,
    shapes: Vec<Shape>,
    /// Where each value is; for one that a step writes, the number of its life in place of an element.
    places: Vec<Option<Place>>,
    lives: Vec<Life>,
    /// Whether each task of a batch has its own value, or all share one.
    kinds: Vec<InputKind>,
}

impl<F: Float> Planner<'_, F> {
    /// Where these shapes lie side by side among those of the program.
    fn shapes(&mut self, wanted: &[Shape]) -> u32 {
        let known = self.shapes.windows(wanted.len()).position(|run| run == wanted);
        known.unwrap_or_else(|| {
            self.shapes.extend_from_slice(wanted);
            self.shapes.len() - wanted.len()
        }) as u32
    }

    /// Node `id` as an operand of step `at`.
    fn operand(&mut self, id: usize, at: usize) -> Operand {
        let shape = self.record.nodes[id].shape;
        let value = root(self.record, id);
        let place = self.places[value].unwrap_or_else(|| {
            let constant =
                self.record.nodes[value].value.clone().expect("values without a step are constants");
            self.constants.push(constant);
            Place::Constant((self.constants.len() - 1) as u32)
        });
        self.places[value] = Some(place);
        if let Place::Memory(life) = place {
            self.lives[life].to = at;
        }
        let kind = self.kinds[value];
        Operand { place, count: shape.count(), shape: self.shapes(&[shape]), value: value as u32, kind }
    }

    /// Node `id` of this shape as an output of step `at`; it may go on with the life of an operand that ends here.
    fn target(&mut self, id: usize, shape: u32, at: usize, life: Option<usize>) -> Operand {
        let count = self.shapes[shape as usize].count();
        let life = life.unwrap_or_else(|| {
            self.lives.push(Life { size: count, from: at, to: at });
            self.lives.len() - 1
        });
        let place = Place::Memory(life);
        self.places[id] = Some(place);
        Operand { place, shape, count, value: id as u32, kind: self.kinds[id] }
    }

    /// The life that output `k` of node `id` can go on with: that of an operand of the same size, from number `read` on, which
    /// nobody reads later. Marks the operand as overwritten.
    fn inherit(&mut self, id: usize, k: usize, at: usize, last: &[usize], read: usize) -> Option<usize> {
        let operands = &mut self.operands[read..];
        let (op, count) = (&self.record.nodes[id].op, self.record.nodes[id + k].shape.count());
        let (i, life) = operands.iter().enumerate().find_map(|(i, o)| match o.place {
            Place::Memory(life)
                if o.count == count && o.kind == self.kinds[id] && last[o.value as usize] == at =>
            {
                let same = |&(_, other): &(usize, &Operand)| other.value == o.value;
                let whole =
                    operands.iter().enumerate().filter(same).all(|(j, _)| op.overwrites(j) == Some(k));
                whole.then_some((i, life))
            }
            _ => None,
        })?;
        let value = operands[i].value;
        operands.iter_mut().filter(|o| o.value == value).for_each(|o| o.place = Place::Target);
        Some(life)
    }

    /// Node `id` as step `at`.
    fn step(&mut self, id: usize, at: usize, last: &[usize]) {
        let record = self.record;
        let (read, written) = (self.operands.len(), self.targets.len());
        for &input in record.inputs(id) {
            let operand = self.operand(input as usize, at);
            self.operands.push(operand);
        }
        let outputs: Vec<Shape> = record.nodes[id..][..record.outputs(id)].iter().map(|n| n.shape).collect();
        let first = self.shapes(&outputs);
        for k in 0..outputs.len() {
            let life = self.inherit(id, k, at, last, read);
            let target = self.target(id + k, first + k as u32, at, life);
            self.targets.push(target);
        }
        let op = record.nodes[id].op.clone();
        let range = |from: usize, to: usize| from as u32..to as u32;
        let operands = range(read, self.operands.len());
        self.steps.push(Step { op, operands, targets: range(written, self.targets.len()) });
    }
}

/// For each value the last step that reads it; results are read in the end.
fn last_uses<F: Float>(record: &Record<F>, steps: &[usize], results: &[(u32, Shape)]) -> Vec<usize> {
    let mut last = vec![0; record.nodes.len()];
    for (at, &id) in steps.iter().enumerate() {
        for &input in record.inputs(id) {
            last[root(record, input as usize)] = at;
        }
    }
    for &(id, _) in results {
        last[root(record, id as usize)] = usize::MAX;
    }
    last
}

/// Which values each task of a batch has of its own: those that depend on a per-task input.
fn input_kinds<F: Float>(record: &Record<F>, steps: &[usize]) -> Vec<InputKind> {
    let mut kinds = vec![InputKind::Shared; record.nodes.len()];
    for &(id, input) in record.open.iter().flatten() {
        kinds[id as usize] = input;
    }
    for &id in steps {
        if record.inputs(id).iter().any(|&input| kinds[root(record, input as usize)] == InputKind::PerTask) {
            kinds[id..id + record.outputs(id)].fill(InputKind::PerTask);
        }
    }
    kinds
}

/// The nodes that are executed, in order.
fn executed<F: Float>(record: &Record<F>, results: &[(u32, Shape)]) -> Vec<usize> {
    let needed = needed(record, results);
    (0..record.nodes.len())
        .filter(|&id| (id..id + record.outputs(id)).any(|k| needed[k]))
        .filter(|&id| record.nodes[id].value.is_none() && !matches!(record.nodes[id].op, Op::Leaf))
        .filter(|&id| root(record, id) == id)
        .collect()
}

/// Lays out the steps that lead to `results`, and the memory for them.
#[inline(never)]
pub(crate) fn plan<F: Float>(mut record: Record<F>, results: &[(u32, Shape)]) -> Program<F> {
    let order = executed(&record, results);
    let order = fuse_norm_pool(&mut record, order, results);
    let order = share_transposes(&mut record, order);
    let order = fuse(&mut record, order, results);
    let order = rematerialize(&mut record, order, results);
    let mut planner = Planner {
        record: &record,
        steps: Vec::new(),
        operands: Vec::new(),
        targets: Vec::new(),
        constants: Vec::new(),
        shapes: Vec::new(),
        places: vec![None; record.nodes.len()],
        lives: Vec::new(),
        kinds: input_kinds(&record, &order),
    };
    let inputs = record.open.as_deref().unwrap_or_default();
    for (k, &(id, _)) in inputs.iter().enumerate() {
        planner.places[id as usize] = Some(Place::Input(k as u32));
    }
    let last = last_uses(&record, &order, results);
    for (at, id) in order.into_iter().enumerate() {
        planner.step(id, at, &last);
    }
    let mut results: Vec<Operand> = results
        .iter()
        .map(|&(id, shape)| {
            let shape = planner.shapes(&[shape]);
            Operand { shape, ..planner.operand(id as usize, usize::MAX) }
        })
        .collect();
    let Planner { steps, mut operands, mut targets, constants, shapes, lives, .. } = planner;
    let (memory, leaving) =
        settle(&lives, CACHE_LINE / size_of::<F>(), [&mut operands, &mut targets, &mut results]);
    Program {
        inputs: inputs.iter().map(|&(id, kind)| (record.nodes[id as usize].shape, kind)).collect(),
        constants,
        steps,
        shapes,
        unshared: targets.iter().map(|target| target.count).sum(),
        operands,
        targets,
        results,
        memory,
        leaving,
        idle: FreeLists::new(),
        batched_steps: Mutex::new(Vec::new()),
    }
}

/// Replaces the numbers of lives by their places; returns the size of the memory they share, and of the results, each of which
/// has memory of its own.
fn settle(lives: &[Life], line: usize, operands: [&mut Vec<Operand>; 3]) -> (usize, Vec<usize>) {
    let (inner, outer): (Vec<usize>, Vec<usize>) = (0..lives.len()).partition(|&i| lives[i].to != usize::MAX);
    let chosen: Vec<Life> = inner.iter().map(|&i| lives[i]).collect();
    let (offsets, memory) = share(&chosen, line);
    let mut places = vec![Place::Target; lives.len()];
    for (&i, at) in inner.iter().zip(offsets) {
        places[i] = Place::Memory(at);
    }
    for (k, &i) in outer.iter().enumerate() {
        places[i] = Place::Result(k as u32);
    }
    for operand in operands.into_iter().flatten() {
        if let Place::Memory(life) = operand.place {
            operand.place = places[life];
        }
    }
    (memory, outer.into_iter().map(|i| lives[i].size).collect())
}
