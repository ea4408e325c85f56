//! Batch norm against its definition, and its derivatives against central differences.

use crate::element::Element;
use crate::elementwise::map::Source;
use crate::norm::{batch_norm, batch_norm_backward, batch_norm_backward2};
use crate::testing::{assert_close, at_every_level_split_or_not, values};

/// A norm of `rows` by `c` with arriving gradients.
#[derive(Clone)]
struct Case<F> {
    c: usize,
    eps: F,
    slope: F,
    affine: bool,
    x: Vec<F>,
    scale: Vec<F>,
    shift: Vec<F>,
    dy: Vec<F>,
    u: Vec<F>,
    u_scale: Vec<F>,
    u_shift: Vec<F>,
}

impl<F: Element> Case<F> {
    fn new(rows: usize, c: usize, slope: f64, affine: bool) -> Self {
        let scale = values::<F>(c, 2).iter().map(|&v| v + F::of(1.5)).collect();
        Self {
            c,
            eps: F::of(1e-3),
            slope: F::of(slope),
            affine,
            x: values(rows * c, 1),
            scale,
            shift: values(c, 3),
            dy: values(rows * c, 4),
            u: values(rows * c, 5),
            u_scale: values(c, 6),
            u_shift: values(c, 7),
        }
    }

    fn channels(&self) -> [Option<&[F]>; 2] {
        [&self.scale, &self.shift].map(|v| self.affine.then_some(v.as_slice()))
    }

    fn forward(&self) -> (Vec<F>, Vec<F>) {
        let (mut y, mut stats) = (vec![F::nan(); self.x.len()], vec![F::nan(); 2 * self.c]);
        let [scale, shift] = self.channels();
        batch_norm(&mut y, &mut stats, &self.x, scale, shift, self.c, self.eps, self.slope);
        (y, stats)
    }

    /// dx, dscale, dshift.
    fn backward(&self) -> [Vec<F>; 3] {
        let (_, stats) = self.forward();
        let mut out = [self.x.len(), self.c, self.c].map(|n| vec![F::nan(); n]);
        let [dx, dscale, dshift] = &mut out;
        let [scale, shift] = self.channels();
        batch_norm_backward(
            dx,
            dscale,
            dshift,
            &self.x,
            &stats,
            scale,
            shift,
            &self.dy[..],
            self.c,
            self.eps,
            self.slope,
        );
        out
    }

    /// to x, to dy, to scale.
    fn backward2(&self) -> [Vec<F>; 3] {
        let (_, stats) = self.forward();
        let mut out = [self.x.len(), self.x.len(), self.c].map(|n| vec![F::nan(); n]);
        let [to_x, to_dy, to_scale] = &mut out;
        let ([scale, shift], c) = (self.channels(), self.c);
        let (dy, u, us, ub) = (&self.dy[..], &self.u[..], &self.u_scale, &self.u_shift);
        batch_norm_backward2(
            to_x, to_dy, to_scale, &self.x, &stats, scale, shift, dy, u, us, ub, c, self.eps, self.slope,
        );
        out
    }

    /// Both derivatives, written over what arrives.
    fn in_place(&self) -> [[Vec<F>; 3]; 2] {
        let (_, stats) = self.forward();
        let ([scale, shift], c) = (self.channels(), self.c);
        let mut first = [self.dy.clone(), vec![F::nan(); c], vec![F::nan(); c]];
        let [dx, dscale, dshift] = &mut first;
        batch_norm_backward(
            dx,
            dscale,
            dshift,
            &self.x,
            &stats,
            scale,
            shift,
            Source::Out,
            c,
            self.eps,
            self.slope,
        );
        let mut second = [self.u.clone(), self.dy.clone(), vec![F::nan(); c]];
        let [to_x, to_dy, to_scale] = &mut second;
        let (us, ub) = (&self.u_scale, &self.u_shift);
        batch_norm_backward2(
            to_x,
            to_dy,
            to_scale,
            &self.x,
            &stats,
            scale,
            shift,
            Source::Out,
            Source::Out,
            us,
            ub,
            c,
            self.eps,
            self.slope,
        );
        [first, second]
    }

    /// sum dy y
    fn loss(&self) -> F {
        dot(&self.dy, &self.forward().0)
    }

    /// sum u dx + sum u_scale dscale + sum u_shift dshift
    fn loss2(&self) -> F {
        let [dx, dscale, dshift] = self.backward();
        dot(&self.u, &dx) + dot(&self.u_scale, &dscale) + dot(&self.u_shift, &dshift)
    }
}

