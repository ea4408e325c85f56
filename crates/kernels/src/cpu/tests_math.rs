//! Exponentials, logarithms and the error function against libraries'.

use crate::cpu::isa::forced::at_every_level;
use crate::cpu::limits;
use crate::cpu::math;
use crate::element::Element;
use crate::elementwise::map::{Source, map1};
use crate::testing::values;

/// A function and a library's in double precision.
type Pair<F> = (&'static str, fn(F) -> F, fn(f64) -> f64);

fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

fn elu(x: f64) -> f64 {
    if x > 0.0 { x } else { x.exp_m1() }
}

macro_rules! pairs {
    () => {
        [
            ("exp", math::exp, f64::exp),
            ("ln", math::ln, f64::ln),
            ("tanh", math::tanh, f64::tanh),
            ("sigmoid", math::sigmoid, logistic),
            ("softplus", math::softplus, softplus),
            ("elu", |x| math::elu(x, 1.0), elu),
            ("erf", math::erf, libm::erf),
        ]
    };
}

/// How many floating-point numbers lie between both; a zero's sign counts.
macro_rules! steps {
    ($got:expr, $wanted:expr, $bits:ty) => {{
        let (got, wanted) = ($got, $wanted);
        let place = |bits: $bits| if bits >> (<$bits>::BITS - 1) == 0 { bits } else { !bits };
        let same_sign = got.is_sign_negative() == wanted.is_sign_negative();
        match (got.is_nan(), wanted.is_nan()) {
            (true, true) => 0,
            (false, false) if same_sign => place(got.to_bits()).abs_diff(place(wanted.to_bits())),
            _ => <$bits>::MAX,
        }
    }};
}

const SPECIAL: [f64; 12] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    88.8,
    709.9,
    -103.9,
    -745.2,
    f64::MIN_POSITIVE,
];

#[test]
fn single_precision_is_within_two_units() {
    let pairs: [Pair<f32>; 7] = pairs!();
    let all = (0..=u32::MAX).step_by(7919).map(f32::from_bits).chain(SPECIAL.map(|x| x as f32));
    for x in all {
        for (name, f, exact) in pairs {
            let (got, wanted) = (f(x), exact(f64::from(x)) as f32);
            let steps = steps!(got, wanted, u32);
            assert!(steps <= 2, "{name}({x:e}) = {got:e} instead of {wanted:e}, {steps} steps off");
        }
    }
}

#[test]
fn double_precision_is_within_three_units() {
    let pairs: [Pair<f64>; 7] = pairs!();
    let everywhere = (0..=u64::MAX).step_by((u64::MAX / 300_007) as usize).map(f64::from_bits);
    let near = values::<f64>(100_000, 1).into_iter().flat_map(|v| [v, 30.0 * v, 750.0 * v]);
    for x in everywhere.chain(near).chain(SPECIAL) {
        for (name, f, exact) in pairs {
            let (got, wanted) = (f(x), exact(x));
            let steps = steps!(got, wanted, u64);
            assert!(steps <= 3, "{name}({x:e}) = {got:e} instead of {wanted:e}, {steps} steps off");
        }
    }
}

/// From where these functions are nearly 1 to where they are nearly 0.
fn far_from_zero_in<F: Element>(tolerance: f64) {
    let bell = |x: f64| logistic(x) * logistic(-x);
    for x in (-4000..=4000).map(|k| F::of(f64::from(k) * 0.0097)) {
        let exact = x.as_f64();
        for (name, got, wanted) in [
            ("sigmoid's slope", math::sigmoid_slope(x), bell(exact)),
            ("tanh's slope", math::tanh_slope(x), 4.0 * bell(2.0 * exact)),
            ("normal", math::normal(x), 0.5 * libm::erfc(-exact * std::f64::consts::FRAC_1_SQRT_2)),
        ] {
            let error = (got.as_f64() - wanted).abs();
            let bound = tolerance * wanted + F::min_positive_value().as_f64();
            assert!(error <= bound, "{name} at {x}: {got} instead of {wanted}");
        }
    }
}

#[test]
fn slopes_and_the_normal_distribution_are_not_lost_far_from_zero() {
    far_from_zero_in::<f32>(2e-5);
    far_from_zero_in::<f64>(1e-12);
}

#[test]
fn limits_and_comparisons_keep_nan_and_the_first_of_equal_ones() {
    let nan = f32::NAN;
    let both: [fn(f32, f32) -> f32; 4] =
        [limits::greater, limits::lesser, limits::not_below, |a, b| limits::above(a, b, 0.5)];
    for f in both {
        for (a, b) in [(nan, 1.0), (1.0, nan), (nan, nan), (nan, f32::INFINITY), (f32::NEG_INFINITY, nan)] {
            assert!(f(a, b).is_nan(), "of {a} and {b}");
        }
    }
    let zero = 0.0_f32;
    for f in [limits::greater, limits::lesser] {
        assert!(f(zero, -zero).is_sign_positive() && f(-zero, zero).is_sign_negative());
    }
    assert_eq!(
        [limits::above(1.0, 1.0, 0.5), limits::above(2.0, 1.0, 0.5), limits::not_below(1.0, 1.0)],
        [0.5, 1.0, 1.0]
    );
    let inf = f32::INFINITY;
    assert_eq!(
        [limits::chain(0.0, inf), limits::chain(-inf, 0.0), limits::chain(2.0, -inf)],
        [0.0, 0.0, -inf]
    );
    assert!(limits::chain(nan, 0.0).is_nan() && limits::chain(inf, nan).is_nan());
    assert_eq!(limits::chain(-3.0, zero).to_bits(), (-zero).to_bits());
}

#[test]
fn bits_do_not_depend_on_place_or_instruction_set() {
    let x: Vec<f32> = values(67, 1).iter().map(|v: &f32| 20.0 * v).collect();
    let pairs: [Pair<f32>; 7] = pairs!();
    for (name, f, _) in pairs {
        let alone: Vec<u32> = x.iter().map(|&x| f(x).to_bits()).collect();
        at_every_level(|level| {
            for len in [1, 3, 4, 7, 16, 19, 67] {
                let mut out = x[..len].to_vec();
                map1(&mut out, Source::Out, f);
                let bits: Vec<u32> = out.iter().map(|y| y.to_bits()).collect();
                assert_eq!(bits, alone[..len], "{name} at {level:?}");
            }
        });
    }
    at_every_level(|level| {
        let mut out = x.clone();
        map1(&mut out, &x[..], math::tanh);
        assert!(out.iter().zip(&x).all(|(&y, &x)| y == math::tanh(x)), "tanh at {level:?}");
    });
}
