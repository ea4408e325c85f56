//! Is this meta-gradient exact? One call compares a learner with central differences of its own query loss and says whether
//! its second order was lost. Run: `cargo run --release --example 07_exactness`

use fewshot::autodiff::Activation;
use fewshot::meta::{Anil, ExactnessCheck};
use fewshot::nn::Init;
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = || Mlp::with(&[1, 20, 20, 1], Activation::Relu, Init::XavierUniform, None);
    let task = Task::<Array<f64>>::from(Sinusoid::new(10, 10, 1, Purpose::Train)?.episode(0));
    let check = ExactnessCheck::default();
    let second = Maml { train_steps: 3, inner_lr: 0.05, ..Maml::new(model()) };
    let first = Maml { order: Order::First, ..second.clone() };
    let reptile = Reptile { batch: None, ..Reptile::new(model()) };
    let learners: [(&str, Box<dyn Learner<f64>>); 5] = [
        ("MAML", Box::new(second)),
        ("first-order MAML", Box::new(first)),
        ("Meta-SGD", Box::new(Maml::meta_sgd(model()))),
        ("ANIL", Box::new(Anil { inner_lr: 0.05, ..Anil::new(model()) })),
        ("Reptile", Box::new(reptile)),
    ];
    for (name, learner) in learners {
        println!("{name:<17} {}", check.run(&*learner, &learner.init(1), &task));
    }
    Ok(())
}
