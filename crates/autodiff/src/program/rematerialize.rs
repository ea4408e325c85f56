//! Rematerialisation: large values that are cheap to compute are computed a second time before a late use where keeping them would
//! make the peak of memory.

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

/// The lifetime of a value: the step that writes it and those that read it.
#[derive(Clone, Default)]
struct Span {
    bytes: usize,
    from: usize,
    uses: Vec<usize>,
    /// Whether it is a result of the program.
    result: bool,
}

impl Span {
    fn last(&self) -> usize {
        self.uses.last().copied().unwrap_or(self.from)
    }
}

/// A value to be rematerialised before step `before`.
struct Choice {
    value: usize,
    before: usize,
}

/// The steps of a program while values to rematerialise are chosen.
struct Rematerializer<'a, F: Float> {
    record: &'a mut Record<F>,
    /// For each step of the original order: the rematerialised values, then the step itself.
    steps: Vec<Vec<usize>>,
    spans: Vec<Span>,
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

/// Records rematerialised values; returns the steps of `order` with theirs among them.
pub(super) fn rematerialize<F: Float>(
    record: &mut Record<F>,
    order: Vec<usize>,
    results: &[(u32, Shape)],
) -> Vec<usize> {
    let mut plan =
        Rematerializer { record, steps: order.into_iter().map(|id| vec![id]).collect(), spans: Vec::new() };
    plan.find_spans(results);
    while let Some(choice) = plan.choice() {
        plan.rematerialize(&choice);
    }
    plan.steps.concat()
}

impl<F: Float> Rematerializer<'_, F> {
    fn find_spans(&mut self, results: &[(u32, Shape)]) {
        let record = &*self.record;
        self.spans = vec![Span::default(); record.nodes.len()];
        for (at, id) in self.steps.iter().map(|step| step[0]).enumerate() {
            for value in id..id + record.outputs(id) {
                let bytes = record.nodes[value].shape.count() * size_of::<F>();
                (self.spans[value].from, self.spans[value].bytes) = (at, bytes);
            }
            for &input in record.inputs(id) {
                self.spans[root(record, input as usize)].uses.push(at);
            }
        }
        for &(id, _) in results {
            self.spans[root(record, id as usize)].result = true;
        }
    }

    /// The step of the peak of memory, and its bytes.
    fn peak(&self) -> (usize, usize) {
        let mut change = vec![0isize; self.steps.len() + 1];
        for span in self.spans.iter().filter(|span| span.bytes > 0) {
            change[span.from] += span.bytes as isize;
            if !span.result {
                change[span.last() + 1] -= span.bytes as isize;
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

    /// The largest value that is alive but unused at the peak and cheap to rematerialise.
    fn choice(&self) -> Option<Choice> {
        let (peak, bytes) = self.peak();
        let values = 0..self.spans.len();
        let choices = values.filter_map(|value| {
            let span = &self.spans[value];
            let idles = bytes >= LEAST && span.bytes * PART >= bytes && span.from < peak && !span.result;
            let next = span.uses.partition_point(|&at| at < peak);
            let before = *span.uses.get(next).filter(|&&at| idles && at > peak)?;
            self.is_recomputable(value, before).then_some(Choice { value, before })
        });
        choices.max_by_key(|choice| self.spans[choice.value].bytes)
    }

    /// Whether the operator that wrote `value` is cheap, and its inputs are still alive before step `at`.
    fn is_recomputable(&self, value: usize, at: usize) -> bool {
        let id = self.maker(value);
        let there = |&input: &u32| {
            let span = &self.spans[root(self.record, input as usize)];
            span.bytes == 0 || span.result || span.last() >= at
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

    fn rematerialize(&mut self, &Choice { value, before }: &Choice) {
        let maker = self.maker(value);
        let (op, inputs) = (self.record.nodes[maker].op.clone(), self.record.inputs(maker).to_vec());
        let first = self.record.nodes.len();
        self.record.push(op, &inputs, self.record.nodes[maker].shape, None);
        for k in 1..self.record.outputs(maker) {
            self.record.push(Op::Output, &[first as u32], self.record.nodes[maker + k].shape, None);
        }
        let copy = first + (value - maker);
        for at in before..self.steps.len() {
            for id in self.steps[at].clone() {
                self.redirect(id, value, copy as u32);
            }
        }
        self.steps[before].insert(0, first);
        self.spans.resize(self.record.nodes.len(), Span::default());
        let uses = &mut self.spans[value].uses;
        let late = uses.split_off(uses.partition_point(|&at| at < before));
        for input in inputs {
            let uses = &mut self.spans[root(self.record, input as usize)].uses;
            uses.insert(uses.partition_point(|&at| at < before), before);
        }
        self.spans[copy] = Span { from: before, uses: late, ..self.spans[value] };
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
