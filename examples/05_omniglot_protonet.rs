//! Omniglot with a prototypical network, through the library: train, evaluate, save, load, use.
//!
//! `cargo run --release --example 05_omniglot_protonet -- FOLDER`
//!
//! FOLDER holds `images_background.zip` and `images_evaluation.zip`, read in place. The classes of the test episodes never occur
//! in training. Last, the saved model names the class of drawings from one example of each, without labels or a tape.

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot::episodes::omniglot;
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of the Omniglot archives")?;
    let images = Arc::new(omniglot::load(folder, 28)?);
    let split = omniglot::maml_split(&images, 1)?;
    let one_shot = |ways, queries| Protocol { ways, shots: 1, queries, rotations: Rotations::None };
    let train = ImageTasks::new(images.clone(), split.train(), one_shot(60, 5), 1, Purpose::Train)?;
    let test = ImageTasks::new(images, split.test(), one_shot(5, 15), 1, Purpose::Test)?;

    let learner = ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()));
    let mut trainer = Trainer::new(&learner, &train, Adam::default(), Training::default());
    for _ in 0..300 {
        let step = trainer.step()?;
        if step.iteration % 20 == 0 {
            println!("iteration {:4}  loss {:.3}", step.iteration, step.loss);
        }
    }
    println!("5-way 1-shot, unseen classes: {}", evaluate(&learner, trainer.meta(), &test, 600)?);

    let path = std::env::temp_dir().join("omniglot-protonet.safetensors");
    save(&path, trainer.meta(), &BTreeMap::new())?;
    let loaded = Checkpoint::read(&path)?.meta(&learner)?;
    let task = Task::<Array>::from(&test.episode(0));
    let scores = learner.adapt(&loaded, &task.support).predict(&task.query.x);
    println!("from the saved model, first new task: {:.0} % right", 100.0 * task.query.y.score(&scores));
    Ok(())
}
