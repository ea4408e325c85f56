//! Pictures as feature vectors, by an encoder in ONNX or by their pixels alone; those of a file are computed once and kept.

mod cache;
mod vectors;

use std::path::{Path, PathBuf};

use clap::Args;
use fewshot_encoders::{Channels, Encoder, Preset};
use fewshot_episodes::folder::{self, Colour, FolderConfig, Tones};
use fewshot_episodes::names::{from_os, shown_path};

use crate::error::{Error, shown};
pub use vectors::{all_vectors, vectors};

/// Pixels a side where pictures are compared by their pixels.
const PIXELS: usize = 16;

/// An encoder that others trained.
#[derive(Args, Clone, Debug, Default)]
pub struct EncoderArgs {
    /// Encoder that others trained, in ONNX: pictures become its features, and nothing of it is trained
    #[arg(long, value_name = "FILE")]
    pub encoder: Option<PathBuf>,

    /// How the encoder wants pictures: imagenet, clip or half [default: as FILE.toml beside it says]
    #[arg(long, value_name = "PRESET", value_parser = preset, requires = "encoder")]
    pub encoder_preset: Option<Preset>,
}

fn preset(name: &str) -> Result<Preset, String> {
    name.parse()
}

/// What makes a vector of a picture.
pub enum Encoding {
    /// An encoder in ONNX, and the preset that was given for it.
    Onnx(Box<Encoder>, Option<Preset>),
    /// The colours of 16x16 pixels.
    Pixels,
}

impl Encoding {
    /// The encoder that is asked for, or pixels.
    pub fn open(args: &EncoderArgs) -> Result<Encoding, Error> {
        let Some(path) = &args.encoder else { return Ok(Encoding::Pixels) };
        let encoder = Encoder::open(path, args.encoder_preset).map_err(|error| match error {
            fewshot_encoders::Error::Undescribed { beside, .. } => Error::Encoder(format!(
                "{}: nothing says how it wants pictures: give --encoder-preset {}, or write {} beside it",
                shown(path),
                Preset::NAMES.join("|"),
                shown(&beside)
            )),
            other => Error::Encoder(other.to_string()),
        })?;
        Ok(Encoding::Onnx(Box::new(encoder), args.encoder_preset))
    }

    /// Where it was read from.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Encoding::Onnx(encoder, _) => Some(encoder.path()),
            Encoding::Pixels => None,
        }
    }

    /// The preset that was given for the encoder.
    pub fn preset(&self) -> Option<Preset> {
        match self {
            Encoding::Onnx(_, preset) => *preset,
            Encoding::Pixels => None,
        }
    }

    /// Equal for encodings that make equal vectors.
    pub fn checksum(&self) -> String {
        match self {
            Encoding::Onnx(encoder, _) => encoder.checksum().to_owned(),
            Encoding::Pixels => format!("pixels-{PIXELS}"),
        }
    }

    /// How many numbers a vector has.
    pub fn width(&self) -> usize {
        match self {
            Encoding::Onnx(encoder, _) => encoder.width(),
            Encoding::Pixels => PIXELS * PIXELS * Colour::Rgb.channels(),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let width = self.width();
        match self {
            Encoding::Onnx(encoder, _) => {
                let [rows, columns, _] = encoder.shape();
                let colours = if encoder.wants().channels == Channels::Grey { "grey" } else { "colour" };
                format!(
                    "{}, {width} features of {rows}x{columns} pixels in {colours}",
                    shown_path(encoder.path())
                )
            }
            Encoding::Pixels => format!("none: {width} colours of {PIXELS}x{PIXELS} pixels"),
        }
    }

    /// What pictures are brought to.
    pub fn pictures(&self) -> FolderConfig {
        let (size, colour) = match self {
            Encoding::Onnx(encoder, _) => {
                let [rows, columns, channels] = encoder.shape();
                ([rows, columns], if channels == 1 { Colour::Grey } else { Colour::Rgb })
            }
            Encoding::Pixels => ([PIXELS; 2], Colour::Rgb),
        };
        FolderConfig { size, colour, tones: Tones::Kept }
    }

    /// The vector of a picture in a file.
    fn of_file(&self, path: &Path) -> Result<Vec<f32>, Error> {
        let picture = folder::picture(path, &self.pictures())?;
        match self {
            Encoding::Onnx(encoder, _) => encoder
                .encode(&picture)
                .map_err(|error| Error::Encoder(format!("{error}; the picture is {}", shown_path(path)))),
            Encoding::Pixels => Ok(picture.into_iter().collect()),
        }
    }
}

/// The name of a file, as it is kept.
pub fn name_of(path: &Path) -> String {
    from_os(path.as_os_str())
}
