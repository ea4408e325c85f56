//! Matrix products, transposes and permutations against plain loops.

use crate::cpu::isa::forced::at_every_level;
use crate::cpu::prefetch::Prefetch;
use crate::element::Element;
use crate::layout::permute::{copy, permute};
use crate::layout::transpose::transpose;
use crate::matmul::dense::{Strides, add_product, replace_rows};
use crate::matmul::product::{matmul, matmuls};
use crate::reduce::distances::squared_distances;
use crate::testing::{assert_close, at_every_level_split_or_not, values};

fn transposed<F: Element>(x: &[F], rows: usize, cols: usize) -> Vec<F> {
    (0..cols).flat_map(|j| (0..rows).map(move |i| x[i * cols + j])).collect()
}

fn check<F: Element>(m: usize, k: usize, n: usize) {
    let (a, b) = (values::<F>(m * k, 1), values::<F>(k * n, 2));
    let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
    let mut wanted = vec![F::zero(); m * n];
    for (i, l) in (0..m).flat_map(|i| (0..k).map(move |l| (i, l))) {
        for j in 0..n {
            wanted[i * n + j] += a[i * k + l] * b[l * n + j];
        }
    }
    at_every_level_split_or_not(|| {
        let mut all = Vec::new();
        for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut out = vec![F::nan(); m * n];
            let (a, b) = (if trans_a { &at } else { &a }, if trans_b { &bt } else { &b });
            matmul(&mut out, a, b, m, k, n, trans_a, trans_b);
            assert_close(&out, &wanted, k as f64);
            all.extend(out);
        }
        all
    });
}

#[test]
fn products_are_the_plain_sums() {
    for m in [1, 2, 5, 7, 8, 13, 16] {
        for (k, n) in
            [(1, 1), (3, 1), (70, 1), (300, 1), (4, 2), (40, 40), (5, 17), (33, 64), (9, 100), (0, 3)]
        {
            check::<f32>(m, k, n);
            check::<f64>(m, k, n);
        }
    }
}

#[test]
fn matrices_that_follow_each_other_are_multiplied_one_by_one() {
    for [m, k, n] in
        [[10, 40, 40], [10, 40, 1], [1, 40, 10], [10, 1, 40], [40, 10, 1], [16, 130, 128], [5, 3, 17]]
    {
        let (a, b) = (values::<f32>(3 * m * k, 1), values::<f32>(3 * k * n, 2));
        at_every_level(|level| {
            for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
                let (mut all, mut each) = (vec![f32::NAN; 3 * m * n], vec![f32::NAN; 3 * m * n]);
                matmuls(&mut all, &a, &b, None, [3, m, k, n], trans_a, trans_b);
                for (out, (a, b)) in each.chunks_mut(m * n).zip(a.chunks(m * k).zip(b.chunks(k * n))) {
                    matmul(out, a, b, m, k, n, trans_a, trans_b);
                }
                assert_eq!(all, each, "[{m}, {k}] by [{k}, {n}], {trans_a} {trans_b}, {level:?}");
            }
        });
    }
}

fn check_sums<F: Element>(m: usize, k: usize, n: usize) {
    let (a, b, c) = (values::<F>(3 * m * k, 1), values::<F>(3 * k * n, 2), values::<F>(3 * m * n, 3));
    at_every_level(|level| {
        for (trans_a, trans_b) in [(false, false), (true, false), (false, true)] {
            let (mut sums, mut products) = (vec![F::nan(); 3 * m * n], vec![F::nan(); 3 * m * n]);
            matmuls(&mut sums, &a, &b, Some(&c), [3, m, k, n], trans_a, trans_b);
            matmuls(&mut products, &a, &b, None, [3, m, k, n], trans_a, trans_b);
            products.iter_mut().zip(&c).for_each(|(product, &c)| *product += c);
            assert!(sums == products, "[{m}, {k}] by [{k}, {n}], {trans_a} {trans_b}, {level:?}");
        }
    });
}

