//! The choices that may name a place: data and divisions of their classes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Kinds of data, by name.
pub const KINDS: [&str; 5] = ["glyphs", "omniglot", "folder", "features", "sinusoid"];

/// A source of episodes.
#[derive(Clone, Debug, PartialEq)]
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
    /// Data of a kind, lying nowhere in particular.
    ///
    /// # Panics
    /// If there is no such kind.
    pub fn of_kind(kind: &str) -> Data {
        let data = kind.parse().or_else(|_| format!("{kind}:.").parse());
        data.unwrap_or_else(|_| panic!("there are no data {kind}"))
    }

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
#[derive(Clone, Debug, PartialEq)]
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
    /// CIFAR-100: 64 / 16 / 20 classes at random (Bertinetto et al. 2019).
    CifarFs,
    /// CIFAR-100: the 60 / 20 / 20 classes of 12 / 4 / 4 superclasses (Oreshkin et al. 2018).
    Fc100,
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
            Split::CifarFs => "cifar-fs",
            Split::Fc100 => "fc100",
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
            "cifar-fs" => Split::CifarFs,
            "fc100" => Split::Fc100,
            "" => {
                return Err(
                    "the split is alphabets, maml, background, koch, cifar-fs, fc100, own or a folder of split files".into()
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

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
