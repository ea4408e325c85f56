//! Exponentials, logarithms and the error function against libraries'.

use super::isa::forced::at_every_level;
use super::map::{Source, map1};
use super::math;
use super::testing::values;

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
