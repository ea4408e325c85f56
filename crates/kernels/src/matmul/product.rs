//! Dense products of matrices.

#![allow(unsafe_code)]

use crate::buffer::Buffer;
use crate::cost::is_large;
use crate::element::Element;
use crate::elementwise::map::add_assign;
use crate::layout::transpose::transpose;
use crate::matmul::dense::{self, Strides};
use crate::matmul::gemm::Strided;
use crate::matmul::gemv::dots;
use crate::parallel;

/// Rows of one call for a large product: fixed, so that results do not depend on threads.
const LARGE_ROWS: usize = 512;
/// Most rows of A, and least elements of B, for which transposing B would take longer than the product itself.
const NARROW: usize = 16;
const WIDE: usize = 128 * 128;

/// `out[m, n] = op(a)[m, k] op(b)[k, n]`, row-major.
///
/// `a` is `[m, k]`, or `[k, m]` where `trans_a`; `b` is `[k, n]`, or `[n, k]` where `trans_b`.
#[allow(clippy::too_many_arguments)]
pub fn matmul<F: Element>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    m: usize,
    k: usize,
    n: usize,
    trans_a: bool,
    trans_b: bool,
) {
    matmuls(out, a, b, None, [1, m, k, n], trans_a, trans_b);
}

/// [`matmul`] of several matrices that follow each other: `size` is `[matrices, m, k, n]`. Added to `add`, as long as the output, if
/// given.
#[inline(never)]
pub fn matmuls<F: Element>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    add: Option<&[F]>,
    size @ [count, m, k, n]: [usize; 4],
    trans_a: bool,
    trans_b: bool,
) {
    let lengths = (count * m * n, count * m * k, count * k * n);
    assert_eq!((out.len(), a.len(), b.len()), lengths, "matmul: {count} times [{m}, {k}] by [{k}, {n}]");
    if out.is_empty() {
        return;
    }
    assert!(add.is_none_or(|add| add.len() == out.len()), "matmul: what it is added to");
    match (k, m, n) {
        (0, ..) => out.fill(F::zero()),
        // a vector is its own transpose
        (_, _, 1) if trans_a => return rows(out, b, a, add, [count, 1, k, m], false),
        (_, _, 1) => dots(out, a, b, k),
        (_, 1, _) if trans_b => dots(out, b, a, k),
        (_, 1, _) => return rows(out, a, b, add, [count, 1, k, n], false),
        _ if is_large(m, k, n) || trans_b && !trans_a && k > 1 && is_narrow(m, k, n) => {
            for i in 0..count {
                let (out, a, b) = (&mut out[i * m * n..], &a[i * m * k..], &b[i * k * n..]);
                apart(&mut out[..m * n], &a[..m * k], &b[..k * n], [m, k, n], trans_a, trans_b);
            }
        }
        _ if trans_b && k > 1 => return with_second_transposed(out, a, b, add, size, trans_a),
        _ => return rows(out, a, b, add, size, trans_a),
    }
    if let Some(add) = add {
        add_assign(out, add);
    }
}

/// A large product, or one whose transposed second factor is left as it lies.
fn apart<F: Element>(out: &mut [F], a: &[F], b: &[F], [m, k, n]: [usize; 3], trans_a: bool, trans_b: bool) {
    if trans_a || !trans_b || !is_narrow(m, k, n) {
        return large(out, a, b, [m, k, n], trans_a, trans_b);
    }
    // transposes A and the output, and not B
    let (mut transposed_a, mut transposed_out) = (Buffer::dirty(a.len()), Buffer::dirty(out.len()));
    transpose(transposed_a.data_mut(), a, m, k);
    parallel::chunks(transposed_out.data_mut(), LARGE_ROWS * m, |i, transposed_out| {
        let count = transposed_out.len() / m;
        rows(
            transposed_out,
            &b[i * LARGE_ROWS * k..][..count * k],
            transposed_a.data(),
            None,
            [1, count, k, m],
            false,
        );
    });
    transpose(out, transposed_out.data(), n, m);
}

/// Products whose second factors are transposed.
fn with_second_transposed<F: Element>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    add: Option<&[F]>,
    [count, m, k, n]: [usize; 4],
    trans_a: bool,
) {
    let mut transposed = Buffer::dirty(k * n);
    for i in 0..count {
        let (own, a) = (i * m * n..(i + 1) * m * n, &a[i * m * k..][..m * k]);
        transpose(transposed.data_mut(), &b[i * k * n..][..k * n], n, k);
        let add = add.map(|add| &add[own.clone()]);
        rows(&mut out[own], a, transposed.data(), add, [1, m, k, n], trans_a);
    }
}

/// Whether a product with a transposed second factor transposes the first factor and the output instead: where transposing the second
/// takes longer than the product itself; and where a product is large, for which `gemm` takes up to three times as long with a
/// transposed factor, and the other two have no more elements.
fn is_narrow(m: usize, k: usize, n: usize) -> bool {
    if is_large(m, k, n) { m * (k + n) <= k * n } else { m <= NARROW && n * k >= WIDE }
}

/// The register tile over rows of A where they lie.
fn rows<F: Element>(
    out: &mut [F],
    a: &[F],
    b: &[F],
    add: Option<&[F]>,
    size @ [_, m, k, _]: [usize; 4],
    trans_a: bool,
) {
    let strides = if trans_a { Strides { row: 1, column: m } } else { Strides { row: k, column: 1 } };
    dense::products(out, a, strides, b, add, size);
}

/// `out = a b`, `[m, n]`, in fixed blocks of rows; `a` and `b` lie transposed where it is said.
fn large<F: Element>(out: &mut [F], a: &[F], b: &[F], [m, k, n]: [usize; 3], trans_a: bool, trans_b: bool) {
    let [a_row, a_column] = if trans_a { [1, m] } else { [k, 1] };
    let [b_row, b_column] = if trans_b { [1, k] } else { [n, 1] };
    parallel::chunks(out, LARGE_ROWS * n, |i, out| {
        let (rows, a) = (out.len() / n, &a[i * LARGE_ROWS * a_row..]);
        // transposed, out^T = b^T a^T: its micro-kernels write columns
        let out = Strided { first: out.as_mut_ptr(), column: n as isize, row: 1 };
        let a = Strided { first: a.as_ptr(), column: a_row as isize, row: a_column as isize };
        let b = Strided { first: b.as_ptr(), column: b_row as isize, row: b_column as isize };
        // SAFETY: `matmul` has compared the lengths of all three slices with m, k and n, and the strides are those of
        // matrices of these sizes; `out` holds the rows of this block alone.
        unsafe { F::product(out, b, a, [n, k, rows]) };
    });
}
