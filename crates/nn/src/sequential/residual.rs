//! Residual blocks of a [`Sequential`].

use fewshot_autodiff::{Float, Var};

use super::Sequential;
use super::layer::Layer;
use crate::model::Pass;
use crate::params::Params;

/// Two chains that take the same and whose results are added.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    block: Vec<Layer>,
    shortcut: Vec<Layer>,
}

impl Residual {
    #[track_caller]
    pub(super) fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        let mut along = |layers: &[Layer]| {
            let mut x = x;
            for layer in layers {
                x = layer.forward(params, x, pass);
            }
            x
        };
        along(&self.block) + along(&self.shortcut)
    }
}

impl Sequential {
    /// A residual block, `block(x) + shortcut(x)` (He et al. 2016: "Deep residual learning for image recognition", CVPR, section 3.1):
    /// both append their layers to the chain they are given. A shortcut that appends none is the identity. Weights are named
    /// `residual1.conv1.weight` and `residual1.shortcut.conv1.weight`.
    ///
    /// ```
    /// use fewshot_autodiff::{Conv, Padding};
    /// use fewshot_nn::{NormAffine, Sequential};
    /// let same = Conv { padding: Padding::Same, ..Conv::default() };
    /// let model = Sequential::new(&[32, 32, 3])
    ///     .residual(
    ///         |x| x.conv2d(3, 8, same).batch_norm(NormAffine::ScaleShift, 1e-5).relu().conv2d(3, 8, same),
    ///         |x| x.conv2d(1, 8, same),
    ///     )
    ///     .relu()
    ///     .residual(|x| x.conv2d(3, 8, same), |x| x);
    /// assert_eq!(model.output_shape(), [32, 32, 8]);
    /// ```
    ///
    /// # Panics
    /// When the two give different shapes, either appends a head or returns another chain than one made of what it was given; behind
    /// the head.
    #[track_caller]
    pub fn residual(
        mut self,
        block: impl FnOnce(Sequential) -> Sequential,
        shortcut: impl FnOnce(Sequential) -> Sequential,
    ) -> Self {
        self.check_open("residual");
        let number = 1 + self.chain.iter().filter(|&word| word == "residual").count();
        self.b.enter(&format!("residual{number}"));
        let block = self.part(block);
        self.b.enter("shortcut");
        let shortcut = self.part(shortcut);
        self.b.leave();
        self.b.leave();
        assert!(
            block.output == shortcut.output,
            "Sequential::residual: the block gives {:?} and the shortcut {:?}",
            block.output,
            shortcut.output
        );
        self.append("residual", "", &block.output);
        self.layers.push(Layer::Residual(Residual { block: block.layers, shortcut: shortcut.layers }));
        self
    }

    /// The chain that `make` appends to what this one gives, in the present scope.
    #[track_caller]
    fn part(&mut self, make: impl FnOnce(Sequential) -> Sequential) -> Sequential {
        let place = self.b.place();
        let mut part = make(Sequential {
            input: self.output.clone(),
            output: self.output.clone(),
            layers: Vec::new(),
            head: None,
            init: self.init,
            chain: Vec::new(),
            b: std::mem::take(&mut self.b),
        });
        assert!(part.head.is_none(), "Sequential::residual: a head within {place}, which is no last layer");
        assert!(part.b.place() == place, "Sequential::residual: the chain of {place} is not the one given");
        self.b = std::mem::take(&mut part.b);
        part
    }
}
