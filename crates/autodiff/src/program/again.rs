//! Large values that are cheap to compute are computed again before a late use, where keeping them would make the peak.

use super::plan::root;
use crate::float::Float;
use crate::op::Op;
use crate::ops::fused::Fused;
use crate::ops::norm::NormOp;
use crate::shape::Shape;
use crate::tape::Record;

/// Bytes below which a program's peak is left as it is, and the part of the peak that a value must hold: what does not fill
/// the caches is not worth the time.
const LEAST: usize = 16 << 20;
const PART: usize = 64;

/// When a value lives: the step that writes it and those that read it.
#[derive(Clone, Default)]
struct Life {
    bytes: usize,
    from: usize,
    uses: Vec<usize>,
    /// Whether it is read in the end.
    result: bool,
}

impl Life {
    fn last(&self) -> usize {
        self.uses.last().copied().unwrap_or(self.from)
    }
}

/// A value to be computed again before step `before`.
struct Choice {
    value: usize,
    before: usize,
}

/// The steps of a program while values are chosen.
struct Plan<'a, F: Float> {
    record: &'a mut Record<F>,
    /// What is computed at each step of the original order: values again, and the step itself.
    steps: Vec<Vec<usize>>,
    lives: Vec<Life>,
}

/// Whether an operator takes little more time than a copy.
fn is_cheap<F: Float>(op: &Op<F>) -> bool {
    match op {
        Op::Unary(_) | Op::Binary(_) => true,
        Op::Fused(op) => !matches!(op, Fused::Affine(..)),
        Op::Norm(op) => matches!(op, NormOp::Forward(_)),
        _ => false,
    }
}

/// Writes down what is to be computed again; returns the steps in `order` with these.
pub(super) fn compute_again<F: Float>(
    record: &mut Record<F>,
    order: Vec<usize>,
    results: &[(u32, Shape)],
) -> Vec<usize> {
    let mut plan = Plan { record, steps: order.into_iter().map(|id| vec![id]).collect(), lives: Vec::new() };
    plan.find_lives(results);
    while let Some(choice) = plan.choice() {
        plan.compute_again(&choice);
    }
    plan.steps.concat()
}

impl<F: Float> Plan<'_, F> {
    fn find_lives(&mut self, results: &[(u32, Shape)]) {
        let record = &*self.record;
        self.lives = vec![Life::default(); record.nodes.len()];
        for (at, id) in self.steps.iter().map(|step| step[0]).enumerate() {
            for value in id..id + record.outputs(id) {
                let bytes = record.nodes[value].shape.count() * size_of::<F>();
                (self.lives[value].from, self.lives[value].bytes) = (at, bytes);
            }
            for &input in record.inputs(id) {
                self.lives[root(record, input as usize)].uses.push(at);
            }
        }
        for &(id, _) in results {
            self.lives[root(record, id as usize)].result = true;
        }
    }

    /// The step at which most bytes live, and how many these are.
    fn peak(&self) -> (usize, usize) {
        let mut change = vec![0isize; self.steps.len() + 1];
        for life in self.lives.iter().filter(|life| life.bytes > 0) {
            change[life.from] += life.bytes as isize;
            if !life.result {
                change[life.last() + 1] -= life.bytes as isize;
            }
        }
        let (mut bytes, mut peak) = (0, (0, 0));
        for (at, change) in change.into_iter().enumerate() {
            bytes += change;
            if bytes > peak.1 {
                peak = (at, bytes);
            }
        }
        (peak.0, peak.1 as usize)
    }

    /// The largest value that idles through the peak and can be had again for little.
    fn choice(&self) -> Option<Choice> {
        let (peak, bytes) = self.peak();
        let values = 0..self.lives.len();
        let choices = values.filter_map(|value| {
            let life = &self.lives[value];
            let idles = bytes >= LEAST && life.bytes * PART >= bytes && life.from < peak && !life.result;
            let next = life.uses.partition_point(|&at| at < peak);
            let before = *life.uses.get(next).filter(|&&at| idles && at > peak)?;
            self.can_be_had(value, before).then_some(Choice { value, before })
        });
        choices.max_by_key(|choice| self.lives[choice.value].bytes)
    }

    /// Whether the operator that wrote `value` is cheap, and what it read is there still before step `at`.
    fn can_be_had(&self, value: usize, at: usize) -> bool {
        let id = self.maker(value);
        let there = |&input: &u32| {
            let life = &self.lives[root(self.record, input as usize)];
            life.bytes == 0 || life.result || life.last() >= at
        };
        is_cheap(&self.record.nodes[id].op) && self.record.inputs(id).iter().all(there)
    }

    /// The node whose output `value` is.
    fn maker(&self, value: usize) -> usize {
        match self.record.nodes[value].op {
            Op::Output => self.record.inputs(value)[0] as usize,
            _ => value,
        }
    }

    fn compute_again(&mut self, &Choice { value, before }: &Choice) {
        let maker = self.maker(value);
        let (op, inputs) = (self.record.nodes[maker].op.clone(), self.record.inputs(maker).to_vec());
        let again = self.record.nodes.len();
        self.record.push(op, &inputs, self.record.nodes[maker].shape, None);
        for k in 1..self.record.outputs(maker) {
            self.record.push(Op::Output, &[again as u32], self.record.nodes[maker + k].shape, None);
        }
        let copy = again + (value - maker);
        for at in before..self.steps.len() {
            for id in self.steps[at].clone() {
                self.redirect(id, value, copy as u32);
            }
        }
        self.steps[before].insert(0, again);
        self.lives.resize(self.record.nodes.len(), Life::default());
        let uses = &mut self.lives[value].uses;
        let late = uses.split_off(uses.partition_point(|&at| at < before));
        for input in inputs {
            let uses = &mut self.lives[root(self.record, input as usize)].uses;
            uses.insert(uses.partition_point(|&at| at < before), before);
        }
        self.lives[copy] = Life { from: before, uses: late, ..self.lives[value] };
    }

    /// Has step `id` read `copy` where it reads `value`, which may be under other shapes.
    fn redirect(&mut self, id: usize, value: usize, copy: u32) {
        let mut inputs = self.record.inputs(id).to_vec();
        let mut changed = false;
        for input in &mut inputs {
            let alias = *input as usize;
            if root(self.record, alias) != value {
                continue;
            }
            changed = true;
            *input = match alias == value {
                true => copy,
                false => {
                    let node = &self.record.nodes[alias];
                    let (op, shape) = (node.op.clone(), node.shape);
                    self.record.push(op, &[copy], shape, None)
                }
            };
        }
        if changed {
            let op = self.record.nodes[id].op.clone();
            self.record.rewrite(id, op, &inputs);
        }
    }
}
