//! A training loop of one's own: progress, validation with early stopping, a stop asked for by another thread, and going on later.
//!
//! `cargo run --release --example 12_training_loop`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fewshot::meta;
use fewshot::meta::save_progress;
use fewshot::prelude::*;

/// Why a loop ended.
#[derive(Debug, PartialEq)]
enum End {
    /// All iterations are done.
    Done,
    /// Validation has not become better for a while.
    NoBetter,
    /// Another thread asked for it.
    Stopped,
}

/// What a loop is told.
struct Loop<'a> {
    iterations: u64,
    /// Iterations from one validation to the next.
    every: u64,
    /// Validations without a better one after which it ends.
    patience: u32,
    stop: &'a AtomicBool,
    progress: &'a mut dyn FnMut(&meta::Step),
}

/// Trains until it ends for one of the reasons, and gives back the best weights by validation.
fn train(
    trainer: &mut Trainer<'_>,
    learner: &dyn Learner,
    validation: &dyn Tasks,
    told: Loop<'_>,
) -> Result<(End, Meta), meta::Error> {
    let (mut best, mut waited) = ((f64::INFINITY, trainer.meta().clone()), 0);
    while trainer.iteration() < told.iterations {
        if told.stop.load(Ordering::Relaxed) {
            return Ok((End::Stopped, best.1));
        }
        let step = trainer.step()?;
        (told.progress)(&step);
        if step.iteration % told.every == 0 {
            let error = evaluate(learner, trainer.meta(), validation, 100)?.mean;
            waited += 1;
            if error < best.0 {
                (best, waited) = ((error, trainer.meta().clone()), 0);
            }
            if waited >= told.patience {
                return Ok((End::NoBetter, best.1));
            }
        }
    }
    Ok((End::Done, best.1))
}

/// A trainer that goes on where the file says, if there is one.
fn begin<'a>(learner: &'a Maml<Mlp>, tasks: &'a Sinusoid, path: &Path) -> Result<Trainer<'a>, meta::Error> {
    let training = Training { meta_batch: 25, ..Training::default() };
    let trainer = Trainer::new(learner, tasks, Adam::default(), training);
    if !path.exists() {
        return Ok(trainer);
    }
    let progress = Checkpoint::read(path)?.progress(learner, &Adam::default())?;
    Ok(trainer.resume(progress))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let waves = Sinusoid::new(10, 10, 1, Purpose::Train)?;
    let validation = Sinusoid::new(10, 10, 1, Purpose::Validation)?;
    let learner = Maml::new(Mlp::new(&[1, 40, 40, 1]));
    let folder = std::env::temp_dir().join(format!("fewshot-training-loop-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("progress.safetensors");

    // first sitting: another thread, such as that of a window or of a signal, ends it
    let stop = AtomicBool::new(false);
    let mut trainer = begin(&learner, &waves, &path)?;
    let (end, _) = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
        });
        let mut progress = |step: &meta::Step| {
            if step.iteration.is_multiple_of(100) {
                println!("iteration {:5}  loss {:.3}", step.iteration, step.loss);
            }
        };
        let told =
            Loop { iterations: 1_000_000, every: 500, patience: 1000, stop: &stop, progress: &mut progress };
        train(&mut trainer, &learner, &validation, told)
    })?;
    assert_eq!(end, End::Stopped);
    save_progress(&path, &trainer.progress(), &BTreeMap::new())?;
    println!("stopped after iteration {}, kept in {}", trainer.iteration(), path.display());

    // second sitting: goes on with the bits of a loop in one go, until validation says that it is enough
    let never = AtomicBool::new(false);
    let mut trainer = begin(&learner, &waves, &path)?;
    let told = Loop {
        iterations: trainer.iteration() + 5000,
        every: 250,
        patience: 3,
        stop: &never,
        progress: &mut |_| {},
    };
    let (end, best) = train(&mut trainer, &learner, &validation, told)?;
    println!(
        "{end:?} after iteration {}; the best weights are of iteration {}",
        trainer.iteration(),
        best.iteration
    );
    let score = evaluate(&learner, &best, &Sinusoid::new(10, 10, 1, Purpose::Test)?, 200)?;
    println!("error on unseen waves {score}");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
