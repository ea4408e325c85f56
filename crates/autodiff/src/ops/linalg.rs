//! Factorisations and solves of small square systems.

use crate::array::Array;
use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::shape::Shape;
use crate::var::Var;

/// The triangle of a square matrix that is read; the other is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// On and above the diagonal.
    Upper,
}

/// Whether a matrix is transposed before use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transpose {
    /// Not transposed.
    No,
    /// Transposed.
    Yes,
}

impl Transpose {
    fn flipped(self) -> Self {
        match self {
            Transpose::No => Transpose::Yes,
            Transpose::Yes => Transpose::No,
        }
    }
}

/// The matrix is not positive definite: a pivot of its Cholesky factorisation is not positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite {
    /// Row of the first pivot that is not positive.
    pub row: usize,
    /// Number of rows.
    pub size: usize,
}

impl std::fmt::Display for NotPositiveDefinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the {0} by {0} matrix is not positive definite: pivot {1} is not positive; add a small multiple of the identity",
            self.size, self.row
        )
    }
}

impl std::error::Error for NotPositiveDefinite {}

/// The linear-algebra operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linalg {
    /// Lower L with L L^T = A; of A the symmetric part.
    Cholesky,
    /// X with op(T) X = B.
    SolveTriangular(Triangle, Transpose),
    /// X with A X = B for symmetric positive definite A; of A the symmetric part.
    SolveSpd,
}

impl Linalg {
    fewshot_kernels::names! {
        Linalg::Cholesky => "cholesky",
        Linalg::SolveTriangular(..) => "solve_triangular",
        Linalg::SolveSpd => "solve_spd",
    }

    /// A matrix that is not positive definite gives NaN: eager code has checked it before, a program has not.
    pub(crate) fn forward<F: Float>(&self, x: &Inputs<'_, F>, out: &mut [F]) {
        let (a, n) = (x.at(0).data(), x.at(0).shape()[0]);
        match *self {
            Linalg::Cholesky => match factor(a, n) {
                Ok(l) => out.copy_from_slice(&l),
                Err(_) => out.fill(F::nan()),
            },
            Linalg::SolveTriangular(triangle, transpose) => {
                out.copy_from_slice(x.at(1).data());
                substitute(out, a, n, triangle, transpose);
            }
            Linalg::SolveSpd => match factor(a, n) {
                Ok(l) => {
                    out.copy_from_slice(x.at(1).data());
                    substitute(out, &l, n, Triangle::Lower, Transpose::No);
                    substitute(out, &l, n, Triangle::Lower, Transpose::Yes);
                }
                Err(_) => out.fill(F::nan()),
            },
        }
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let (a, y, u) = (r.x(0), r.y(), r.u());
        match *self {
            Linalg::Cholesky => r.give(0, || {
                // Murray (2016), "Differentiation of the Cholesky decomposition", eq. 10.
                let inner = lower(y.matmul_tn(u), 0.5);
                let left = y.solve_triangular(inner, Triangle::Lower, Transpose::Yes);
                let both = y.solve_triangular(left.t(), Triangle::Lower, Transpose::Yes);
                (both + both.t()) * F::of(0.5)
            }),
            Linalg::SolveTriangular(triangle, transpose) => {
                let to_b = a.solve_triangular(u, triangle, transpose.flipped());
                r.give(1, || to_b);
                r.give(0, || {
                    let full = match transpose {
                        Transpose::No => to_b.matmul_nt(y),
                        Transpose::Yes => y.matmul_nt(to_b),
                    };
                    match triangle {
                        Triangle::Lower => lower(-full, 1.0),
                        Triangle::Upper => lower(-full.t(), 1.0).t(),
                    }
                });
            }
            Linalg::SolveSpd => {
                let to_b = a.solve_spd(u).expect("the same matrix was solved with before");
                r.give(1, || to_b);
                r.give(0, || {
                    let full = -to_b.matmul_nt(y);
                    (full + full.t()) * F::of(0.5)
                });
            }
        }
    }
}

/// The lower triangle, with the diagonal multiplied by `diagonal`.
fn lower<'t, F: Float>(x: Var<'t, F>, diagonal: f64) -> Var<'t, F> {
    let n = x.shape()[0];
    let mask = Array::from_fn(&[n, n], |i| {
        let (row, column) = (i / n, i % n);
        match row.cmp(&column) {
            std::cmp::Ordering::Greater => F::one(),
            std::cmp::Ordering::Equal => F::of(diagonal),
            std::cmp::Ordering::Less => F::zero(),
        }
    });
    x * x.tape().var(&mask)
}

