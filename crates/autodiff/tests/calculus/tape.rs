//! The tape: memory that stays flat, values that are freed, and the words of panics.

use crate::panics::panic_of;
use fewshot_autodiff::{Array, Conv, Tape, Var, buffer_pool_use};

fn two_layers<'t>(x: Var<'t, f32>, w: Var<'t, f32>) -> Var<'t, f32> {
    x.matmul(w).relu().matmul(w).square().mean()
}

#[test]
fn ten_thousand_rounds_keep_memory_flat() {
    let x = Array::<f32>::from_fn(&[8, 16], |i| (i as f32).sin());
    let mut w = Array::<f32>::from_fn(&[16, 16], |i| 0.1 * (i as f32).cos());
    let mut after_ten = None;
    for round in 1..=10_000 {
        let tape = Tape::new();
        let (x, weight) = (tape.var(&x), tape.var(&w));
        let gradient = two_layers(x, weight).backward(&[weight]).remove(0);
        w = w.zip(&gradient, |w, g| w - 1e-4 * g);
        drop((gradient, tape));
        if round == 10 {
            after_ten = Some(buffer_pool_use::<f32>());
        }
    }
    let flat = after_ten.expect("ten rounds have passed");
    assert!(flat.peak > 0, "the rounds did not use the pool");
    assert_eq!(buffer_pool_use::<f32>(), flat);
}

#[test]
fn backward_frees_what_it_passes_and_keeps_leaves() {
    let tape = Tape::<f32>::new();
    let x = tape.var(&Array::ones(&[64, 64]));
    let w = tape.var(&Array::ones(&[64, 64]));
    let hidden = x.matmul(w).tanh();
    let loss = hidden.square().mean();
    let before = buffer_pool_use::<f32>().used;
    let gradient = loss.backward(&[w]).remove(0);
    assert_eq!(gradient.shape(), [64, 64]);
    assert!(buffer_pool_use::<f32>().used < before, "nothing was freed");
    assert_eq!(w.value(), Array::ones(&[64, 64]));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hidden.value()));
    let message = *panic.expect_err("the value is gone").downcast::<String>().expect("a message");
    assert!(message.contains("the value of `tanh` [64, 64] was freed by `backward`"), "{message}");
}

#[test]
fn a_variable_in_the_middle_keeps_its_value_and_gradient() {
    let tape = Tape::<f64>::new();
    let x = tape.scalar(2.0);
    let fast = x * x;
    let loss = fast * fast * fast;
    let gradients = loss.backward(&[fast, x]);
    assert_eq!(gradients[0].item(), 48.0);
    assert_eq!(gradients[1].item(), 192.0);
    assert_eq!(fast.item(), 4.0);
}

#[test]
fn a_detached_value_is_a_constant() {
    let tape = Tape::<f64>::new();
    let x = tape.scalar(3.0);
    assert_eq!((x * x.detach()).grad(x).item(), 3.0);
}

#[test]
fn hessian_vector_products_agree_with_the_hessian() {
    let tape = Tape::<f64>::new();
    let x = tape.var(&Array::new(&[2], vec![2.0, 3.0]));
    let (a, b) = (x.slice(0, 0..1), x.slice(0, 1..2));
    // f = a^2 b: Hessian [[2b, 2a], [2a, 0]] = [[6, 4], [4, 0]]
    let f = (a * a * b).sum();
    let v = tape.var(&Array::new(&[2], vec![1.0, -2.0]));
    assert_eq!(f.hvp(x, v).value().data(), [-2.0, 4.0]);
}

#[test]
#[should_panic(expected = "matmul: [3, 4] and [5, 2]: inner sizes 4 and 5 differ")]
fn matmul_names_both_shapes() {
    let tape = Tape::<f32>::new();
    let _ = tape.var(&Array::zeros(&[3, 4])).matmul(tape.var(&Array::zeros(&[5, 2])));
}

