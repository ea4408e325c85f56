//! Numbers out of range, refused before anything is loaded.

use fewshot_nn::Clip;

use crate::error::Error;
use crate::latent;
use crate::method::Method;
use crate::outer::Decay;
use crate::settings::Settings;

/// Most episodes in an outer update; each keeps a gradient of the size of the network until they are averaged.
const MOST_TASKS: usize = 1000;
/// Largest shots, queries and ways: guards against typing errors that would exhaust memory.
const MOST: usize = 100_000;
/// Most channels of a block; a convolution has their square times nine weights.
const MOST_FILTERS: usize = 4096;
/// Most inner steps; every one is recorded for the meta-gradient.
pub const MOST_STEPS: usize = 1000;

/// Checks that every number is in its range.
pub fn numbers(settings: &Settings) -> Result<(), Error> {
    between("shots", settings.shots, 1, MOST)?;
    between("train-shots", settings.train_shots.least, 1, MOST)?;
    between("train-shots", settings.train_shots.most, 1, MOST)?;
    between("queries", settings.queries, 1, MOST)?;
    between("eval-queries", settings.eval_queries, 1, MOST)?;
    between("episodes", settings.episodes, 2, 10 * MOST)?;
    between("meta-batch", settings.meta_batch, 1, MOST_TASKS)?;
    between("iterations", settings.iterations, 1, i64::MAX as u64)?;
    if let Decay::Halved(every) = settings.decay {
        between("halve-every", every, 1, i64::MAX as u64)?;
    }
    between("seed", settings.seed, 0, i64::MAX as u64)?;
    rate("outer-lr", settings.outer_lr)?;
    if let Some(classes) = &settings.classes {
        between("ways", classes.ways, 2, MOST)?;
        between("train-ways", classes.train_ways, 2, MOST)?;
        match classes.features {
            Some(size) => between("feature-size", size, 1, MOST)?,
            None => classes.pictures.check(&settings.method, &settings.data)?,
        }
        if let Some(blocks) = classes.blocks {
            between("filters", blocks.filters, 1, MOST_FILTERS)?;
        }
    }
    match settings.clip {
        Some(Clip::Value(limit)) => rate("clip-value", limit)?,
        Some(Clip::Norm(limit) | Clip::NormApart { limit, .. }) => rate("clip-norm", limit)?,
        Some(Clip::ValueThenEachNorm { value, norm }) => {
            rate("clip-value", value)?;
            rate("clip-norm", norm)?;
        }
        None => {}
    }
    if let Some(lr) = settings.method.inner_lr() {
        rate("inner-lr", lr)?;
    }
    if let Some(steps) = settings.method.steps() {
        between("inner-steps", steps.train, 1, MOST_STEPS)?;
    }
    if let Some(steps) = settings.method.eval_steps() {
        between("eval-steps", steps, 1, MOST_STEPS)?;
    }
    own(&settings.method)
}

/// Checks the numbers that one algorithm alone has.
fn own(method: &Method) -> Result<(), Error> {
    match method {
        Method::Reptile { batch, eval_batch, lanes, .. } => {
            between("inner-batch", *batch, 1, MOST)?;
            between("eval-inner-batch", *eval_batch, 1, MOST)?;
            between("lanes", *lanes, 1, MOST_TASKS)
        }
        Method::LstmMetaLearner { batch, .. } => between("inner-batch", *batch, 1, MOST),
        Method::Imaml { proximal, cg_steps, .. } => {
            rate("proximal", *proximal)?;
            between("cg-steps", *cg_steps, 1, MOST_STEPS)
        }
        Method::Matching { reads, .. } => between("reads", *reads, 0, MOST_STEPS),
        Method::Lrd2 { newton_steps } => between("newton-steps", *newton_steps, 1, MOST_STEPS),
        Method::Siamese { pairs, .. } => between("batch", *pairs, 1, MOST),
        Method::Mann { per_class, sequences, .. } => {
            between("per-class", *per_class, 0, MOST)?;
            between("batch", *sequences, 1, MOST_TASKS)
        }
        Method::Leo(leo) => latent::check(leo),
        Method::Cavia { context, .. } => between("context", *context, 1, MOST_TASKS),
        Method::Pretrain { tuning, batch } => {
            between("batch", batch.unwrap_or(1), 1, MOST)?;
            not_negative("decay", tuning.decay)
        }
        _ => Ok(()),
    }
}

/// Checks that a whole number lies in a range.
pub fn between<T: PartialOrd + ToString>(
    option: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), Error> {
    if value < least {
        return Err(Error::option(option, value, format!("the least is {}", least.to_string())));
    }
    if value > most {
        return Err(Error::option(option, value, format!("the most is {}", most.to_string())));
    }
    Ok(())
}

pub fn not_negative(option: &'static str, value: f64) -> Result<(), Error> {
    if value >= 0.0 && (value as f32).is_finite() {
        return Ok(());
    }
    Err(Error::option(option, value, "it must be 0 or a positive number such as 0.1"))
}

fn rate(option: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && (value as f32).is_finite() && value as f32 > 0.0 {
        return Ok(());
    }
    Err(Error::option(option, value, "it must be a positive number such as 0.001"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[test]
    fn rates_are_positive_numbers() {
        for bad in ["nan", "inf", "-1.0", "0.0", "1e300", "1e-300"] {
            for rate in ["outer-lr", "inner-lr"] {
                let options: Options =
                    toml::from_str(&format!("algorithm = 'maml'\n{rate} = {bad}")).unwrap();
                let message = Settings::resolve(&options).unwrap_err().to_string();
                assert!(message.contains(&format!("--{rate}")), "{message}");
            }
        }
        assert!(rate("outer-lr", 1e-6).is_ok());
    }

    #[test]
    fn a_seed_must_fit_a_configuration() {
        assert!(between("seed", u64::MAX, 0, i64::MAX as u64).is_err());
        assert!(between("seed", i64::MAX as u64, 0, i64::MAX as u64).is_ok());
    }
}
