//! Omniglot with a prototypical network, through the library: train, evaluate, save, load, use.
//!
//! `cargo run --release --example 05_omniglot_protonet -- FOLDER [ITERATIONS]`
//!
//! FOLDER holds `images_background.zip` and `images_evaluation.zip`, read in place. The classes of the test episodes never occur
//! in training. Last, the saved model names the class of drawings from one example of each, without labels or a tape.

use std::collections::BTreeMap;
use std::sync::Arc;

use fewshot::episodes::omniglot;
use fewshot::meta;
use fewshot::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give the folder of the Omniglot archives")?;
    let iterations: u64 = arguments.next().map_or(Ok(300), |n| n.parse())?;

    let images = Arc::new(omniglot::load(folder, 28)?);
    let split = omniglot::maml_split(&images, 1)?;
    let episodes = |classes, ways, queries, purpose| {
        let protocol = Protocol { ways, shots: 1, queries, rotations: Rotations::None };
        ImageTasks::new(Arc::clone(&images), classes, protocol, 1, purpose)
    };
    let train = episodes(split.train(), 60, 5, Purpose::Train)?;
    let test = episodes(split.test(), 5, 15, Purpose::Test)?;

    let learner = ProtoNet::new(Conv4::new(&Conv4Config::pooled_64()));
    let mut trainer = Trainer::new(&learner, &train, Adam::default(), Training::default());
    for _ in 0..iterations {
        let step = trainer.step()?;
        if step.iteration % 20 == 0 {
            println!("iteration {:4}  loss {:.3}", step.iteration, step.loss);
        }
    }
    let score = evaluate(&learner, trainer.meta(), &test, 600)?;
    println!("5-way 1-shot, unseen classes: {:.2} ± {:.2} %", 100.0 * score.mean, 100.0 * score.interval);

    let path = std::env::temp_dir().join("omniglot-protonet.safetensors");
    meta::save(&path, trainer.meta(), &BTreeMap::new())?;
    let loaded = Checkpoint::read(&path)?.meta::<f32>(&learner)?;
    let task = Task::from(&test.episode(0));
    let predictor = learner.adapt(&loaded, &task.support);
    let scores = predictor.predict(&task.query.x);
    println!("from the saved model, first new task: {:.0} % right", 100.0 * task.query.y.score(&scores));
    Ok(())
}
