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

const SEQUENCES: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give the folder of the Omniglot archives")?;
    let updates: u64 = arguments.next().map_or(Ok(1000), |n| n.parse())?;

    let images = Arc::new(omniglot::load(folder, 20)?);
    let split = omniglot::maml_split(&images, 1)?;
    let protocol = SequenceProtocol { batch: SEQUENCES, ..SequenceProtocol::santoro(5) };
    let train = Sequences::new(Arc::clone(&images), split.train(), protocol, 1, Purpose::Train)?;
    let test = Sequences::new(images, split.test(), protocol, 1, Purpose::Test)?;

    let mann = Mann::new(20 * 20, LabelCode::OneHot(5), SEQUENCES);
    let training = Training { meta_batch: 2, ..Training::default() };
    let mut trainer = Trainer::new(&mann, &train, Adam::default(), training);
    for _ in 0..updates {
        let step = trainer.step()?;
        if step.iteration % 100 == 0 {
            println!("update {:5}  loss {:.3}", step.iteration, step.loss);
        }
    }
    let instances = by_instance(&mann, trainer.meta(), &test, 20)?;
    for (k, score) in instances.iter().enumerate() {
        println!("instance {:2}  {:.1} ± {:.1} %", k + 1, 100.0 * score.mean, 100.0 * score.interval);
    }
    Ok(())
}
