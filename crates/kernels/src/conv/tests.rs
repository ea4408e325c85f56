//! Convolution and pooling against plain loops.

use crate::conv::winograd::f4::suits;
use crate::conv::winograd::strided;
use crate::conv::{ConvShape, conv, conv_dw, conv_dx};
use crate::cpu::isa::forced::at_every_level;
use crate::element::Element;
use crate::pool::{PoolShape, avg_pool, avg_pool_dx, max_pool};
use crate::testing::{assert_close, at_every_level_split_or_not, values};

/// Calls `f(output element base, input element base, weight element base)` for every window and tap inside the image.
fn taps(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    for n in 0..s.n {
        for (oy, ox) in (0..s.out_h()).flat_map(|oy| (0..s.out_w()).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..s.kh).flat_map(|ky| (0..s.kw).map(move |kx| (ky, kx))) {
                let y = (oy * s.stride[0] + ky) as isize - s.pad[0][0] as isize;
                let x = (ox * s.stride[1] + kx) as isize - s.pad[1][0] as isize;
                if (0..s.h as isize).contains(&y) && (0..s.w as isize).contains(&x) {
                    let input = (n * s.h + y as usize) * s.w + x as usize;
                    let output = (n * s.out_h() + oy) * s.out_w() + ox;
                    f(output * s.c_out, input * s.c_in, (ky * s.kw + kx) * s.c_in * s.c_out);
                }
            }
        }
    }
}

fn shapes() -> Vec<ConvShape> {
    let s = |n, hw: [usize; 2], c_in, k: [usize; 2], c_out, stride, pad| ConvShape {
        n,
        h: hw[0],
        w: hw[1],
        c_in,
        kh: k[0],
        kw: k[1],
        c_out,
        stride,
        pad,
    };
    vec![
        s(2, [5, 6], 3, [3, 3], 7, [1, 1], [[1, 1], [1, 1]]),
        s(3, [7, 7], 64, [3, 3], 64, [2, 2], [[0, 1], [0, 1]]),
        s(17, [8, 8], 1, [3, 3], 64, [2, 2], [[0, 1], [0, 1]]),
        s(19, [5, 4], 2, [3, 3], 5, [1, 1], [[1, 1], [1, 1]]),
        s(2, [4, 4], 5, [1, 1], 20, [1, 1], [[0, 0], [0, 0]]),
        s(2, [6, 5], 20, [2, 3], 33, [2, 1], [[1, 0], [0, 2]]),
        s(1, [9, 3], 4, [5, 3], 1, [3, 2], [[2, 2], [1, 1]]),
        s(2, [3, 3], 8, [3, 3], 100, [1, 1], [[0, 0], [0, 0]]),
        s(2, [4, 4], 6, [2, 2], 16, [3, 3], [[3, 3], [3, 3]]),
        s(2, [15, 14], 6, [3, 3], 8, [1, 1], [[1, 1], [1, 1]]),
        s(2, [27, 25], 1, [3, 3], 16, [1, 1], [[1, 1], [1, 1]]),
        s(5, [2, 2], 17, [3, 3], 48, [2, 2], [[1, 1], [1, 1]]),
        // several blocks of images, the last one smaller; several blocks of pixels in an image
        s(21, [4, 4], 6, [3, 3], 20, [1, 1], [[1, 1], [1, 1]]),
        s(2, [18, 17], 4, [3, 3], 8, [1, 1], [[1, 1], [1, 1]]),
        s(2, [3, 4], 80, [2, 2], 130, [1, 1], [[0, 1], [0, 1]]),
        // images that do not fit the second-level cache together
        s(9, [20, 19], 48, [3, 3], 16, [2, 2], [[1, 1], [1, 1]]),
        // rows of the weights copied into whole vectors
        s(9, [8, 8], 36, [3, 3], 100, [2, 2], [[1, 1], [1, 1]]),
        // fewer products: 3x3 with stride 1 and many channels
        s(3, [14, 12], 64, [3, 3], 68, [1, 1], [[1, 1], [1, 1]]),
        s(3, [13, 16], 16, [3, 3], 20, [1, 1], [[0, 0], [2, 1]]),
        s(9, [13, 16], 36, [3, 3], 32, [1, 1], [[0, 0], [2, 1]]),
        s(40, [6, 7], 32, [3, 3], 36, [1, 1], [[1, 1], [1, 1]]),
        // several blocks of windows beside planes of weights that no cache holds
        s(26, [7, 7], 232, [3, 3], 256, [1, 1], [[1, 1], [1, 1]]),
        // and with stride 2: outputs beside the windows before, behind, on neither side; odd sizes, and uneven padding
        s(33, [14, 14], 64, [3, 3], 64, [2, 2], [[1, 1], [1, 1]]),
        s(22, [15, 22], 36, [3, 3], 40, [2, 2], [[1, 1], [0, 1]]),
        s(40, [13, 12], 64, [3, 3], 100, [2, 2], [[0, 1], [1, 2]]),
        s(17, [17, 25], 32, [3, 3], 32, [2, 2], [[0, 0], [1, 0]]),
        s(33, [12, 12], 32, [3, 3], 36, [2, 2], [[1, 1], [1, 0]]),
        // images too small for a window of their gradient, though not of their outputs
        s(33, [5, 25], 32, [3, 3], 32, [2, 2], [[0, 2], [0, 0]]),
        s(34, [11, 10], 64, [3, 3], 64, [1, 1], [[1, 2], [1, 0]]),
    ]
}

