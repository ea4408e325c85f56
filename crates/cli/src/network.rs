//! The network of a run: four blocks or ResNet-12 for pictures, a linear map for feature vectors, a perceptron for sinusoids.

use std::sync::Arc;

use fewshot_autodiff::Activation;
use fewshot_nn::{Conv4, Conv4Config, Downsample, Features, Headed, Init, Mlp, ResNet12, ResNet12Config};

use crate::features::LinearMap;
use crate::options::Options;
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
    of_pictures(run, classes, outputs)
}

/// The network on pictures, with so many outputs or none.
fn of_pictures(run: &Settings, classes: &Classes, outputs: Option<usize>) -> Network {
    match residual(run, outputs) {
        Some(config) => Arc::new(ResNet12::new(&config)),
        None => Arc::new(Conv4::new(&config(run, classes, outputs))),
    }
}

/// Whether the backbone is a residual network.
pub fn is_residual(options: &Options) -> bool {
    options.is("backbone", "resnet12")
}

/// The residual network of a run, with so many outputs or none; nothing where it has four blocks.
pub fn residual(run: &Settings, outputs: Option<usize>) -> Option<ResNet12Config> {
    let [size, channels] = run.pictures();
    // squares of 5 pixels on 84x84 and of 2 on 32x32, as large as the last pictures
    let drop_block = Some((size >> 4).clamp(1, 5));
    let encoder = ResNet12Config { size, channels, drop_block, ..ResNet12Config::rfs() };
    is_residual(&run.options).then(|| outputs.map_or(encoder, |outputs| encoder.with_head(outputs)))
}

/// A residual network in words.
pub fn residual_words(config: &ResNet12Config) -> String {
    format!("ResNet-12, channels {}", config.widths.map(|width| width.to_string()).join("-"))
}

/// The same network with so many outputs.
pub fn with_outputs(run: &Settings, outputs: usize) -> Network {
    match &run.classes {
        Some(classes) if classes.features.is_none() => of_pictures(run, classes, Some(outputs)),
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
    match residual(run, None) {
        Some(residual) => residual.feature_count(),
        None => config(run, classes, None).feature_count(),
    }
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
