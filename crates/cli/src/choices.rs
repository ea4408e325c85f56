//! The choices an option may take, with the names the command line and `config.toml` write.

mod places;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use places::{Data, Split};

/// Order of the meta-gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Order {
    /// Inner gradients are constants
    #[value(name = "1")]
    First,
    /// Exact, through the inner gradients
    #[value(name = "2")]
    Second,
}

impl TryFrom<u8> for Order {
    type Error = String;
    fn try_from(order: u8) -> Result<Self, String> {
        match order {
            1 => Ok(Order::First),
            2 => Ok(Order::Second),
            other => Err(format!("order {other}: the order is 1 or 2")),
        }
    }
}

impl From<Order> for u8 {
    fn from(order: Order) -> u8 {
        match order {
            Order::First => 1,
            Order::Second => 2,
        }
    }
}

/// How iMAML keeps adapted weights near the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// Once, after plain steps, with a damped linear system (released code)
    LastStep,
    /// In every step, with the linear system of the paper
    EveryStep,
}

/// How a block of a network halves its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downsample {
    /// The convolution moves by two pixels
    Stride,
    /// 2x2 max-pooling after the activation
    MaxPool,
}

impl From<fewshot_nn::Downsample> for Downsample {
    fn from(downsample: fewshot_nn::Downsample) -> Self {
        match downsample {
            fewshot_nn::Downsample::Stride => Downsample::Stride,
            fewshot_nn::Downsample::MaxPool => Downsample::MaxPool,
        }
    }
}

impl From<Downsample> for fewshot_nn::Downsample {
    fn from(downsample: Downsample) -> Self {
        match downsample {
            Downsample::Stride => fewshot_nn::Downsample::Stride,
            Downsample::MaxPool => fewshot_nn::Downsample::MaxPool,
        }
    }
}

/// Network of a Siamese network: each of its twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Twin {
    /// Conv4 on drawings of 28x28: minutes on a core
    Small,
    /// The paper's 39 million parameters on drawings of 105x105: weeks on a core
    Koch,
}

/// Distance of a Prototypical network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// Squared Euclidean distance
    Euclidean,
    /// One minus the cosine of the angle
    Cosine,
}

/// What a network that reads examples remembers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MannMemory {
    /// An LSTM with an external memory
    External,
    /// Baseline: the LSTM alone
    Lstm,
    /// Baseline: nothing, a network of one layer
    None,
}

/// How an external memory is written and addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// By the paper's equations: all heads write to all least used slots, with one learned gate each
    Paper,
    /// Each head writes a vector of its own to a least used slot of its own
    PerHead,
    /// All heads write to all least used slots; what is read is looked for before they write
    Shared,
}

/// What classes are called in a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// By a number each
    Numbers,
    /// By five letters each
    Strings,
}

/// Which statistics batch norm uses at test (`algorithms.md` 1.4: T, R, E, S).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Of the batch at hand: all queries of an episode are seen together (transductive)
    Batch,
    /// Averages gathered in training
    Running,
    /// Of the episode's support alone
    Support,
    /// Of the support and the one query to be answered
    SupportPlusOne,
}

/// What becomes of a drawing turned by 90, 180 or 270 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotations {
    /// Nothing is turned
    None,
    /// Each rotation of a character is a class of its own
    NewClasses,
    /// Each class of each episode is turned by an angle of its own
    PerClass,
    /// All classes of an episode are turned by one angle
    PerEpisode,
}

/// The name of a choice as the command line writes it.
pub fn choice_name(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
