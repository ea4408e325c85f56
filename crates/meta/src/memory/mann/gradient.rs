//! The gradient of a memory-augmented network through time.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{MannCell, MannInput, Noise, Params};

use crate::learner::Learner;
use crate::memory::mann::Mann;
use crate::memory::mann::core::{Cell, Entered};
use crate::meta::Meta;
use crate::outcome::Outcome;
use crate::task::Task;

/// All steps of some sequences.
pub(crate) struct Reading<'t, F: Float> {
    /// Logits of all steps `[rows, width]`.
    pub(crate) logits: Var<'t, F>,
    /// What entered the steps beside the state.
    pub(crate) entered: Entered<'t, F>,
    /// Outputs of all steps, `[rows, outputs]`.
    pub(crate) outputs: Var<'t, F>,
    /// The state after each step.
    pub(crate) states: Vec<Params<Var<'t, F>>>,
}

/// The derivative of `episode`'s loss.
pub(crate) fn through_time<'t, F: Float>(
    learner: &Mann,
    meta: &Meta<Var<'t, F>>,
    task: &Task<Var<'t, F>>,
    noise: &Noise,
) -> Outcome<Var<'t, F>> {
    match &learner.cell {
        Cell::Memory(cell) if task.support.x.shape()[0] == 0 => over_all_steps(learner, cell, meta, task),
        _ => learner.episode(meta, task, noise).differentiated(&meta.theta),
    }
}

/// Weights that meet the state in every step get their gradient in one product over all steps: with a product in each step, writing and
/// adding the results took two fifths of the time.
fn over_all_steps<'t, F: Float>(
    learner: &Mann,
    cell: &MannCell,
    meta: &Meta<Var<'t, F>>,
    task: &Task<Var<'t, F>>,
) -> Outcome<Var<'t, F>> {
    let shared = MannCell::SHARED.map(|name| format!("cell.{name}"));
    let is_shared = |name: &str| shared.iter().any(|shared| shared == name);
    let fixed = meta.theta.map_named(|name, w| if is_shared(name) { w.detach() } else { *w });
    let reading = learner.read(&fixed, task.query.x, learner.labels.coded(&task.query.y), learner.batch);
    let Entered::Memory(MannInput { gates, heads }) = reading.entered else {
        unreachable!("a memory is entered as such")
    };
    let (loss, predictions) = learner.judged(&task.query.y, reading.logits);
    // copies: the sweep frees the values it passes
    let (shown_loss, predictions, outputs) = (loss.detach(), predictions.detach(), reading.outputs.detach());
    let others = fixed.select(|name| !is_shared(name));
    let wrt = [others.values(), &[gates, heads]].concat();
    let mut gradients = loss.constant_grads(&wrt);
    let entered = gradients.split_off(others.len());
    let entered = MannInput { gates: entered[0], heads: entered[1] };
    let products = cell.shared_gradients(outputs, learner.batch, &entered);
    let products = Params::new(shared.into_iter().zip(products).collect());
    let gradient = meta.theta.replace(&others.with_values(gradients)).replace(&products);
    Outcome { gradient, ..Outcome::new(shown_loss, predictions) }
}
