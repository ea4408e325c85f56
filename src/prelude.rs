//! What most programs name: `use fewshot::prelude::*;`.
//!
//! Everything else is in the four modules by what it is about: other layers and optimisers in [`nn`](crate::nn), other data in
//! [`episodes`](crate::episodes), the other algorithms in [`meta`](crate::meta), operators of one's own in [`autodiff`](crate::autodiff).

pub use fewshot_autodiff::{Array, Float, Tape, Var};
pub use fewshot_episodes::{
    Episode, ImageTasks, Protocol, Purpose, Rotations, Set, Sinusoid, Targets, Tasks, stream,
};
pub use fewshot_meta::{
    Checkpoint, Examples, Learner, Maml, Meta, Order, Outcome, Predictor, ProtoNet, Reptile, Task, Trainer,
    Training, evaluate, save, save_predictor,
};
pub use fewshot_nn::{
    Adam, Conv4, Conv4Config, Linear, Mlp, Model, Optimizer, ParamBuilder, ParamSpec, Params, Pass,
    Sequential,
};
