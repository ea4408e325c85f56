//! The two networks of a Relation network (Sung et al. 2018: "Learning to Compare: Relation Network for Few-Shot Learning", CVPR).

use fewshot_autodiff::{Activation, Conv, Float, Padding, Pool, Var};

use crate::conv::{Conv2d, ConvNorm};
use crate::init::{Bias, Init};
use crate::linear::Linear;
use crate::model::{Model, Pass};
use crate::norm::NormAffine;
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// Epsilon of the norms (PyTorch's default, as released).
const EPS: f64 = 1e-5;

/// Sizes of a Relation network: `encoder` and `module` make its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationConfig {
    /// Height and width of the images, in pixels.
    pub size: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Channels of every convolution.
    pub filters: usize,
    /// Outputs of the module's first dense layer.
    pub hidden: usize,
    /// Zeros around the images of the module's convolutions: 1 for Omniglot, 0 for larger images.
    pub padding: usize,
}

impl RelationConfig {
    /// For 28x28 grey images (paper and released code).
    pub fn omniglot() -> Self {
        RelationConfig { size: 28, channels: 1, filters: 64, hidden: 8, padding: 1 }
    }

    /// For 84x84 colour images.
    pub fn mini_imagenet() -> Self {
        RelationConfig { size: 84, channels: 3, padding: 0, ..Self::omniglot() }
    }

    /// Height and width of the encoder's feature maps.
    fn map_size(&self) -> usize {
        (0..2).fold(self.size, |size, _| size.saturating_sub(2) / 2)
    }

    /// Height and width of what the module's dense layers see.
    fn last_size(&self) -> usize {
        (0..2).fold(self.map_size(), |size, _| (size + 2 * self.padding).saturating_sub(2) / 2)
    }

    /// The encoder: images `[n, size, size, channels]` to feature maps `[n, h, w, filters]`, 5x5 for Omniglot and 19x19 for miniImageNet.
    ///
    /// # Panics
    /// When the images are too small for two poolings.
    #[track_caller]
    pub fn encoder(&self) -> RelationEncoder {
        assert!(self.last_size() > 0, "RelationConfig: images of {} pixels are too small", self.size);
        let mut b = ParamBuilder::new();
        let blocks = (0..4).map(|i| {
            let c_in = if i == 0 { self.channels } else { self.filters };
            let block = block(&mut b, &format!("block{}", i + 1), c_in, self.filters, usize::from(i > 1));
            if i < 2 { block.with_pool(Pool::valid(2)) } else { block }
        });
        let blocks = blocks.collect();
        b.takes(Input::Shape(vec![self.size, self.size, self.channels]));
        b.sign("network", "RelationEncoder");
        RelationEncoder { blocks, spec: b.finish() }
    }

    /// The relation module: pairs of feature maps, concatenated along the channels, `[pairs, h, w, 2 filters]` to logits `[pairs, 1]` of the
    /// relation scores.
    pub fn module(&self) -> RelationModule {
        let mut b = ParamBuilder::new();
        let blocks = (0..2).map(|i| {
            let c_in = if i == 0 { 2 * self.filters } else { self.filters };
            let name = format!("{}{}", RelationModule::PREFIX, i + 1);
            block(&mut b, &name, c_in, self.filters, self.padding).with_pool(Pool::valid(2))
        });
        let blocks = blocks.collect();
        let mut dense = |name: &str, inputs, outputs| b.scope(name, |b| dense(b, inputs, outputs));
        let first = dense("relation3", self.filters * self.last_size().pow(2), self.hidden);
        let second = dense("relation4", self.hidden, 1);
        b.sign("module", "RelationModule");
        RelationModule { blocks, dense: [first, second], spec: b.finish() }
    }
}

/// Convolution, norm and ReLU as released: `N(0, sqrt(2 / (9 c_out)))`, biases 0.
fn block(b: &mut ParamBuilder, name: &str, c_in: usize, c_out: usize, padding: usize) -> ConvNorm {
    let how = Conv { stride: [1; 2], padding: Padding::all(padding) };
    let weight = Init::Normal { std: (2.0 / (9 * c_out) as f64).sqrt() };
    let conv = |b: &mut ParamBuilder| Conv2d::with_init(b, [3, 3, c_in, c_out], how, weight, Bias::Zeros);
    b.scope(name, |b| ConvNorm::new(b, conv, c_out, NormAffine::ScaleShift, EPS))
}

/// A dense layer as released: `N(0, 0.01)`, biases 1.
fn dense(b: &mut ParamBuilder, inputs: usize, outputs: usize) -> Linear {
    Linear::with_init(b, inputs, outputs, Init::Normal { std: 0.01 }, Bias::Of(Init::Ones))
}

/// The encoder of a Relation network; see [`RelationConfig::encoder`].
#[derive(Debug, Clone)]
pub struct RelationEncoder {
    blocks: Vec<ConvNorm>,
    spec: ParamSpec,
}

impl<F: Float> Model<F> for RelationEncoder {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        self.blocks.iter().fold(x, |x, block| block.forward(params, x, Activation::Relu, pass))
    }
}

/// The module of a Relation network that scores pairs; see [`RelationConfig::module`].
#[derive(Debug, Clone)]
pub struct RelationModule {
    blocks: Vec<ConvNorm>,
    dense: [Linear; 2],
    spec: ParamSpec,
}

impl RelationModule {
    /// Prefix of the names of the module's parameters, and of no others of a Relation network.
    pub const PREFIX: &'static str = "relation";
}

