//! Reductions: sums, means, variances, norms and products along axes, composed of simpler operators.

use crate::float::Float;
use crate::shape::check_axes;
use crate::var::Var;

impl<'t, F: Float> Var<'t, F> {
    /// The sum of all values, shape `[]`.
    #[track_caller]
    pub fn sum(self) -> Var<'t, F> {
        self.sum_to(&[])
    }

    /// The mean of all values, shape `[]`.
    ///
    /// # Panics
    /// When there are no values.
    #[track_caller]
    pub fn mean(self) -> Var<'t, F> {
        let count = self.shape().count();
        assert!(count > 0, "mean: {} holds no values", self.shape());
        self.sum() * F::of(1.0 / count as f64)
    }

    /// Sums along `axes`, which are kept with size 1.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn keep_sum(self, axes: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("keep_sum", &shape, axes);
        self.sum_to(&shape.with_ones(axes))
    }

    /// Sums along `axes`, which are removed.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum_axes(self, axes: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("sum_axes", &shape, axes);
        self.keep_sum(axes).reshape(&shape.without(axes))
    }

    #[track_caller]
    fn keep_mean(self, axes: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        let count: usize = axes.iter().map(|&a| shape[a]).product();
        assert!(count > 0, "mean: {shape} holds no values along axes {axes:?}");
        self.keep_sum(axes) * F::of(1.0 / count as f64)
    }

    /// Means along `axes`, which are removed.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice, or there are no values.
    #[track_caller]
    pub fn mean_axes(self, axes: &[usize]) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("mean_axes", &shape, axes);
        self.keep_mean(axes).reshape(&shape.without(axes))
    }

    /// Biased variances along `axes`, which are removed: mean of `(x - mean)^2`.
    ///
    /// # Panics
    /// When an axis does not exist or is named twice, or there are no values.
    #[track_caller]
    pub fn variance(self, axes: &[usize]) -> Var<'t, F> {
        check_axes("variance", &self.shape(), axes);
        (self - self.keep_mean(axes)).square().mean_axes(axes)
    }

    /// The Euclidean norm of all values, shape `[]`. Its derivatives of all orders are defined as 0 where it is 0.
    #[track_caller]
    pub fn norm(self) -> Var<'t, F> {
        let (scaled, inverse) = self.reshape(&[1, self.shape().count()]).scaled(1);
        scaled.square().sum().sqrt() * inverse.reshape(&[])
    }

    /// The Euclidean norms along one axis, which is removed; derivatives at 0 as for [`norm`](Var::norm).
    ///
    /// # Panics
    /// When the axis does not exist.
    #[track_caller]
    pub fn norm_axis(self, axis: usize) -> Var<'t, F> {
        check_axes("norm_axis", &self.shape(), &[axis]);
        let (scaled, inverse) = self.scaled(axis);
        (scaled.square().keep_sum(&[axis]).sqrt() * inverse).reshape(&self.shape().without(&[axis]))
    }

    /// Cumulative products along one axis: entry `i` is the product of the first `i + 1` values. Gradients are exact at zeros too; one
    /// multiplication is recorded for each entry of the axis.
    ///
    /// # Panics
    /// When the axis does not exist.
    #[track_caller]
    pub fn cumprod(self, axis: usize) -> Var<'t, F> {
        let shape = self.shape();
        check_axes("cumprod", &shape, &[axis]);
        if shape[axis] <= 1 {
            return self;
        }
        let mut parts = self.split(axis, &vec![1; shape[axis]]);
        for i in 1..parts.len() {
            parts[i] = parts[i - 1] * parts[i];
        }
        Var::concat(&parts, axis)
    }

    /// `(x - mean) / sqrt(variance + eps)` with the statistics along `axes`.
    #[track_caller]
    fn standardise(self, axes: &[usize], eps: F) -> Var<'t, F> {
        let centred = self - self.keep_mean(axes);
        centred / (centred.square().keep_mean(axes) + eps).sqrt()
    }

    /// Layer normalisation over the last axis (Ba, Kiros and Hinton 2016): `(x - mean) / sqrt(variance + eps)` times
    /// `scale` plus `shift`, both of the last axis's size; biased variance.
    ///
    /// # Panics
    /// For a scalar, or when `scale` or `shift` does not broadcast.
    #[track_caller]
    pub fn layer_norm(self, scale: Option<Var<'t, F>>, shift: Option<Var<'t, F>>, eps: F) -> Var<'t, F> {
        let shape = self.shape();
        assert!(!shape.is_empty(), "layer_norm: a scalar has no last axis");
        affine(self.standardise(&[shape.len() - 1], eps), scale, shift)
    }

    /// Instance normalisation of images `[n, h, w, c]` (Ulyanov et al. 2016): statistics of each image and channel;
    /// `scale` and `shift` are `[c]`.
    ///
    /// # Panics
    /// When this value has not four axes, or no pixels or channels, or `scale` or `shift` does not broadcast.
    #[track_caller]
    pub fn instance_norm(self, scale: Option<Var<'t, F>>, shift: Option<Var<'t, F>>, eps: F) -> Var<'t, F> {
        let shape = self.shape();
        assert_eq!(shape.len(), 4, "instance_norm: {shape} is not [n, h, w, c]");
        assert!(
            shape[1..].iter().all(|&size| size > 0),
            "instance_norm: images {shape} [n, h, w, c] have no pixels or channels"
        );
        affine(self.standardise(&[1, 2], eps), scale, shift)
    }

    /// Normalisation with given statistics `[c]` of the last axis: `(x - mean) / sqrt(variance + eps)` times `scale` plus
    /// `shift`.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn normalize(
        self,
        mean: Var<'t, F>,
        variance: Var<'t, F>,
        scale: Option<Var<'t, F>>,
        shift: Option<Var<'t, F>>,
        eps: F,
    ) -> Var<'t, F> {
        let root = (variance + eps).sqrt().safe_recip();
        let factor = if let Some(scale) = scale { scale * root } else { root };
        affine((self - mean) * factor, None, shift)
    }
}

#[track_caller]
fn affine<'t, F: Float>(x: Var<'t, F>, scale: Option<Var<'t, F>>, shift: Option<Var<'t, F>>) -> Var<'t, F> {
    let x = if let Some(scale) = scale { x * scale } else { x };
    if let Some(shift) = shift { x + shift } else { x }
}