#[test]
fn what_is_added_to_products_is_added_at_the_end() {
    for [m, k, n] in
        [[10, 40, 40], [40, 10, 33], [10, 1, 3], [1, 40, 10], [7, 20, 1], [5, 0, 4], [9, 150, 200]]
    {
        check_sums::<f32>(m, k, n);
        check_sums::<f64>(m, k, n);
    }
    // more than a part of the inner dimension
    check_sums::<f32>(3, 5000, 50);
}

fn check_added<F: Element>(m: usize, k: usize, n: usize) {
    let (a, b, before) = (values::<F>(m * k, 1), values::<F>(k * n, 2), values::<F>(m * n, 3));
    let at = transposed(&a, m, k);
    at_every_level(|_| {
        let mut wanted = vec![F::nan(); m * n];
        matmul(&mut wanted, &a, &b, m, k, n, false, false);
        wanted.iter_mut().zip(&before).for_each(|(w, &x)| *w += x);
        for (a, strides) in [(&a, Strides { row: k, column: 1 }), (&at, Strides { row: 1, column: m })] {
            let (mut out, mut prefetching) = (before.clone(), before.clone());
            add_product(&mut out, a, strides, &b, [m, k, n], None);
            assert_close(&out, &wanted, k as f64);
            add_product(
                &mut prefetching,
                a,
                strides,
                &b,
                [m, k, n],
                Some(Prefetch::new([&b, &before], m * k)),
            );
            assert!(prefetching == out, "prefetching for what is needed next changes nothing");
        }
    });
}

#[test]
fn products_are_added_to_what_is_there() {
    for (m, k, n) in [(64, 24, 64), (5, 3, 16), (20, 100, 80), (7, 1, 32), (3, 3000, 48)] {
        check_added::<f32>(m, k, n);
        check_added::<f64>(m, k, n);
    }
}

#[test]
#[should_panic(expected = "windows of 5 columns overlap")]
fn windows_that_would_add_twice_are_refused() {
    add_product(&mut [0.0f32; 10], &[1.0; 4], Strides { row: 2, column: 1 }, &[1.0; 10], [2, 2, 5], None);
}

fn check_replaced<F: Element>(m: usize, k: usize, n: usize, row: usize) {
    let (before, b) = (values::<F>(m * row, 1), values::<F>(k * n, 2));
    let a: Vec<F> = before.chunks(row).flat_map(|row| row[..k].to_vec()).collect();
    at_every_level(|_| {
        let mut product = vec![F::nan(); m * n];
        matmul(&mut product, &a, &b, m, k, n, false, false);
        for prefetch in [None, Some(Prefetch::new([&b, &before], m * k))] {
            let mut rows = before.clone();
            replace_rows(&mut rows, row, &b, [m, k, n], prefetch);
            for ((row, before), product) in rows.chunks(row).zip(before.chunks(row)).zip(product.chunks(n)) {
                assert_close(&row[..n], product, k as f64);
                assert!(row[k.max(n)..] == before[k.max(n)..], "what lies between rows stays");
            }
        }
    });
}

#[test]
fn rows_are_replaced_by_their_products() {
    for (m, k, n) in [(24, 64, 64), (25, 64, 32), (12, 32, 64), (24, 48, 48), (13, 20, 20), (30, 64, 128)] {
        for row in [k.max(n), k.max(n) + 3] {
            check_replaced::<f32>(m, k, n, row);
            check_replaced::<f64>(m, k, n, row);
        }
    }
    // B is too large to stay in the cache, so rows are read on after the first part of the sums is written
    check_replaced::<f32>(13, 2500, 64, 2500);
    check_replaced::<f64>(7, 2500, 32, 2500);
}

#[test]
#[should_panic(expected = "rows of 5 elements")]
fn rows_that_overlap_are_refused() {
    replace_rows(&mut [0.0f32; 30], 5, &[1.0; 36], [2, 6, 6], None);
}

