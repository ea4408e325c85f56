//! The backward sweep, recorded and not recorded.
//!
//! A sweep visits the nodes between the requested variables and the output, last first. Rules are written in recorded
//! operations; the recorded sweep keeps what they record, the other takes the values and forgets the record of each rule at once.

use crate::array::Array;
use crate::float::Float;
use crate::op::Op;
use crate::ops::layout::Layout;
use crate::tape::Tape;
use crate::var::Var;

/// The view that a gradient rule has of its node.
pub(crate) struct GradientRule<'a, 't, F: Float> {
    tape: &'t Tape<F>,
    node: u32,
    ids: &'a [u32],
    needs: &'a [bool],
    cotangents: &'a [Option<Var<'t, F>>],
    shares: &'a mut Vec<(u32, Var<'t, F>)>,
    /// The tape's length before the rule wrote anything.
    start: usize,
}

impl<'t, F: Float> GradientRule<'_, 't, F> {
    /// How many inputs the operator has.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many outputs it has.
    pub(crate) fn outputs(&self) -> usize {
        self.cotangents.len()
    }

    /// Input `i`.
    pub(crate) fn x(&self, i: usize) -> Var<'t, F> {
        Var::new(self.tape, self.ids[i])
    }

    /// The output, or the first of several.
    pub(crate) fn y(&self) -> Var<'t, F> {
        Var::new(self.tape, self.node)
    }

    /// The gradient with respect to the only output.
    pub(crate) fn u(&self) -> Var<'t, F> {
        self.cotangents[0].expect("an operator is visited only when a gradient has arrived")
    }

    /// The gradient with respect to output `k`, if one has arrived.
    pub(crate) fn u_of(&self, k: usize) -> Option<Var<'t, F>> {
        self.cotangents[k]
    }

    /// The gradient with respect to output `k`, zeros if none has arrived.
    pub(crate) fn u_or_zeros(&self, k: usize) -> Var<'t, F> {
        self.cotangents[k].unwrap_or_else(|| {
            let shape = self.y().output(k as u32).shape();
            self.tape.leaf(Array::zeros(&shape))
        })
    }

    /// Adds to the gradient of input `i`, if anybody needs it; axes along which the input was broadcast are summed.
    pub(crate) fn give(&mut self, i: usize, share: impl FnOnce() -> Var<'t, F>) {
        if self.needs[i] {
            let share = share();
            let shape = self.x(i).shape();
            let share = if share.shape() == shape { share } else { share.sum_to(&shape) };
            self.shares.push((self.ids[i], share));
        }
    }

    /// The gradients of one number with respect to inputs of the operator, which count as independent of each other.
    pub(crate) fn partials(&self, y: Var<'t, F>, wrt: &[Var<'t, F>]) -> Vec<Var<'t, F>> {
        let one = self.tape.leaf(Array::ones(&y.shape()));
        let floor = self.start;
        sweep(self.tape, wrt, &[(y, one)], Some(floor))
            .into_iter()
            .zip(wrt)
            .map(|(g, x)| g.unwrap_or_else(|| self.tape.leaf(Array::zeros(&x.shape()))))
            .collect()
    }

    /// Gives every input its share by differentiating what `compose` writes: the outputs anew, in simpler operators.
    pub(crate) fn give_composed(&mut self, compose: impl FnOnce(&Self) -> Vec<Var<'t, F>>) {
        let outputs = compose(self);
        let inputs: Vec<usize> = (0..self.len()).filter(|&i| self.needs[i]).collect();
        let wrt: Vec<Var<'t, F>> = inputs.iter().map(|&i| self.x(i)).collect();
        let seeds: Vec<(Var<'t, F>, Var<'t, F>)> =
            outputs.into_iter().zip(self.cotangents).filter_map(|(y, u)| u.map(|u| (y, u))).collect();
        let shares = sweep(self.tape, &wrt, &seeds, Some(self.start));
        for (i, share) in inputs.into_iter().zip(shares) {
            if let Some(share) = share {
                self.give(i, || share);
            }
        }
    }
}

/// The nodes on a path from the requested variables to the output.
struct Path {
    first: usize,
    /// The sweep does not go below this node, but for requested variables.
    floor: usize,
    marks: Vec<bool>,
}

