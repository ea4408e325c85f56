//! Operators that a program joins: the tape's bits, and only where nobody else reads what lies between.

use fewshot_autodiff::{Array, Program, Tape, Var};

fn noise(shape: &[usize], seed: f32) -> Array {
    Array::from_fn(shape, |i| ((i as f32 + seed) * 12.9898).sin())
}

/// What `f` makes of inputs of these shapes as a program, which it returns, after a comparison with a tape, bit by bit.
fn compared<const N: usize>(
    shapes: [&[usize]; N],
    f: impl for<'t> Fn([Var<'t>; N]) -> Vec<Var<'t>>,
) -> Program {
    let program = Program::record(|tape| f(shapes.map(|shape| tape.input(shape))));
    let mut seed = 0.0;
    let arrays = shapes.map(|shape| {
        seed += 0.37;
        noise(shape, seed)
    });
    let tape = Tape::new();
    let eager = f(arrays.each_ref().map(|x| tape.var(x)));
    let results = program.run(&arrays.each_ref());
    for (i, (program, tape)) in results.iter().zip(&eager).enumerate() {
        let bits = |x: &Array| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(program.shape(), tape.value().shape());
        assert_eq!(bits(program), bits(&tape.value()), "result {i}");
    }
    program
}

/// The error of two layers with weights and biases `w` as predictors of `t` from `x`.
fn error<'t>(x: Var<'t>, t: Var<'t>, w: [Var<'t>; 4]) -> Var<'t> {
    let y = (x.matmul(w[0]) + w[1]).leaky_relu(0.1).matmul(w[2]) + w[3];
    (y - t).square().mean()
}

/// How often the program has each of these operators.
fn counts<const N: usize>(program: &Program, names: [&str; N]) -> [usize; N] {
    let text = program.to_string();
    names.map(|name| text.matches(&format!("= {name} ->")).count())
}

#[test]
fn a_step_of_descent_through_two_layers_is_a_few_operators() {
    let shapes: [&[usize]; 6] = [&[5, 3], &[3, 9], &[9], &[9, 2], &[2], &[5, 2]];
    let program = compared(shapes, |[x, w, b, v, c, t]| {
        let inner = [w, b, v, c];
        let gradients = error(x, t, inner).grads(&inner);
        let mut next = gradients.iter().zip(inner).map(|(g, w)| w - *g * 0.3);
        let next = std::array::from_fn(|_| next.next().expect("there are four"));
        let last = error(x, t, next);
        let mut all = vec![last];
        all.extend(last.grads(&inner));
        all
    });
    let names =
        ["matmul + add + leaky_relu", "matmul + add", "add scaled", "leaky_relu gradient", "leaky_relu mask"];
    let [layers, outputs, updates, masked, masks] = counts(&program, names);
    assert!((layers, masks) == (2, 0) && outputs >= 2 && updates >= 4 && masked >= 3, "{program}");
}

#[test]
fn what_is_read_elsewhere_stays_apart() {
    let program = compared([&[4, 6], &[6, 5], &[5]], |[x, w, b]| {
        let (y, scaled) = (x.matmul(w), b * 0.7);
        let z = y + b;
        vec![y, z.relu(), z, y + scaled, b - scaled]
    });
    assert_eq!(counts(&program, ["matmul", "add", "relu", "leaky_relu", "scale", "sub"]), [1, 2, 0, 1, 1, 1]);
}

#[test]
fn constants_are_not_computed_in_every_run() {
    let program = compared([&[4, 4]], |[x]| {
        let c = x.tape().var(&noise(&[4, 4], 0.9));
        vec![x + c.matmul(c), x + c * 0.5, x * c.broadcast_to(&[2, 4, 4]).slice(0, 0..1).reshape(&[4, 4])]
    });
    assert_eq!((program.len(), counts(&program, ["add", "mul"])), (3, [2, 1]), "{program}");
}

#[test]
fn sums_of_products_keep_their_order() {
    let program = compared([&[4, 6], &[6, 5], &[4, 5], &[5, 6]], |[x, w, y, z]| {
        let first = x.matmul(w) + x.matmul_nt(z);
        vec![first + y.matmul(y.matmul_tn(first)), z.matmul(w) - w.sum_axes(&[0])]
    });
    assert_eq!(counts(&program, ["matmul_nt + add", "matmul + add", "sub"]), [1, 1, 1], "{program}");
}

#[test]
fn whatever_broadcasts_may_be_added() {
    let program = compared([&[4, 6], &[6, 4], &[4, 1], &[1, 4], &[]], |[x, w, column, row, number]| {
        let sums = [column, row, number]
            .into_iter()
            .flat_map(|b| [x.matmul(w) + b, b + x.matmul(w), (x.matmul(w) + b).leaky_relu(-0.5)]);
        let wide = row.broadcast_to(&[3, 4, 4]);
        let larger = vec![x.matmul(w) + wide, wide - x.matmul(w) * 0.5, wide * wide];
        sums.chain(larger).collect()
    });
    let names = ["matmul + add", "matmul + add + leaky_relu", "add scaled"];
    assert_eq!(counts(&program, names), [6, 3, 1], "{program}");
}

#[test]
fn a_leaky_relu_of_any_slope_has_its_gradient() {
    for slope in [0.0, 0.2, 1.0, 1.5, -0.3] {
        compared([&[7, 3]], |[x]| {
            let y = x.leaky_relu(slope).powi(3).sum();
            let first = y.grad(x);
            vec![y, first, (first * first).sum().grad(x)]
        });
    }
}

#[test]
fn a_mask_and_what_it_is_made_of_have_gradients_apart() {
    let tape = Tape::new();
    let (x, z) = (tape.var(&noise(&[5], 0.2)), tape.var(&noise(&[5], 0.6)));
    for mask in [x.sign(), x.gt(z), x.ge(z)] {
        let y = (mask * x).sum();
        let [of_x, of_mask] = y.grads(&[x, mask])[..] else { panic!("there are two") };
        assert_eq!(of_x.value(), mask.value());
        assert_eq!(of_mask.value(), x.value());
    }
}