fn check<F: Element>() {
    for s in shapes() {
        let outputs = s.n * s.out_h() * s.out_w() * s.c_out;
        let x = values::<F>(s.n * s.h * s.w * s.c_in, 1);
        let w = values::<F>(s.kh * s.kw * s.c_in * s.c_out, 2);
        let g = values::<F>(outputs, 3);
        let (mut y, mut dx, mut dw) =
            (vec![F::zero(); outputs], vec![F::zero(); x.len()], vec![F::zero(); w.len()]);
        taps(&s, |o, i, t| {
            for (a, b) in (0..s.c_in).flat_map(|a| (0..s.c_out).map(move |b| (a, b))) {
                y[o + b] += x[i + a] * w[t + a * s.c_out + b];
                dx[i + a] += g[o + b] * w[t + a * s.c_out + b];
                dw[t + a * s.c_out + b] += x[i + a] * g[o + b];
            }
        });
        let size = (s.kh * s.kw * s.c_in.max(s.c_out)).max(s.n * s.out_h() * s.out_w()) as f64;
        at_every_level_split_or_not(|| {
            let nan = F::nan();
            let (mut y2, mut dx2, mut dw2) = (vec![nan; y.len()], vec![nan; x.len()], vec![nan; w.len()]);
            conv(&mut y2, &x, &w, &s);
            conv_dx(&mut dx2, &g, &w, &s);
            conv_dw(&mut dw2, &x, &g, &s);
            assert_close(&y2, &y, size);
            assert_close(&dx2, &dx, size);
            assert_close(&dw2, &dw, size);
            [y2, dx2, dw2].concat()
        });
    }
}

#[test]
fn convolution_and_its_gradients_are_the_plain_sums() {
    check::<f32>();
    check::<f64>();
}

#[test]
fn wide_convolutions_of_stride_one_take_fewer_products() {
    let s = *shapes().last().expect("the list is not empty");
    let suits = suits::<f32>;
    assert!(suits(&s) && suits(&ConvShape { c_in: 16, c_out: 20, ..s }));
    assert!(!suits(&ConvShape { stride: [2, 2], ..s }));
    assert!(!suits(&ConvShape { c_in: 12, ..s }));
    // nine windows each
    assert!(suits(&ConvShape { n: 2, ..s }) && !suits(&ConvShape { n: 1, ..s }));
    // planes of weights that no cache holds ask for more windows
    let wide = ConvShape { n: 5, h: 7, w: 7, c_in: 512, c_out: 512, ..s };
    assert!(!suits(&wide) && suits(&ConvShape { n: 6, ..wide }) && suits(&ConvShape { c_out: 64, ..wide }));
}

