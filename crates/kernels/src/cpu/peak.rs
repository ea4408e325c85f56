//! The rate of a core's multiply-adds: what other kernels are compared with.

#![allow(unsafe_code)]

use std::time::Instant;

use crate::cpu::isa::{Isa, versions};
use crate::cpu::vector::Vector;
use crate::element::Element;

/// Accumulators: enough to hide the latency of a multiply-add on two ports.
const CHAINS: usize = 12;

versions! {
    /// Multiplies and adds `steps` times in registers; adds up the operations.
    fn multiply_adds<F>(sum: &mut F, operations: &mut usize, steps: usize) where [F: Element] = multiply_adds_body;
}

#[inline(always)]
fn multiply_adds_body<F: Element, I: Isa>(sum: &mut F, operations: &mut usize, steps: usize) {
    // SAFETY: this runs with the features of `I`.
    unsafe {
        let (factor, term) = (I::Vector::splat(*sum), I::Vector::splat(*sum));
        let mut acc = [term; CHAINS];
        for _ in 0..steps {
            for i in 0..CHAINS {
                acc[i] = acc[i].mul_add::<F>(factor, term);
            }
        }
        let mut all = acc[0];
        for &chain in &acc[1..] {
            all = all.add::<F>(chain);
        }
        *sum = std::mem::transmute_copy(&all);
    }
    *operations += 2 * steps * CHAINS * I::Vector::lanes::<F>();
}

/// Operations per second of register-only multiply-adds at the instruction set in use: the best of many short runs.
pub fn fma_rate<F: Element>() -> f64 {
    let run = |_| {
        let (mut sum, mut operations) = (F::of(0.5), 0);
        let start = Instant::now();
        multiply_adds(&mut sum, &mut operations, std::hint::black_box(2000));
        std::hint::black_box(sum);
        operations as f64 / start.elapsed().as_secs_f64()
    };
    (0..2000).map(run).fold(0.0, f64::max)
}
