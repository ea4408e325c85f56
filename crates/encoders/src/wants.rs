//! How an encoder wants pictures, and which of its outputs are features.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::error::Error;
use crate::preset::Preset;

/// Pixels a side, where neither the model nor its description says.
const USUAL_SIZE: usize = 224;
/// Most pixels a side.
const LARGEST_SIZE: usize = 1024;
/// Most bytes of a description.
const LARGEST_DESCRIPTION: u64 = 1 << 16;

/// The order of the channels of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// The brightness alone.
    Grey,
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> usize {
        if self == Channels::Grey { 1 } else { 3 }
    }
}

/// The order of the axes of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Pictures, channels, rows, columns: PyTorch's.
    #[default]
    Nchw,
    /// Pictures, rows, columns, channels: TensorFlow's.
    Nhwc,
}

/// What is made of an output that is no vector: maps `[1, channels, rows, columns]` (in the layout of the input) or tokens
/// `[1, tokens, d]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// The mean over rows and columns, or over tokens.
    Mean,
    /// The first token, which vision transformers call the class token.
    First,
    /// All numbers in their order.
    Flatten,
}

/// How an encoder wants pictures, and which of its outputs are features.
///
/// ```
/// use fewshot_encoders::{Preset, Wants};
/// let wants = Wants::of(Preset::Half);
/// assert_eq!((wants.size, wants.mean, wants.std), (None, [0.5; 3], [0.5; 3]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Wants {
    /// Pixels a side; nothing where the model says, and 224 where it does not.
    pub size: Option<usize>,
    /// The order of channels.
    pub channels: Channels,
    /// The order of axes.
    pub layout: Layout,
    /// Subtracted from values of `0..=1`, by channel in the order red, green, blue; the first for grey.
    pub mean: [f32; 3],
    /// By which they are divided then.
    pub std: [f32; 3],
    /// The name of the output that has the features; nothing for the only one.
    pub output: Option<String>,
    /// What is made of an output that is no vector.
    pub pool: Option<Pool>,
}

/// The file of TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    preset: Option<String>,
    size: Option<usize>,
    channels: Option<Channels>,
    layout: Option<Layout>,
    mean: Option<Numbers>,
    std: Option<Numbers>,
    output: Option<String>,
    pool: Option<Pool>,
}

/// One number for all channels, or one for each.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one number, or three for red, green and blue")]
enum Numbers {
    One(f32),
    Each([f32; 3]),
}

impl Numbers {
    fn by_channel(&self) -> [f32; 3] {
        match self {
            Numbers::One(value) => [*value; 3],
            Numbers::Each(values) => *values,
        }
    }
}

impl Wants {
    /// Colour in the order red, green, blue, with channels in front of rows, normalised as the preset says.
    pub fn of(preset: Preset) -> Wants {
        let [mean, std] = preset.normalisation();
        let (channels, layout) = (Channels::default(), Layout::default());
        Wants { size: None, channels, layout, mean, std, output: None, pool: None }
    }

    /// Where the description of an encoder is: its own name with `.toml` instead of its ending.
    pub fn beside(encoder: &Path) -> PathBuf {
        encoder.with_extension("toml")
    }

    /// What is said of an encoder: the description beside it; where there is none, the preset. A preset that is given comes before the one
    /// in the description, whose other entries stay.
    ///
    /// The description is TOML with any of the keys `preset`, `size`, `channels` (`rgb`, `bgr`, `grey`), `layout` (`nchw`, `nhwc`), `mean`
    /// and `std` (one number, or three), `output` and `pool` (`mean`, `first`, `flatten`).
    ///
    /// # Errors
    /// When neither is there, or the description cannot be read or understood.
    pub fn read(encoder: &Path, preset: Option<Preset>) -> Result<Wants, Error> {
        let path = Wants::beside(encoder);
        let wrong = |cause: String| Error::Description { path: path.clone(), cause };
        match (fs::metadata(&path), preset) {
            (Err(_), Some(preset)) => return Ok(Wants::of(preset)),
            (Err(_), None) => return Err(Error::Undescribed { path: encoder.into(), beside: path }),
            (Ok(file), _) if file.len() > LARGEST_DESCRIPTION => {
                return Err(wrong("it is no description of an encoder, which is short; move it away".into()));
            }
            (Ok(_), _) => {}
        }
        let text =
            fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        Wants::parse(&text, preset).map_err(wrong)
    }

