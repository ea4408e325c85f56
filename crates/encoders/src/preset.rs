//! Usual ways to prepare pictures.

use std::fmt;
use std::str::FromStr;

/// A usual way to prepare pictures, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Mean (0.485, 0.456, 0.406) and standard deviation (0.229, 0.224, 0.225) of ImageNet: torchvision's and most of timm's models.
    ImageNet,
    /// Those of CLIP: mean (0.48145466, 0.4578275, 0.40821073), standard deviation (0.26862954, 0.26130258, 0.27577711).
    Clip,
    /// Mean and standard deviation 0.5: values from -1 to 1, as the EfficientNet-lite and Inception models of TensorFlow have them.
    Half,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 3] = [Preset::ImageNet, Preset::Clip, Preset::Half];
    /// Their names, by which they are read.
    pub const NAMES: [&str; 3] = ["imagenet", "clip", "half"];

    pub(crate) fn normalisation(self) -> [[f32; 3]; 2] {
        match self {
            Preset::ImageNet => [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
            Preset::Clip => {
                [[0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]]
            }
            Preset::Half => [[0.5; 3]; 2],
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = Preset::ALL.iter().position(|preset| preset == self).expect("all are listed");
        f.write_str(Preset::NAMES[own])
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Preset::NAMES.iter().position(|name| *name == text);
        found.map(|index| Preset::ALL[index]).ok_or_else(|| {
            format!("{text:?} is no preset of encoders, which are {}", Preset::NAMES.join(", "))
        })
    }
}
