//! A gradient is an ordinary value: take its gradient, and that one's too.
//!
//! `cargo run --release --example 01_second_derivative`
//!
//! The function is f(x) = sum tanh(x)^3. We print its first three derivatives along the axes, then a Hessian-vector product of
//! a function whose Hessian is not diagonal, and last the same first gradient without a record (`backward`), which is
//! what an outer training loop uses: it returns arrays and frees what it has passed.

use fewshot::autodiff::{Array, Tape};

fn main() {
    let tape = Tape::new();
    let x = tape.var(&Array::new(&[3], vec![-0.5_f64, 0.25, 1.0]));

    let f = x.tanh().powi(3).sum();
    let first = f.grad(x);
    let second = first.sum().grad(x);
    let third = second.sum().grad(x);
    println!("x    {:?}", x.value().data());
    println!("f    {:.6}", f.item());
    println!("f'   {:.6?}", first.value().data());
    println!("f''  {:.6?}", second.value().data());
    println!("f''' {:.6?}", third.value().data());

    // g(x) = (sum x)^4: every second derivative is 12 (sum x)^2, so H v = 12 (sum x)^2 (sum v).
    let g = x.sum().powi(4);
    let v = tape.var(&Array::new(&[3], vec![1.0, 2.0, -1.0]));
    println!("H v  {:.6?}", g.hvp(x, v).value().data());

    println!("f' without a record {:.6?}", f.backward(&[x])[0].data());
}