    /// What a description says.
    fn parse(text: &str, preset: Option<Preset>) -> Result<Wants, String> {
        let description: Description = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            format!(
                "line {line}: {}; see the keys of a description in docs/encoders.md",
                error.message().replace('\n', ", ")
            )
        })?;
        let named = description.preset.as_deref().map(Preset::from_str).transpose()?;
        let normalised = description.mean.is_some() && description.std.is_some();
        let wants = match preset.or(named) {
            Some(preset) => Wants::of(preset),
            None if normalised => Wants::of(Preset::Half),
            None => {
                let presets = Preset::NAMES.join(", ");
                return Err(format!("it says no normalisation; give mean and std, or a preset ({presets})"));
            }
        };
        let wants = Wants {
            size: description.size,
            channels: description.channels.unwrap_or(wants.channels),
            layout: description.layout.unwrap_or(wants.layout),
            mean: description.mean.map_or(wants.mean, |mean| mean.by_channel()),
            std: description.std.map_or(wants.std, |std| std.by_channel()),
            output: description.output,
            pool: description.pool,
        };
        wants.check()
    }

    fn check(self) -> Result<Wants, String> {
        if let Some(size) = self.size.filter(|size| !(1..=LARGEST_SIZE).contains(size)) {
            return Err(format!("size = {size}: pictures have 1 to {LARGEST_SIZE} pixels a side"));
        }
        if self.mean.iter().any(|value| !value.is_finite()) {
            return Err(format!("mean = {:?}: give finite numbers", self.mean));
        }
        if self.std.iter().any(|value| !value.is_finite() || *value <= 0.0) {
            return Err(format!("std = {:?}: give numbers above 0", self.std));
        }
        Ok(self)
    }

    /// The side of pictures for a model whose own sides are these, where they are fixed.
    pub(crate) fn side(&self, own: [Option<usize>; 2]) -> Result<usize, String> {
        let fixed = match own {
            [Some(rows), Some(columns)] if rows != columns => {
                return Err(format!(
                    "it wants pictures of {rows}x{columns}; those of other than equal sides are not made"
                ));
            }
            [rows, columns] => rows.or(columns),
        };
        match (self.size, fixed) {
            (Some(said), Some(own)) if said != own => Err(format!(
                "it wants pictures of {own}x{own}, and its description says size = {said}; mend that"
            )),
            (said, own) => Ok(said.or(own).unwrap_or(USUAL_SIZE)),
        }
    }

    /// A text that is equal for two descriptions that ask for the same.
    pub(crate) fn canonical(&self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read() {
        let wants =
            Wants::parse("preset = 'imagenet'\nsize = 96\nchannels = 'bgr'\npool = 'mean'", None).unwrap();
        assert_eq!((wants.size, wants.channels, wants.pool), (Some(96), Channels::Bgr, Some(Pool::Mean)));
        assert_eq!(wants.mean, [0.485, 0.456, 0.406]);
        let given = Wants::parse("preset = 'imagenet'\nsize = 96", Some(Preset::Half)).unwrap();
        assert_eq!((given.size, given.std), (Some(96), [0.5; 3]), "a preset that is given comes first");
        let own = Wants::parse("mean = 0\nstd = [1.0, 2.0, 4.0]\nlayout = 'nhwc'", None).unwrap();
        assert_eq!((own.mean, own.std, own.layout), ([0.0; 3], [1.0, 2.0, 4.0], Layout::Nhwc));
    }

    #[test]
    fn what_descriptions_lack_or_misspell_is_told() {
        let cases = [
            ("size = 96", "it says no normalisation; give mean and std, or a preset (imagenet, clip, half)"),
            ("preset = 'resnet'", "\"resnet\" is no preset of encoders, which are imagenet, clip, half"),
            ("preset = 'half'\nsise = 96", "line 2: unknown field `sise`"),
            ("preset = 'half'\nsize = 0", "size = 0: pictures have 1 to 1024 pixels a side"),
            ("mean = 0.5\nstd = 0.0", "std = [0.0, 0.0, 0.0]: give numbers above 0"),
            ("preset = ", "line 1: "),
            ("mean = [0.5, 0.5]\nstd = 1", "line 1: expected one number, or three for red, green and blue"),
        ];
        for (text, said) in cases {
            let error = Wants::parse(text, None).unwrap_err();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }

    #[test]
    fn the_size_is_the_models_where_it_says() {
        let wants = Wants { size: Some(96), ..Wants::of(Preset::Half) };
        assert_eq!(wants.side([None, None]), Ok(96));
        assert!(wants.side([Some(224), Some(224)]).unwrap_err().contains("size = 96; mend that"));
        assert_eq!(Wants::of(Preset::Half).side([None, Some(160)]), Ok(160));
        assert_eq!(Wants::of(Preset::Half).side([None, None]), Ok(224));
        assert!(Wants::of(Preset::Half).side([Some(20), Some(30)]).is_err());
    }
}
