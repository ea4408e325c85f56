//! The learners that compare and have networks of their own.

use fewshot_meta::{Learner, R2d2, Relation, Siamese};
use fewshot_nn::{Conv4, Conv4Config, Koch, R2d2Config, R2d2Encoder, RelationConfig};

use crate::choices::{Distance, Twin};
use crate::defaults;
use crate::learner::policy;
use crate::method::Method;
use crate::settings::Settings;

/// From so many pixels a side on, a Relation network compares without padding, as for miniImageNet.
const LARGE: usize = 60;

/// Height, width and channels of the images.
fn images(settings: &Settings) -> [usize; 2] {
    let pictures = settings.classes.as_ref().map(|classes| classes.pictures);
    pictures.map_or([defaults::IMAGE_SIZE, 1], |pictures| [pictures.size, pictures.channels()])
}

/// The Relation network for images of their size: padding as for Omniglot where they are small.
pub fn relation(settings: &Settings) -> Relation {
    let [size, channels] = images(settings);
    let like = if size < LARGE { RelationConfig::omniglot() } else { RelationConfig::mini_imagenet() };
    let plain = Relation::new(&RelationConfig { size, channels, ..like });
    Relation { policy: policy(settings), ..plain }
}

/// R2-D2 or LR-D2 on the smaller of its encoders.
pub fn solver(settings: &Settings) -> R2d2<R2d2Encoder> {
    let [size, channels] = images(settings);
    let config = R2d2Config { size, channels, ..R2d2Config::omniglot() };
    let model = R2d2Encoder::new(&config.with_64_channels());
    let learner = match settings.method {
        Method::Lrd2 { newton_steps } => R2d2::logistic(model, newton_steps),
        _ => R2d2::new(model),
    };
    R2d2 { policy: policy(settings), ..learner }
}

/// That of the library.
pub fn distance(distance: Distance) -> fewshot_meta::Distance {
    match distance {
        Distance::Euclidean => fewshot_meta::Distance::SquaredEuclid,
        Distance::Cosine => fewshot_meta::Distance::Cosine,
    }
}

/// A Siamese network: the paper's, or a small one for images of their size.
pub fn siamese(network: Twin, settings: &Settings) -> Box<dyn Learner> {
    match network {
        Twin::Koch => Box::new(Siamese::koch(Koch::new(), Koch::FEATURES)),
        Twin::Small => {
            let [size, channels] = images(settings);
            let config = Conv4Config { size, channels, ..Conv4Config::pooled_64() };
            let policy = policy(settings);
            Box::new(Siamese { policy, ..Siamese::new(Conv4::new(&config), config.feature_count()) })
        }
    }
}
