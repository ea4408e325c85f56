//! A table of numbers of one's own: classes with a different number of examples each, scaled by what the training classes show.
//!
//! `cargo run --release --example 11_own_table -- [TABLE.csv]`
//!
//! Each line of the table is a class name and then numbers. Without a table, one is made up: 120 kinds of 12 measurements, whose
//! units differ by factors of a thousand, and of which only four say what kind it is: which ones is what is learned. Classes are
//! divided before anything is looked at; the scale comes from training classes alone.

use std::collections::BTreeMap;

use fewshot::episodes::Outputs;
use fewshot::episodes::RngExt;
use fewshot::ndarray::ArrayD;
use fewshot::prelude::*;

/// The rows of some classes, and how tasks are drawn from them: a source of tasks of one's own.
struct Table {
    classes: Vec<Vec<Vec<f32>>>,
    ways: usize,
    purpose: Purpose,
}

impl Tasks for Table {
    /// Some classes, from each one to five rows to learn from, and five others to answer.
    fn episode(&self, i: u64) -> Episode {
        let mut rng = stream(1, self.purpose, i);
        let mut sides = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for (label, class) in rng.choose(self.classes.len(), self.ways).into_iter().enumerate() {
            let rows = &self.classes[class];
            let shots = 1 + rng.below(5);
            for (k, row) in rng.choose(rows.len(), shots + 5).into_iter().enumerate() {
                let (x, y) = &mut sides[usize::from(k >= shots)];
                x.extend_from_slice(&rows[row]);
                y.push(label);
            }
        }
        let width = self.input_shape()[0];
        let [support, query] = sides.map(|(x, y)| {
            let x = ArrayD::from_shape_vec(vec![y.len(), width], x).expect("rows of one width");
            Set::new(x, Targets::Classes(y))
        });
        Episode { support, query, ways: Some(self.ways) }
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![self.classes[0][0].len()]
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(self.ways)
    }
}

/// The classes of a table with at least ten rows; another separator, or quotes, are for a CSV library.
fn read(text: &str) -> Result<Vec<Vec<Vec<f32>>>, Box<dyn std::error::Error>> {
    let mut classes = BTreeMap::<&str, Vec<Vec<f32>>>::new();
    for (i, line) in text.lines().enumerate() {
        let (name, numbers) = line.split_once(',').ok_or(format!("line {}: no numbers", i + 1))?;
        let row: Result<Vec<f32>, _> = numbers.split(',').map(|x| x.trim().parse()).collect();
        classes.entry(name).or_default().push(row.map_err(|error| format!("line {}: {error}", i + 1))?);
    }
    Ok(classes.into_values().filter(|rows| rows.len() >= 10).collect())
}

/// Subtracts the mean of each column of the training classes, and divides by its deviation.
fn scale(train: &mut [Vec<Vec<f32>>], others: &mut [Vec<Vec<f32>>]) {
    for column in 0..train[0][0].len() {
        let values: Vec<f64> = train.iter().flatten().map(|row| f64::from(row[column])).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let deviation = variance.sqrt().max(1e-12);
        for row in train.iter_mut().chain(others.iter_mut()).flatten() {
            row[column] = ((f64::from(row[column]) - mean) / deviation) as f32;
        }
    }
}

/// A made-up table: four measurements tell the kinds apart, eight are the same for all of them but for chance.
fn made_up() -> String {
    let mut text = String::new();
    for kind in 0..120 {
        let mut rng = stream(2, Purpose::Data, kind);
        let centre: Vec<f64> = (0..12).map(|i| if i < 4 { rng.normal() } else { 0.0 }).collect();
        for _ in 0..10 + rng.below(15) {
            let spread = |i: usize| if i < 4 { 0.4 } else { 1.0 };
            let unit = |i: usize| 1000f64.powi(i as i32 % 3 - 1);
            let numbers: Vec<String> =
                (0..12).map(|i| format!("{:.5}", (centre[i] + spread(i) * rng.normal()) * unit(i))).collect();
            text += &format!("kind {kind},{}\n", numbers.join(","));
        }
    }
    text
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1).map_or_else(|| Ok(made_up()), std::fs::read_to_string)?;
    let mut train = read(&text)?;
    let mut test = train.split_off(train.len() * 2 / 3);
    scale(&mut train, &mut test);
    let width = train[0][0].len();
    let train = Table { classes: train, ways: 5, purpose: Purpose::Train };
    let test = Table { classes: test, ways: 5, purpose: Purpose::Test };

    let learner = ProtoNet::new(Mlp::new(&[width, 16]));
    let training = Training { meta_batch: 8, ..Training::default() };
    let mut trainer = Trainer::new(&learner, &train, Adam::default(), training);
    let before = evaluate(&learner, trainer.meta(), &test, 200)?;
    for _ in 0..500 {
        trainer.step()?;
    }
    let after = evaluate(&learner, trainer.meta(), &test, 200)?;
    println!("5 unseen kinds, 1 to 5 rows of each");
    println!("untrained {before:.1}");
    println!("trained   {after:.1}");
    Ok(())
}
