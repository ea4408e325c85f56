//! A network that learns by remembering, through the library: labels come one step late, the memory must bind them.
//!
//! `cargo run --release --example 08_memory -- FOLDER [UPDATES]`
//!
//! FOLDER holds `images_background.zip` and `images_evaluation.zip`, read in place. Prints how often the network is right the first,
//! second, ... time it sees a character of a class it has never met in training.

use std::sync::Arc;

use fewshot::episodes::{SequenceProtocol, Sequences, omniglot};
use fewshot::meta::{LabelCode, Mann, by_instance};
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of the Omniglot archives")?;
    let updates: u64 = std::env::args().nth(2).map_or(Ok(1000), |n| n.parse())?;
    let images = Arc::new(omniglot::load(folder, 20)?);
    let split = omniglot::maml_split(&images, 1)?;
    let protocol = SequenceProtocol { batch: 8, ..SequenceProtocol::santoro(5) };
    let train = Sequences::new(images.clone(), split.train(), protocol, 1, Purpose::Train)?;
    let test = Sequences::new(images, split.test(), protocol, 1, Purpose::Test)?;

    let mann = Mann::new(20 * 20, LabelCode::OneHot(5), protocol.batch);
    let training = Training { meta_batch: 2, ..Training::default() };
    let mut trainer = Trainer::new(&mann, &train, Adam::default(), training);
    for _ in 0..updates {
        let step = trainer.step()?;
        if step.iteration % 100 == 0 {
            println!("update {:5}  loss {:.3}", step.iteration, step.loss);
        }
    }
    for (score, instance) in by_instance(&mann, trainer.meta(), &test, 20)?.iter().zip(1..) {
        println!("instance {instance:2}  {score:.1}");
    }
    Ok(())
}
