//! A small network and small distributions of tasks.
#![allow(dead_code)] // each test file uses some of it

pub mod point;
pub mod scaled;
pub mod score;
pub mod smooth;

use fewshot_autodiff::{Activation, Float, Var};
use fewshot_episodes::{ChaCha8Rng, Episode, Outputs, Purpose, RngExt, Set, Targets, Tasks, stream};
use fewshot_nn::{BatchNorm, Linear, Model, NormAffine, ParamBuilder, ParamSpec, Params, Pass};
use ndarray::ArrayD;

pub const FEATURES: usize = 6;
pub const WAYS: usize = 3;

/// Linear, batch norm (or none), ReLU, linear.
pub struct Net {
    hidden: Linear,
    norm: Option<BatchNorm>,
    head: Linear,
    spec: ParamSpec,
}

impl Net {
    pub fn new(inputs: usize, outputs: usize, norm: Option<NormAffine>) -> Self {
        let mut b = ParamBuilder::new();
        let hidden = b.scope("hidden", |b| Linear::new(b, inputs, 16));
        let norm = norm.map(|affine| b.scope("hidden.norm", |b| BatchNorm::new(b, 16, affine, 1e-5)));
        let head = b.scope("head", |b| Linear::new(b, 16, outputs));
        Net { hidden, norm, head, spec: b.finish() }
    }

    /// For [`Blobs`], with batch norm.
    pub fn normed() -> Self {
        Net::new(FEATURES, WAYS, Some(NormAffine::ScaleShift))
    }

    /// For [`Blobs`], without batch norm.
    pub fn plain() -> Self {
        Net::new(FEATURES, WAYS, None)
    }
}

impl<F: Float> Model<F> for Net {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    fn forward<'t>(&self, p: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let h = self.hidden.forward(p, x);
        let h = match &self.norm {
            Some(norm) => norm.forward(p, h, Activation::Relu, pass),
            None => h.relu(),
        };
        self.head.forward(p, h)
    }
}

/// How query labels go with query examples.
#[derive(Clone, Copy, PartialEq)]
pub enum QueryLabels {
    /// As the examples were drawn.
    Right,
    /// In random order: nothing can be learned from them.
    Shuffled,
}

/// Classification of points around random centres, `shots[i]` support examples of class `i`.
pub struct Blobs {
    pub seed: u64,
    pub shots: [usize; WAYS],
    pub queries: usize,
    pub labels: QueryLabels,
    /// Every index gives this episode, if there is one.
    pub only: Option<u64>,
}

impl Blobs {
    pub fn new(seed: u64) -> Self {
        Blobs { seed, shots: [2; WAYS], queries: 4, labels: QueryLabels::Right, only: None }
    }
}

fn points(rng: &mut ChaCha8Rng, centres: &[Vec<f64>], counts: [usize; WAYS]) -> Set {
    let classes: Vec<usize> = (0..WAYS).flat_map(|class| vec![class; counts[class]]).collect();
    let x: Vec<f32> = classes
        .iter()
        .flat_map(|&class| centres[class].iter().map(|c| (c + 0.5 * rng.normal()) as f32).collect::<Vec<_>>())
        .collect();
    let x = ArrayD::from_shape_vec(vec![classes.len(), FEATURES], x).unwrap();
    Set::new(x, Targets::Classes(classes))
}

impl Tasks for Blobs {
    fn episode(&self, i: u64) -> Episode {
        let mut rng = stream(self.seed, Purpose::Train, self.only.unwrap_or(i));
        let centres: Vec<Vec<f64>> =
            (0..WAYS).map(|_| (0..FEATURES).map(|_| rng.normal()).collect()).collect();
        let support = points(&mut rng, &centres, self.shots);
        let mut query = points(&mut rng, &centres, [self.queries; WAYS]);
        if let (QueryLabels::Shuffled, Targets::Classes(classes)) = (self.labels, &mut query.y) {
            rng.shuffle(classes);
        }
        Episode { support, query, ways: Some(WAYS) }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![FEATURES]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(WAYS)
    }
}

/// Regression of lines `y = a x + b` with random a and b.
pub struct Lines {
    pub seed: u64,
}

impl Tasks for Lines {
    fn episode(&self, i: u64) -> Episode {
        let mut rng = stream(self.seed, Purpose::Train, i);
        let (a, b) = (rng.normal(), rng.normal());
        let mut set = || {
            let x: Vec<f32> = (0..8).map(|_| rng.uniform(-1.0, 1.0) as f32).collect();
            let y = x.iter().map(|&x| (a * f64::from(x) + b) as f32).collect();
            let column = |values| ArrayD::from_shape_vec(vec![8, 1], values).unwrap();
            Set::new(column(x), Targets::Values(column(y)))
        };
        Episode { support: set(), query: set(), ways: None }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![1]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Values(1)
    }
}