#[test]
fn wide_convolutions_of_stride_two_take_fewer_products() {
    let wide = |s: &ConvShape| s.stride == [2, 2] && s.c_in.min(s.c_out) >= 32 && s.n > 9 && s.h > 9;
    let shapes: Vec<ConvShape> = shapes().into_iter().filter(wide).collect();
    assert_eq!(shapes.len(), 5);
    at_every_level(|level| {
        for s in &shapes {
            assert!(strided::suits::<f32>(s) && strided::suits::<f64>(s), "{level:?}: {s:?}");
            assert!(strided::suits_dw::<f32>(s), "{level:?}: {s:?}");
            assert!(!strided::suits::<f32>(&ConvShape { n: 1, ..*s }), "{level:?}: {s:?}");
            assert!(!strided::suits::<f32>(&ConvShape { c_in: 12, ..*s }), "{level:?}: {s:?}");
            // one window in the middle, whose neighbours have few taps
            assert!(!strided::suits::<f32>(&ConvShape { n: 99, h: 7, w: 7, pad: [[1; 2]; 2], ..*s }));
        }
    });
}

/// Root mean square of the errors of `got`, as a share of that of `wanted`.
fn error(got: &[f32], wanted: &[f64]) -> f64 {
    let squares = |x: f64| x * x;
    let errors: f64 = got.iter().zip(wanted).map(|(&got, wanted)| squares(f64::from(got) - wanted)).sum();
    (errors / wanted.iter().map(|&x| squares(x)).sum::<f64>()).sqrt()
}

#[test]
fn fewer_products_lose_few_digits() {
    let all = shapes();
    let wide = |s: &&ConvShape, stride| s.stride == [stride; 2] && [s.c_in, s.c_out] == [64; 2] && s.h > 9;
    let of_stride = |stride| all.iter().rfind(|s| wide(s, stride)).expect("the list has both");
    for (s, bound) in [(of_stride(1), 1e-6), (of_stride(2), 3e-7)] {
        let w: Vec<f32> = values(9 * s.c_in * s.c_out, 2);
        let x: Vec<f32> = values(s.n * s.h * s.w * s.c_in, 1);
        let g: Vec<f32> = values(s.n * s.out_h() * s.out_w() * s.c_out, 3);
        let exact = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let (x64, w64, g64) = (exact(&x), exact(&w), exact(&g));
        at_every_level(|level| {
            let (mut y, mut y64) = (vec![0.0; g.len()], vec![0.0; g.len()]);
            conv(&mut y, &x, &w, s);
            conv(&mut y64, &x64, &w64, s);
            let (mut dx, mut dx64) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            conv_dx(&mut dx, &g, &w, s);
            conv_dx(&mut dx64, &g64, &w64, s);
            let (mut dw, mut dw64) = (vec![0.0; w.len()], vec![0.0; w.len()]);
            conv_dw(&mut dw, &x, &g, s);
            conv_dw(&mut dw64, &x64, &g64, s);
            let errors = [error(&y, &y64), error(&dx, &dx64), error(&dw, &dw64)];
            assert!(errors.iter().all(|&e| e < bound), "{level:?}, stride {:?}: {errors:?}", s.stride);
        });
    }
}

#[test]
fn no_images_and_no_fitting_window_are_empty() {
    let s = ConvShape { n: 0, h: 4, w: 4, c_in: 2, kh: 3, kw: 3, c_out: 3, stride: [1, 1], pad: [[0, 0]; 2] };
    let w = values::<f32>(54, 1);
    let mut dw = [1.0f32; 54];
    conv(&mut [], &[], &w, &s);
    conv_dx(&mut [], &[], &w, &s);
    conv_dw(&mut dw, &[], &[], &s);
    assert_eq!(dw, [0.0; 54]);
    let s = ConvShape { n: 1, h: 2, ..s };
    assert_eq!(s.out_h(), 0);
    let mut dx = [1.0f32; 16];
    conv_dx(&mut dx, &[], &w, &s);
    assert_eq!(dx, [0.0; 16]);
}