impl Path {
    fn find<F: Float>(tape: &Tape<F>, wrt: &[Var<'_, F>], last: usize, floor: Option<usize>) -> Self {
        let first = wrt.iter().map(|x| x.id as usize).min().unwrap_or(last + 1);
        let floor = floor.unwrap_or(first);
        let mut marks = vec![false; (last + 1).saturating_sub(first)];
        for x in wrt {
            if let Some(mark) = marks.get_mut(x.id as usize - first) {
                *mark = true;
            }
        }
        let record = tape.record.borrow();
        for id in floor..=last {
            if !marks[id - first] {
                let leads = |&i: &u32| i as usize >= first && marks[i as usize - first];
                marks[id - first] = !record.nodes[id].op.is_constant() && record.inputs(id).iter().any(leads);
            }
        }
        Path { first, floor, marks }
    }

    fn has(&self, id: u32) -> bool {
        (id as usize).checked_sub(self.first).is_some_and(|i| self.marks.get(i).copied().unwrap_or(false))
    }
}

/// Calls the rule of node `id` and returns the shares of its inputs.
fn apply<'t, F: Float>(
    tape: &'t Tape<F>,
    id: usize,
    path: &Path,
    cotangents: &[Option<Var<'t, F>>],
    shares: &mut Vec<(u32, Var<'t, F>)>,
) {
    let (op, ids) = {
        let record = tape.record.borrow();
        (record.nodes[id].op.clone(), record.inputs(id).to_vec())
    };
    let needs: Vec<bool> = ids.iter().map(|&i| path.has(i)).collect();
    if op.is_constant() || !needs.contains(&true) {
        return;
    }
    let start = tape.len();
    let (node, ids, needs) = (id as u32, &ids[..], &needs[..]);
    F::vjp(&op, &mut GradientRule { tape, node, ids, needs, cotangents, shares, start });
}

/// The recorded sweep: gradients of `sum <y, u>` over the seeds `(y, u)` with respect to `wrt`; `None` is zero. With a
/// `floor`, nodes before it count as constants unless they are requested.
fn sweep<'t, F: Float>(
    tape: &'t Tape<F>,
    wrt: &[Var<'t, F>],
    seeds: &[(Var<'t, F>, Var<'t, F>)],
    floor: Option<usize>,
) -> Vec<Option<Var<'t, F>>> {
    let last = seeds.iter().map(|(y, _)| y.id as usize).max().unwrap_or(0);
    let path = Path::find(tape, wrt, last, floor);
    let mut slots: Vec<Option<Var<'t, F>>> = vec![None; path.marks.len()];
    let add = |slots: &mut Vec<Option<Var<'t, F>>>, id: u32, share: Var<'t, F>| {
        let slot = &mut slots[id as usize - path.first];
        *slot = Some(match *slot {
            Some(sum) => sum + share,
            None => share,
        });
    };
    for &(y, u) in seeds.iter().filter(|(y, _)| path.has(y.id)) {
        add(&mut slots, y.id, u);
    }
    let mut shares = Vec::new();
    for id in (path.floor..=last).rev() {
        let count = tape.record.borrow().outputs(id);
        let mut arrived: Vec<Option<Var<'t, F>>> =
            (id..id + count).map(|i| slots.get(i - path.first).copied().flatten()).collect();
        arrived.truncate(count);
        if arrived.iter().all(Option::is_none) {
            continue;
        }
        apply(tape, id, &path, &arrived, &mut shares);
        for (input, share) in shares.drain(..) {
            add(&mut slots, input, share);
        }
    }
    wrt.iter().map(|x| slots.get((x.id as usize).wrapping_sub(path.first)).copied().flatten()).collect()
}

/// The gradients of `sum <y, u>` over the seeds `(y, u)` with respect to `wrt`, as values of the tape.
#[inline(never)]
pub(crate) fn recorded<'t, F: Float>(
    tape: &'t Tape<F>,
    wrt: &[Var<'t, F>],
    seeds: &[(Var<'t, F>, Var<'t, F>)],
) -> Vec<Var<'t, F>> {
    sweep(tape, wrt, seeds, None)
        .into_iter()
        .zip(wrt)
        .map(|(gradient, x)| gradient.unwrap_or_else(|| tape.leaf(Array::zeros(&x.shape()))))
        .collect()
}

/// The sweep that keeps arrays only, forgets each rule's record, and frees the values it has passed.
#[inline(never)]
pub(crate) fn unrecorded<F: Float>(tape: &Tape<F>, wrt: &[Var<'_, F>], y: Var<'_, F>) -> Vec<Array<F>> {
    let last = y.id as usize;
    let path = Path::find(tape, wrt, last, None);
    let mut slots: Vec<Option<Array<F>>> = vec![None; path.marks.len()];
    if path.has(y.id) {
        slots[last - path.first] = Some(Array::ones(&y.shape()));
    }
    let kept: Vec<u32> = wrt.iter().map(|x| x.id).collect();
    let mark = tape.len();
    let mut shares = Vec::new();
    for id in (path.floor..=last).rev() {
        let count = tape.record.borrow().outputs(id);
        let wanted = kept.contains(&(id as u32));
        let arrived: Vec<Option<Var<'_, F>>> = (id..id + count)
            .map(|i| {
                let slot = slots.get_mut(i - path.first)?;
                let value = if wanted { slot.clone() } else { slot.take() };
                value.map(|u| tape.leaf(u))
            })
            .collect();
        if arrived.iter().any(Option::is_some) {
            apply(tape, id, &path, &arrived, &mut shares);
            for (input, share) in shares.drain(..) {
                let share = share.value();
                match &mut slots[input as usize - path.first] {
                    Some(sum) => sum.accumulate(&share),
                    empty => *empty = Some(share),
                }
            }
        }
        let mut record = tape.record.borrow_mut();
        record.truncate(mark);
        let source = matches!(record.nodes[id].op, Op::Leaf | Op::Layout(Layout::Detach));
        if count > 0 && !wanted && !source {
            for node in &mut record.nodes[id..id + count] {
                node.value = None;
            }
        }
    }
    wrt.iter()
        .map(|x| {
            slots
                .get((x.id as usize).wrapping_sub(path.first))
                .cloned()
                .flatten()
                .unwrap_or_else(|| Array::zeros(&x.shape()))
        })
        .collect()
}
