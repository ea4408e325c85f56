//! Sums along axes, and the place of the greatest element.

use crate::MAX_RANK;
use crate::cost::SUM_TASK;
use crate::cpu::isa::{Isa, versions};
use crate::cpu::limits::surpasses;
use crate::cpu::small_array;
use crate::cpu::strip::{load, store, strips};
use crate::element::Element;
use crate::parallel;

/// Rows of one block of a column sum, elements per lane of one block of a row sum: blocks are added up apart, so that
/// the error grows with the block and the number of blocks, not with their product.
const BLOCK: usize = 64;
/// Lanes in which the greatest element of a row is looked for.
const LANES: usize = 16;

/// Sums over the axes where `over` holds; the others stay, in order. Sums of nothing are zero.
#[inline(never)]
pub fn sum_axes<F: Element>(out: &mut [F], x: &[F], shape: &[usize], over: &[bool]) {
    assert_eq!(shape.len(), over.len(), "sum_axes: {shape:?} over {over:?}");
    assert_eq!(x.len(), shape.iter().product::<usize>(), "sum_axes: {shape:?}");
    let kept = |(&size, &over): (&usize, &bool)| if over { 1 } else { size };
    assert_eq!(
        out.len(),
        shape.iter().zip(over).map(kept).product::<usize>(),
        "sum_axes: {shape:?} over {over:?}"
    );
    if x.is_empty() {
        return out.fill(F::zero());
    }
    let (mut groups, mut count) = ([(1, false); MAX_RANK], 0);
    for (&size, &over) in shape.iter().zip(over).filter(|&(&size, _)| size != 1) {
        if count > 0 && groups[count - 1].1 == over {
            groups[count - 1].0 *= size;
        } else {
            groups[count] = (size, over);
            count += 1;
        }
    }
    sum_groups(out, x, &groups[..count]);
}

/// For each row of `c` elements the position of the greatest, the first one on ties; of the first NaN if there is one.
#[inline(never)]
pub fn argmax_last<F: Element>(x: &[F], c: usize) -> Vec<usize> {
    assert!(c > 0 && x.len().is_multiple_of(c), "argmax: {} elements in rows of {c}", x.len());
    let mut places = vec![0; x.len() / c];
    first_greatest(&mut places, x, c);
    places
}

/// Sums over groups of axes that alternate between kept and summed.
fn sum_groups<F: Element>(out: &mut [F], x: &[F], groups: &[(usize, bool)]) {
    match *groups {
        [] | [(_, false)] => out.copy_from_slice(x),
        [ref front @ .., (size, true)] => {
            let inner = |out: &mut [F], x: &[F]| {
                parallel::chunks(out, (SUM_TASK / size).max(1), |i, out| {
                    let first = i * (SUM_TASK / size).max(1);
                    rows(out, &x[first * size..][..out.len() * size], size);
                });
            };
            if front.len() < 2 {
                inner(out, x);
            } else {
                let mut sums = vec![F::zero(); x.len() / size];
                inner(&mut sums, x);
                sum_groups(out, &sums, front);
            }
        }
        [ref front @ .., (rows, true), (cols, false)] => {
            let tall = |out: &mut [F], x: &[F]| columns_of_each(out, x, rows, cols);
            if front.len() < 2 {
                tall(out, x);
            } else {
                let mut sums = vec![F::zero(); x.len() / rows];
                tall(&mut sums, x);
                let mut groups = front.to_vec();
                let last = groups.len() - 1;
                groups[last].0 *= cols;
                sum_groups(out, &sums, &groups);
            }
        }
        _ => unreachable!("groups alternate"),
    }
}

/// Adds up the rows of each matrix `[rows, cols]`; tall ones in fixed blocks.
fn columns_of_each<F: Element>(out: &mut [F], x: &[F], rows: usize, cols: usize) {
    let tall = (SUM_TASK / cols / BLOCK * BLOCK).max(BLOCK);
    if rows <= tall && out.len() == cols {
        return columns(out, x, cols);
    }
    if rows <= tall || out.len() != cols {
        let each = (SUM_TASK / (rows * cols)).max(1);
        parallel::chunks(out, each * cols, |i, out| {
            let x = &x[i * each * rows * cols..];
            for (out, x) in out.chunks_exact_mut(cols).zip(x.chunks_exact(rows * cols)) {
                columns(out, x, cols);
            }
        });
        return;
    }
    let mut partial = vec![F::zero(); rows.div_ceil(tall) * cols];
    parallel::chunks(&mut partial, cols, |i, partial| {
        let x = &x[i * tall * cols..];
        columns(partial, &x[..x.len().min(tall * cols)], cols);
    });
    columns(out, &partial, cols);
}

versions! {
    /// The sum of each row of `size` elements.
    fn rows<F>(out: &mut [F], x: &[F], size: usize) where [F: Element] = rows_body;
    /// The sum of the rows of a matrix with `cols` columns.
    fn columns<F>(out: &mut [F], x: &[F], cols: usize) where [F: Element] = columns_body;
    /// Adds the rows of a matrix to `acc`, one after the other.
    pub fn add_rows<F>(acc: &mut [F], x: &[F]) where [F: Element] = add_rows_body;
    fn first_greatest<F>(places: &mut [usize], x: &[F], c: usize) where [F: Element] = first_greatest_body;
}

