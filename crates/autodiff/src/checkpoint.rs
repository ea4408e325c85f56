//! Checkpointing: functions whose inner values are not stored, but rematerialised when a gradient passes.
//!
//! Chen, Xu, Zhang and Guestrin (2016): "Training Deep Nets with Sublinear Memory Cost". A chain of steps, each under a
//! checkpoint, needs the memory of one step and the values between the steps; each step is computed twice.

use std::sync::Arc;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::op::Op;
use crate::shape::Shape;
use crate::tape::Tape;
use crate::var::Var;

type Function<F> = dyn for<'t> Fn(&[Var<'t, F>]) -> Vec<Var<'t, F>> + Send + Sync;

/// A function whose values are rematerialised.
#[derive(Clone)]
pub(crate) struct Checkpoint<F: Float> {
    function: Arc<Function<F>>,
    /// While a program is recorded: the nodes that hold the outputs.
    pub(crate) made: Arc<[u32]>,
}

impl<F: Float> Checkpoint<F> {
    pub(crate) fn vjp(&self, r: &mut GradientRule<'_, '_, F>) {
        r.give_composed(|r| {
            let inputs: Vec<Var<'_, F>> = (0..r.len()).map(|i| r.x(i)).collect();
            (self.function)(&inputs)
        });
    }
}

impl<F: Float> Tape<F> {
    /// The results of `f`, whose inner values are not stored: a gradient that passes computes them a second time.
    ///
    /// `f` depends on `inputs` alone and does the same in every call. Gradients of any order are those of `f` itself.
    ///
    /// ```
    /// use fewshot_autodiff::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(3.0);
    /// let before = tape.len();
    /// let y = tape.checkpoint(&[x], |x| vec![x[0].powi(3).sin().exp()])[0];
    /// assert_eq!(tape.len(), before + 1);
    /// assert_eq!(y.grad(x).item(), x.powi(3).sin().exp().grad(x).item());
    /// ```
    ///
    /// # Panics
    /// When `f` returns nothing.
    #[track_caller]
    pub fn checkpoint<'t>(
        &'t self,
        inputs: &[Var<'t, F>],
        f: impl for<'s> Fn(&[Var<'s, F>]) -> Vec<Var<'s, F>> + Send + Sync + 'static,
    ) -> Vec<Var<'t, F>> {
        let start = self.len();
        let outputs = f(inputs);
        assert!(!outputs.is_empty(), "checkpoint: the function returns nothing");
        let shapes: Vec<Shape> = outputs.iter().map(|y| y.shape()).collect();
        let (made, values) = if self.is_recording() {
            (outputs.iter().map(|y| y.id).collect(), None)
        } else {
            let values = outputs.iter().map(|y| y.value()).collect();
            self.record.borrow_mut().truncate(start);
            (Vec::new(), Some(values))
        };
        let op = Op::Checkpoint(Checkpoint { function: Arc::new(f), made: made.into() });
        let first = self.push_known(op, inputs, &shapes, values);
        (0..shapes.len() as u32).map(|k| first.output(k)).collect()
    }
}
