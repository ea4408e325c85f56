//! Broadcasting and sums against plain loops.

use crate::cpu::isa::forced::at_every_level;
use crate::elementwise::broadcast::{broadcast_to, broadcast2};
use crate::elementwise::map::{Source, add_assign, map1, map2, map3};
use crate::reduce::axes::{argmax_last, sum_axes};
use crate::testing::{assert_close, at_every_level_split_or_not, values};

/// The element of an operand of `shape` that element `i` of `out` reads.
fn source(i: usize, out: &[usize], shape: &[usize]) -> usize {
    let (mut rest, mut place, mut stride) = (i, 0, 1);
    for back in 1..=out.len() {
        let at = rest % out[out.len() - back];
        rest /= out[out.len() - back];
        if back <= shape.len() && shape[shape.len() - back] > 1 {
            place += at * stride;
            stride *= shape[shape.len() - back];
        }
    }
    place
}

#[test]
fn broadcasting_follows_numpy() {
    let cases: [(&[usize], &[usize], &[usize]); 12] = [
        (&[3, 4], &[3, 4], &[3, 4]),
        (&[3, 4], &[3, 4], &[]),
        (&[3, 4], &[1, 1], &[3, 4]),
        (&[3, 4], &[3, 4], &[4]),
        (&[3, 4], &[3, 1], &[3, 4]),
        (&[2, 3, 4, 5], &[2, 3, 4, 5], &[3, 4, 5]),
        (&[2, 3, 4, 5], &[2, 1, 1, 5], &[2, 3, 4, 5]),
        (&[2, 3, 4, 5], &[1, 3, 1, 5], &[2, 1, 4, 1]),
        (&[5, 7], &[5, 1], &[1, 7]),
        (&[1, 1], &[1], &[1, 1]),
        (&[2, 3], &[1], &[]),
        (&[2, 0, 3], &[2, 1, 3], &[2, 0, 1]),
    ];
    for (out_shape, a_shape, b_shape) in cases {
        let (a, b) = (values::<f32>(a_shape.iter().product(), 1), values::<f32>(b_shape.iter().product(), 2));
        let len = out_shape.iter().product();
        let element = |i| a[source(i, out_shape, a_shape)] - b[source(i, out_shape, b_shape)];
        let wanted: Vec<f32> = (0..len).map(element).collect();
        at_every_level(|_| {
            let mut out = vec![f32::NAN; len];
            broadcast2(&mut out, out_shape, &a[..], a_shape, &b[..], b_shape, |a, b| a - b);
            assert_eq!(out, wanted, "{a_shape:?} and {b_shape:?}");
            if a_shape == out_shape {
                out.copy_from_slice(&a);
                broadcast2(&mut out, out_shape, Source::Out, a_shape, &b[..], b_shape, |a, b| a - b);
                assert_eq!(out, wanted, "{a_shape:?} in place and {b_shape:?}");
            }
            if b_shape == out_shape {
                out.copy_from_slice(&b);
                broadcast2(&mut out, out_shape, &a[..], a_shape, Source::Out, b_shape, |a, b| a - b);
                assert_eq!(out, wanted, "{a_shape:?} and {b_shape:?} in place");
            }
            broadcast_to(&mut out, out_shape, &a, a_shape);
            let repeated: Vec<f32> = (0..len).map(|i| a[source(i, out_shape, a_shape)]).collect();
            assert_eq!(out, repeated, "{a_shape:?} to {out_shape:?}");
        });
    }
}

#[test]
fn maps_apply_to_each_element() {
    for len in (0..70).chain([400, 1600]) {
        let [a, b, c] = [1, 2, 3].map(|seed| values::<f32>(len, seed));
        let [a, b, c] = [&a[..], &b, &c];
        at_every_level(|_| {
            let mut out = vec![0.0; len];
            map1(&mut out, a, |a| a * 2.0);
            assert!((0..len).all(|i| out[i] == a[i] * 2.0));
            map2(&mut out, a, b, |a, b| a - b);
            assert!((0..len).all(|i| out[i] == a[i] - b[i]));
            map3(&mut out, a, b, c, |a, b, c| if a > 0.0 { b } else { c });
            assert!((0..len).all(|i| out[i] == if a[i] > 0.0 { b[i] } else { c[i] }));
            out.copy_from_slice(a);
            add_assign(&mut out, b);
            assert!((0..len).all(|i| out[i] == a[i] + b[i]));
        });
    }
}

