//! Is this meta-gradient exact? One call compares a learner with central differences of its own query loss and says whether
//! its second order was lost. Run: `cargo run --release --example 07_exactness`

use fewshot::meta::{Anil, ExactnessCheck};
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = || Sequential::new(&[1]).linear(20).relu().linear(20).relu().with_head(1);
    let task = Task::from(Sinusoid::new(10, 10, 1, Purpose::Train)?.episode(0));
    let maml = Maml { train_steps: 3, inner_lr: 0.05, ..Maml::new(model()) };
    let learners: [(&str, Box<dyn Learner<f64>>); 5] = [
        ("MAML", Box::new(maml.clone())),
        ("first-order MAML", Box::new(Maml { order: Order::First, ..maml })),
        ("Meta-SGD", Box::new(Maml::meta_sgd(model()))),
        ("ANIL", Box::new(Anil { inner_lr: 0.05, ..Anil::new(model()) })),
        ("Reptile", Box::new(Reptile { batch: None, ..Reptile::new(model()) })),
    ];
    for (name, learner) in learners {
        println!("{name:<17} {}", ExactnessCheck::default().run(&*learner, &learner.init(1), &task));
    }
    Ok(())
}
