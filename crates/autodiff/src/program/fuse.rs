//! Operators that feed one another become one: fewer steps and fewer passes over memory.

use super::plan::root;
use crate::float::Float;
use crate::op::Op;
use crate::ops::binary::Binary;
use crate::ops::fused::Fused;
use crate::ops::layout::Layout;
use crate::ops::product::Product;
use crate::ops::unary::Unary;
use crate::shape::Shape;
use crate::tape::Record;

/// Most elements of a product that is joined with what follows: steps count for little beside larger ones, and an addition
/// may write over what it adds to.
const MOST: usize = 1 << 14;

/// How often each value is read, by steps and as a result.
struct Uses(Vec<usize>);

impl Uses {
    fn count<F: Float>(record: &Record<F>, order: &[usize], results: &[(u32, Shape)]) -> Self {
        let mut uses = Uses(vec![0; record.nodes.len()]);
        let read = order.iter().flat_map(|&id| record.inputs(id)).chain(results.iter().map(|(id, _)| id));
        read.for_each(|&id| uses.0[root(record, id as usize)] += 1);
        uses
    }

    /// One use less; a step whose value nobody reads does not read either.
    fn release<F: Float>(&mut self, record: &Record<F>, id: u32) {
        let value = root(record, id as usize);
        self.0[value] -= 1;
        if self.0[value] == 0 && record.nodes[value].value.is_none() {
            record.inputs(value).iter().for_each(|&input| self.release(record, input));
        }
    }
}

/// Rewrites operators that read what others write; returns the steps that are left of those in `order`.
pub(super) fn fuse<F: Float>(
    record: &mut Record<F>,
    order: Vec<usize>,
    results: &[(u32, Shape)],
) -> Vec<usize> {
    let mut uses = Uses::count(record, &order, results);
    for &id in &order {
        while let Some((op, inputs)) = (Site { record, uses: &uses.0, id }).fused() {
            let before = record.inputs(id).to_vec();
            inputs.iter().for_each(|&input| uses.0[root(record, input as usize)] += 1);
            record.rewrite(id, op, &inputs);
            before.into_iter().for_each(|input| uses.release(record, input));
        }
    }
    let read = |&id: &usize| (id..id + record.outputs(id)).any(|k| uses.0[k] > 0);
    order.into_iter().filter(read).collect()
}

/// A step that may become one with those whose values it reads.
struct Site<'a, F: Float> {
    record: &'a Record<F>,
    uses: &'a [usize],
    id: usize,
}

impl<F: Float> Site<'_, F> {
    /// What the step computes together with one before it.
    fn fused(&self) -> Option<(Op<F>, Vec<u32>)> {
        let inputs = self.record.inputs(self.id);
        let op = &self.record.nodes[self.id].op;
        match (op, inputs) {
            (Op::Binary(Binary::Add), &[a, b]) => {
                let either = |f: &dyn Fn(u32, u32) -> Option<(Op<F>, Vec<u32>)>| f(a, b).or_else(|| f(b, a));
                either(&|a, b| self.spread(op, a, b))
                    .or_else(|| either(&|a, b| self.scaled(a, b, F::one())))
                    .or_else(|| either(&|a, b| self.product(a, b)))
            }
            (Op::Binary(Binary::Sub), &[a, b]) => {
                self.spread(op, a, b).or_else(|| self.scaled(a, b, -F::one()))
            }
            (Op::Binary(Binary::Mul), &[a, b]) => self.spread(op, a, b).or_else(|| self.spread(op, b, a)),
            (Op::Binary(Binary::Chain), &[u, slope]) => self
                .spread(op, u, slope)
                .or_else(|| self.spread(op, slope, u))
                .or_else(|| self.masked(u, slope)),
            (Op::Unary(Unary::Leaky(slope)), &[x]) => self.activated(x, *slope),
            _ => None,
        }
    }

    /// What computes a value in every run; nothing for constants.
    fn op(&self, id: u32) -> Option<&Op<F>> {
        let node = &self.record.nodes[id as usize];
        node.value.is_none().then_some(&node.op)
    }

    fn has_own_shape(&self, id: u32) -> bool {
        self.record.nodes[id as usize].shape == self.record.nodes[self.id].shape
    }

    /// With what `b` repeats in its place: `a` has the shape of the whole.
    fn spread(&self, op: &Op<F>, a: u32, b: u32) -> Option<(Op<F>, Vec<u32>)> {
        let repeats = matches!(self.record.nodes[b as usize].op, Op::Layout(Layout::BroadcastTo));
        (repeats && self.has_own_shape(a)).then(|| (op.clone(), vec![a, self.record.inputs(b as usize)[0]]))
    }

    /// `a` plus `sign` times a `b` that is scaled for this alone.
    fn scaled(&self, a: u32, b: u32, sign: F) -> Option<(Op<F>, Vec<u32>)> {
        let &Op::Unary(Unary::Scale(factor)) = self.op(b)? else { return None };
        let inputs = vec![a, self.record.inputs(b as usize)[0]];
        (self.uses[b as usize] == 1).then(|| (Op::Fused(Fused::AddScaled(sign * factor)), inputs))
    }

    /// A gradient `u` times the derivative of a leaky ReLU.
    fn masked(&self, u: u32, mask: u32) -> Option<(Op<F>, Vec<u32>)> {
        let &Op::Unary(Unary::LeakyMask(slope)) = self.op(mask)? else { return None };
        let inputs = vec![u, self.record.inputs(mask as usize)[0]];
        let whole = self.has_own_shape(u) && self.has_own_shape(mask);
        whole.then(|| (Op::Fused(Fused::Leaky(slope)), inputs))
    }

    /// `c` plus a product that is computed for this alone, and after `c`: it would keep its factors while it waits.
    fn product(&self, product: u32, c: u32) -> Option<(Op<F>, Vec<u32>)> {
        let &Op::Product(kind) = self.op(product)? else { return None };
        let shape = self.record.nodes[self.id].shape;
        let small = shape.len() == 2 && shape.count() <= MOST && self.has_own_shape(product);
        let waits = root(self.record, c as usize) >= product as usize;
        let alone = self.uses[product as usize] == 1 && !waits && kind != Product::SquaredDistances;
        let factors = self.record.inputs(product as usize);
        (small && alone).then(|| (Op::Fused(Fused::Affine(kind, None)), vec![factors[0], factors[1], c]))
    }

    /// The leaky ReLU of a product and a sum that are computed for this alone.
    fn activated(&self, x: u32, slope: F) -> Option<(Op<F>, Vec<u32>)> {
        let &Op::Fused(Fused::Affine(kind, None)) = self.op(x)? else { return None };
        let inputs = self.record.inputs(x as usize).to_vec();
        (self.uses[x as usize] == 1).then(|| (Op::Fused(Fused::Affine(kind, Some(slope))), inputs))
    }
}
