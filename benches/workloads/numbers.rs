//! Weights and data that need no file: the same bits here and in `benches/peers/hashed.py`.
//!
//! Value `i` of the tensor `name` is `mix(fnv1a(name) ^ mix(i))` in 32-bit arithmetic; its upper 24 bits, exact in `f32`, are
//! spread over -1..1. `mix` is a hash of C. Wellons, "lowbias32".

use fewshot::autodiff::Array;

fn fnv1a(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Values of the tensor `name` from `start`, uniform in -1..1.
pub fn uniform(name: &str, start: usize) -> impl Iterator<Item = f32> + use<> {
    let key = fnv1a(name);
    let start = u32::try_from(start).expect("tensors have fewer than 2^32 values");
    (start..).map(move |i| ((mix(key ^ mix(i)) >> 8) as f32 - 8_388_608.0) / 8_388_608.0)
}

/// A weight or a term of a layer: weights uniform within `1 / sqrt(inputs)`, scales about 1, the others about 0.
pub fn parameter(name: &str, shape: &[usize]) -> Array {
    let inputs: usize = shape[..shape.len() - 1].iter().product();
    let (center, reach) = match name.rsplit('.').next() {
        Some("weight") => (0.0, (1.0 / (inputs as f64).sqrt()) as f32),
        Some("scale") => (1.0, 0.1),
        _ => (0.0, 0.1),
    };
    let values = uniform(name, 0).take(shape.iter().product());
    Array::new(shape, values.map(|u| u * reach + center).collect())
}