fn dot<F: Element>(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// Central difference of `loss` along every element of `field`.
fn difference(
    case: &Case<f64>,
    field: fn(&mut Case<f64>) -> &mut Vec<f64>,
    loss: fn(&Case<f64>) -> f64,
) -> Vec<f64> {
    let step = 1e-6;
    let len = field(&mut case.clone()).len();
    let at = |i: usize, by: f64| {
        let mut moved = case.clone();
        field(&mut moved)[i] += by;
        loss(&moved)
    };
    (0..len).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect()
}

#[track_caller]
fn near(got: &[f64], wanted: &[f64]) {
    for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert!((got - wanted).abs() < 1e-6 * (1.0 + wanted.abs()), "element {i}: {got} instead of {wanted}");
    }
}

#[test]
fn both_derivatives_agree_with_central_differences() {
    for (rows, c) in [(7, 3), (11, 6), (60, 1)] {
        for slope in [1.0, 0.0, 0.1] {
            for affine in [true, false] {
                let case = Case::<f64>::new(rows, c, slope, affine);
                let [dx, dscale, dshift] = case.backward();
                near(&dx, &difference(&case, |c| &mut c.x, Case::loss));
                let [to_x, to_dy, to_scale] = case.backward2();
                near(&to_x, &difference(&case, |c| &mut c.x, Case::loss2));
                near(&to_dy, &difference(&case, |c| &mut c.dy, Case::loss2));
                if affine {
                    near(&dscale, &difference(&case, |c| &mut c.scale, Case::loss));
                    near(&dshift, &difference(&case, |c| &mut c.shift, Case::loss));
                    near(&to_scale, &difference(&case, |c| &mut c.scale, Case::loss2));
                    near(&vec![0.0; c], &difference(&case, |c| &mut c.shift, Case::loss2));
                }
            }
        }
    }
}

/// The definition, in f64.
fn plain<F: Element>(case: &Case<F>) -> (Vec<f64>, Vec<f64>) {
    let (c, rows) = (case.c, case.x.len() / case.c);
    let (mut y, mut stats) = (vec![0.0; case.x.len()], vec![0.0; 2 * c]);
    for j in 0..c {
        let column: Vec<f64> = (0..rows).map(|r| case.x[r * c + j].as_f64()).collect();
        let mean = column.iter().sum::<f64>() / rows as f64;
        let variance = column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / rows as f64;
        (stats[j], stats[c + j]) = (mean, variance);
        for (r, x) in column.iter().enumerate() {
            let h = (x - mean) / (variance + case.eps.as_f64()).sqrt();
            let z = if case.affine { case.scale[j].as_f64() * h + case.shift[j].as_f64() } else { h };
            y[r * c + j] = if z > 0.0 { z } else { case.slope.as_f64() * z };
        }
    }
    (y, stats)
}

fn check<F: Element>(rows: usize, c: usize, size: f64) {
    let mut case = Case::<F>::new(rows, c, 0.1, true);
    // a mean far from zero, and a first row unlike the others
    case.x.iter_mut().for_each(|x| *x += F::of(30.0));
    case.x[..c].fill(F::zero());
    let (y, stats) = plain(&case);
    let cast = |v: &[f64]| v.iter().map(|&v| F::of(v)).collect::<Vec<_>>();
    at_every_level_split_or_not(|| {
        let (y2, stats2) = case.forward();
        assert_close(&stats2, &cast(&stats), size);
        assert_close(&y2, &cast(&y), 2.0 * size);
        let derivatives = [case.backward(), case.backward2()];
        assert!(case.in_place() == derivatives, "writing over what arrives changed the result");
        [vec![y2, stats2], derivatives.concat()].concat().concat()
    });
}

#[test]
fn the_forward_pass_is_the_definition() {
    for (rows, c) in [(1, 4), (49, 64), (100, 37), (3675, 64), (2000, 5)] {
        check::<f32>(rows, c, 32.0);
        // the definition's own long sums round as much
        check::<f64>(rows, c, 1000.0);
    }
}

#[test]
fn long_sums_in_single_precision_stay_exact_to_a_few_units() {
    let (rows, c) = (20_000, 8);
    let (single, double) = (Case::<f32>::new(rows, c, 0.0, true), Case::<f64>::new(rows, c, 0.0, true));
    let mut double = double;
    // the same numbers, so that only the arithmetic differs
    double.x = single.x.iter().map(|&v| f64::from(v)).collect();
    double.dy = single.dy.iter().map(|&v| f64::from(v)).collect();
    double.scale = single.scale.iter().map(|&v| f64::from(v)).collect();
    double.shift = single.shift.iter().map(|&v| f64::from(v)).collect();
    double.eps = f64::from(single.eps);
    for (got, wanted) in single.backward().iter().zip(double.backward()) {
        for (got, wanted) in got.iter().zip(wanted) {
            assert!(
                (f64::from(*got) - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                "{got} instead of {wanted}"
            );
        }
    }
}
