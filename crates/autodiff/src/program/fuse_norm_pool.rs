//! Fuses a batch norm with the max-pooling of its output where nothing else reads that output, and their derivatives likewise: the
//! intermediate is as large as a layer's images and would be written and read for this alone.

use fewshot_kernels::pool::PoolShape;

use super::plan::root;
use crate::float::Float;
use crate::op::Op;
use crate::ops::layout::Layout;
use crate::ops::norm::{NormOp, Terms};
use crate::ops::norm_pool::{NormPool, NormPoolKind};
use crate::ops::pool::PoolOp;
use crate::shape::Shape;
use crate::tape::Record;

/// The steps of a record, and the readers of each value before anything is fused.
struct Steps<'a, F: Float> {
    record: &'a mut Record<F>,
    order: Vec<usize>,
    readers: Vec<Vec<usize>>,
    is_result: Vec<bool>,
}

/// Fuses norms and poolings; returns the steps of `order` that are left.
pub(super) fn fuse_norm_pool<F: Float>(
    record: &mut Record<F>,
    order: Vec<usize>,
    results: &[(u32, Shape)],
) -> Vec<usize> {
    let count = record.nodes.len();
    let mut steps = Steps { record, order, readers: vec![Vec::new(); count], is_result: vec![false; count] };
    for &id in &steps.order {
        for &input in steps.record.inputs(id) {
            steps.readers[root(steps.record, input as usize)].push(id);
        }
    }
    for &(id, _) in results {
        steps.is_result[root(steps.record, id as usize)] = true;
    }
    for at in 0..steps.order.len() {
        steps.fuse_forward(at);
    }
    for id in steps.order.clone() {
        steps.fuse_placed(id);
    }
    steps.order
}

impl<F: Float> Steps<'_, F> {
    fn pool(&self, id: usize) -> Option<PoolOp> {
        match self.record.nodes[id].op {
            Op::Pool(op) => Some(op),
            _ => None,
        }
    }

    fn norm(&self, id: usize) -> Option<NormOp<F>> {
        match self.record.nodes[id].op {
            Op::Norm(op) => Some(op),
            _ => None,
        }
    }

    /// Whether a norm of this input has the images that are pooled.
    fn fits(&self, input: u32, s: &PoolShape) -> bool {
        let image = self.record.nodes[input as usize].shape;
        s.is_beside() && s.out_h() * s.out_w() > 0 && image[..] == [s.n, s.h, s.w, s.c]
    }

    fn value(&self, id: usize, input: usize) -> usize {
        root(self.record, self.record.inputs(id)[input] as usize)
    }

    /// Has node `id` be another name of `value`.
    fn rename(&mut self, id: usize, value: usize) {
        self.record.rewrite(id, Op::Layout(Layout::Reshape), &[value as u32]);
    }

    fn drop_step(&mut self, id: usize) {
        self.order.retain(|&step| step != id);
    }

    /// Fuses the norm at step `at` with the pooling of its output.
    fn fuse_forward(&mut self, at: usize) {
        let Some(&id) = self.order.get(at) else { return };
        let (Some(NormOp::Forward(terms)), &[pooling]) = (self.norm(id), &self.readers[id][..]) else {
            return;
        };
        let Some(PoolOp::Max(pool)) = self.pool(pooling) else { return };
        let inputs = self.record.inputs(id).to_vec();
        if self.is_result[id] || !self.fits(inputs[0], &pool) {
            return;
        }
        let op = Op::NormPool(Box::new(NormPool { kind: NormPoolKind::Forward, terms, pool }));
        let made = self.record.nodes.len();
        let shapes = [pooling, pooling + 1, id + 1].map(|id| self.record.nodes[id].shape);
        self.record.push(op, &inputs, shapes[0], None);
        self.record.push(Op::Output, &[made as u32], shapes[1], None);
        self.record.push(Op::Output, &[made as u32], shapes[2], None);
        for (k, old) in [pooling, pooling + 1, id + 1].into_iter().enumerate() {
            self.rename(old, made + k);
        }
        self.order[at] = made;
        self.drop_step(pooling);
    }

    /// Fuses the adjoint of a pooling, step `id`, with the derivatives of the norm that read it, if nothing else does.
    fn fuse_placed(&mut self, id: usize) {
        let Some(PoolOp::Place(pool)) = self.pool(id) else { return };
        let readers = self.readers[id].clone();
        if self.is_result[id] || !readers.iter().all(|&reader| self.takes_placed(reader, id, &pool)) {
            return;
        }
        let placed = self.record.inputs(id).to_vec();
        for reader in readers {
            let (terms, kind) = match self.norm(reader) {
                Some(NormOp::Backward(terms)) => (terms, NormPoolKind::Backward),
                Some(NormOp::Backward2(terms)) => (terms, NormPoolKind::Backward2),
                _ => unreachable!("it takes what is placed"),
            };
            if kind == NormPoolKind::Backward2 {
                self.record.nodes[reader + 1].shape = self.record.nodes[placed[0] as usize].shape;
                for pick in std::mem::take(&mut self.readers[reader + 1]) {
                    self.rename(pick, reader + 1);
                    self.drop_step(pick);
                }
            }
            let mut inputs = self.record.inputs(reader).to_vec();
            inputs.splice(arrives(&terms)..=arrives(&terms), placed.iter().copied());
            let op = Op::NormPool(Box::new(NormPool { kind, terms, pool }));
            self.record.rewrite(reader, op, &inputs);
        }
        self.drop_step(id);
    }

    /// Whether `reader` is a derivative of a norm of such images that reads what `id` places as what arrives alone, and of whose
    /// gradient for it only the elements at the places are read.
    fn takes_placed(&self, reader: usize, id: usize, pool: &PoolShape) -> bool {
        let (terms, second) = match self.norm(reader) {
            Some(NormOp::Backward(terms)) => (terms, false),
            Some(NormOp::Backward2(terms)) => (terms, true),
            _ => return false,
        };
        let inputs = self.record.inputs(reader);
        let reads: Vec<usize> = (0..inputs.len()).filter(|&i| self.value(reader, i) == id).collect();
        let picks = |&pick: &usize| {
            let same = self.pool(pick) == Some(PoolOp::Pick(*pool)) && self.value(pick, 0) == reader + 1;
            same && self.value(pick, 1) == self.value(id, 1)
        };
        let picked = || !self.is_result[reader + 1] && self.readers[reader + 1].iter().all(picks);
        reads == [arrives(&terms)] && self.fits(inputs[0], pool) && (!second || picked())
    }
}

/// The input of a norm's derivatives that the gradient of its output is: behind x, scale, shift and the statistics.
fn arrives<F>(terms: &Terms<F>) -> usize {
    2 + terms.affine()
}
