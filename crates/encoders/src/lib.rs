//! Encoders that others trained, in ONNX: pictures in, feature vectors out.
//!
//! A good encoder, frozen, with a small classifier on its features beats most meta-training on photographs (Chen et al. 2019;
//! Tian et al. 2020). An [`Encoder`] is a model in a file of ONNX, run on the processor by [rten](https://docs.rs/rten). What pictures
//! it wants — their size, the order of channels and axes, the normalisation — is never guessed: it stands in a small file of TOML beside
//! it, or is one of the named [`Preset`]s.
//!
//! ```no_run
//! use fewshot_encoders::{Encoder, Preset};
//! use ndarray::ArrayD;
//! let encoder = Encoder::open("lite0.onnx", Some(Preset::Half))?;
//! let [height, width, channels] = encoder.shape();
//! let picture = ArrayD::<f32>::zeros(vec![height, width, channels]);
//! assert_eq!(encoder.encode(&picture)?.len(), encoder.width());
//! # Ok::<(), fewshot_encoders::Error>(())
//! ```

#![forbid(unsafe_code)]

mod encoder;
mod error;
mod pool;
mod preset;
mod wants;
mod wire;

pub use encoder::Encoder;
pub use error::Error;
pub use preset::Preset;
pub use wants::{Channels, Layout, Pool, Wants};
