//! Rows of operators on arrays of any shape.

use fewshot_autodiff::{Transpose, Triangle, Var};

use super::{Row, any, positive, row, seeded, spd};

pub fn elementwise(rows: &mut Vec<Row>) {
    let x = || [any(&[3, 4])];
    let p = || [positive(&[5])];
    rows.extend([
        row("neg", &x(), |_, x| -x[0] * x[0]),
        row("powi", &x(), |_, x| x[0].powi(3)).third(),
        row("powi negative", &p(), |_, x| x[0].powi(-2)),
        row("powf", &p(), |_, x| x[0].powf(1.7)).third(),
        row("square", &x(), |_, x| x[0].square()),
        row("sqrt", &p(), |_, x| x[0].sqrt()).third(),
        row("recip", &p(), |_, x| x[0].recip()),
        row("safe_recip", &p(), |_, x| x[0].safe_recip()),
        row("exp", &x(), |_, x| x[0].exp()).third(),
        row("ln", &p(), |_, x| x[0].ln()),
        row("sin", &x(), |_, x| x[0].sin()),
        row("cos", &x(), |_, x| x[0].cos()),
        row("tanh", &x(), |_, x| x[0].tanh()).third(),
        row("sigmoid", &x(), |_, x| x[0].sigmoid()).third(),
        row("softplus", &x(), |_, x| x[0].softplus()),
        row("erf", &x(), |_, x| x[0].erf()),
        row("relu", &x(), |_, x| (x[0] * x[0] * x[0]).relu()),
        row("leaky_relu", &x(), |_, x| (x[0] * x[0] * x[0]).leaky_relu(0.1)),
        row("elu", &x(), |_, x| x[0].elu(0.8)),
        row("gelu", &x(), |_, x| x[0].gelu()),
        row("abs", &x(), |_, x| (x[0] * x[0] * x[0]).abs()),
        row("sign", &x(), |_, x| x[0].sign() * x[0].square()),
        row("max_scalar", &x(), |_, x| x[0].square().max_scalar(0.4)),
        row("min_scalar", &x(), |_, x| x[0].square().min_scalar(0.4)),
        row("clamp", &x(), |_, x| x[0].powi(3).clamp(-0.4, 0.5)),
    ]);
}

pub fn binary(rows: &mut Vec<Row>) {
    let same = || [any(&[2, 3]), seeded(&[2, 3], 0.9)];
    let bias = || [any(&[2, 3]), seeded(&[3], 0.9)];
    let outer = || [any(&[2, 1]), seeded(&[1, 3], 0.9)];
    let scalar = || [any(&[]), seeded(&[2, 3], 0.9)];
    let base = || [positive(&[2, 3]), seeded(&[3], 0.9)];
    rows.extend([
        row("add", &same(), |_, x| (x[0] + x[1]).square()),
        row("add bias", &bias(), |_, x| (x[0] + x[1]).square()),
        row("add number", &[any(&[4])], |_, x| (1.5 + x[0] + 2.0).square()),
        row("sub", &outer(), |_, x| (x[0] - x[1]).powi(3)).third(),
        row("sub number", &[any(&[4])], |_, x| (1.0 - x[0] - 0.5).square()),
        row("mul", &bias(), |_, x| x[0] * x[1] * x[0]),
        row("mul scalar", &scalar(), |_, x| x[0] * x[1] * x[0]),
        row("div", &same(), |_, x| x[0] / x[1]).third(),
        row("div outer", &outer(), |_, x| x[0] / x[1]),
        row("div number", &[positive(&[4])], |_, x| 2.0 / x[0] / 3.0),
        row("pow", &base(), |_, x| x[0].pow(x[1])),
        row("maximum", &same(), |_, x| x[0].powi(3).maximum(x[1].square())),
        row("minimum", &bias(), |_, x| x[0].powi(3).minimum(x[1].square())),
        row("gt", &same(), |_, x| x[0].gt(x[1]) * x[0].square()),
        row("ge", &same(), |_, x| x[0].ge(x[1]) * x[0].square()),
        row("lt", &bias(), |_, x| x[0].lt(x[1]) * x[0].square()),
        row("le", &bias(), |_, x| x[0].le(x[1]) * x[0].square()),
        row("select", &bias(), |_, x| x[0].gt(x[1]).select(x[0].square(), x[1].powi(3))),
    ]);
}

pub fn reductions(rows: &mut Vec<Row>) {
    let x = || [any(&[2, 3, 4])];
    rows.extend([
        row("sum", &x(), |_, x| x[0].square().sum()),
        row("mean", &x(), |_, x| x[0].powi(3).mean()),
        row("sum_axes", &x(), |_, x| x[0].square().sum_axes(&[0, 2])),
        row("keep_sum", &x(), |_, x| x[0] * x[0].square().keep_sum(&[1])),
        row("mean_axes", &x(), |_, x| x[0].powi(3).mean_axes(&[1])),
        row("variance", &x(), |_, x| x[0].variance(&[0, 2])),
        row("norm", &x(), |_, x| x[0].norm()).third(),
        row("norm_axis", &x(), |_, x| x[0].norm_axis(1)),
        row("cumprod", &x(), |_, x| x[0].cumprod(1)).third(),
        row("max_axes", &x(), |_, x| x[0].powi(3).max_axes(&[2])),
        row("max_axes inner", &x(), |_, x| x[0].powi(3).max_axes(&[0, 1])),
        row("min_axes", &x(), |_, x| x[0].powi(3).min_axes(&[1])),
        row("logsumexp", &x(), |_, x| x[0].logsumexp(2)).third(),
        row("logsumexp inner", &x(), |_, x| x[0].logsumexp(1)),
        row("softmax", &x(), |_, x| x[0].softmax(2)).third(),
        row("softmax inner", &x(), |_, x| x[0].softmax(0)),
        row("log_softmax", &x(), |_, x| x[0].log_softmax(2)),
        row("log_softmax inner", &x(), |_, x| x[0].log_softmax(1)),
    ]);
}

