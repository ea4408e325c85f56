//! A gradient is an ordinary value: take its gradient, and that one's too.
//!
//! `cargo run --release --example 01_second_derivative`

use fewshot::prelude::*;

fn main() {
    let tape = Tape::new();
    let x = tape.var(&Array::new(&[3], vec![-0.5_f64, 0.25, 1.0]));

    let f = x.tanh().powi(3).sum();
    let first = f.grad(x);
    let second = first.sum().grad(x); // along the axes: f adds up functions of one number each
    let third = second.sum().grad(x);
    for (name, value) in [("x", x), ("f", f), ("f'", first), ("f''", second), ("f'''", third)] {
        println!("{name:4} {:.6?}", value.value().data());
    }

    // g(x) = (sum x)^4: every second derivative is 12 (sum x)^2, so H v = 12 (sum x)^2 (sum v)
    let v = tape.var(&Array::new(&[3], vec![1.0, 2.0, -1.0]));
    println!("H v  {:.6?}", x.sum().powi(4).hvp(x, v).value().data());

    // what an outer training loop uses: arrays, without a record; what was passed is freed
    println!("f' without a record {:.6?}", f.backward(&[x])[0].data());
}