/// The Cholesky factor of the symmetric part of `a`, zeros above.
fn factor<F: Float>(a: &[F], n: usize) -> Result<Vec<F>, NotPositiveDefinite> {
    let half = F::of(0.5);
    let mut l = vec![F::zero(); n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: F = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = (a[i * n + j] * half + a[j * n + i] * half) - dot;
            if i == j {
                if rest <= F::zero() || !rest.is_finite() {
                    return Err(NotPositiveDefinite { row: i, size: n });
                }
                l[i * n + i] = rest.sqrt();
            } else {
                l[i * n + j] = rest / l[j * n + j];
            }
        }
    }
    Ok(l)
}

/// Solves op(T) X = B in place of B `[n, m]`.
fn substitute<F: Float>(b: &mut [F], t: &[F], n: usize, triangle: Triangle, transpose: Transpose) {
    let m = b.len().checked_div(n).unwrap_or(0);
    let entry = |i: usize, k: usize| match transpose {
        Transpose::No => t[i * n + k],
        Transpose::Yes => t[k * n + i],
    };
    let forward = (triangle == Triangle::Lower) == (transpose == Transpose::No);
    for step in 0..n {
        let i = if forward { step } else { n - 1 - step };
        let known = if forward { 0..i } else { i + 1..n };
        for k in known {
            let factor = entry(i, k);
            for j in 0..m {
                let solved = b[k * m + j];
                b[i * m + j] -= factor * solved;
            }
        }
        let pivot = entry(i, i);
        for value in &mut b[i * m..(i + 1) * m] {
            *value /= pivot;
        }
    }
}

#[track_caller]
fn check_square(name: &str, shape: &Shape) -> usize {
    assert!(shape.len() == 2 && shape[0] == shape[1], "{name}: {shape} is not a square matrix");
    shape[0]
}

#[track_caller]
fn check_system(name: &str, a: &Shape, b: &Shape) {
    let n = check_square(name, a);
    assert!(b.len() == 2 && b[0] == n, "{name}: {a} and {b}: the right-hand side must be [{n}, columns]");
}

impl<'t, F: Float> Var<'t, F> {
    /// Whether the matrix can be factored, where its value is known.
    fn check_factor(self, n: usize) -> Result<(), NotPositiveDefinite> {
        self.known().map_or(Ok(()), |a| factor(a.data(), n).map(drop))
    }

    /// The lower triangular `L` with `L L^T = self`, for a symmetric positive definite matrix `[n, n]`. Its gradient is symmetric: of a
    /// matrix that is not, the symmetric part `(self + self^T) / 2` is factored.
    ///
    /// # Errors
    /// When the matrix is not positive definite. In a recorded program the result is NaN instead.
    ///
    /// # Panics
    /// When this value is not a square matrix.
    #[track_caller]
    pub fn cholesky(self) -> Result<Var<'t, F>, NotPositiveDefinite> {
        let shape = self.shape();
        let n = check_square("cholesky", &shape);
        self.check_factor(n)?;
        Ok(self.tape().push(Op::Linalg(Linalg::Cholesky), &[self], shape))
    }

    /// The `X` with `op(self) X = b`, where `self` is a triangular matrix `[n, n]` and `b` is `[n, m]`. Only the named triangle is
    /// read and receives a gradient. A zero on the diagonal gives infinite values.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn solve_triangular(self, b: Var<'t, F>, triangle: Triangle, transpose: Transpose) -> Var<'t, F> {
        let shape = b.shape();
        check_system("solve_triangular", &self.shape(), &shape);
        let op = Linalg::SolveTriangular(triangle, transpose);
        self.tape().push(Op::Linalg(op), &[self, b], shape)
    }

    /// The `X` with `self X = b`, for a symmetric positive definite matrix `[n, n]` and `b` `[n, m]`. Its gradient is symmetric: of a
    /// matrix that is not, the symmetric part `(self + self^T) / 2` counts.
    ///
    /// # Errors
    /// When the matrix is not positive definite. In a recorded program the result is NaN instead.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn solve_spd(self, b: Var<'t, F>) -> Result<Var<'t, F>, NotPositiveDefinite> {
        let shape = b.shape();
        check_system("solve_spd", &self.shape(), &shape);
        self.check_factor(self.shape()[0])?;
        Ok(self.tape().push(Op::Linalg(Linalg::SolveSpd), &[self, b], shape))
    }
}