pub fn layout(rows: &mut Vec<Row>) {
    let x = || [any(&[2, 3, 4])];
    let pair = || [any(&[2, 3]), seeded(&[2, 5], 0.9)];
    rows.extend([
        row("sum_to", &x(), |_, x| x[0].square().sum_to(&[3, 1])),
        row("broadcast_to", &[any(&[3, 1])], |_, x| x[0].broadcast_to(&[2, 3, 4]).square()),
        row("reshape", &x(), |_, x| x[0].reshape(&[6, 4]).square()),
        row("flatten", &x(), |_, x| x[0].flatten().square()),
        row("insert_axis", &x(), |_, x| x[0].insert_axis(1).square()),
        row("remove_axis", &[any(&[3, 1, 2])], |_, x| x[0].remove_axis(1).square()),
        row("permute", &x(), |_, x| x[0].permute(&[2, 0, 1]).powi(3)),
        row("t", &[any(&[2, 5])], |_, x| x[0].t().square()),
        row("concat", &pair(), |_, x| Var::concat(&[x[0], x[1], x[0]], 1).powi(3)),
        row("stack", &[any(&[2, 3]), seeded(&[2, 3], 0.9)], |_, x| Var::stack(&[x[0], x[1]], 1).powi(3)),
        row("slice", &x(), |_, x| x[0].slice(1, 1..3).square()),
        row("split", &x(), |_, x| {
            let parts = x[0].split(2, &[1, 3]);
            parts[0] * parts[1].square()
        })
        .third(),
        row("split in part", &x(), |_, x| {
            let parts = x[0].split(1, &[1, 0, 1, 1]);
            parts[0].powi(3) * parts[3]
        }),
        row("crop", &x(), |_, x| x[0].crop(&[0..1, 1..3, 2..4]).square()),
        row("pad", &x(), |_, x| x[0].pad(&[(1, 0), (0, 2), (1, 1)]).powi(3)),
        row("gather", &x(), |_, x| x[0].gather(1, &[2, 0, 2, 1]).powi(3)),
        row("scatter_add", &x(), |_, x| x[0].scatter_add(1, &[3, 0, 3], 5).powi(3)),
        row("detach", &x(), |_, x| x[0].square() * x[0].sign().detach()),
        row("gather on the tape", &x(), |t, x| x[0].gather(1, t.index(&[2, 0])).powi(3)),
        row("one_hot", &[any(&[3, 4])], |t, x| x[0].square() * t.one_hot(&[2, 0, 3], 4)),
    ]);
}

pub fn products(rows: &mut Vec<Row>) {
    let pair = |a: &[usize], b: &[usize]| [any(a), seeded(b, 0.9)];
    rows.extend([
        row("matmul", &pair(&[2, 3], &[3, 4]), |_, x| x[0].matmul(x[1]).square()).third(),
        row("matmul bias leaky_relu", &[any(&[2, 3]), seeded(&[3, 4], 0.9), seeded(&[4], 0.5)], |_, x| {
            (x[0].matmul(x[1]) + x[2]).leaky_relu(0.1)
        }),
        row("matmul batched", &pair(&[2, 2, 3], &[2, 3, 4]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul one for all", &pair(&[2, 2, 3], &[3, 4]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul vector", &pair(&[5, 3], &[3, 1]), |_, x| x[0].matmul(x[1]).square()),
        row("matmul_nt", &pair(&[2, 3], &[4, 3]), |_, x| x[0].matmul_nt(x[1]).square()),
        row("matmul_nt batched", &pair(&[3, 2, 3], &[3, 4, 3]), |_, x| x[0].matmul_nt(x[1]).square()),
        row("matmul_tn", &pair(&[3, 2], &[3, 4]), |_, x| x[0].matmul_tn(x[1]).square()),
        row("matmul_tn batched", &pair(&[2, 3, 2], &[2, 3, 4]), |_, x| x[0].matmul_tn(x[1]).square()),
        row("squared_distances", &pair(&[3, 9], &[4, 9]), |_, x| x[0].squared_distances(x[1]).square()),
        row("cosine_similarity", &pair(&[3, 5], &[4, 5]), |_, x| x[0].cosine_similarity(x[1])),
        row("lstm_gates", &pair(&[3, 8], &[3, 2]), |_, x| {
            let (hidden, cell) = x[0].lstm_gates(x[1]);
            hidden.square() + cell.powi(3)
        })
        .third(),
        row("lstm_gates hidden alone", &pair(&[2, 12], &[2, 3]), |_, x| x[0].lstm_gates(x[1]).0.square()),
        row("lstm_gates cell alone", &pair(&[12], &[3]), |_, x| x[0].lstm_gates(x[1]).1.powi(3)),
        row("cholesky", &[spd(4)], |_, x| x[0].cholesky().expect("it is").square()),
        row("solve_spd", &[spd(3), any(&[3, 2])], |_, x| x[0].solve_spd(x[1]).expect("it is")),
    ]);
    for (name, triangle, transpose) in [
        ("solve_triangular lower", Triangle::Lower, Transpose::No),
        ("solve_triangular lower transposed", Triangle::Lower, Transpose::Yes),
        ("solve_triangular upper", Triangle::Upper, Transpose::No),
        ("solve_triangular upper transposed", Triangle::Upper, Transpose::Yes),
    ] {
        rows.push(row(name, &[spd(3), any(&[3, 2])], move |_, x| {
            x[0].solve_triangular(x[1], triangle, transpose)
        }));
    }
}
