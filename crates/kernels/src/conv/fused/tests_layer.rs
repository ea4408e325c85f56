//! The layer against convolution, sum, activation and pooling one after the other.

use crate::conv::fused::conv_layer::{LayerShape, conv_layer};
use crate::conv::{ConvShape, conv};
use crate::element::Element;
use crate::pool::{PoolShape, max_pool};
use crate::testing::{assert_close, at_every_level_split_or_not, values};

fn shape(n: usize, size: [usize; 3], kernel: usize, c_out: usize, stride: usize, pad: usize) -> ConvShape {
    let [h, w, c_in] = size;
    ConvShape { n, h, w, c_in, kh: kernel, kw: kernel, c_out, stride: [stride; 2], pad: [[pad; 2]; 2] }
}

/// With pooling windows of a size and a stride.
fn layer(conv: ConvShape, pool: Option<[usize; 2]>) -> LayerShape {
    let pool = pool.map(|[size, stride]| PoolShape {
        n: conv.n,
        h: conv.out_h(),
        w: conv.out_w(),
        c: conv.c_out,
        size: [size; 2],
        stride: [stride; 2],
        pad: [[0; 2]; 2],
    });
    LayerShape { conv, pool }
}

fn one_after_the_other<F: Element>(
    x: &[F],
    w: &[F],
    added: Option<&[F]>,
    slope: F,
    s: &LayerShape,
) -> Vec<F> {
    let c = s.conv.c_out;
    let mut map = vec![F::nan(); s.conv.n * s.conv.out_h() * s.conv.out_w() * c];
    conv(&mut map, x, w, &s.conv);
    for (i, z) in map.iter_mut().enumerate() {
        *z += added.map_or(F::zero(), |added| added[i % c]);
        *z = if *z > F::zero() { *z } else { slope * *z };
    }
    let Some(pool) = s.pool else { return map };
    let [mut y, mut places] = [0; 2].map(|_| vec![F::nan(); pool.n * pool.out_h() * pool.out_w() * c]);
    max_pool(&mut y, &mut places, &map, &pool);
    y
}

fn check<F: Element>(s: &LayerShape, slope: f64, size: f64) {
    let conv = &s.conv;
    let slope = F::of(slope);
    let x: Vec<F> = values(conv.n * conv.h * conv.w * conv.c_in, 1);
    let (w, b) = (values(conv.kh * conv.kw * conv.c_in * conv.c_out, 2), values(conv.c_out, 3));
    for added in [Some(&b[..]), None] {
        let wanted = one_after_the_other(&x, &w, added, slope, s);
        let largest = wanted.iter().fold(1.0, |m: f64, x| m.max(x.as_f64().abs()));
        at_every_level_split_or_not(|| {
            let mut y = vec![F::nan(); wanted.len()];
            conv_layer(&mut y, &x, &w, added, slope, s);
            assert_close(&y, &wanted, size * largest);
            y
        });
    }
}

#[test]
fn a_layer_is_its_parts_one_after_the_other() {
    for slope in [0.0, 0.2, 1.0, 1.5] {
        for s in [
            // of few values
            layer(shape(3, [9, 7, 1], 3, 5, 1, 1), Some([2, 2])),
            layer(shape(2, [8, 9, 3], 3, 21, 1, 1), Some([2, 2])),
            layer(shape(2, [8, 9, 3], 3, 17, 2, 1), None),
            layer(shape(2, [8, 9, 1], 3, 5, 1, 0), Some([2, 1])),
            layer(shape(2, [9, 9, 1], 3, 5, 1, 0), Some([3, 2])),
            // of many
            layer(shape(2, [9, 8, 5], 3, 37, 1, 1), Some([2, 2])),
            layer(shape(9, [8, 8, 16], 3, 16, 1, 1), Some([2, 2])),
            layer(shape(3, [8, 7, 6], 3, 33, 2, 1), None),
            layer(shape(2, [7, 7, 16], 1, 20, 1, 0), Some([3, 1])),
            layer(shape(2, [12, 13, 1], 7, 20, 1, 0), Some([2, 2])),
        ] {
            check::<f64>(&s, slope, 100.0);
        }
    }
}

#[test]
fn in_single_precision_it_is_as_exact() {
    check::<f32>(&layer(shape(4, [28, 28, 1], 3, 64, 1, 1), Some([2, 2])), 0.0, 300.0);
    check::<f32>(&layer(shape(4, [14, 14, 64], 3, 64, 1, 1), Some([2, 2])), 0.0, 300.0);
}

#[test]
fn many_images_go_through_in_groups() {
    // whose maps are 64 KiB each, of which 2 MiB are in memory at a time
    check::<f32>(&layer(shape(37, [16, 16, 4], 3, 64, 1, 1), Some([2, 2])), 0.2, 300.0);
}

#[test]
fn a_value_that_is_no_number_is_kept() {
    let s = layer(shape(1, [4, 4, 40], 1, 3, 1, 0), Some([2, 2]));
    let mut x = vec![1.0_f32; 4 * 4 * 40];
    x[40 * 5] = f32::NAN;
    at_every_level_split_or_not(|| {
        let mut y = vec![0.0; 2 * 2 * 3];
        conv_layer(&mut y, &x, &[1.0; 40 * 3], None, 0.0, &s);
        assert!(y[..3].iter().all(|y| y.is_nan()) && y[3..].iter().all(|&y| y == 40.0), "{y:?}");
        Vec::<f32>::new()
    });
}