#[test]
fn maps_read_what_they_write_over() {
    for len in 0..70 {
        let [a, b] = [1, 2].map(|seed| values::<f32>(len, seed));
        let [a, b] = [&a[..], &b];
        at_every_level(|_| {
            let mut out = a.to_vec();
            map1(&mut out, Source::Out, |a| a * 2.0 + 1.0);
            assert!((0..len).all(|i| out[i] == a[i] * 2.0 + 1.0));
            out.copy_from_slice(a);
            map2(&mut out, b, Source::Out, |b, a| b - a);
            assert!((0..len).all(|i| out[i] == b[i] - a[i]));
            out.copy_from_slice(a);
            map2(&mut out, Source::Out, Source::Out, |a, b| a + 3.0 * b);
            assert!((0..len).all(|i| out[i] == a[i] + 3.0 * a[i]));
            out.copy_from_slice(a);
            map3(&mut out, b, Source::Out, b, |b, a, c| b * a + c);
            assert!((0..len).all(|i| out[i] == b[i] * a[i] + b[i]));
        });
    }
}

#[test]
fn sums_take_the_right_elements() {
    let cases: [(&[usize], &[bool]); 16] = [
        (&[3, 5], &[true, true]),
        (&[3, 5], &[true, false]),
        (&[3, 5], &[false, true]),
        (&[3, 5], &[false, false]),
        (&[300, 83], &[true, false]),
        (&[2, 70], &[false, true]),
        (&[3, 19], &[false, true]),
        (&[3, 2], &[false, true]),
        (&[3, 259], &[false, true]),
        (&[4, 3, 5, 2], &[false, true, true, false]),
        (&[4, 3, 5, 2], &[true, false, false, true]),
        (&[4, 3, 5, 2], &[true, false, true, false]),
        (&[4, 3, 5, 2, 3], &[false, true, false, true, false]),
        (&[4, 1, 5], &[false, true, false]),
        (&[], &[]),
        (&[3000, 70], &[true, false]),
    ];
    for (shape, over) in cases {
        let x = values::<f64>(shape.iter().product(), 1);
        let kept: Vec<usize> = shape.iter().zip(over).map(|(&n, &over)| if over { 1 } else { n }).collect();
        let len = kept.iter().product();
        let mut sums = vec![0.0; len];
        for (i, &x) in x.iter().enumerate() {
            sums[source(i, shape, &kept)] += x;
        }
        at_every_level_split_or_not(|| {
            let mut got = vec![f64::NAN; len];
            sum_axes(&mut got, &x, shape, over);
            assert_close(&got, &sums, x.len() as f64);
            got
        });
    }
}

#[test]
fn long_sums_in_single_precision_keep_their_digits() {
    let x = values::<f32>(1 << 20, 9).iter().map(|v| v + 1.0).collect::<Vec<_>>();
    let exact: f64 = x.iter().map(|&v| f64::from(v)).sum();
    at_every_level_split_or_not(|| {
        let (mut all, mut columns) = ([0.0f32], [0.0f32; 4]);
        sum_axes(&mut all, &x, &[1 << 20], &[true]);
        sum_axes(&mut columns, &x, &[1 << 18, 4], &[true, false]);
        let total: f64 = columns.iter().map(|&v| f64::from(v)).sum();
        assert!((f64::from(all[0]) / exact - 1.0).abs() < 1e-6, "{} instead of {exact}", all[0]);
        assert!((total / exact - 1.0).abs() < 1e-6, "{total} instead of {exact}");
        [all.as_slice(), &columns].concat()
    });
}

#[test]
fn sums_of_nothing_are_zero() {
    let mut out = [1.0f32; 3];
    sum_axes(&mut out, &[], &[0, 3], &[true, false]);
    assert_eq!(out, [0.0; 3]);
}

#[test]
fn argmax_is_the_first_of_equals_or_the_first_nan() {
    let one_by_one = |row: &[f32]| {
        let first = (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        row.iter().position(|x| x.is_nan()).unwrap_or(first)
    };
    for c in [1, 2, 5, 15, 16, 17, 31, 40, 64, 100] {
        // few different values, the last row without any, and NaN at the start of one row, within another, and twice in a third
        let mut x: Vec<f32> = values::<f32>(20 * c, 1).iter().map(|v| (v * 3.0).round()).collect();
        x[19 * c..].fill(f32::NEG_INFINITY);
        for at in [3 * c, 5 * c + c / 2, 7 * c + c / 3, 7 * c + c - 1] {
            x[at] = f32::NAN;
        }
        let wanted: Vec<usize> = x.chunks_exact(c).map(one_by_one).collect();
        at_every_level(|level| assert_eq!(argmax_last(&x, c), wanted, "{level:?}, rows of {c}"));
    }
}
