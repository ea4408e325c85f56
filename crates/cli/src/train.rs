//! `fewshot train`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fewshot_episodes::Tasks;
use fewshot_episodes::names::shown_path;
use fewshot_meta::{Learner, Meta, Trainer, Training};

use crate::beginning::{self, Beginning};
use crate::config;
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::features;
use crate::files;
use crate::fingerprint::checksum;
use crate::fitting::{self, Asked};
use crate::interrupt::{self, Guard};
use crate::keeper::{Keeper, Label};
use crate::lock::Lock;
use crate::measure::{Head, Subject, measure};
use crate::official;
use crate::on_threads;
use crate::options::Options;
use crate::places::Data;
use crate::presets::Preset;
use crate::progress::{Progress, clock};
use crate::protocol;
use crate::refused;
use crate::report::{explained, result, say};
use crate::resume::Resumed;
use crate::run_dir::{Record, RunDir};
use crate::selection::Selection;
use crate::sequences;
use crate::settings::Settings;
use crate::show;
use crate::teacher;
use crate::train_args::TrainArgs;

/// The weights are saved at least this often, against power cuts.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Trains as asked, then measures.
pub fn run(args: TrainArgs) -> Result<(), Error> {
    let TrainArgs { options, preset, config, resume, out, overwrite, threads } = args;
    if let Some(dir) = resume {
        let run = Resumed::read(&dir, &options)?;
        let settings = run.settings.clone();
        return on_threads(threads, || {
            Run::prepare(settings, None, run.source()?)?.run(Start::Resumed(Box::new(run)))
        });
    }
    let preset = preset.map(|name| Preset::named(&name, options.text("algorithm"))).transpose()?;
    let described = preset.as_ref().map(|preset| preset.describe(&options));
    let typed = options.clone();
    let options = features::measured(options)?;
    let asked = match (&preset, config) {
        (Some(preset), _) => {
            let published = preset.options(&options)?;
            // its name says how many ways and shots
            let mut named = published.clone();
            named.0.retain(|name, _| name == "ways" || name == "shots");
            Asked { options: options.clone().or(published), given: options.or(named) }
        }
        (None, Some(path)) => {
            beginning::settled(path.parent().unwrap_or(&path))?;
            let file = config::read(&path)?;
            of_one_algorithm(&path, &file, &options)?;
            Asked::all(options.or(file))
        }
        (None, None) => Asked::all(options),
    };
    let settings = Settings::resolve(&asked.options)?;
    refused::idle(&settings, &typed)?;
    if let (Data::Folder(data), Some(out)) = (&settings.data, &out)
        && files::lies_in(out, data)
    {
        let cause = "lies in the folder of the data, whose folders are classes; choose a folder elsewhere";
        return Err(Error::Out { path: out.clone(), cause: cause.into() });
    }
    let start = match out {
        Some(dir) => Start::In { lock: RunDir::check(&dir, overwrite)?, dir, overwrite },
        None => Start::Nowhere,
    };
    on_threads(threads, || {
        let source = Source::load(&settings)?;
        let settings = fitting::fitted(settings, &asked, &source)?;
        Run::prepare(settings, described, source)?.run(start)
    })
}

/// Refuses an algorithm beside the configuration of another one.
fn of_one_algorithm(path: &Path, file: &Options, given: &Options) -> Result<(), Error> {
    match (file.text("algorithm"), given.text("algorithm")) {
        (Some(own), Some(other)) if own != other => Err(Error::Combination(format!(
            "--config {} beside {other}: the configuration is of {own}; leave {other} out, or give its options without --config",
            shown_path(path)
        ))),
        _ => Ok(()),
    }
}

/// Where a run begins, and where it is kept.
enum Start {
    /// Nothing is kept.
    Nowhere,
    /// In a folder, which is locked if it is there.
    In { dir: PathBuf, lock: Option<Lock>, overwrite: bool },
    /// Where its folder says that it stands.
    Resumed(Box<Resumed>),
}

/// A folder that training and the thread that listens to signals share.
type Files = Option<Arc<Mutex<Keeper>>>;

/// A run whose data are loaded and whose settings are known to fit them.
struct Run {
    settings: Settings,
    /// Name and source of the preset, if the settings are of one.
    preset: Option<String>,
    source: Source,
    training: Box<dyn Tasks>,
    episodes: TestEpisodes,
    test: Box<dyn Tasks>,
    learner: Box<dyn Learner>,
}

