//! Settings of LEO on the command line.

use fewshot_meta::Leo;
use fewshot_nn::Clip;

use crate::algorithm::Algorithm;
use crate::error::Error;
use crate::features;
use crate::options::Options;
use crate::ranges::{MOST_STEPS, between, not_negative};

/// LEO as the options ask for, with the settings found for miniImageNet where they do not.
pub fn leo(options: &Options) -> Leo {
    let published = if options.shots.unwrap_or(1) == 1 { Leo::mini_1shot() } else { Leo::mini_5shot() };
    Leo {
        inputs: features::size(options),
        latent_steps: options.latent_steps.unwrap_or(published.latent_steps),
        fine_tuning_steps: options.fine_tuning_steps.unwrap_or(published.fine_tuning_steps),
        dropout: options.dropout.unwrap_or(published.dropout),
        kl_weight: options.kl_weight.unwrap_or(published.kl_weight),
        encoder_weight: options.encoder_weight.unwrap_or(published.encoder_weight),
        l2_weight: options.l2_weight.unwrap_or(published.l2_weight),
        orthogonality_weight: options.orthogonality_weight.unwrap_or(published.orthogonality_weight),
        ..published
    }
}

/// Writes the settings as options.
pub fn write(leo: &Leo, options: &mut Options) {
    options.eval_steps = None;
    options.latent_steps = Some(leo.latent_steps);
    options.fine_tuning_steps = Some(leo.fine_tuning_steps);
    options.dropout = Some(leo.dropout);
    options.kl_weight = Some(leo.kl_weight);
    options.encoder_weight = Some(leo.encoder_weight);
    options.l2_weight = Some(leo.l2_weight);
    options.orthogonality_weight = Some(leo.orthogonality_weight);
}

/// Checks that every number is in its range.
pub fn check(leo: &Leo) -> Result<(), Error> {
    between("latent-steps", leo.latent_steps, 1, MOST_STEPS / 2)?;
    between("fine-tuning-steps", leo.fine_tuning_steps, 0, MOST_STEPS / 2)?;
    if !(0.0..1.0).contains(&leo.dropout) {
        return Err(Error::option("dropout", leo.dropout, "it must be a probability below 1 such as 0.3"));
    }
    not_negative("kl-weight", leo.kl_weight)?;
    not_negative("encoder-weight", leo.encoder_weight)?;
    not_negative("l2-weight", leo.l2_weight)?;
    not_negative("orthogonality-weight", leo.orthogonality_weight)
}

/// The two limits of LEO's meta-gradient, where one of them is given.
pub fn clip(algorithm: Algorithm, options: &Options) -> Option<Clip> {
    let Clip::ValueThenEachNorm { value, norm } = Leo::CLIP else { return None };
    let given = options.clip_value.is_some() || options.clip_norm.is_some();
    (algorithm == Algorithm::Leo && given).then(|| Clip::ValueThenEachNorm {
        value: options.clip_value.unwrap_or(value),
        norm: options.clip_norm.unwrap_or(norm),
    })
}

/// The networks in words.
pub fn network_name(leo: &Leo) -> String {
    let Leo { inputs, hidden, latent, .. } = leo;
    format!(
        "encoder {inputs}-{hidden}, relation network, latent codes of {latent}, decoder {latent}-{inputs}"
    )
}

/// The algorithm's own settings in words.
pub fn words(leo: &Leo) -> String {
    let Leo { latent_steps, fine_tuning_steps, dropout, kl_weight, orthogonality_weight, .. } = leo;
    format!(
        "latent steps {latent_steps}, fine-tuning steps {fine_tuning_steps} of learned rates, dropout {dropout}, weights of \
         divergence {kl_weight}, of correlations {orthogonality_weight}"
    )
}
