//! One layer of a [`Sequential`](super::Sequential), and which layers are computed as one.

use fewshot_autodiff::{Activation, Float, Pool, Var};

use super::function::Function;
use super::residual::Residual;
use crate::conv::{Conv2d, ConvNorm};
use crate::drop_block::DropBlock;
use crate::dropout::Dropout;
use crate::layer_norm::LayerNorm;
use crate::linear::Linear;
use crate::model::Pass;
use crate::norm::BatchNorm;
use crate::params::Params;

#[derive(Debug, Clone)]
pub(super) enum Layer {
    Linear(Linear),
    /// With the activation and max-pooling that follow.
    Conv {
        conv: Conv2d,
        activation: Activation,
        pool: Option<Pool>,
    },
    /// Convolution and batch norm, with the activation and max-pooling that follow.
    ConvNorm {
        block: ConvNorm,
        activation: Activation,
    },
    /// With the activation that follows.
    BatchNorm {
        norm: BatchNorm,
        activation: Activation,
    },
    LayerNorm(LayerNorm),
    Dropout(Dropout),
    DropBlock(DropBlock),
    Function(Function),
    MaxPool(Pool),
    AvgPool(Pool),
    GlobalAvgPool,
    Flatten,
    Residual(Residual),
}

impl Layer {
    #[track_caller]
    pub(super) fn forward<'t, F: Float>(
        &self,
        params: &Params<Var<'t, F>>,
        x: Var<'t, F>,
        pass: &mut Pass<'t, F>,
    ) -> Var<'t, F> {
        match self {
            Layer::Linear(linear) => linear.forward(params, x),
            Layer::Conv { conv, activation, pool } => conv.activated(params, x, *activation, *pool, pass),
            Layer::ConvNorm { block, activation } => block.forward(params, x, *activation, pass),
            Layer::BatchNorm { norm, activation } => norm.forward(params, x, *activation, pass),
            Layer::LayerNorm(norm) => norm.forward(params, x),
            Layer::Dropout(dropout) => dropout.forward(x, pass),
            Layer::DropBlock(layer) => layer.forward(x, pass),
            Layer::Function(function) => function.apply(x),
            Layer::MaxPool(pool) => x.max_pool(*pool),
            Layer::AvgPool(pool) => x.avg_pool(*pool),
            Layer::GlobalAvgPool => x.global_avg_pool(),
            Layer::Flatten => x.flatten(),
            Layer::Residual(residual) => residual.forward(params, x, pass),
        }
    }

    /// Makes `next` a part of this layer where the two are computed as one; false where they are not.
    pub(super) fn join(&mut self, next: &Layer) -> bool {
        let joined = match (&*self, next) {
            (
                Layer::Conv { conv, activation: Activation::Identity, pool: None },
                Layer::BatchNorm { norm, activation },
            ) => Layer::ConvNorm { block: ConvNorm::of(*conv, norm.clone()), activation: *activation },
            (
                Layer::Conv { conv, activation: Activation::Identity, pool: None },
                Layer::Function(Function::Piecewise(next)),
            ) => Layer::Conv { conv: *conv, activation: *next, pool: None },
            (Layer::Conv { conv, activation, pool: None }, Layer::MaxPool(pool)) => {
                Layer::Conv { conv: *conv, activation: *activation, pool: Some(*pool) }
            }
            (
                Layer::ConvNorm { block, activation: Activation::Identity },
                Layer::Function(Function::Piecewise(next)),
            ) if !block.is_pooled() => Layer::ConvNorm { block: block.clone(), activation: *next },
            (Layer::ConvNorm { block, activation }, Layer::MaxPool(pool)) if !block.is_pooled() => {
                Layer::ConvNorm { block: block.clone().with_pool(*pool), activation: *activation }
            }
            (
                Layer::BatchNorm { norm, activation: Activation::Identity },
                Layer::Function(Function::Piecewise(next)),
            ) => Layer::BatchNorm { norm: norm.clone(), activation: *next },
            _ => return false,
        };
        *self = joined;
        true
    }
}