#[test]
fn products_in_blocks_are_the_plain_sums() {
    for (m, k, n) in [
        (13, 300, 70),
        (131, 700, 20),
        (200, 1100, 3),
        (50, 2100, 9),
        (5, 2100, 70),
        (8, 2100, 41),
        (100, 2100, 64),
    ] {
        check::<f32>(m, k, n);
        check::<f64>(m, k, n);
    }
}

#[test]
fn large_products_are_the_plain_sums() {
    check::<f32>(1030, 256, 70);
    check::<f64>(600, 300, 100);
    // fewer elements to be transposed in rows of A and of the output than in B
    check::<f32>(70, 256, 1030);
    check::<f64>(90, 300, 700);
}

#[test]
fn transposing_swaps_rows_and_columns() {
    for (rows, cols) in [(1, 5), (5, 3), (5, 7), (16, 16), (40, 40), (17, 64), (33, 47), (3, 0), (0, 3)] {
        let x = values::<f32>(rows * cols, 3);
        let y = values::<f64>(rows * cols, 3);
        at_every_level(|_| {
            let (mut a, mut b) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            transpose(&mut a, &x, rows, cols);
            transpose(&mut b, &y, rows, cols);
            assert_eq!((a, b), (transposed(&x, rows, cols), transposed(&y, rows, cols)));
        });
    }
}

#[test]
fn permuting_moves_every_element() {
    let cases: [(&[usize], &[usize]); 9] = [
        (&[3, 4], &[1, 0]),
        (&[2, 5, 3, 4], &[0, 2, 3, 1]),
        (&[2, 5, 3, 4], &[0, 3, 1, 2]),
        (&[2, 3, 4], &[2, 1, 0]),
        (&[2, 3, 4], &[1, 0, 2]),
        (&[2, 1, 4], &[1, 0, 2]),
        (&[2, 3, 4, 5, 6], &[3, 0, 4, 2, 1]),
        (&[], &[]),
        (&[2, 0, 3], &[2, 0, 1]),
    ];
    for (shape, axes) in cases {
        let x = values::<f64>(shape.iter().product(), 7);
        let mut out = vec![f64::NAN; x.len()];
        permute(&mut out, &x, shape, axes);
        for (i, &value) in out.iter().enumerate() {
            let (mut rest, mut from) = (i, 0);
            for &axis in axes.iter().rev() {
                from += rest % shape[axis] * shape[axis + 1..].iter().product::<usize>();
                rest /= shape[axis];
            }
            assert_eq!(value, x[from], "element {i} of {shape:?} by {axes:?}");
        }
    }
}

#[test]
fn distances_are_the_plain_sums() {
    for (n, m, width) in [
        (1, 1, 1),
        (3, 5, 7),
        (2000, 3, 9),
        (4, 2, 0),
        // side by side: columns filled up, by less than a vector or not at all; a lone last row
        (70, 40, 64),
        (7, 8, 130),
        (1, 33, 3),
        (5, 32, 10),
        (300, 21, 65),
    ] {
        let (a, b) = (values::<f32>(n * width, 1), values::<f32>(m * width, 2));
        let row = |x: &[f32], i: usize| x[i * width..][..width].to_vec();
        let distance = |i, j| row(&a, i).iter().zip(row(&b, j)).map(|(x, y)| (x - y) * (x - y)).sum::<f32>();
        let wanted: Vec<f32> =
            (0..n).flat_map(|i| (0..m).map(move |j| (i, j))).map(|(i, j)| distance(i, j)).collect();
        at_every_level_split_or_not(|| {
            let mut out = vec![f32::NAN; n * m];
            squared_distances(&mut out, &a, &b, width);
            assert_close(&out, &wanted, 4.0 * width as f64);
            out
        });
    }
}

#[test]
fn copies_are_whole_split_or_not() {
    for len in [0, 1, 32_768, 32_769, 100_000] {
        let x = values::<f32>(len, 1);
        at_every_level_split_or_not(|| {
            let mut out = vec![f32::NAN; len];
            copy(&mut out, &x);
            assert!(out == x, "{len}");
            out
        });
    }
}