#[test]
#[should_panic(expected = "add: [3] and [4] do not broadcast: sizes 3 and 4 differ")]
fn addition_names_both_shapes() {
    let tape = Tape::<f32>::new();
    let _ = tape.var(&Array::zeros(&[3])) + tape.var(&Array::zeros(&[4]));
}

#[test]
#[should_panic(expected = "conv2d: [1, 5, 5, 2] and [3, 3, 1, 4]: channels 2 and 1 differ")]
fn convolution_names_both_shapes() {
    let tape = Tape::<f32>::new();
    let (x, w) = (Array::zeros(&[1, 5, 5, 2]), Array::zeros(&[3, 3, 1, 4]));
    let _ = tape.var(&x).conv2d(tape.var(&w), Conv::default());
}

#[test]
#[should_panic(expected = "two different tapes")]
fn handles_of_two_tapes_do_not_mix() {
    let (one, other) = (Tape::<f32>::new(), Tape::<f32>::new());
    let _ = one.scalar(1.0) * other.scalar(2.0);
}

#[test]
#[should_panic(expected = "cross_entropy: index or label 4 is not below 4")]
fn a_label_out_of_range_is_named() {
    let tape = Tape::<f32>::new();
    let _ = tape.var(&Array::zeros(&[2, 4])).cross_entropy(&[0, 4]);
}

#[test]
#[should_panic(expected = "grad: the output has shape [2]")]
fn a_gradient_is_that_of_one_number() {
    let tape = Tape::<f32>::new();
    let x = tape.var(&Array::zeros(&[2]));
    let _ = x.grad(x);
}

#[test]
fn panics_point_at_the_line_of_the_caller() {
    let seen = panic_of(|| {
        let tape = Tape::<f32>::new();
        tape.var(&Array::zeros(&[2, 3])).reshape(&[5]).value()
    });
    let file = seen.expect("six elements are not five").file;
    assert!(file.ends_with("calculus/tape.rs"), "{file}");
}

#[test]
fn a_tape_with_constant_gradients_has_the_values_and_not_their_derivatives() {
    let both = [Tape::<f64>::new(), Tape::with_constant_gradients()];
    let [usual, constant] = both.each_ref().map(|tape| {
        let x = tape.scalar(2.0);
        let y = x.powi(3);
        let (dy, ddy) = (y.grad(x), y.hvp(x, tape.scalar(1.0)));
        let vjp = y.vjp(&[x], tape.scalar(2.0))[0];
        let values = [dy, ddy, vjp].map(|g| g.item());
        let derivatives = [dy, ddy, vjp].map(|g| g.grad(x).item());
        // nothing was freed, and a gradient of what was made from constants is taken as ever
        let outer = (y + dy * x).backward(&[x]).remove(0).item();
        (values, derivatives, outer)
    });
    assert_eq!(usual, ([12.0, 12.0, 24.0], [12.0, 6.0, 24.0], 12.0 + 12.0 + 12.0 * 2.0));
    assert_eq!(constant, ([12.0, 12.0, 24.0], [0.0; 3], 12.0 + 12.0));
}

#[test]
fn a_checkpoint_on_a_tape_with_constant_gradients_takes_them_as_constants() {
    let tape = Tape::<f64>::with_constant_gradients();
    let w = tape.scalar(1.0);
    let fast = tape.checkpoint(&[w], |w| vec![w[0] - (w[0] - 3.0).square().grad(w[0]) * 0.1])[0];
    assert_eq!(fast.item(), 1.4);
    assert_eq!(fast.constant_grads(&[w])[0].item(), 1.0);
}

#[test]
fn a_detached_copy_outlives_the_sweep_that_frees_its_source() {
    let tape = Tape::<f64>::new();
    let x = tape.scalar(3.0);
    let hidden = x * x;
    let kept = hidden.detach();
    let loss = hidden * hidden;
    assert_eq!(loss.backward(&[x])[0].item(), 4.0 * 27.0);
    assert_eq!((kept * 2.0).item(), 18.0);
}