#[inline(always)]
fn first_greatest_body<F: Element, I: Isa>(places: &mut [usize], x: &[F], c: usize) {
    for (place, row) in places.iter_mut().zip(x.chunks_exact(c)) {
        *place = if c < LANES { first_of_few(row) } else { first_of_lanes(row) };
    }
}

#[inline(always)]
fn first_of_few<F: Element>(row: &[F]) -> usize {
    let (mut place, mut greatest) = (0, row[0]);
    for (i, &x) in row.iter().enumerate() {
        (place, greatest) = if surpasses(x, greatest) { (i, x) } else { (place, greatest) };
    }
    place
}

/// The greatest first, in lanes, then where it is.
#[inline(always)]
fn first_of_lanes<F: Element>(row: &[F]) -> usize {
    let larger = |a: F, b: F| if surpasses(b, a) { b } else { a };
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [row[0]; LANES];
    for block in blocks {
        for j in 0..LANES {
            lanes[j] = larger(lanes[j], block[j]);
        }
    }
    let greatest = lanes.iter().chain(rest).copied().fold(row[0], larger);
    if greatest.is_nan() {
        return row.iter().position(|x| x.is_nan()).expect("it is in the row");
    }
    let before =
        blocks.iter().take_while(|block| block.iter().fold(true, |no, &x| no & (x != greatest))).count();
    let place = row[before * LANES..].iter().position(|&x| x == greatest);
    before * LANES + place.expect("it is in the row")
}

#[inline(always)]
fn add_rows_body<F: Element, I: Isa>(acc: &mut [F], x: &[F]) {
    assert!(
        x.len().is_multiple_of(acc.len().max(1)),
        "add_rows: {} elements in rows of {}",
        x.len(),
        acc.len()
    );
    strips!(acc.len(), add_strip::<F, I>(acc, x));
}

#[inline(always)]
fn add_strip<F: Element, I: Isa, const W: usize>(col: usize, acc: &mut [F], x: &[F]) {
    let mut sums: [F; W] = load(acc, col);
    for row in 0..x.len() / acc.len() {
        let values: [F; W] = load(x, row * acc.len() + col);
        for j in 0..W {
            sums[j] += values[j];
        }
    }
    store(acc, col, sums);
}

#[inline(always)]
fn rows_body<F: Element, I: Isa>(out: &mut [F], x: &[F], size: usize) {
    for (out, row) in out.iter_mut().zip(x.chunks_exact(size)) {
        *out = sum(row);
    }
}

/// The sum of a row, in as many lanes as its length feeds.
#[inline(always)]
pub(crate) fn sum<F: Element>(row: &[F]) -> F {
    match row.len() {
        256.. => in_lanes::<F, 64>(row),
        16.. => in_lanes::<F, 16>(row),
        4.. => in_lanes::<F, 4>(row),
        _ => row.iter().copied().sum(),
    }
}

/// The sum of at least `L` elements.
#[inline(always)]
fn in_lanes<F: Element, const L: usize>(row: &[F]) -> F {
    let (lines, rest) = row.as_chunks::<L>();
    // of the last `L` elements those that are in no line
    let mut total = [F::zero(); L];
    if !rest.is_empty() {
        total = *row.last_chunk::<L>().expect("a row holds a line");
        for j in 0..L {
            total[j] = if j + rest.len() < L { F::zero() } else { total[j] };
        }
    }
    for block in lines.chunks(BLOCK) {
        let mut acc = block[0];
        for &values in &block[1..] {
            for j in 0..L {
                acc[j] += values[j];
            }
        }
        for j in 0..L {
            total[j] += acc[j];
        }
    }
    let mut lanes = L;
    while lanes > 1 {
        lanes /= 2;
        for j in 0..lanes {
            total[j] += total[j + lanes];
        }
    }
    total[0]
}

#[inline(always)]
fn columns_body<F: Element, I: Isa>(out: &mut [F], x: &[F], cols: usize) {
    // sixteen columns that end with the row take the place of ever narrower strips: those of another strip come out the same
    let even = if cols < 16 { cols } else { cols / 16 * 16 };
    strips!(even, strip_of::<F, I>(out, x, cols));
    if even < cols {
        strip_of::<F, I, 16>(cols - 16, out, x, cols);
    }
}

#[inline(always)]
fn strip_of<F: Element, I: Isa, const W: usize>(col: usize, out: &mut [F], x: &[F], cols: usize) {
    let rows = x.len() / cols;
    let mut total = [F::zero(); W];
    for start in (0..rows).step_by(BLOCK) {
        let end = rows.min(start + BLOCK);
        // a narrow sum waits for itself: four of them take turns
        let quads = if W <= 4 { (end - start) / 4 } else { 0 };
        let mut turns = [[F::zero(); W]; 4];
        for quad in 0..quads {
            let first = (start + 4 * quad) * cols + col;
            let values: [[F; W]; 4] = small_array::of(|i| load(x, first + i * cols));
            for i in 0..4 {
                for j in 0..W {
                    turns[i][j] += values[i][j];
                }
            }
        }
        let mut acc = [F::zero(); W];
        for row in start + 4 * quads..end {
            let values: [F; W] = load(x, row * cols + col);
            for j in 0..W {
                acc[j] += values[j];
            }
        }
        if quads > 0 {
            for j in 0..W {
                acc[j] += (turns[0][j] + turns[1][j]) + (turns[2][j] + turns[3][j]);
            }
        }
        for j in 0..W {
            total[j] += acc[j];
        }
    }
    store(out, col, total);
}
