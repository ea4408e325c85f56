//! Instances for `f32` of what is generic over the element type: compiled here, and not again in every crate that uses them.
//!
//! An instance of a function that is marked `#[inline(never)]` is taken from the crate below that has it; of any other function
//! a crate compiles its own. Marked are the functions at which much work begins; what they call is compiled with them.

use crate::{
    Adam, Clip, Conv4, Headed, Mlp, Model, NoiseSpec, Optimizer, ParamSpec, ResNet12, RmsProp, Sequential,
    Sgd,
};

/// Names the instances, which has them compiled; there is nothing to call it for.
#[inline(never)]
pub fn f32() -> [*const (); 25] {
    [
        <Adam<f32> as Optimizer<f32>>::step as *const (),
        <Adam<f32> as Optimizer<f32>>::state as *const (),
        <Adam<f32> as Optimizer<f32>>::restore as *const (),
        <RmsProp<f32> as Optimizer<f32>>::step as *const (),
        <RmsProp<f32> as Optimizer<f32>>::state as *const (),
        <RmsProp<f32> as Optimizer<f32>>::restore as *const (),
        <Sgd<f32> as Optimizer<f32>>::step as *const (),
        <Sgd<f32> as Optimizer<f32>>::state as *const (),
        <Sgd<f32> as Optimizer<f32>>::restore as *const (),
        <Conv4 as Model<f32>>::forward as *const (),
        <Conv4 as Headed<f32>>::features as *const (),
        <Conv4 as Headed<f32>>::head as *const (),
        <Mlp as Model<f32>>::forward as *const (),
        <Mlp as Headed<f32>>::features as *const (),
        <Mlp as Headed<f32>>::head as *const (),
        <ResNet12 as Model<f32>>::forward as *const (),
        <ResNet12 as Headed<f32>>::features as *const (),
        <ResNet12 as Headed<f32>>::head as *const (),
        <Sequential as Model<f32>>::forward as *const (),
        <Sequential as Headed<f32>>::features as *const (),
        <Sequential as Headed<f32>>::head as *const (),
        Clip::apply::<f32> as *const (),
        NoiseSpec::array::<f32> as *const (),
        ParamSpec::init::<f32> as *const (),
        ParamSpec::statistics::<f32> as *const (),
    ]
}
