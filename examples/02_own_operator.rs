//! An operator of one's own: a value, and a gradient rule written in recorded operations.
//!
//! `cargo run --release --example 02_own_operator`
//!
//! Gradients through it can be differentiated again, so MAML works through it without further ado. `gradcheck` compares both orders
//! with central differences; last, what it says to a rule that is wrong.

use std::sync::Arc;

use fewshot::autodiff::{CustomOp, gradcheck};
use fewshot::prelude::*;

/// Swish: x sigmoid(b x), element by element (Ramachandran et al. 2017). `slip` makes the rule wrong.
#[derive(Debug)]
struct Swish {
    b: f64,
    slip: f64,
}

impl CustomOp<f64> for Swish {
    fn name(&self) -> &'static str {
        "swish"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Vec<usize> {
        inputs[0].to_vec()
    }

    fn forward(&self, inputs: &[&Array<f64>]) -> Array<f64> {
        inputs[0].map(|x| x / (1.0 + (-self.b * x).exp()))
    }

    // y' = b y + sigmoid(b x) (1 - b y)
    fn vjp<'t>(&self, x: &[Var<'t, f64>], y: Var<'t, f64>, u: Var<'t, f64>) -> Vec<Option<Var<'t, f64>>> {
        let gate = (x[0] * self.b).sigmoid();
        vec![Some(u * (y * self.b + gate * (1.0 - y * self.b) + self.slip))]
    }
}

fn main() {
    let x = [Array::new(&[4], vec![-2.0, -0.3, 0.4, 1.7])];
    for slip in [0.0, 0.01] {
        let swish = Arc::new(Swish { b: 1.5, slip });
        let report = gradcheck::check(&x, 2, |tape, x| tape.custom(swish.clone(), x).tanh());
        let verdict = if report.worst() < 1e-7 { "right" } else { "wrong" };
        let [first, second] = report.errors[..] else { unreachable!("two orders") };
        println!(
            "slip {slip}: {verdict}, relative errors {first:.0e} (first) and {second:.0e} (second order)"
        );
    }
}
