//! Linear algebra of the heads: matrices in f64, at rest.

use fewshot_autodiff::{Array, Tape, Var};

/// Rows along axis 0: `[n, d]`.
pub(crate) type Matrix = Array<f64>;

fn of_one(a: &Matrix, f: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>) -> Matrix {
    let tape = Tape::new();
    f(tape.var(a)).value()
}

fn of_two(
    a: &Matrix,
    b: &Matrix,
    f: impl for<'t> FnOnce(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>,
) -> Matrix {
    let tape = Tape::new();
    f(tape.var(a), tape.var(b)).value()
}

/// `a b`: `[n, k]` and `[k, m]` to `[n, m]`.
pub(crate) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    of_two(a, b, |a, b| a.matmul(b))
}

/// `a b'`: `[n, k]` and `[m, k]` to `[n, m]`.
pub(crate) fn product_nt(a: &Matrix, b: &Matrix) -> Matrix {
    of_two(a, b, |a, b| a.matmul_nt(b))
}

/// `a' b`: `[k, n]` and `[k, m]` to `[n, m]`.
pub(crate) fn product_tn(a: &Matrix, b: &Matrix) -> Matrix {
    of_two(a, b, |a, b| a.matmul_tn(b))
}

/// The `x` with `a x = b`, for a symmetric positive definite `a` `[n, n]`; nothing for another.
pub(crate) fn solve(a: &Matrix, b: &Matrix) -> Option<Matrix> {
    let tape = Tape::new();
    let x = tape.var(a).solve_spd(tape.var(b)).ok()?;
    Some(x.value())
}

/// Squared Euclidean distances between rows: `[n, d]` and `[m, d]` to `[n, m]`.
pub(crate) fn squared_distances(a: &Matrix, b: &Matrix) -> Matrix {
    of_two(a, b, |a, b| a.squared_distances(b))
}

/// Cosines between rows: `[n, d]` and `[m, d]` to `[n, m]`; 0 with a row of zeros.
pub(crate) fn cosines(a: &Matrix, b: &Matrix) -> Matrix {
    of_two(a, b, |a, b| a.cosine_similarity(b))
}

/// The softmax of each row.
pub(crate) fn softmax(logits: &Matrix) -> Matrix {
    of_one(logits, |logits| logits.softmax(1))
}

/// `a` with a number added to each element of its diagonal.
pub(crate) fn plus_diagonal(a: &Matrix, number: f64) -> Matrix {
    let n = a.shape()[0];
    Array::from_fn(a.shape(), |i| if i / n == i % n { a.data()[i] + number } else { a.data()[i] })
}

/// The identity `[n, n]`.
pub(crate) fn identity(n: usize) -> Matrix {
    plus_diagonal(&Array::zeros(&[n, n]), 1.0)
}

/// The rows, as slices.
pub(crate) fn rows(a: &Matrix) -> impl ExactSizeIterator<Item = &[f64]> {
    a.data().chunks_exact(a.shape()[1].max(1))
}

/// The inner product.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Classes as rows of 0 and 1: `[n, ways]`.
pub(crate) fn one_hot(classes: &[usize], ways: usize) -> Matrix {
    Array::from_fn(&[classes.len(), ways], |i| f64::from(classes[i / ways] == i % ways))
}

/// How many rows each class has.
pub(crate) fn class_sizes(classes: &[usize], ways: usize) -> Vec<usize> {
    (0..ways).map(|class| classes.iter().filter(|&&c| c == class).count()).collect()
}

/// The mean row of each class: `[n, d]` to `[ways, d]`. Every class has a row.
pub(crate) fn class_means(z: &Matrix, classes: &[usize], ways: usize) -> Matrix {
    let sizes = class_sizes(classes, ways);
    let sums = product_tn(&one_hot(classes, ways), z);
    let d = z.shape()[1].max(1);
    Array::from_fn(sums.shape(), |i| sums.data()[i] / sizes[i / d] as f64)
}

/// The mean of all rows: `[n, d]` to `d` numbers.
pub(crate) fn mean_row(a: &Matrix) -> Vec<f64> {
    let mut mean = vec![0.0; a.shape()[1]];
    for row in rows(a) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
    }
    mean.iter_mut().for_each(|x| *x /= a.shape()[0] as f64);
    mean
}