impl Run {
    fn prepare(settings: Settings, preset: Option<String>, source: Source) -> Result<Run, Error> {
        let training = source.training(&settings)?;
        let episodes = TestEpisodes::of(&settings);
        let test = source.test(&settings, &episodes)?;
        let outputs = training.outputs().width();
        let learner = match teacher::of(&settings, &source, outputs)? {
            Some(teacher) => settings.algorithm.taught(&settings, outputs, teacher),
            None => settings.algorithm.trained(&settings, outputs),
        };
        Ok(Run { settings, preset, source, training, episodes, test, learner })
    }

    fn run(&self, start: Start) -> Result<(), Error> {
        if let Some(preset) = &self.preset {
            say(format!("preset      {preset}"))?;
        }
        for line in protocol::lines(&self.settings, &self.source, &*self.training, &*self.learner) {
            say(line)?;
        }
        if matches!(start, Start::Nowhere) {
            say(
                "kept        nothing; --out DIR keeps the weights, the settings and the metrics in a folder",
            )?;
        }
        let guard = interrupt::guard();
        let mut selection = Selection::new(&self.settings, &self.source)?;
        let (mut trainer, files) = self.begin(start, &mut selection)?;
        if let Some(files) = files.clone() {
            guard.rescue_by(move || locked(&files).rescued().to_string());
        }
        let before = files.as_ref().map_or(0.0, |files| locked(files).seconds());
        let mut progress = Progress::new(self.settings.iterations, trainer.iteration(), before);
        let ended = self.train(&mut trainer, &files, &mut selection, &mut progress, &guard);
        progress.finish();
        if let Some(files) = &files {
            locked(files).save();
        }
        let ended = ended.and_then(|()| stopped(&guard, trainer.iteration()));
        if let Err(error) = ended {
            let error = with_fate_of_weights(error, &files);
            if matches!(error, Error::Interrupted { .. }) {
                guard.until_the_end();
            }
            return Err(error);
        }
        drop(guard);
        say(format!("trained     {} iterations in {}", trainer.iteration(), clock(progress.seconds())))?;
        if let Some(patience) =
            self.settings.patience.filter(|_| trainer.iteration() < self.settings.iterations)
        {
            say(format!(
                "ended       early, for {patience} measurements on validation classes were no better"
            ))?;
        }
        if let Some(chosen) = selection.as_ref().and_then(Selection::describe) {
            say(format!("selected    {chosen}"))?;
        }
        let best = selection.as_ref().and_then(Selection::best);
        let reported = self.report(best.map_or(trainer.meta(), |(meta, _)| meta));
        let files = files.and_then(|files| Arc::into_inner(files)?.into_inner().ok());
        files.map_or(Ok(()), |files| files.finish(reported.as_deref().ok())).and(reported.map(drop))
    }

    /// The trainer where the run begins, and its folder.
    fn begin(&self, start: Start, selection: &mut Option<Selection>) -> Result<(Trainer<'_>, Files), Error> {
        let mut trainer = self.trainer();
        let division = || self.source.division(&self.settings).map(|division| division.text());
        let label = |division: Option<String>| Label {
            settings: self.settings.clone(),
            outputs: self.training.outputs().width(),
            division,
        };
        let (files, label) = match start {
            Start::Nowhere => return Ok((trainer, None)),
            Start::In { dir, lock, overwrite } => {
                let own = division();
                let label = label(own.as_deref().map(checksum));
                let create = |beginning: &Beginning<'_>| RunDir::create(&dir, lock, overwrite, beginning);
                (Keeper::fill(create, &label, &trainer.progress(), own.as_deref())?, label)
            }
            Start::Resumed(run) => {
                let outer = self.settings.optimizer();
                if let Some(stand) = run.progress(&*self.learner, &*outer)? {
                    trainer = trainer.resume(stand);
                }
                say(format!("resumed     after {} iterations", trainer.iteration()))?;
                if let Some(selection) = selection {
                    selection.resume(&run.dir, &*self.learner, trainer.iteration())?;
                }
                // a run without a division keeps the one it goes on with
                let new = if run.division.is_none() { division() } else { None };
                let label = label(run.division.or(new.as_deref().map(checksum)));
                let config = config::text(&self.settings);
                let files = RunDir::reopen(&run.dir, run.lock, &config, new.as_deref(), trainer.iteration())?;
                (files, label)
            }
        };
        let keeper = Keeper::new(files, label, trainer.progress(), selection.as_ref());
        Ok((trainer, Some(Arc::new(Mutex::new(keeper)))))
    }

