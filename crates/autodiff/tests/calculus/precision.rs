//! Elementwise functions and lengths of vectors in `f32`, with two derivatives, against `f64` over the whole range of `f32`.
//!
//! Every result is within [`TOLERANCE`] of the exact one, relative to it, or within the least normal number.

use fewshot_autodiff::{Array, Float, Tape, Var};

const TOLERANCE: f64 = 2e-5;

const INF: f64 = f64::INFINITY;

/// Value and two derivatives.
type Orders = [f64; 3];

type Function = for<'t> fn(Var<'t>) -> Var<'t>;
type Double = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

/// A function, and itself with its derivatives in double precision.
struct Row {
    name: &'static str,
    /// Where it is defined.
    from: f64,
    function: Function,
    exact: fn(f64) -> Orders,
}

/// `a b` in the limit, where the one that is 0 is the stronger.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// The derivative of [`logistic`].
fn bell(x: f64) -> f64 {
    logistic(x) * logistic(-x)
}

/// The density of the normal distribution.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn gelu(x: f64) -> Orders {
    let below = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    let [first, second] = [times(x, density(x)), density(x) * 2.0 - times(x, times(x, density(x)))];
    [times(x, below), below + first, second]
}

/// `a x^p` with its derivatives for x from 0 on, or any x where p is whole.
fn power(x: f64, p: f64) -> Orders {
    [x.powf(p), times(p, x.powf(p - 1.0)), times(p * (p - 1.0), x.powf(p - 2.0))]
}

fn root(x: f64) -> Orders {
    // a norm's: 0 at 0
    if x == 0.0 { [0.0; 3] } else { power(x, 0.5) }
}

fn sided(x: f64, below: Orders) -> Orders {
    if x > 0.0 { [x, 1.0, 0.0] } else { below }
}

#[rustfmt::skip]
const ROWS: [Row; 26] = [
    Row { name: "exp", from: -INF, function: |x| x.exp(), exact: |x| [x.exp(); 3] },
    Row { name: "ln", from: 0.0, function: |x| x.ln(), exact: |x| [x.ln(), 1.0 / x, -1.0 / x / x] },
    Row { name: "tanh", from: -INF, function: |x| x.tanh(), exact: |x| {
        let slope = 4.0 * bell(2.0 * x);
        [x.tanh(), slope, -2.0 * x.tanh() * slope]
    } },
    Row { name: "sigmoid", from: -INF, function: |x| x.sigmoid(), exact: |x| {
        [logistic(x), bell(x), -bell(x) * (0.5 * x).tanh()]
    } },
    Row { name: "softplus", from: -INF, function: |x| x.softplus(), exact: |x| {
        let value = if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() };
        [value, logistic(x), bell(x)]
    } },
    Row { name: "elu", from: -INF, function: |x| x.elu(1.5), exact: |x| {
        sided(x, [1.5 * x.exp_m1(), 1.5 * x.exp(), 1.5 * x.exp()])
    } },
    Row { name: "gelu", from: -INF, function: |x| x.gelu(), exact: gelu },
    Row { name: "erf", from: -INF, function: |x| x.erf(), exact: |x| {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp();
        [libm::erf(x), slope, -2.0 * times(x, slope)]
    } },
    Row { name: "sqrt", from: 0.0, function: |x| x.sqrt(), exact: root },
    Row { name: "square", from: -INF, function: |x| x.square(), exact: |x| [x * x, 2.0 * x, 2.0] },
    Row { name: "powi 3", from: -INF, function: |x| x.powi(3), exact: |x| [x * x * x, 3.0 * x * x, 6.0 * x] },
    Row { name: "powi 1", from: -INF, function: |x| x.powi(1), exact: |x| [x, 1.0, 0.0] },
    Row { name: "powi 0", from: -INF, function: |x| x.powi(0), exact: |_| [1.0, 0.0, 0.0] },
    Row { name: "powi -2", from: -INF, function: |x| x.powi(-2), exact: |x| power(x.abs(), -2.0).map_sign(x) },
    Row { name: "recip", from: -INF, function: |x| x.recip(), exact: |x| {
        [1.0 / x, -1.0 / x / x, 2.0 / x / x / x]
    } },
    Row { name: "safe_recip", from: -INF, function: |x| x.safe_recip(), exact: |x| {
        if x == 0.0 { [0.0; 3] } else { [1.0 / x, -1.0 / x / x, 2.0 / x / x / x] }
    } },
    Row { name: "1 / x", from: -INF, function: |x| 1.0 / x, exact: |x| {
        [1.0 / x, -1.0 / x / x, 2.0 / x / x / x]
    } },
    Row { name: "powf 1.5", from: 0.0, function: |x| x.powf(1.5), exact: |x| power(x, 1.5) },
    Row { name: "powf 2", from: -INF, function: |x| x.powf(2.0), exact: |x| [x * x, 2.0 * x, 2.0] },
    Row { name: "powf 1", from: -INF, function: |x| x.powf(1.0), exact: |x| [x, 1.0, 0.0] },
    Row { name: "powf 0", from: -INF, function: |x| x.powf(0.0), exact: |_| [1.0, 0.0, 0.0] },
    Row { name: "powf -0.5", from: 0.0, function: |x| x.powf(-0.5), exact: |x| power(x, -0.5) },
    Row { name: "pow 2", from: -INF, function: |x| x.pow(x.tape().scalar(2.0)), exact: |x| [x * x, 2.0 * x, 2.0] },
    Row { name: "relu", from: -INF, function: |x| x.relu(), exact: |x| sided(x, [0.0; 3]) },
    Row { name: "leaky_relu", from: -INF, function: |x| x.leaky_relu(0.1), exact: |x| {
        let slope = f64::from(0.1_f32);
        sided(x, [slope * x, slope, 0.0])
    } },
    Row { name: "abs", from: -INF, function: |x| x.abs(), exact: |x| {
        [x.abs(), if x == 0.0 { 0.0 } else { x.signum() }, 0.0]
    } },
];