/// Elements of `x` in each window, in reading order.
fn window(s: &PoolShape, out: usize) -> Vec<usize> {
    let (c, pixel) = (out % s.c, out / s.c);
    let (ox, oy, n) = (pixel % s.out_w(), pixel / s.out_w() % s.out_h(), pixel / s.out_w() / s.out_h());
    let mut inside = Vec::new();
    for (ky, kx) in (0..s.size[0]).flat_map(|ky| (0..s.size[1]).map(move |kx| (ky, kx))) {
        let y = (oy * s.stride[0] + ky).wrapping_sub(s.pad[0][0]);
        let x = (ox * s.stride[1] + kx).wrapping_sub(s.pad[1][0]);
        if y < s.h && x < s.w {
            inside.push(((n * s.h + y) * s.w + x) * s.c + c);
        }
    }
    inside
}

fn check_pool<F: Element>(s: &PoolShape) {
    // few different values: ties are common
    let x: Vec<F> = values::<F>(s.n * s.h * s.w * s.c, 4).iter().map(|&v| (v * F::of(2.0)).round()).collect();
    let outputs = s.n * s.out_h() * s.out_w() * s.c;
    let g = values::<F>(outputs, 5);
    let windows: Vec<Vec<usize>> = (0..outputs).map(|out| window(s, out)).collect();
    let first_greatest =
        |w: &Vec<usize>| w[1..].iter().fold(w[0], |best, &i| if x[i] > x[best] { i } else { best });
    let places: Vec<usize> = windows.iter().map(first_greatest).collect();
    let mut dx = vec![F::zero(); x.len()];
    for (w, &g) in windows.iter().zip(&g) {
        w.iter().for_each(|&i| dx[i] += g / F::of(w.len() as f64));
    }
    let mean = |w: &Vec<usize>| w.iter().map(|&i| x[i]).sum::<F>() / F::of(w.len() as f64);
    let means: Vec<F> = windows.iter().map(mean).collect();
    at_every_level_split_or_not(|| {
        let (mut max, mut found) = (vec![F::nan(); outputs], vec![F::nan(); outputs]);
        max_pool(&mut max, &mut found, &x, s);
        for i in 0..outputs {
            let first = i / (outputs / s.n) * (s.h * s.w * s.c);
            let place = first + found[i].as_f64() as usize;
            assert_eq!((place, max[i]), (places[i], x[places[i]]), "element {i} of {s:?}");
        }
        let (mut avg, mut back) = (vec![F::nan(); outputs], vec![F::nan(); x.len()]);
        avg_pool(&mut avg, &x, s);
        avg_pool_dx(&mut back, &g, s);
        assert_close(&avg, &means, 2.0);
        assert_close(&back, &dx, 4.0);
        [max, avg, back].concat()
    });
}

#[test]
fn pooling_is_the_plain_window() {
    for (c, size, stride, pad) in [
        (64, [2, 2], [2, 2], [[0, 0], [0, 0]]),
        (5, [3, 2], [2, 3], [[1, 1], [0, 1]]),
        (21, [3, 3], [1, 2], [[1, 1], [1, 1]]),
        (1, [2, 3], [2, 2], [[0, 0], [1, 0]]),
    ] {
        let s = PoolShape { n: 9, h: 7, w: 5, c, size, stride, pad };
        check_pool::<f32>(&s);
        check_pool::<f64>(&s);
    }
}

#[test]
fn max_pool_keeps_a_nan() {
    let s = PoolShape { n: 1, h: 2, w: 2, c: 1, size: [2, 2], stride: [2, 2], pad: [[0, 0]; 2] };
    at_every_level(|_| {
        let (mut out, mut places) = ([0.0f32], [9.0]);
        max_pool(&mut out, &mut places, &[1.0, f32::NAN, 3.0, 2.0], &s);
        assert!(out[0].is_nan());
        assert_eq!(places, [1.0]);
    });
}
