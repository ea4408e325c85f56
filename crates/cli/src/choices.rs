//! The choices an option may take, with the names the command line and `config.toml` write.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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
pub enum Remembering {
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

/// A source of episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Data {
    /// Built-in procedural alphabets.
    Glyphs,
    /// The Omniglot drawings in this folder.
    Omniglot(PathBuf),
    /// Pictures in folders of their classes.
    Folder(PathBuf),
    /// Feature vectors in this file.
    Features(PathBuf),
    /// Regression of sinusoids.
    Sinusoid,
}

impl Data {
    /// The name without a path.
    pub fn name(&self) -> &'static str {
        match self {
            Data::Glyphs => "glyphs",
            Data::Omniglot(_) => "omniglot",
            Data::Folder(_) => "folder",
            Data::Features(_) => "features",
            Data::Sinusoid => "sinusoid",
        }
    }

    /// Where they lie, if they are files.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Data::Omniglot(path) | Data::Folder(path) | Data::Features(path) => Some(path),
            Data::Glyphs | Data::Sinusoid => None,
        }
    }

    /// The same kind of data, lying nowhere in particular.
    pub fn placeless(self) -> Data {
        match self {
            Data::Omniglot(_) => Data::Omniglot(PathBuf::from(".")),
            Data::Folder(_) => Data::Folder(PathBuf::from(".")),
            Data::Features(_) => Data::Features(PathBuf::from(".")),
            other => other,
        }
    }

    /// The same with an absolute path, so that it can be found from anywhere.
    pub fn absolute(self) -> Data {
        match self {
            Data::Omniglot(path) => Data::Omniglot(absolute(&path)),
            Data::Folder(path) => Data::Folder(absolute(&path)),
            Data::Features(path) => Data::Features(absolute(&path)),
            other => other,
        }
    }
}

impl FromStr for Data {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "glyphs" => Ok(Data::Glyphs),
            None if text == "sinusoid" => Ok(Data::Sinusoid),
            Some(("omniglot" | "folder" | "features", path)) if absolute(Path::new(path)).to_str().is_none() => {
                Err("the path from the root to it is no Unicode, which config.toml could not hold: rename the folder above, \
                     or go by a link"
                    .into())
            }
            Some(("omniglot", path)) if !path.is_empty() => Ok(Data::Omniglot(path.into())),
            Some(("folder", path)) if !path.is_empty() => Ok(Data::Folder(path.into())),
            Some(("features", path)) if !path.is_empty() => Ok(Data::Features(path.into())),
            _ if text == "omniglot" || text == "omniglot:" => {
                Err("say where the archives lie: omniglot:PATH".into())
            }
            _ if text == "folder" || text == "folder:" => {
                Err("say where the class folders lie: folder:PATH".into())
            }
            _ if text == "features" || text == "features:" => {
                Err("say which file holds the vectors: features:FILE".into())
            }
            _ => Err("the data are glyphs, omniglot:PATH, folder:PATH, features:FILE or sinusoid".into()),
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::Omniglot(path) => write!(f, "omniglot:{}", path.display()),
            Data::Folder(path) => write!(f, "folder:{}", path.display()),
            Data::Features(path) => write!(f, "features:{}", path.display()),
            other => f.write_str(other.name()),
        }
    }
}

/// A division of the classes into training, validation and test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Split {
    /// Whole alphabets are held out.
    Alphabets,
    /// Random characters: 1100 / 100 / 423 of Omniglot's.
    Maml,
    /// Omniglot's official halves.
    Background,
    /// As the folder of the data is divided itself; at random where it is not.
    Own,
    /// Alphabets of Omniglot: 30 / 10 / the 10 of the official one-shot runs.
    Koch,
    /// Files in this folder name the classes.
    Folder(PathBuf),
}

impl Split {
    /// The name, without the path of a folder.
    pub fn name(&self) -> &'static str {
        match self {
            Split::Alphabets => "alphabets",
            Split::Maml => "maml",
            Split::Background => "background",
            Split::Own => "own",
            Split::Koch => "koch",
            Split::Folder(_) => "files",
        }
    }

    /// The same kind of split, lying nowhere in particular.
    pub fn placeless(self) -> Split {
        match self {
            Split::Folder(_) => Split::Folder(PathBuf::from(".")),
            other => other,
        }
    }

    /// The same with an absolute path, so that it can be found from anywhere.
    pub fn absolute(self) -> Split {
        match self {
            Split::Folder(path) => Split::Folder(absolute(&path)),
            other => other,
        }
    }
}

impl FromStr for Split {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "alphabets" => Split::Alphabets,
            "maml" => Split::Maml,
            "background" => Split::Background,
            "own" => Split::Own,
            "koch" => Split::Koch,
            "" => {
                return Err(
                    "the split is alphabets, maml, background, koch, own or a folder of split files".into()
                );
            }
            path => Split::Folder(path.into()),
        })
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Split::Folder(path) => write!(f, "{}", path.display()),
            other => f.write_str(other.name()),
        }
    }
}

macro_rules! as_string {
    ($($kind:ty),*) => {$(
        impl TryFrom<String> for $kind {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|cause| format!("{text:?}: {cause}"))
            }
        }
        impl From<$kind> for String {
            fn from(value: $kind) -> String {
                value.to_string()
            }
        }
    )*};
}
as_string!(Data, Split);

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The name of a choice as the command line writes it.
pub fn choice_name(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
