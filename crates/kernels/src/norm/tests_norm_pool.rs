//! Batch norm fused with max-pooling: the bits of the one after the other.

use crate::element::Element;
use crate::elementwise::map::Source;
use crate::norm::Terms;
use crate::norm::norm_pool::{Cotangents, norm_pool, norm_pool_backward, norm_pool_backward2};
use crate::norm::{batch_norm, batch_norm_backward, batch_norm_backward2};
use crate::pool::{PoolShape, max_pool, max_pool_pick, max_pool_place};
use crate::testing::{at_every_level_split_or_not, values};

/// A norm and a pooling with all that arrives.
struct Case<F> {
    s: PoolShape,
    slope: F,
    x: Vec<F>,
    scale: Option<Vec<F>>,
    shift: Option<Vec<F>>,
    u: Vec<F>,
    v: Vec<F>,
    v_scale: Vec<F>,
    v_shift: Vec<F>,
}

impl<F: Element> Case<F> {
    /// Values in steps, so that windows have equal ones.
    fn new([n, h, w, c]: [usize; 4], size: [usize; 2], slope: f64, affine: [bool; 2]) -> Self {
        let s = PoolShape { n, h, w, c, size, stride: size, pad: [[0; 2]; 2] };
        let [image, pooled] = s.images();
        let x = values::<F>(n * image, 1);
        Self {
            s,
            slope: F::of(slope),
            x: x.into_iter().map(|x| (x * F::of(6.0)).round()).collect(),
            scale: affine[0].then(|| values(c, 2)),
            shift: affine[1].then(|| values(c, 3)),
            u: values(n * pooled, 4),
            v: values(n * image, 5),
            v_scale: values(c, 6),
            v_shift: values(c, 7),
        }
    }

    fn terms(&self) -> Terms<'_, F> {
        let eps = F::of(1e-3);
        Terms { scale: self.scale.as_deref(), shift: self.shift.as_deref(), eps, slope: self.slope }
    }

    /// Pooled, places, statistics; dx, dscale, dshift; and the second derivative's to x, to u, to scale.
    fn apart(&self) -> Vec<F> {
        let (s, t, c, full) = (&self.s, self.terms(), self.s.c, self.x.len());
        let mut y = vec![F::nan(); full];
        let [mut out, mut places, mut stats] = [self.u.len(), self.u.len(), 2 * c].map(|n| vec![F::nan(); n]);
        batch_norm(&mut y, &mut stats, &self.x, t.scale, t.shift, c, t.eps, t.slope);
        max_pool(&mut out, &mut places, &y, s);
        let mut dy = vec![F::nan(); full];
        max_pool_place(&mut dy, &self.u, &places, s);
        let [mut dx, mut ds, mut db] = [full, c, c].map(|n| vec![F::nan(); n]);
        batch_norm_backward(
            &mut dx,
            &mut ds,
            &mut db,
            &self.x,
            &stats,
            t.scale,
            t.shift,
            &dy[..],
            c,
            t.eps,
            t.slope,
        );
        let [mut to_x, mut to_dy, mut to_scale] = [full, full, c].map(|n| vec![F::nan(); n]);
        batch_norm_backward2(
            &mut to_x,
            &mut to_dy,
            &mut to_scale,
            &self.x,
            &stats,
            t.scale,
            t.shift,
            &dy[..],
            &self.v[..],
            &self.v_scale,
            &self.v_shift,
            c,
            t.eps,
            t.slope,
        );
        let mut to_u = vec![F::nan(); self.u.len()];
        max_pool_pick(&mut to_u, &to_dy, &places, s);
        [out, places, stats, dx, ds, db, to_x, to_u, to_scale].concat()
    }

    /// The results of the fused operators.
    fn fused(&self, in_place: bool) -> Vec<F> {
        let (s, t, c, full) = (&self.s, self.terms(), self.s.c, self.x.len());
        let [mut out, mut places, mut stats] = [self.u.len(), self.u.len(), 2 * c].map(|n| vec![F::nan(); n]);
        norm_pool([&mut out, &mut places, &mut stats], &self.x, &t, s);
        let [mut dx, mut ds, mut db] = [full, c, c].map(|n| vec![F::nan(); n]);
        let placed = [&self.u[..], &places[..]];
        norm_pool_backward([&mut dx, &mut ds, &mut db], &self.x, &stats, placed, &t, s);
        let [mut to_u, mut to_scale] = [self.u.len(), c].map(|n| vec![F::nan(); n]);
        let mut to_x = if in_place { self.v.clone() } else { vec![F::nan(); full] };
        let x = if in_place { Source::Out } else { Source::Slice(&self.v[..]) };
        let arrived = Cotangents { x, scale: &self.v_scale, shift: &self.v_shift };
        let outputs = [&mut to_x[..], &mut to_u[..], &mut to_scale[..]];
        norm_pool_backward2(outputs, &self.x, &stats, placed, &arrived, &t, s);
        [out, places, stats, dx, ds, db, to_x, to_u, to_scale].concat()
    }
}

fn check<F: Element>() {
    for (shape, size, slope, affine) in [
        ([7, 14, 14, 64], [2, 2], 0.0, [true, true]),
        ([23, 7, 7, 64], [2, 2], 0.1, [true, false]),
        ([9, 7, 8, 21], [3, 2], 0.0, [false, true]),
        ([5, 3, 3, 5], [2, 2], 1.0, [false, false]),
        ([31, 6, 9, 37], [1, 4], 0.0, [true, true]),
        ([1, 2, 2, 1], [2, 2], -0.5, [true, true]),
    ] {
        let case = Case::<F>::new(shape, size, slope, affine);
        at_every_level_split_or_not(|| {
            let (apart, fused) = (case.apart(), case.fused(false));
            assert!(apart == fused, "{shape:?}, windows of {size:?}");
            assert!(fused == case.fused(true), "{shape:?}, windows of {size:?}, in place");
            fused
        });
    }
}

#[test]
fn joined_operators_have_the_bits_of_one_after_the_other() {
    check::<f32>();
    check::<f64>();
}

#[test]
#[should_panic(expected = "overlap")]
fn windows_that_overlap_are_refused() {
    let mut case = Case::<f32>::new([1, 4, 4, 2], [2, 2], 0.0, [false; 2]);
    case.s.stride = [1, 1];
    case.fused(false);
}
