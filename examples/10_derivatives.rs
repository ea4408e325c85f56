//! Derivatives of any kind from one tape: vector-Jacobian products, Jacobians, Hessian-vector products, and a Newton step with them.
//!
//! `cargo run --release --example 10_derivatives`

use fewshot::prelude::*;

/// The Rosenbrock function, whose valley is curved: its minimum is at (1, 1).
fn rosenbrock<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let (a, b) = (x.slice(0, 0..1), x.slice(0, 1..2));
    ((b - a.square()).square() * 100.0 + (a * -1.0 + 1.0).square()).sum()
}

fn main() {
    let tape = Tape::new();
    let x = tape.var(&Array::new(&[2], vec![-1.2, 1.0]));
    let y = rosenbrock(x);

    // The gradient is a value like any other: its Jacobian is the Hessian.
    let gradient = y.grad(x);
    let hessian = gradient.jacobian(x);
    println!("gradient {:?}", gradient.value().data());
    println!("Hessian  {:?}", hessian.value().data());

    // One product with the Hessian takes two sweeps, whatever the number of weights.
    let v = tape.var(&Array::new(&[2], vec![1.0, 0.0]));
    println!("H (1, 0) {:?}", y.hvp(x, v).value().data());

    // The vector-Jacobian product of a function with several values: one sweep, where the Jacobian takes one a value.
    let polar = Var::concat(&[x.square().sum().sqrt().reshape(&[1]), x.slice(0, 0..1)], 0);
    let weights = tape.var(&Array::new(&[2], vec![1.0, 2.0]));
    println!("vjp      {:?}", polar.vjp(&[x], weights)[0].value().data());

    // Newton's method: each step solves a system with the Hessian at the point that the last one gave.
    let mut point = x.value();
    for step in 1..=6 {
        let tape = Tape::new();
        let x = tape.var(&point);
        let y = rosenbrock(x);
        let gradient = y.grad(x);
        let hessian = gradient.jacobian(x);
        let (g, h) = (gradient.value(), hessian.value());
        let ([a, b, c, d], [p, q]) = ([0, 1, 2, 3].map(|i| h.data()[i]), [g.data()[0], g.data()[1]]);
        let determinant = a * d - b * c;
        let newton = [(d * p - b * q) / determinant, (a * q - c * p) / determinant];
        point = Array::new(&[2], vec![point.data()[0] - newton[0], point.data()[1] - newton[1]]);
        println!("step {step}: {:?}, value {:.3e}", point.data(), y.item());
    }
    assert!(point.data().iter().all(|x| (x - 1.0).abs() < 1e-6));
}
