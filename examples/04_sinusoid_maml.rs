//! MAML written out: Finn, Abbeel and Levine (2017), algorithm 1, on sine waves, in plain sight.
//!
//! `cargo run --release --example 04_sinusoid_maml`
//!
//! Nothing here hides in a trainer: the inner step is ordinary arithmetic on the tape, so the gradient of the query loss with
//! respect to theta flows through it, second derivatives included. `Maml` and `Trainer` do the same with threads.

use fewshot::prelude::*;

fn loss<'t>(model: &Mlp, weights: &Params<Var<'t>>, set: &Examples) -> Var<'t> {
    let tape = weights.values()[0].tape();
    set.y.loss(model.forward(weights, tape.var(&set.x), &mut Pass::batch()))
}

/// Weights after some gradient steps on the support: values on the same tape as theta.
fn adapt<'t>(model: &Mlp, theta: &Params<Var<'t>>, support: &Examples, steps: usize) -> Params<Var<'t>> {
    let step = |fast: Params<_>, _| &fast - loss(model, &fast, support).grads(&fast) * 0.01;
    (0..steps).fold(theta.clone(), step)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let waves = Sinusoid::new(10, 10, 1, Purpose::Train)?;
    let unseen = Sinusoid::new(10, 100, 1, Purpose::Test)?;
    let model = Mlp::new(&[1, 40, 40, 1]);
    let mut theta = Model::<f32>::spec(&model).init(&mut stream(1, Purpose::Init, 0));
    let mut outer = Adam::default();

    for iteration in 0..4000 {
        let mut mean = theta.map(|w| Array::zeros(w.shape()));
        for i in 0..25 {
            let (task, tape) = (Task::from(&waves.episode(25 * iteration + i)), Tape::new());
            let start = theta.on(&tape);
            let fast = adapt(&model, &start, &task.support, 1);
            mean += loss(&model, &fast, &task.query).backward(&start) / 25.0;
        }
        theta = outer.step(&theta, &mean, 1e-3);
    }

    println!("mean squared error on 200 new waves (3.0 at best without adapting)");
    for steps in [0, 1, 5, 10] {
        let error = |i| {
            let (task, tape) = (Task::from(&unseen.episode(i)), Tape::new());
            loss(&model, &adapt(&model, &theta.on(&tape), &task.support, steps), &task.query).item()
        };
        println!("after {steps:2} steps {:.3}", (0..200).map(error).sum::<f32>() / 200.0);
    }
    Ok(())
}
