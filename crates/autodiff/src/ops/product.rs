//! Matrix products and distances.

use fewshot_kernels::MAX_RANK;

use crate::float::Float;
use crate::grad::GradientRule;
use crate::inputs::Inputs;
use crate::op::Op;
use crate::shape::Shape;
use crate::var::Var;

/// Products of matrices. At most one factor is transposed: the set is closed under differentiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// `a b`
    Plain,
    /// `a b^T`
    Right,
    /// `a^T b`
    Left,
    /// Squared Euclidean distances between the rows of two matrices.
    SquaredDistances,
}

/// The last two sizes and the number of matrices before them.
fn matrices(shape: &[usize]) -> (usize, usize, usize) {
    let (lead, last) = shape.split_at(shape.len() - 2);
    (lead.iter().product(), last[0], last[1])
}

impl Product {
    fewshot_kernels::names! {
        Product::Plain => "matmul",
        Product::Right => "matmul_nt",
        Product::Left => "matmul_tn",
        Product::SquaredDistances => "squared_distances",
    }

    /// Result rows, inner size of both factors, result columns.
    fn sizes(&self, a: &[usize], b: &[usize]) -> (usize, usize, usize, usize) {
        let ((_, a0, a1), (_, b0, b1)) = (matrices(a), matrices(b));
        match self {
            Product::Plain => (a0, a1, b0, b1),
            Product::Right | Product::SquaredDistances => (a0, a1, b1, b0),
            Product::Left => (a1, a0, b0, b1),
        }
    }

    /// The product of the first two inputs, added to `add` of the product's shape, if any.
    pub(crate) fn forward<F: Float>(
        &self,
        x: &Inputs<'_, F>,
        add: Option<&[F]>,
        out: &mut [F],
        shape: Shape,
    ) {
        let (a, b) = (x.at(0), x.at(1));
        let (m, k, _, n) = self.sizes(a.shape(), b.shape());
        let (left, right) = (*self == Product::Left, *self == Product::Right);
        if *self == Product::SquaredDistances {
            return F::squared_distances(out, a.data(), b.data(), k);
        }
        F::matmuls(out, a.data(), b.data(), add, [matrices(&shape).0, m, k, n], left, right);
    }

    pub(crate) fn vjp<F: Float>(&self, r: &mut GradientRule<'_, '_, F>) {
        let (a, b, u) = (r.x(0), r.x(1), r.u());
        match self {
            Product::Plain => {
                r.give(0, || u.matmul_nt(b));
                r.give(1, || a.matmul_tn(u));
            }
            Product::Right => {
                r.give(0, || u.matmul(b));
                r.give(1, || u.matmul_tn(a));
            }
            Product::Left => {
                r.give(0, || b.matmul_nt(u));
                r.give(1, || a.matmul(u));
            }
            Product::SquaredDistances => {
                let two = F::of(2.0);
                r.give(0, || (a * u.keep_sum(&[1]) - u.matmul(b)) * two);
                r.give(1, || {
                    let columns = u.sum_axes(&[0]).insert_axis(1);
                    (b * columns - u.matmul_tn(a)) * two
                });
            }
        }
    }
}

impl<'t, F: Float> Var<'t, F> {
    #[track_caller]
    fn product(self, op: Product, other: Var<'t, F>) -> Var<'t, F> {
        let (a, b) = (self.shape(), other.shape());
        let name = op.name();
        assert!(a.len() >= 2 && b.len() >= 2, "{name}: {a} and {b}: both need at least two axes");
        let (m, k, k_other, n) = op.sizes(&a, &b);
        assert_eq!(k, k_other, "{name}: {a} and {b}: inner sizes {k} and {k_other} differ");
        if a.len() > 2 && b.len() == 2 && op != Product::Left {
            let rows = self.reshape(&[a.count() / a[a.len() - 1].max(1), k]);
            return rows.product(op, other).reshape(&a.with(a.len() - 1, n));
        }
        assert_eq!(a[..a.len() - 2], b[..b.len() - 2], "{name}: {a} and {b}: leading axes differ");
        let mut sizes = [0; MAX_RANK];
        sizes[..a.len()].copy_from_slice(&a);
        sizes[a.len() - 2..a.len()].copy_from_slice(&[m, n]);
        let shape = Shape::new(&sizes[..a.len()]);
        self.tape().push(Op::Product(op), &[self, other], shape)
    }

    /// Matrix product: `[.., m, k]` and `[.., k, n]` to `[.., m, n]`. Leading axes are equal, or `other` is one matrix that all share.
    ///
    /// # Panics
    /// When inner sizes or leading axes differ.
    #[track_caller]
    pub fn matmul(self, other: Var<'t, F>) -> Var<'t, F> {
        self.product(Product::Plain, other)
    }

    /// Matrix product with `other` transposed: `[.., m, k]` and `[.., n, k]` to `[.., m, n]`.
    ///
    /// # Panics
    /// When inner sizes or leading axes differ.
    #[track_caller]
    pub fn matmul_nt(self, other: Var<'t, F>) -> Var<'t, F> {
        self.product(Product::Right, other)
    }

    /// Matrix product with `self` transposed: `[.., k, m]` and `[.., k, n]` to `[.., m, n]`.
    ///
    /// # Panics
    /// When inner sizes or leading axes differ.
    #[track_caller]
    pub fn matmul_tn(self, other: Var<'t, F>) -> Var<'t, F> {
        self.product(Product::Left, other)
    }

    #[track_caller]
    fn check_rows(self, name: &str, other: Var<'t, F>) {
        let (a, b) = (self.shape(), other.shape());
        assert!(
            a.len() == 2 && b.len() == 2,
            "{name}: {a} and {b}: both must be matrices of one vector a row"
        );
        assert_eq!(a[1], b[1], "{name}: {a} and {b}: vector sizes {} and {} differ", a[1], b[1]);
    }

    /// Squared Euclidean distances between rows: `[n, d]` and `[m, d]` to `[n, m]`; summed from the differences, so never
    /// negative.
    ///
    /// # Panics
    /// When the vector sizes differ.
    #[track_caller]
    pub fn squared_distances(self, other: Var<'t, F>) -> Var<'t, F> {
        self.check_rows("squared_distances", other);
        let shape = Shape::new(&[self.shape()[0], other.shape()[0]]);
        self.tape().push(Op::Product(Product::SquaredDistances), &[self, other], shape)
    }

    /// Cosines of the angles between rows: `[n, d]` and `[m, d]` to `[n, m]`; 0 with a zero vector, whose gradient is 0.
    ///
    /// # Panics
    /// When the vector sizes differ.
    #[track_caller]
    pub fn cosine_similarity(self, other: Var<'t, F>) -> Var<'t, F> {
        self.check_rows("cosine_similarity", other);
        self.unit_rows().matmul_nt(other.unit_rows())
    }

    /// Rows divided by their lengths.
    #[track_caller]
    fn unit_rows(self) -> Var<'t, F> {
        let (x, _) = self.scaled(1);
        x / x.square().keep_sum(&[1]).sqrt()
    }
}