/// A network that scores pairs of feature maps, concatenated along the channels: `[pairs, h, w, 2 c]` to `[pairs, 1]`
/// (Sung et al. 2018, equation 1).
pub trait PairModel<F: Float = f32>: Model<F> {
    /// The outputs `[queries ways, 1]` for every pair of a class map `[ways, h, w, c]` and a query map `[queries, h, w, c]`, the class
    /// first along the channels, the classes of the first query first. Height and width may be left away, where the network allows it.
    ///
    /// # Panics
    /// When the shapes of the maps differ, or do not fit the network.
    #[track_caller]
    fn forward_pairs<'t>(
        &self,
        params: &Params<Var<'t, F>>,
        classes: Var<'t, F>,
        queries: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let (ways, count, map) = (classes.shape()[0], queries.shape()[0], &classes.shape()[1..]);
        let shape = [&[count, ways], map].concat();
        let of_each = [classes.insert_axis(0), queries.insert_axis(1)].map(|maps| maps.broadcast_to(&shape));
        let mut pair = [&[count * ways], map].concat();
        *pair.last_mut().expect("maps have channels") *= 2;
        self.forward(params, Var::concat(&of_each, shape.len() - 1).reshape(&pair), pass)
    }
}

impl<F: Float> Model<F> for RelationModule {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let maps = self.blocks[0].forward(params, x, Activation::Relu, pass);
        self.after_first(params, maps, pass)
    }
}

impl<F: Float> PairModel<F> for RelationModule {
    #[track_caller]
    fn forward_pairs<'t>(
        &self,
        params: &Params<Var<'t, F>>,
        classes: Var<'t, F>,
        queries: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let maps = self.blocks[0].forward_pairs(params, [classes, queries], Activation::Relu, pass);
        self.after_first(params, maps, pass)
    }
}

impl RelationModule {
    #[track_caller]
    fn after_first<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        maps: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let maps = self.blocks[1].forward(params, maps, Activation::Relu, pass);
        let hidden = self.dense[0].forward(params, maps.flatten()).relu();
        self.dense[1].forward(params, hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewshot_autodiff::{Array, Tape};
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn shapes_and_parameter_counts_are_the_published_ones() {
        for (config, counts, map) in [
            (RelationConfig::omniglot(), [111_936, 111_505], 5),
            (RelationConfig::mini_imagenet(), [113_088, 115_601], 19),
        ] {
            let (encoder, module) = (config.encoder(), config.module());
            assert_eq!([encoder.spec.count(), module.spec.count()], counts);
            let prefixed = |spec: &ParamSpec| {
                spec.weights().filter(|(n, _)| n.starts_with(RelationModule::PREFIX)).count()
            };
            assert_eq!([prefixed(&encoder.spec), prefixed(&module.spec)], [0, module.spec.weights().len()]);
            let tape = Tape::<f32>::new();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let (theta, phi) = (encoder.spec.init(&mut rng).on(&tape), module.spec.init(&mut rng).on(&tape));
            let x = Array::from_fn(&[2, config.size, config.size, config.channels], |i| (i as f32).sin());
            let maps = encoder.forward(&theta, tape.var(&x), &mut Pass::batch());
            assert_eq!(maps.shape(), [2, map, map, 64]);
            let scores = module.forward(&phi, Var::concat(&[maps, maps], 3), &mut Pass::batch());
            assert_eq!(scores.shape(), [2, 1]);
        }
    }

    #[test]
    fn pairs_are_scored_as_if_they_lay_side_by_side() {
        /// The module by what it says of pairs that lie side by side.
        struct Plain<'m>(&'m RelationModule);

        impl Model<f64> for Plain<'_> {
            fn spec(&self) -> &ParamSpec {
                &self.0.spec
            }

            fn forward<'t>(
                &self,
                params: &Params<Var<'t, f64>>,
                x: Var<'t, f64>,
                pass: &mut Pass<'t, f64>,
            ) -> Var<'t, f64> {
                self.0.forward(params, x, pass)
            }
        }

        impl PairModel<f64> for Plain<'_> {}

        let module = RelationConfig { filters: 6, ..RelationConfig::omniglot() }.module();
        let tape = Tape::<f64>::new();
        let random = |shape: &[usize], seed| {
            let normal = Init::Normal { std: 1.0 };
            tape.var(&normal.array(shape, &mut ChaCha8Rng::seed_from_u64(seed)))
        };
        let start = module.spec.init::<f64>(&mut ChaCha8Rng::seed_from_u64(1));
        let params = start.map(|w| random(w.shape(), w.len() as u64));
        let (classes, queries) = (random(&[3, 5, 5, 6], 2), random(&[4, 5, 5, 6], 3));
        let statistics = module.spec.statistics::<f64>().map(|s| s.map(|x| x + 0.5)).on(&tape);
        for given in [false, true] {
            let pass = || if given { Pass::given(&statistics) } else { Pass::batch() };
            let (mut plain, mut apart) = (pass(), pass());
            let plain = Plain(&module).forward_pairs(&params, classes, queries, &mut plain);
            let apart = module.forward_pairs(&params, classes, queries, &mut apart);
            assert_eq!(apart.shape(), [12, 1]);
            let wrt = [&[classes, queries], params.values()].concat();
            let all = [plain, apart].map(|y| [vec![y], y.square().sum().grads(&wrt)].concat());
            for (plain, apart) in all[0].iter().zip(&all[1]).map(|(a, b)| (a.value(), b.value())) {
                let error = plain.zip(&apart, |plain, apart| (plain - apart).abs());
                assert!(error.data().iter().all(|&error| error < 1e-9), "given statistics: {given}");
            }
        }
    }
}
