//! The activations of a [`Sequential`].

use fewshot_autodiff::{Activation, Float, Var};

use super::Sequential;
use super::layer::Layer;

/// An activation, element by element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    Piecewise(Activation),
    Tanh,
    Sigmoid,
    Gelu,
    Elu(f64),
    Softplus,
}

impl Function {
    #[track_caller]
    pub(super) fn apply<F: Float>(self, x: Var<'_, F>) -> Var<'_, F> {
        match self {
            Function::Piecewise(activation) => activation.apply(x),
            Function::Tanh => x.tanh(),
            Function::Sigmoid => x.sigmoid(),
            Function::Gelu => x.gelu(),
            Function::Elu(alpha) => x.elu(F::of(alpha)),
            Function::Softplus => x.softplus(),
        }
    }
}

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident($($arg:ident)?) => $function:expr;)*) => {
        impl Sequential {
            $($(#[$doc])*
            ///
            /// # Panics
            /// Behind the head.
            #[track_caller]
            pub fn $name(self $(, $arg: f64)?) -> Self {
                self.function(stringify!($name), [$($arg)?].first().copied(), $function)
            })*
        }
    };
}

activations! {
    /// `max(x, 0)`.
    relu() => Function::Piecewise(Activation::Relu);
    /// `x` where positive, else `slope x`.
    leaky_relu(slope) => Function::Piecewise(Activation::LeakyRelu(slope));
    /// Hyperbolic tangent.
    tanh() => Function::Tanh;
    /// `1 / (1 + e^-x)`.
    sigmoid() => Function::Sigmoid;
    /// `x Phi(x)` with the normal distribution function `Phi` (Hendrycks and Gimpel 2016).
    gelu() => Function::Gelu;
    /// `x` where positive, else `alpha (e^x - 1)`.
    elu(alpha) => Function::Elu(alpha);
    /// `ln(1 + e^x)`.
    softplus() => Function::Softplus;
}

impl Sequential {
    #[track_caller]
    fn function(self, name: &str, parameter: Option<f64>, function: Function) -> Self {
        let settings = parameter.map_or_else(String::new, |parameter| format!(" {parameter}"));
        let shape = self.output.clone();
        self.layer(name, settings, &shape, |_| Layer::Function(function))
    }
}
