//! LEO: gradient steps on short codes of the classes, on feature vectors.

use fewshot_meta::Learner;

use super::{About, Algorithm};
use crate::options::shared::MOST_STEPS;
use crate::options::{Group, Kind, Opt};
use crate::settings::Settings;

static LATENT_STEPS: Opt = Opt::new(
    "latent-steps",
    "STEPS",
    Kind::upto(MOST_STEPS / 2),
    Group::Codes,
    "Steps on the codes of the classes",
);
static FINE_TUNING_STEPS: Opt = Opt::new(
    "fine-tuning-steps",
    "STEPS",
    Kind::from_zero(MOST_STEPS / 2),
    Group::Codes,
    "Steps on the weights of the classifier after them",
);
static DROPOUT: Opt = Opt::new(
    "dropout",
    "RATE",
    Kind::Probability,
    Group::Codes,
    "Probability that a number of a feature vector is dropped in training",
);
static KL_WEIGHT: Opt = Opt::new(
    "kl-weight",
    "WEIGHT",
    Kind::NotNegative,
    Group::Codes,
    "Weight of the divergence of the codes from a standard normal distribution",
);
static ENCODER_WEIGHT: Opt = Opt::new(
    "encoder-weight",
    "WEIGHT",
    Kind::NotNegative,
    Group::Codes,
    "Weight of the distance of codes from adapted ones",
);
static L2_WEIGHT: Opt = Opt::new(
    "l2-weight",
    "WEIGHT",
    Kind::NotNegative,
    Group::Codes,
    "Weight of the squares of the networks' weights",
);
static ORTHOGONALITY_WEIGHT: Opt = Opt::new(
    "orthogonality-weight",
    "WEIGHT",
    Kind::NotNegative,
    Group::Codes,
    "Weight of the correlations of the decoder's rows",
);

static ABOUT: About = About {
    name: "leo",
    summary: "Gradient steps on short codes of the classes; vectors only",
    paper: "Rusu, Rao, Sygnowski, Vinyals, Pascanu, Osindero, Hadsell 2019",
    published: include_str!("leo.toml"),
    data: &["features"],
    options: &[
        &LATENT_STEPS,
        &FINE_TUNING_STEPS,
        &DROPOUT,
        &KL_WEIGHT,
        &ENCODER_WEIGHT,
        &L2_WEIGHT,
        &ORTHOGONALITY_WEIGHT,
    ],
};

/// The row of LEO.
pub struct Leo;

impl Algorithm for Leo {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(of_run(run))
    }

    fn words(&self, run: &Settings) -> String {
        let fewshot_meta::Leo {
            latent_steps,
            fine_tuning_steps,
            dropout,
            kl_weight,
            orthogonality_weight,
            ..
        } = of_run(run);
        format!(
            "latent steps {latent_steps}, fine-tuning steps {fine_tuning_steps} of learned rates, dropout {dropout}, weights of \
             divergence {kl_weight}, of correlations {orthogonality_weight}"
        )
    }

    fn network(&self, run: &Settings) -> Option<String> {
        let fewshot_meta::Leo { inputs, hidden, latent, .. } = of_run(run);
        Some(format!(
            "encoder {inputs}-{hidden}, relation network, latent codes of {latent}, decoder {latent}-{inputs}"
        ))
    }

    fn takes_any_ways(&self, _: &Settings) -> bool {
        true
    }

    fn eval_steps(&self, run: &Settings) -> Option<usize> {
        Some(run.count("latent-steps") + run.count("fine-tuning-steps"))
    }

    fn most_steps(&self, run: &Settings) -> usize {
        run.count("latent-steps") + run.count("fine-tuning-steps")
    }
}

fn of_run(run: &Settings) -> fewshot_meta::Leo {
    fewshot_meta::Leo {
        inputs: run.count("feature-size"),
        latent_steps: run.count("latent-steps"),
        fine_tuning_steps: run.count("fine-tuning-steps"),
        dropout: run.number("dropout"),
        kl_weight: run.number("kl-weight"),
        encoder_weight: run.number("encoder-weight"),
        l2_weight: run.number("l2-weight"),
        orthogonality_weight: run.number("orthogonality-weight"),
        ..fewshot_meta::Leo::default()
    }
}
