//! Inputs that several products read transposed are transposed once.

use std::collections::HashMap;

use fewshot_kernels::cost::transposes_second;

use super::plan::root;
use crate::float::Float;
use crate::op::Op;
use crate::ops::layout::Layout;
use crate::ops::product::Product;
use crate::shape::Shape;
use crate::tape::Record;

/// Most elements of such a factor: its transpose takes memory from its first use to its last.
const MOST: usize = 1 << 20;

/// The value whose transpose node `id` multiplies with, and the matrix it is read as, if transposing it once would do.
fn factor<F: Float>(record: &Record<F>, id: usize) -> Option<(usize, Shape)> {
    let Op::Product(Product::Right) = record.nodes[id].op else { return None };
    let shape = |k: usize| record.nodes[record.inputs(id)[k] as usize].shape;
    let (a, b) = (shape(0), shape(1));
    let value = root(record, record.inputs(id)[1] as usize);
    // inputs alone: one transpose of each inner step's weights would wait for the way back, as much memory as they are
    let is_input = matches!(record.nodes[value].op, Op::Leaf);
    let shared = is_input && a.len() == 2 && b.count() <= MOST && transposes_second(a[0], a[1], b[0]);
    shared.then_some((value, b))
}

/// Records one transpose of each factor that two or more steps of `order` would transpose, and has these steps read it.
pub(super) fn share_transposes<F: Float>(record: &mut Record<F>, order: Vec<usize>) -> Vec<usize> {
    let mut uses: HashMap<(usize, Shape), usize> = HashMap::new();
    for &id in &order {
        if let Some(factor) = factor(record, id) {
            *uses.entry(factor).or_default() += 1;
        }
    }
    uses.retain(|_, &mut count| count > 1);
    let mut transposed: HashMap<(usize, Shape), u32> = HashMap::new();
    let mut steps = Vec::with_capacity(order.len() + uses.len());
    for id in order {
        if let Some(key) = factor(record, id).filter(|key| uses.contains_key(key)) {
            let [left, matrix] = [0, 1].map(|k| record.inputs(id)[k]);
            let transpose = *transposed.entry(key).or_insert_with(|| {
                let op = Op::Layout(Layout::transpose());
                let made = record.push(op, &[matrix], Shape::new(&[key.1[1], key.1[0]]), None);
                steps.push(made as usize);
                made
            });
            record.rewrite(id, Op::Product(Product::Plain), &[left, transpose]);
        }
        steps.push(id);
    }
    steps
}
