//! Full context embeddings (Vinyals et al. 2016, section 2.1.2 and appendix A): what an example is depends on the whole support.

use fewshot_autodiff::{Float, Var};
use fewshot_nn::{
    Batches, Direction, Lstm, LstmCell, LstmState, Noise, ParamBuilder, ParamSpec, Params, Tail,
};

/// A bidirectional LSTM over the support, and an LSTM by which a query reads it.
#[derive(Clone, Debug)]
pub struct FullContext {
    pass: Lstm,
    read: LstmCell,
    /// How often a query reads the support.
    pub reads: usize,
    features: usize,
    spec: ParamSpec,
}

impl FullContext {
    /// For embeddings of `features` numbers.
    pub fn new(features: usize, reads: usize) -> Self {
        let mut b = ParamBuilder::new();
        let pass = b.scope("context.pass", |b| Lstm::new(b, features, features, 1, Direction::Both));
        let read = b.scope("context.read", |b| LstmCell::new(b, 2 * features, features));
        FullContext { pass, read, reads, features, spec: b.finish() }
    }

    /// Numbers of an embedding.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The weights of the two LSTMs.
    pub fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    /// `g(x_i) = h_i (forward) + h_i (backward) + g'(x_i)` for embeddings `[n, d]`, passed in an order drawn from `noise`, or as they
    /// stand without one.
    pub(crate) fn of_support<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        noise: Option<&Noise>,
    ) -> Var<'t, F> {
        let n = x.shape()[0];
        let order = noise.map(|noise| {
            let batches = Batches { examples: n, size: n, count: 1, tail: Tail::Shared };
            noise.batches(x.tape(), batches)[0]
        });
        let x = order.map_or(x, |order| x.gather(0, order));
        let steps = x.split(0, &vec![1; n]);
        let both_ways = Var::concat(&self.pass.forward(params, &steps, None).0, 0);
        let seen = both_ways.split(1, &[x.shape()[1]; 2]).into_iter().fold(x, |sum, way| sum + way);
        order.map_or(seen, |order| seen.scatter_add(0, order, n))
    }

    /// `f(x, S)` for embeddings `[queries, d]`: in each read the state attends to the support `[n, d]` by inner products, and the LSTM
    /// takes in `[f'(x), what was read]`; its output and `f'(x)` make the next state.
    pub(crate) fn of_query<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        query: Var<'t, F>,
        support: Var<'t, F>,
    ) -> Var<'t, F> {
        let start = self.read.start(query.tape(), query.shape()[0]);
        let (mut hidden, mut cell, mut answer) = (start.hidden, start.cell, query);
        for _ in 0..self.reads {
            let read = hidden.matmul_nt(support).softmax(1).matmul(support);
            let next = self.read.forward(params, Var::concat(&[query, read], 1), LstmState { hidden, cell });
            (hidden, cell) = (next.hidden + query, next.cell);
            answer = hidden;
        }
        answer
    }
}