trait Signed {
    fn map_sign(self, x: f64) -> Orders;
}

impl Signed for Orders {
    /// Of an even function from those of its absolute argument.
    fn map_sign(self, x: f64) -> Orders {
        [self[0], self[1] * 1f64.copysign(x), self[2]]
    }
}

/// Both signs of magnitudes over the whole range of `f32`, more near one, and the ends.
fn grid() -> Vec<f32> {
    // beside the roots of two, where a second derivative is 0
    let wide = (-298..=255).map(|k| 2f64.powf(f64::from(k) / 2.0 + 0.03) as f32);
    let near = (0..400).map(|k| 0.013 + 0.2617 * k as f32);
    let both = wide.chain(near).chain([0.0, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY]);
    both.flat_map(|x| [x, -x]).collect()
}

fn is_close(got: f64, wanted: f64) -> bool {
    // at the end of the range a factor may be beyond it
    let got_far = got.is_infinite() && got.signum() == wanted.signum();
    if got_far && wanted.abs() > 0.25 * f64::from(f32::MAX) || got == wanted {
        return true;
    }
    (got - wanted).abs() <= TOLERANCE * wanted.abs() + f64::from(f32::MIN_POSITIVE)
}

/// Value and two derivatives of an elementwise function.
fn orders<F: Float>(x: &Array<F>, f: impl for<'t> Fn(Var<'t, F>) -> Var<'t, F>) -> [Array<F>; 3] {
    let tape = Tape::new();
    let x = tape.var(x);
    let y = f(x);
    let first = y.sum().grad(x);
    [y, first, first.sum().grad(x)].map(|y| y.value())
}

#[test]
fn elementwise_functions_keep_their_precision_everywhere() {
    let mut failures = Vec::new();
    for Row { name, from, function, exact } in ROWS {
        let x: Vec<f32> = grid().into_iter().filter(|&x| f64::from(x) >= from).collect();
        let got = orders(&Array::new(&[x.len()], x.clone()), function);
        for (i, &x) in x.iter().enumerate() {
            let wanted = exact(f64::from(x));
            for order in 0..3 {
                let got = f64::from(got[order].data()[i]);
                if !is_close(got, wanted[order]) {
                    failures
                        .push(format!("{name}, order {order}, at {x:e}: {got:e}, not {:e}", wanted[order]));
                }
            }
        }
    }
    let some = failures.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of them:\n{some}", failures.len());
}

#[test]
fn slopes_far_from_zero_are_not_lost() {
    let tape = Tape::<f32>::new();
    let x = tape.var(&Array::new(&[2], vec![-15.0, -30.0]));
    let slope = x.elu(1.0).sum().grad(x).value();
    for (got, x) in slope.data().iter().zip([-15.0_f64, -30.0]) {
        approx::assert_relative_eq!(f64::from(*got), x.exp(), max_relative = 1e-6);
    }
}

/// Functions of three vectors of four elements each, but for the last of any size: what is divided by a length needs one that is a
/// normal number.
const LENGTHS: [(&str, Function, Double); 5] = [
    ("norm", |x| x.norm(), |x| x.norm()),
    ("norm_axis 1", |x| x.norm_axis(1), |x| x.norm_axis(1)),
    ("norm_axis 0", |x| x.norm_axis(0), |x| x.norm_axis(0)),
    ("cosine", |x| x.cosine_similarity(x.detach()), |x| x.cosine_similarity(x.detach())),
    ("unit", |x| x / x.norm_axis(1).insert_axis(1), |x| x / x.norm_axis(1).insert_axis(1)),
];