    fn trainer(&self) -> Trainer<'_> {
        let Settings { meta_batch, outer_lr, decay, clip, seed, iterations, .. } = self.settings;
        let schedule = decay.schedule(iterations, outer_lr);
        let training = Training { meta_batch, outer_lr, schedule, clip, seed, ..Training::default() };
        Trainer::new(&*self.learner, &*self.training, self.settings.optimizer(), training)
    }

    /// Updates until done, asked to stop or failed; in each case the trainer holds the last good weights.
    fn train(
        &self,
        trainer: &mut Trainer<'_>,
        files: &Files,
        selection: &mut Option<Selection>,
        progress: &mut Progress,
        guard: &Guard,
    ) -> Result<(), Error> {
        let mut saved = Instant::now();
        let waited = |selection: &Option<Selection>| selection.as_ref().is_some_and(Selection::has_waited);
        while trainer.iteration() < self.settings.iterations && !waited(selection) {
            stopped(guard, trainer.iteration())?;
            let step = trainer
                .step()
                .map_err(|error| Error::Training { cause: error.to_string(), saved: String::new() })?;
            progress.step(step.iteration, step.loss, step.accuracy);
            let looked = selection.as_mut().map_or(Ok(false), |selection| selection.look(trainer.meta()));
            let Some(files) = files else {
                looked?;
                continue;
            };
            let (iteration, loss, accuracy) = (step.iteration, step.loss, step.accuracy);
            let record = Record { iteration, loss, accuracy, seconds: progress.seconds() };
            let mut keeper = locked(files);
            let seen = selection.as_ref().filter(|_| matches!(looked, Ok(true)));
            keeper.step(&record, trainer.progress(), seen);
            if looked? || saved.elapsed() >= SAVE_EVERY {
                keeper.save();
                saved = Instant::now();
            }
        }
        Ok(())
    }

    /// An example, and the accuracy as the last line; returns it as `fewshot evaluate --json` has it.
    fn report(&self, meta: &Meta) -> Result<String, Error> {
        let (settings, iterations) = (&self.settings, meta.iteration);
        let meta = settings.algorithm.start(settings, meta.clone());
        if settings.classes.as_ref().is_some_and(|classes| classes.pictures.are_drawings())
            && settings.algorithm.sequences(settings).is_none()
            && let Some(text) = show::first_episode(
                settings,
                &self.source,
                &*settings.algorithm.build(settings),
                &meta,
                &*self.test,
            )
        {
            say(format!("\n{text}"))?;
        }
        let subject = Subject { settings, head: Head::Kept, meta: &meta, iterations, curve: None };
        if settings.algorithm.verifies()
            && let Some(trials) = self.source.trials(settings)
        {
            say(official::validation(&subject, &trials)?)?;
        }
        if settings.algorithm.sequences(settings).is_some() {
            let measured = sequences::measure(&subject, &*self.test, self.episodes.part)?;
            return explained(measured.lines()).map(|()| measured.json());
        }
        let measured = measure(&subject, &*self.test, self.episodes.clone())?;
        for line in measured.context() {
            say(line)?;
        }
        result(measured.headline()).map(|()| measured.json())
    }
}

/// Adds to the error of a run that ended early what became of its weights.
fn with_fate_of_weights(error: Error, files: &Files) -> Error {
    let fate = files.as_ref().map(|files| locked(files).fate());
    let saved = fate.unwrap_or_else(|| "nothing is kept without --out".into());
    match error {
        Error::Training { cause, .. } => Error::Training { cause, saved },
        Error::Interrupted { iteration, .. } => Error::Interrupted { iteration, saved },
        other => other,
    }
}

/// The folder, while no other thread writes there.
fn locked(files: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error once a signal has asked to stop.
fn stopped(guard: &Guard, iteration: u64) -> Result<(), Error> {
    if guard.asked() { Err(Error::Interrupted { iteration, saved: String::new() }) } else { Ok(()) }
}
