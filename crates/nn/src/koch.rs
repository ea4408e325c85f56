//! The Siamese network's twin (Koch, Zemel, Salakhutdinov 2015).

use fewshot_autodiff::{Activation, Conv, Float, Pool, Var};

use crate::conv::Conv2d;
use crate::init::{Bias, Init};
use crate::linear::Linear;
use crate::model::{Model, Pass};
use crate::params::Params;
use crate::signature::Input;
use crate::spec::{ParamBuilder, ParamSpec};

/// Filters and kernel of each convolution.
const CONVOLUTIONS: [(usize, usize); 4] = [(64, 10), (128, 7), (128, 4), (256, 4)];
/// Height and width of the last maps.
const LAST: usize = 6;
/// Initial biases (section 3.2).
const BIAS: Bias = Bias::Of(Init::NormalAround { mean: 0.5, std: 0.01 });

/// The twin of the Siamese network of Koch et al. (2015, figure 4): `[n, 105, 105, 1]` to `[n, 4096]` in (0, 1).
///
/// Convolutions without padding, each with ReLU and, but for the last, 2x2 max-pooling; then a dense layer and a sigmoid. Sizes are
/// 105, 96, 48, 42, 21, 18, 9, 6; 38,947,648 parameters, to which the comparison adds 4097. Names: `conv1.weight` to `conv4.bias`,
/// `dense.weight`, `dense.bias`.
#[derive(Debug, Clone)]
pub struct Koch {
    convolutions: Vec<Conv2d>,
    dense: Linear,
    spec: ParamSpec,
}

impl Koch {
    /// Height and width of the images, in pixels.
    pub const SIZE: usize = 105;
    /// Size of an embedding.
    pub const FEATURES: usize = 4096;

    /// The network with the paper's initial values: convolutions normal with standard deviation 0.01, the dense layer 0.2, biases
    /// around 0.5.
    pub fn new() -> Self {
        let mut b = ParamBuilder::new();
        let mut channels = 1;
        let convolutions = (1..).zip(CONVOLUTIONS).map(|(number, (filters, kernel))| {
            let shape = [kernel, kernel, channels, filters];
            channels = filters;
            let weight = Init::Normal { std: 0.01 };
            b.scope(&format!("conv{number}"), |b| Conv2d::with_init(b, shape, Conv::default(), weight, BIAS))
        });
        let convolutions = convolutions.collect();
        let inputs = LAST * LAST * channels;
        let weight = Init::Normal { std: 0.2 };
        let dense = b.scope("dense", |b| Linear::with_init(b, inputs, Self::FEATURES, weight, BIAS));
        b.takes(Input::Shape(vec![Self::SIZE, Self::SIZE, 1]));
        b.gives(Self::FEATURES);
        b.sign("network", "Koch");
        Koch { convolutions, dense, spec: b.finish() }
    }

    /// The images and the maps after each convolution and its pooling, first to last.
    #[track_caller]
    fn maps<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        pass: &Pass<'t, F>,
    ) -> Vec<Var<'t, F>> {
        let shape = x.shape();
        assert!(
            shape.len() == 4 && shape[1..] == [Self::SIZE, Self::SIZE, 1],
            "Koch: images {shape} are not [n, {0}, {0}, 1]",
            Self::SIZE
        );
        let mut maps = vec![x];
        for (number, convolution) in self.convolutions.iter().enumerate() {
            let pool = (number + 1 < self.convolutions.len()).then_some(Pool::valid(2));
            maps.push(convolution.activated(params, maps[number], Activation::Relu, pool, pass));
        }
        maps
    }
}

impl Default for Koch {
    fn default() -> Self {
        Koch::new()
    }
}

impl<F: Float> Model<F> for Koch {
    fn spec(&self) -> &ParamSpec {
        &self.spec
    }

    #[track_caller]
    fn forward<'t>(&self, params: &Params<Var<'t, F>>, x: Var<'t, F>, pass: &mut Pass<'t, F>) -> Var<'t, F> {
        let maps = self.maps(params, x, pass);
        self.dense.forward(params, maps[maps.len() - 1].flatten()).sigmoid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mode;
    use fewshot_autodiff::{Array, Tape};
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    #[test]
    fn has_the_papers_parameters() {
        let koch = Koch::new();
        assert_eq!(koch.spec.count() + 4097, 38_951_745);
        let count = |scope: &str| -> usize {
            let own = koch.spec.weights().filter(|(name, _)| name.starts_with(scope));
            own.map(|(_, shape)| shape.iter().product::<usize>()).sum()
        };
        let layers = ["conv1", "conv2", "conv3", "conv4", "dense"].map(count);
        assert_eq!(layers, [6464, 401_536, 262_272, 524_544, 37_752_832]);
    }

    #[test]
    fn shrinks_its_maps_as_the_paper_says_and_starts_as_it_says() {
        let koch = Koch::new();
        let theta = koch.spec.init::<f32>(&mut ChaCha8Rng::seed_from_u64(1));
        let tape = Tape::new();
        let (on_tape, x) = (theta.on(&tape), tape.var(&Array::ones(&[1, 105, 105, 1])));
        let maps = koch.maps(&on_tape, x, &Pass::batch());
        let sizes: Vec<usize> = maps.iter().map(|map| map.shape()[1]).collect();
        assert_eq!(sizes, [105, 48, 21, 9, 6]);
        let z = koch.forward(&on_tape, x, &mut Pass::batch()).value();
        assert_eq!(z.shape(), [1, 4096]);
        assert!(z.data().iter().all(|z| (0.0..=1.0).contains(z)));
        let used = koch.forward(&on_tape, x, &mut Pass::batch().with_mode(Mode::Inference)).value();
        assert!(z.data().iter().zip(used.data()).all(|(z, used)| (z - used).abs() < 1e-4));
        let moments = |name: &str| {
            let x = theta[name].data();
            let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len() as f64;
            let square = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            (mean, (square / x.len() as f64).sqrt())
        };
        for (name, mean, std) in [
            ("conv2.weight", 0.0, 0.01),
            ("conv4.bias", 0.5, 0.01),
            ("dense.weight", 0.0, 0.2),
            ("dense.bias", 0.5, 0.01),
        ] {
            let found = moments(name);
            assert!(
                (found.0 - mean).abs() < 0.2 * std && (found.1 / std - 1.0).abs() < 0.15,
                "{name}: {found:?}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "Koch: images [2, 28, 28, 1] are not [n, 105, 105, 1]")]
    fn other_images_are_refused() {
        let koch = Koch::new();
        let tape = Tape::<f32>::new();
        koch.maps(&Params::default(), tape.var(&Array::zeros(&[2, 28, 28, 1])), &Pass::batch());
    }
}
