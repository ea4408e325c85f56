//! The block against convolution, batch norm and pooling one after the other.

use crate::conv::fused::{Arrived, BlockShape, conv_block, conv_block_backward};
use crate::conv::{ConvShape, conv, conv_dw};
use crate::element::Element;
use crate::norm::Terms;
use crate::norm::{batch_norm, batch_norm_backward};
use crate::pool::{PoolShape, max_pool};
use crate::testing::{assert_close, at_every_level_split_or_not, values};

struct Case<F> {
    s: BlockShape,
    slope: F,
    x: Vec<F>,
    w: Vec<F>,
    scale: Vec<F>,
    shift: Vec<F>,
    dy: Vec<F>,
}

/// y, statistics, dw, dscale, dshift.
type Results<F> = [Vec<F>; 5];

impl<F: Element> Case<F> {
    fn new(conv: ConvShape, pool: usize, slope: f64) -> Self {
        let s = BlockShape { conv, pool: [pool; 2] };
        let y = conv.n * s.out_h() * s.out_w() * conv.c_out;
        // bright images, some of their pixels equal, so that windows tie
        let bright = |x: F| F::of((x.as_f64() * 2.0).round() + 7.0);
        Self {
            s,
            slope: F::of(slope),
            x: values(conv.n * conv.h * conv.w * conv.c_in, 1).into_iter().map(bright).collect(),
            w: values(s.depth() * conv.c_out, 2),
            scale: values(conv.c_out, 3),
            shift: values(conv.c_out, 4),
            dy: values(y, 5),
        }
    }

    fn terms(&self) -> Terms<'_, F> {
        Terms { scale: Some(&self.scale), shift: Some(&self.shift), eps: F::of(1e-3), slope: self.slope }
    }

    fn block(&self) -> Results<F> {
        let (c, depth) = (self.s.conv.c_out, self.s.depth());
        let mut y = vec![F::nan(); self.dy.len()];
        let [mut stats, mut moments] = [2 * c, (depth + 1) * depth].map(|n| vec![F::nan(); n]);
        conv_block(&mut y, &mut stats, &mut moments, &self.x, &self.w, &self.terms(), &self.s);
        let mut out = [self.w.len(), c, c].map(|n| vec![F::nan(); n]);
        let arrived = Arrived { stats: &stats, moments: &moments, dy: &self.dy };
        conv_block_backward(
            out.each_mut().map(|o| &mut o[..]),
            &self.x,
            &self.w,
            &self.terms(),
            &arrived,
            &self.s,
        );
        let [dw, dscale, dshift] = out;
        [y, stats, dw, dscale, dshift]
    }

    fn one_after_the_other(&self) -> Results<F> {
        let (s, c, t) = (&self.s.conv, self.s.conv.c_out, self.terms());
        let mut map = vec![F::nan(); s.n * s.out_h() * s.out_w() * c];
        conv(&mut map, &self.x, &self.w, s);
        let (mut normed, mut stats) = (map.clone(), vec![F::nan(); 2 * c]);
        batch_norm(&mut normed, &mut stats, &map, t.scale, t.shift, c, t.eps, t.slope);
        let pool = PoolShape {
            n: s.n,
            h: s.out_h(),
            w: s.out_w(),
            c,
            size: self.s.pool,
            stride: self.s.pool,
            pad: [[0; 2]; 2],
        };
        let [mut y, mut places] = [0; 2].map(|_| vec![F::nan(); self.dy.len()]);
        max_pool(&mut y, &mut places, &normed, &pool);
        let mut dnormed = vec![F::zero(); map.len()];
        let (image, out_image) = (s.out_h() * s.out_w() * c, self.dy.len() / s.n);
        for (i, (&dy, place)) in self.dy.iter().zip(&places).enumerate() {
            dnormed[i / out_image * image + place.as_f64() as usize] += dy;
        }
        let mut out = [map.len(), c, c].map(|n| vec![F::nan(); n]);
        let [dmap, dscale, dshift] = &mut out;
        batch_norm_backward(
            dmap,
            dscale,
            dshift,
            &map,
            &stats,
            t.scale,
            t.shift,
            &dnormed[..],
            c,
            t.eps,
            t.slope,
        );
        let mut dw = vec![F::nan(); self.w.len()];
        conv_dw(&mut dw, &self.x, dmap, s);
        let [_, dscale, dshift] = out;
        [y, stats, dw, dscale, dshift]
    }
}

fn shape(
    n: usize,
    [h, w, c_in]: [usize; 3],
    kernel: [usize; 2],
    c_out: usize,
    stride: usize,
    pad: usize,
) -> ConvShape {
    let [kh, kw] = kernel;
    ConvShape { n, h, w, c_in, kh, kw, c_out, stride: [stride; 2], pad: [[pad; 2]; 2] }
}

fn check<F: Element>(conv: ConvShape, pool: usize, slope: f64, size: f64) {
    let case = Case::<F>::new(conv, pool, slope);
    let wanted = case.one_after_the_other();
    at_every_level_split_or_not(|| {
        let got = case.block();
        for (got, wanted) in got.iter().zip(&wanted) {
            let largest = wanted.iter().fold(1.0, |m: f64, x| m.max(x.as_f64().abs()));
            assert_close(got, wanted, size * largest);
        }
        got.concat()
    });
}

#[test]
fn a_block_is_its_parts_one_after_the_other() {
    for slope in [0.0, 0.2, 1.0] {
        for (conv, pool) in [
            (shape(3, [9, 7, 1], [3, 3], 5, 1, 1), 2),
            (shape(19, [8, 8, 1], [3, 3], 64, 2, 1), 1),
            (shape(2, [7, 8, 3], [3, 3], 21, 1, 1), 2),
            (shape(1, [3, 3, 1], [3, 3], 40, 1, 1), 2),
            (shape(2, [12, 35, 2], [3, 3], 20, 1, 1), 2),
            (shape(1, [20, 19, 2], [5, 5], 17, 1, 2), 2),
            (shape(2, [30, 41, 3], [2, 5], 6, 1, 0), 2),
            (shape(4, [5, 5, 2], [4, 9], 3, 2, 2), 1),
            (shape(1, [5, 4, 1], [1, 1], 1, 1, 0), 1),
        ] {
            check::<f64>(conv, pool, slope, 100.0);
        }
    }
}

#[test]
fn in_single_precision_it_is_as_exact() {
    for (conv, pool) in [
        (shape(20, [28, 28, 1], [3, 3], 64, 1, 1), 2),
        (shape(9, [20, 20, 3], [3, 3], 32, 1, 1), 2),
        (shape(9, [20, 20, 3], [3, 3], 32, 2, 1), 1),
    ] {
        let (single, double) = (Case::<f32>::new(conv, pool, 0.0), Case::<f64>::new(conv, pool, 0.0));
        // the same numbers, so that only the arithmetic differs
        let widened = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let double = Case {
            x: widened(&single.x),
            w: widened(&single.w),
            scale: widened(&single.scale),
            shift: widened(&single.shift),
            dy: widened(&single.dy),
            ..double
        };
        for (got, wanted) in single.block().iter().zip(double.block()) {
            for (got, wanted) in got.iter().zip(wanted) {
                let error = (f64::from(*got) - wanted).abs();
                assert!(error < 2e-5 * (1.0 + wanted.abs()), "{got} instead of {wanted}");
            }
        }
    }
}
