//! LEO: gradient steps on short codes of the classes, on feature vectors.

use fewshot_meta::Learner;

use super::{About, Algorithm};
use crate::options::shared::MOST_STEPS;
use crate::options::{Group, Kind, Of, Opt};
use crate::settings::Settings;

macro_rules! codes {
    ($id:ident = $name:literal $value:literal, $kind:expr, $help:literal) => {
        static $id: Opt = Opt {
            name: $name,
            value: $value,
            kind: $kind,
            group: Group::Codes,
            of: Of::All,
            help: $help,
            more: "",
        };
    };
}

codes!(LATENT_STEPS = "latent-steps" "STEPS", Kind::upto(MOST_STEPS / 2), "Steps on the codes of the classes");
codes!(
    FINE_TUNING_STEPS = "fine-tuning-steps" "STEPS",
    Kind::from_zero(MOST_STEPS / 2),
    "Steps on the weights of the classifier after them"
);
codes!(
    DROPOUT = "dropout" "RATE",
    Kind::Probability,
    "Probability that a number of a feature vector is dropped in training"
);
codes!(
    KL_WEIGHT = "kl-weight" "WEIGHT",
    Kind::NotNegative,
    "Weight of the divergence of the codes from a standard normal distribution"
);
codes!(
    ENCODER_WEIGHT = "encoder-weight" "WEIGHT",
    Kind::NotNegative,
    "Weight of the distance of codes from adapted ones"
);
codes!(
    L2_WEIGHT = "l2-weight" "WEIGHT",
    Kind::NotNegative,
    "Weight of the squares of the networks' weights"
);
codes!(
    ORTHOGONALITY_WEIGHT = "orthogonality-weight" "WEIGHT",
    Kind::NotNegative,
    "Weight of the correlations of the decoder's rows"
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
