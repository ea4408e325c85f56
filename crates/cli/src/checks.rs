//! What is refused before anything is loaded: numbers out of range, and options that do not go together.

use crate::choices::{Algorithm, Data, Split, choice_name};
use crate::error::Error;
use crate::options::Options;
use crate::settings::{Method, Settings};

/// Most episodes in an outer update; each keeps a gradient of the size of the network until they are averaged.
const MOST_TASKS: usize = 1000;
/// Largest shots, queries and ways: guards against typing errors that would exhaust memory.
const MOST: usize = 100_000;
/// Most inner steps; every one is recorded for the meta-gradient.
const MOST_STEPS: usize = 1000;

/// Checks that every number is in its range.
pub fn numbers(settings: &Settings) -> Result<(), Error> {
    between("shots", settings.shots, 1, MOST)?;
    between("queries", settings.queries, 1, MOST)?;
    between("eval-queries", settings.eval_queries, 1, MOST)?;
    between("episodes", settings.episodes, 2, 10 * MOST)?;
    between("meta-batch", settings.meta_batch, 1, MOST_TASKS)?;
    between("iterations", settings.iterations, 1, i64::MAX as u64)?;
    between("halve-every", settings.halve_every, 0, i64::MAX as u64)?;
    between("seed", settings.seed, 0, i64::MAX as u64)?;
    rate("outer-lr", settings.outer_lr)?;
    if let Some(classes) = &settings.classes {
        between("ways", classes.ways, 2, MOST)?;
        between("train-ways", classes.train_ways, 2, MOST)?;
    }
    if let Method::Maml { inner_lr, inner_steps, eval_steps, .. } = settings.method {
        rate("inner-lr", inner_lr)?;
        between("inner-steps", inner_steps, 1, MOST_STEPS)?;
        between("eval-steps", eval_steps, 1, MOST_STEPS)?;
    }
    Ok(())
}

/// Refuses options that the algorithm or the data have no use for, rather than ignore them.
pub fn combinations(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Combination(message));
    if algorithm == Algorithm::Protonet && *data == Data::Sinusoid {
        return refuse(
            "--algorithm protonet --data sinusoid: Prototypical networks classify, sinusoids are regression; \
             use --algorithm maml"
                .into(),
        );
    }
    if *data == Data::Glyphs && options.split == Some(Split::Background) {
        return refuse(
            "--split background --data glyphs: the background set is Omniglot's; use --split alphabets or maml"
                .into(),
        );
    }
    let (foreign, owner) = match algorithm {
        Algorithm::Maml => (of_protonet(options), choice_name(Algorithm::Protonet)),
        Algorithm::Protonet => (of_maml(options), choice_name(Algorithm::Maml)),
    };
    if let Some(option) = foreign {
        let way_out = format!("add --algorithm {owner} or leave it out");
        return refuse(format!("--{option} is an option of {owner}: {way_out}"));
    }
    match of_drawings(options) {
        Some(option) if *data == Data::Sinusoid => {
            refuse(format!("--{option} is about classes, which sinusoids have not: leave it out"))
        }
        _ => Ok(()),
    }
}

/// The first option given that only MAML has.
fn of_maml(options: &Options) -> Option<&'static str> {
    first([
        ("order", options.order.is_some()),
        ("inner-lr", options.inner_lr.is_some()),
        ("inner-steps", options.inner_steps.is_some()),
        ("eval-steps", options.eval_steps.is_some()),
    ])
}

/// The first option given that only Prototypical networks have.
fn of_protonet(options: &Options) -> Option<&'static str> {
    first([("distance", options.distance.is_some()), ("train-ways", options.train_ways.is_some())])
}

/// The first option given that only classification has.
fn of_drawings(options: &Options) -> Option<&'static str> {
    first([
        ("ways", options.ways.is_some()),
        ("split", options.split.is_some()),
        ("rotations", options.rotations.is_some()),
        ("norm", options.norm.is_some()),
    ])
}

fn first<const N: usize>(given: [(&'static str, bool); N]) -> Option<&'static str> {
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
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

fn rate(option: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && (value as f32).is_finite() && value as f32 > 0.0 {
        return Ok(());
    }
    Err(Error::option(option, value, "a rate is a positive number such as 0.001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, named) in [
            ("algorithm = 'protonet'\ndata = 'sinusoid'", "regression"),
            ("data = 'sinusoid'\nways = 5", "--ways"),
            ("data = 'sinusoid'\nnorm = 'running'", "--norm"),
            ("algorithm = 'protonet'\ninner-lr = 0.1", "--inner-lr"),
            ("algorithm = 'maml'\ntrain-ways = 9", "--train-ways"),
            ("split = 'background'", "background"),
            ("ways = 1", "--ways 1"),
            ("iterations = 0", "--iterations 0"),
            ("meta-batch = 1000000", "--meta-batch 1000000"),
            ("algorithm = 'maml'\ninner-steps = 5000", "--inner-steps 5000"),
        ] {
            let options: Options = toml::from_str(text).unwrap();
            let message = Settings::resolve(&options).unwrap_err().to_string();
            assert!(message.contains(named), "{text}: {message}");
        }
    }

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
