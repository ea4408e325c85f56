//! `fewshot evaluate --calibrate`: a temperature of the probabilities, fitted on validation episodes and kept with the run.

use std::path::Path;

use fewshot_episodes::Tasks;
use fewshot_meta::{Calibration, QueryLogits, fit_temperature};
use serde::Serialize;

use crate::args::Part;
use crate::data::Source;
use crate::error::Error;
use crate::evaluate::takes_any_ways;
use crate::lock::{Lock, Refused};
use crate::measure::{Measured, Subject, query_logits};
use crate::norm;
use crate::run_files::TEMPERATURES;
use crate::settings::Settings;
use crate::temperatures::{Temperature, Temperatures};

/// A temperature, and what probabilities of the test episodes are worth without and with it.
pub struct Calibrated {
    /// The temperature.
    pub temperature: Temperature,
    /// Without it.
    pub before: Calibration,
    /// With it.
    pub after: Calibration,
}

impl Calibrated {
    /// On the queries of the test episodes.
    pub fn new(temperature: Temperature, logits: &QueryLogits) -> Calibrated {
        let [before, after] = [1.0, temperature.temperature].map(|value| logits.calibration(value));
        Calibrated { temperature, before, after }
    }

    /// The temperature, and what it changes.
    pub fn lines(&self) -> Vec<String> {
        vec![
            format!(
                "calibration {}, batch norm {}, kept in {TEMPERATURES}",
                self.temperature.words(),
                self.temperature.norm
            ),
            format!("  without   {}", words(&self.before)),
            format!("  with      {}", words(&self.after)),
        ]
    }
}

/// What the probabilities of the queries are worth, as JSON; shares in per cent.
#[derive(Serialize)]
pub struct Worth {
    confidence: f64,
    expected_error: f64,
    maximum_error: f64,
    brier: f64,
    negative_log_likelihood: f64,
}

impl Worth {
    /// Of a calibration.
    pub fn of(calibration: &Calibration) -> Worth {
        Worth {
            confidence: 100.0 * calibration.confidence,
            expected_error: 100.0 * calibration.reliability.expected_error(),
            maximum_error: 100.0 * calibration.reliability.maximum_error(),
            brier: calibration.brier,
            negative_log_likelihood: calibration.negative_log_likelihood,
        }
    }
}

/// A fitted temperature, and what the probabilities are worth without and with it, as JSON.
#[derive(Serialize)]
pub struct After {
    #[serde(flatten)]
    temperature: Temperature,
    before: Worth,
    after: Worth,
}

impl After {
    /// Of a temperature that was fitted.
    pub fn of(calibrated: &Calibrated) -> After {
        let [before, after] = [&calibrated.before, &calibrated.after].map(Worth::of);
        After { temperature: calibrated.temperature.clone(), before, after }
    }
}

/// What probabilities are worth, in words.
pub fn words(calibration: &Calibration) -> String {
    let Calibration { confidence, brier, negative_log_likelihood: loss, reliability } = calibration;
    format!(
        "mean probability {:.2} %, expected calibration error {:.2} %, Brier {brier:.4}, NLL {loss:.4}",
        100.0 * confidence,
        100.0 * reliability.expected_error()
    )
}

/// The settings under which `fewshot predict` answers: queries are normalised one by one.
pub fn in_use(settings: &Settings) -> Result<Settings, Error> {
    let mut settings = settings.clone();
    norm::one_by_one(&mut settings)?;
    Ok(settings)
}

/// A temperature that is to be fitted and kept.
pub struct Fitting<'a> {
    dir: &'a Path,
    _lock: Lock,
    settings: Settings,
    tasks: Box<dyn Tasks>,
    episodes: usize,
    kept: Temperatures,
}

impl<'a> Fitting<'a> {
    /// On so many validation episodes; what would keep it from being kept is found before.
    pub fn new(
        dir: &'a Path,
        subject: &Subject<'_>,
        source: &Source,
        episodes: usize,
    ) -> Result<Fitting<'a>, Error> {
        if episodes == 0 {
            return Err(Error::option("calibrate", 0, "the least is 1"));
        }
        let settings = in_use(subject.settings)?;
        enough_classes(&settings, source)?;
        let tasks = source.calibration(&settings)?;
        let lock = Lock::take(dir).map_err(|refused| {
            let cause = match refused {
                Refused::Taken => "another process writes into it; wait for that".to_owned(),
                Refused::Io(error) => format!("{TEMPERATURES} cannot be kept: {error}; let it be written to"),
            };
            Error::Run { path: dir.to_owned(), cause }
        })?;
        let kept = Temperatures::read(dir, subject.iterations)?;
        Ok(Fitting { dir, _lock: lock, settings, tasks, episodes, kept })
    }

    /// Fits it, keeps it, and tells what it changes on the test episodes.
    pub fn fitted(
        self,
        subject: &Subject<'_>,
        test: &dyn Tasks,
        measured: &Measured,
    ) -> Result<Calibrated, Error> {
        let settings = &self.settings;
        let seen = query_logits(settings, subject.meta, &*self.tasks, self.episodes)?;
        let value = fit_temperature(seen.logits(), seen.classes())
            .map_err(|error| Error::Evaluation(format!("--calibrate={}: {error}", self.episodes)))?;
        let temperature = Temperature {
            temperature: value,
            ways: settings.ways(),
            shots: settings.shots,
            episodes: self.episodes,
            seed: settings.seed,
            norm: norm::name(settings.policy()).into(),
            iterations: subject.iterations,
        };
        let same = settings.policy() == subject.settings.policy();
        let calibrated = match measured.logits.as_ref().filter(|_| same) {
            Some(logits) => Calibrated::new(temperature, logits),
            None => {
                let logits = query_logits(settings, subject.meta, test, settings.episodes)?;
                Calibrated::new(temperature, &logits)
            }
        };
        self.kept.with(calibrated.temperature.clone()).write(self.dir)?;
        Ok(calibrated)
    }
}

/// Refuses to fit where validation classes are too few for an episode.
fn enough_classes(settings: &Settings, source: &Source) -> Result<(), Error> {
    let (held, ways) = (source.ways_of(Part::Validation, settings), settings.ways());
    if held >= ways {
        return Ok(());
    }
    let found = if held == 0 { "no".to_owned() } else { held.to_string() };
    let fewer =
        if held > 1 && takes_any_ways(settings) { format!("give --ways {held}, ") } else { String::new() };
    Err(Error::Combination(format!(
        "--calibrate: a temperature is fitted on episodes of {ways} validation classes, and there are {found} validation classes; {fewer}train \
         on data whose division has as many, or leave it out"
    )))
}
