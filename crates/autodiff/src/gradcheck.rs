//! Gradients against central differences, of any order: for the operators here, and for users' own operators and models.
//!
//! A function of arrays is contracted with random directions, `D0(x) = <c, f(x)>` and `Dk(x) = <grad D(k-1)(x), dk>`; each `Dk` as
//! the tape computes it is compared with the central difference of `D(k-1)` along `dk` (five-point formula, so the
//! difference is good to about 1e-10).

use crate::array::Array;
use crate::tape::Tape;
use crate::var::Var;

/// The distance of the tape's gradients from central differences.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// For orders 1, 2, ...: the largest relative error over the directions tried. The scale is the sum of the magnitudes that
    /// the directional derivative adds up, so that cancellation does not blow it up.
    pub errors: Vec<f64>,
}

impl Report {
    /// The largest error of all orders; NaN if any is.
    pub fn worst(&self) -> f64 {
        self.errors.iter().copied().fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a })
    }
}

/// Step of the differences.
const STEP: f64 = 1e-3;
/// Random directions tried.
const DIRECTIONS: u64 = 3;

/// Uniform numbers in [-1, 1] from a counter (SplitMix64, Steele et al. 2014).
fn direction(shape: &[usize], seed: u64) -> Array<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Array::from_fn(shape, |_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// `Dk` at `inputs`, and the sum of magnitudes it adds up.
fn contracted<G>(f: &G, inputs: &[Array<f64>], order: usize, seed: u64) -> (f64, f64)
where
    G: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
{
    let tape = Tape::new();
    let x: Vec<Var<'_, f64>> = inputs.iter().map(|x| tape.var(x)).collect();
    let y = f(&tape, &x);
    let mut value = (y * tape.var(&direction(&y.shape(), seed))).sum();
    let mut scale = value.item().abs();
    for k in 1..=order {
        let gradients = value.grads(&x);
        let mut terms = Vec::new();
        scale = 0.0;
        for (i, g) in gradients.into_iter().enumerate() {
            let d = direction(inputs[i].shape(), seed + 1000 * k as u64 + 10 * i as u64);
            let products = g * tape.var(&d);
            scale += products.value().data().iter().map(|p| p.abs()).sum::<f64>();
            terms.push(products.sum());
        }
        value = terms.into_iter().reduce(|a, b| a + b).expect("there is an input");
    }
    (value.item(), scale)
}

/// The central difference of `D(order - 1)` along the direction of `order`.
fn difference<G>(f: &G, inputs: &[Array<f64>], order: usize, seed: u64) -> f64
where
    G: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
{
    let at = |t: f64| {
        let moved: Vec<Array<f64>> = inputs
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let d = direction(x.shape(), seed + 1000 * order as u64 + 10 * i as u64);
                x.zip(&d, |x, d| x + t * d)
            })
            .collect();
        contracted(f, &moved, order - 1, seed).0
    };
    let h = STEP;
    (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
}

/// Compares the gradients of `f` at `inputs` with central differences, for orders 1 to `orders`.
///
/// `f` must be smooth within about 0.002 of the inputs.
///
/// ```
/// use fewshot_autodiff::{Array, gradcheck};
/// let x = Array::new(&[2], vec![0.3, -1.2]);
/// let report = gradcheck::check(&[x], 3, |_, x| (x[0].tanh() * x[0]).sum());
/// assert!(report.worst() < 1e-8, "{report:?}");
/// ```
///
/// # Panics
/// Without inputs or with `orders` zero.
pub fn check<G>(inputs: &[Array<f64>], orders: usize, f: G) -> Report
where
    G: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
{
    assert!(!inputs.is_empty() && orders > 0, "gradcheck: inputs and orders must not be empty");
    let errors = (1..=orders)
        .map(|order| {
            (1..=DIRECTIONS).fold(0.0_f64, |worst, seed| {
                let (value, scale) = contracted(&f, inputs, order, seed);
                let difference = difference(&f, inputs, order, seed);
                let error =
                    if value == difference { 0.0 } else { (value - difference).abs() / scale.max(1e-10) };
                if error.is_nan() || error > worst { error } else { worst }
            })
        })
        .collect();
    Report { errors }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_gradient_is_found_at_its_order() {
        let x = Array::new(&[3], vec![0.5, -0.7, 1.1]);
        // The factor is a constant for the tape, but not for the differences.
        let report = check(&[x], 2, |_, x| (x[0] * x[0].detach()).sum());
        assert!(report.errors[0] > 0.1, "{report:?}");
        let x = Array::new(&[3], vec![0.5, -0.7, 1.1]);
        let right = check(&[x], 2, |_, x| (x[0] * x[0] * x[0]).sum());
        assert!(right.worst() < 1e-9, "{right:?}");
    }
}
