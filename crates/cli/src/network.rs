//! The network of a run: four blocks for pictures, a linear map for feature vectors, a perceptron for sinusoids.

use std::sync::Arc;

use fewshot_autodiff::Activation;
use fewshot_nn::{Conv4, Conv4Config, Downsample, Features, Headed, Init, Mlp};

use crate::features::LinearMap;
use crate::settings::{Classes, Settings};

/// A network of some kind.
pub type Network = Arc<dyn Headed<f32>>;

/// Hidden units of the perceptron, in two layers (Finn, Abbeel, Levine 2017, section 5.1).
const HIDDEN: [usize; 2] = [40, 40];

/// The network that is measured.
pub fn model(run: &Settings) -> Network {
    let Some(classes) = &run.classes else { return perceptron(1) };
    let outputs = run.algorithm.head(classes);
    if let Some(inputs) = classes.features {
        return Arc::new(LinearMap::new(inputs, outputs.unwrap_or(inputs), Init::XavierUniform));
    }
    Arc::new(Conv4::new(&config(run, classes, outputs)))
}

/// The same network with so many outputs.
pub fn with_outputs(run: &Settings, outputs: usize) -> Network {
    match &run.classes {
        Some(classes) if classes.features.is_none() => {
            Arc::new(Conv4::new(&config(run, classes, Some(outputs))))
        }
        _ => model(run),
    }
}

/// A perceptron of so many inputs, for regression.
pub fn perceptron(inputs: usize) -> Network {
    Arc::new(Mlp::new(&sizes(inputs)))
}

/// That perceptron in words.
pub fn perceptron_words(inputs: usize) -> String {
    format!("perceptron {}", sizes(inputs).map(|size| size.to_string()).join("-"))
}

fn sizes(inputs: usize) -> [usize; 4] {
    [inputs, HIDDEN[0], HIDDEN[1], 1]
}

/// Numbers of a feature vector of the network on pictures.
pub fn features(run: &Settings) -> usize {
    let classes = run.classes.as_ref().expect("pictures have classes");
    config(run, classes, None).feature_count()
}

/// The network in words.
pub fn words(run: &Settings) -> String {
    if let Some(words) = run.algorithm.network(run) {
        return words;
    }
    let Some(classes) = &run.classes else { return perceptron_words(1) };
    let outputs = run.algorithm.head(classes);
    match classes.features {
        Some(inputs) => {
            format!("linear {inputs}-{} on features of length one", outputs.unwrap_or(inputs))
        }
        None => blocks_words(&config(run, classes, outputs)),
    }
}

/// Four blocks: as published for the algorithm, with what the run has instead.
fn config(run: &Settings, classes: &Classes, outputs: Option<usize>) -> Conv4Config {
    let published = run.algorithm.blocks().unwrap_or_else(Conv4Config::pooled_64);
    let encoder = Conv4Config {
        filters: run.options.count("filters").unwrap_or(published.filters),
        downsample: run.options.read("downsample").unwrap_or(published.downsample),
        size: classes.pictures.size,
        channels: classes.pictures.channels(),
        ..published
    };
    match outputs {
        Some(outputs) => encoder.with_head(outputs),
        None => encoder,
    }
}

/// Four blocks in words.
pub fn blocks_words(config: &Conv4Config) -> String {
    let downsample = match config.downsample {
        Downsample::MaxPool => "max-pooling",
        Downsample::Stride => "strides",
    };
    let leaky = if matches!(config.activation, Activation::LeakyRelu(_)) { ", leaky ReLU" } else { "" };
    let strides = config.downsample == Downsample::Stride;
    let flat = if strides && config.features == Features::Flatten { ", flat" } else { "" };
    let head = if config.head.is_some() { ", linear head" } else { "" };
    format!("Conv4 with {downsample}, {} channels{leaky}{flat}{head}", config.filters)
}