#[test]
fn lengths_of_vectors_keep_their_precision_everywhere() {
    // parts of vectors of one length, in no special direction
    let parts = Array::from_fn(&[3, 4], |i| ((i as f64 + 0.7) * 1.9).sin() + 0.3);
    for (name, single, double) in LENGTHS {
        for k in if name == "unit" { -118..=126 } else { -140..=126 } {
            let size = 2f64.powi(k);
            let x: Array<f32> = parts.map(|x| x * size).cast();
            let (got, wanted) = (orders(&x, single), orders::<f64>(&x.cast(), double));
            for order in 0..3 {
                let (got, wanted) = (got[order].cast::<f64>(), &wanted[order]);
                // sums of parts of both signs are as exact as their greatest
                let greatest = wanted.data().iter().fold(0.0, |all: f64, x| all.max(x.abs()));
                for (got, &wanted) in got.data().iter().zip(wanted.data()) {
                    let near = (got - wanted).abs() <= TOLERANCE * greatest + f64::from(f32::MIN_POSITIVE);
                    // parts of a sum are beyond the range of numbers
                    let beyond = greatest > f64::from(f32::MAX) / 64.0;
                    assert!(near || beyond, "{name}, order {order}, of {size:e}: {got:e}, not {wanted:e}");
                }
            }
        }
    }
}

#[test]
fn cosines_do_not_depend_on_lengths() {
    let tape = Tape::<f32>::new();
    for sizes in [[1e-30, 1e-30], [1e30, 1e-30], [1e-44, 1e38], [1.0, 1e-25], [1e-20, 1e20]] {
        let a = tape.var(&Array::new(&[2, 2], vec![3.0 * sizes[0], 4.0 * sizes[0], 0.0, 0.0]));
        let b = tape.var(&Array::new(&[1, 2], vec![sizes[1], 0.0]));
        let cosines = a.cosine_similarity(b);
        let value = cosines.value();
        assert!((value.data()[0] - 0.6).abs() < 0.05 && value.data()[1] == 0.0, "{sizes:?}: {value:?}");
        let gradients = [a, b].map(|x| cosines.sum().grad(x).value());
        assert!(gradients.iter().all(|g| g.data().iter().all(|x| !x.is_nan())), "{sizes:?}: {gradients:?}");
    }
}

/// Rows of three logits that lie apart by as much as `f32` tells from nothing, to more than its exponentials can.
fn logits() -> Array<f32> {
    let apart: Vec<f32> =
        (-60..=60).map(|k| 1.7f32.powi(k / 3) * if k % 2 == 0 { 1.0 } else { -1.0 }).collect();
    Array::new(&[apart.len(), 3], apart.iter().flat_map(|x| [0.3 * x, -0.7 * x, 0.4]).collect())
}

/// What the documentation of losses promises: errors of a unit or two in the last place of the larger of 1 and the greatest number that
/// is subtracted, for the values and two derivatives.
#[test]
fn losses_are_exact_to_the_last_place_of_one_or_of_the_greatest_logit() {
    let x = logits();
    let [n, classes] = [x.shape()[0], x.shape()[1]];
    let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
    let targets =
        Array::from_fn(&[n, classes], |i| if i % classes == labels[i / classes] { 1.0 } else { 0.0 });
    type Loss<'a, F> = Box<dyn for<'t> Fn(Var<'t, F>) -> Var<'t, F> + 'a>;
    fn losses<'a, F: Float>(labels: &'a [usize], targets: &'a Array<f32>) -> [Loss<'a, F>; 3] {
        [
            Box::new(|x| x.log_softmax(1)),
            // of each row alone
            Box::new(|x| {
                let rows: Vec<Var<'_, F>> = (0..labels.len())
                    .map(|i| x.slice(0, i..i + 1).cross_entropy(&labels[i..i + 1]))
                    .collect();
                Var::stack(&rows, 0)
            }),
            Box::new(|x| {
                let y = x.tape().var(&targets.cast());
                let count = x.shape().count();
                let (x, y) = (x.reshape(&[count, 1]), y.reshape(&[count, 1]));
                let one = |i: usize| x.slice(0, i..i + 1).binary_cross_entropy(y.slice(0, i..i + 1));
                Var::stack(&(0..count).map(one).collect::<Vec<_>>(), 0)
            }),
        ]
    }
    let greatest = |i: usize, per: usize| {
        let row = &x.data()[i / per * classes..][..classes];
        row.iter().fold(1.0, |all: f64, x| all.max(f64::from(x.abs())))
    };
    for (which, (single, double)) in
        losses::<f32>(&labels, &targets).iter().zip(losses::<f64>(&labels, &targets)).enumerate()
    {
        let (got, wanted) = (orders(&x, single), orders::<f64>(&x.cast(), double));
        for order in 0..3 {
            let per = got[order].len() / n;
            for (i, (got, wanted)) in got[order].data().iter().zip(wanted[order].data()).enumerate() {
                let error = (f64::from(*got) - wanted).abs() / (f64::from(f32::EPSILON) * greatest(i, per));
                assert!(
                    error <= 2.0,
                    "loss {which}, order {order}, place {i}: {got:e}, not {wanted:e}: {error} units"
                );
            }
        }
    }
}
