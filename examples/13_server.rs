//! A saved predictor in a server: loaded once, asked by several threads at a time, and safe from what clients send.
//!
//! `cargo run --release --example 13_server`
//!
//! The protocol is a line of numbers, answered by a line with the value or with what is wrong.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use fewshot::prelude::*;

/// The answer to one line.
fn answer(predictor: &dyn Predictor, line: &str) -> String {
    let numbers: Result<Vec<f32>, _> = line.split_whitespace().map(str::parse).collect();
    let numbers = match numbers {
        Ok(numbers) => numbers,
        Err(error) => return format!("error: {error}"),
    };
    // no `predict`, which panics where queries do not fit: these are from outside
    match predictor.try_predict(&Array::new(&[1, numbers.len()], numbers)) {
        Ok(y) => format!("{:.4}", y.data()[0]),
        Err(error) => format!("error: {error}"),
    }
}

/// Answers lines until the client goes.
fn serve(predictor: &dyn Predictor, client: TcpStream) -> std::io::Result<()> {
    let mut out = client.try_clone()?;
    for line in BufReader::new(client).lines() {
        writeln!(out, "{}", answer(predictor, &line?))?;
    }
    Ok(())
}

/// Learns waves, adapts to one of them, and saves what answers for it.
fn learn(learner: &Maml<Mlp>, path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let waves = Sinusoid::new(10, 10, 1, Purpose::Train)?;
    let training = Training { meta_batch: 25, ..Training::default() };
    let mut trainer = Trainer::new(learner, &waves, Adam::default(), training);
    for _ in 0..500 {
        trainer.step()?;
    }
    let task = Task::from(&Sinusoid::new(10, 1, 1, Purpose::Test)?.episode(0));
    save_predictor(path, &*learner.adapt(trainer.meta(), &task.support), &BTreeMap::new())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let learner = Maml::new(Mlp::new(&[1, 40, 40, 1]));
    let path = std::env::temp_dir().join(format!("fewshot-server-{}.safetensors", std::process::id()));
    learn(&learner, &path)?;

    // a predictor is `Send + Sync`, and equal queries get equal answers: one serves all threads
    let predictor: Arc<dyn Predictor> = Arc::from(Checkpoint::read(&path)?.predictor(&learner)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let predictor = Arc::clone(&predictor);
            thread::spawn(move || serve(&*predictor, client));
        }
    });

    let ask = |line: &str| -> std::io::Result<String> {
        let mut client = TcpStream::connect(address)?;
        writeln!(client, "{line}")?;
        let mut answer = String::new();
        BufReader::new(client).read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    };
    let answers = thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| ask("1.5"))).collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
    })?;
    println!("eight clients at once: {answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    for wrong in ["1.5 2.5", "one", "nan"] {
        println!("{wrong:8} {}", ask(wrong)?);
    }
    std::fs::remove_file(&path)?;
    Ok(())
}
