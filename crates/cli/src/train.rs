//! `fewshot train`.

use std::path::Path;
use std::time::{Duration, Instant};

use fewshot_episodes::Tasks;
use fewshot_meta::{Learner, Meta, Trainer, Training};

use crate::algorithm::Algorithm;
use crate::args::TrainArgs;
use crate::config;
use crate::data::{Source, TestEpisodes};
use crate::error::Error;
use crate::features;
use crate::interrupt::{self, Guard};
use crate::learner;
use crate::measure::{Head, Subject, measure};
use crate::official;
use crate::on_threads;
use crate::presets::Preset;
use crate::progress::{Progress, clock};
use crate::protocol;
use crate::report::say;
use crate::resume;
use crate::run_dir::{Record, RunDir};
use crate::selection::Selection;
use crate::sequences;
use crate::settings::Settings;
use crate::show;

/// The weights are saved at least this often, against power cuts.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Trains as asked, then measures.
pub fn run(args: TrainArgs) -> Result<(), Error> {
    let TrainArgs { options, preset, config, resume, out, overwrite, threads } = args;
    if let Some(dir) = resume {
        let settings = resume::settings(&dir, &options)?;
        return on_threads(threads, || Run::prepare(settings, None)?.run(Some(&dir), Start::Resumed));
    }
    let preset = preset.map(|name| Preset::named(&name)).transpose()?;
    let options = features::measured(options)?;
    let described = preset.as_ref().map(|preset| preset.describe(&options));
    let options = match (&preset, config) {
        (Some(preset), _) => options.clone().or(preset.options(&options)?),
        (None, Some(path)) => options.or(config::read(&path)?),
        (None, None) => options,
    };
    let settings = Settings::resolve(&options)?;
    if let Some(dir) = &out {
        RunDir::check(dir, overwrite)?;
    }
    on_threads(threads, || Run::prepare(settings, described)?.run(out.as_deref(), Start::Fresh))
}

/// Where a run begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Fresh,
    /// Where its folder says that it stands.
    Resumed,
}

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
    fn prepare(settings: Settings, preset: Option<String>) -> Result<Run, Error> {
        let source = Source::load(&settings)?;
        let training = source.training(&settings)?;
        let episodes = TestEpisodes::of(&settings);
        let test = source.test(&settings, &episodes)?;
        let learner = learner::trained(&settings, training.outputs().width());
        Ok(Run { settings, preset, source, training, episodes, test, learner })
    }

    fn run(&self, out: Option<&Path>, start: Start) -> Result<(), Error> {
        if let Some(preset) = &self.preset {
            say(format!("preset      {preset}"))?;
        }
        for line in protocol::lines(&self.settings, &self.source, &*self.training, &*self.learner) {
            say(line)?;
        }
        let guard = interrupt::guard();
        let mut trainer = self.trainer();
        let mut selection = Selection::new(&self.settings, &self.source)?;
        let mut files = match (out, start) {
            (Some(dir), Start::Resumed) => {
                let outer = self.settings.outer.optimizer(self.settings.method.outer_epsilon());
                let stand = resume::progress(dir, &*self.learner, &*outer)?;
                trainer = trainer.resume(stand);
                say(format!("resumed     after {} iterations", trainer.iteration()))?;
                if let Some(selection) = &mut selection {
                    selection.resume(dir, &*self.learner, trainer.iteration())?;
                }
                Some(RunDir::reopen(dir, &config::text(&self.settings), trainer.iteration())?)
            }
            (Some(dir), Start::Fresh) => Some(self.files(dir, trainer.meta())?),
            (None, _) => None,
        };
        let before = files.as_ref().map_or(0.0, RunDir::seconds);
        let mut progress = Progress::new(self.settings.iterations, trainer.iteration(), before);
        let ended = self.train(&mut trainer, &mut files, &mut selection, &mut progress, &guard);
        progress.finish();
        if let Some(files) = &mut files {
            self.save(files, &trainer, selection.as_ref());
        }
        let ended = ended.and_then(|()| stopped(&guard, trainer.iteration()));
        drop(guard);
        if let Err(error) = ended {
            return Err(self.with_fate_of_weights(error, files));
        }
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
        files.map_or(Ok(()), RunDir::finish).and(reported)
    }

    fn trainer(&self) -> Trainer<'_> {
        let Settings { meta_batch, outer, outer_lr, decay, clip, seed, iterations, .. } = self.settings;
        let schedule = decay.schedule(iterations, outer_lr);
        let training = Training { meta_batch, outer_lr, schedule, clip, seed, ..Training::default() };
        let outer = outer.optimizer(self.settings.method.outer_epsilon());
        Trainer::new(&*self.learner, &*self.training, outer, training)
    }

    /// Updates until done, asked to stop or failed; in each case the trainer holds the last good weights.
    fn train(
        &self,
        trainer: &mut Trainer<'_>,
        files: &mut Option<RunDir>,
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
            let looked = selection.as_mut().is_some_and(|selection| selection.look(trainer.meta()));
            let Some(files) = files else { continue };
            let (iteration, loss, accuracy) = (step.iteration, step.loss, step.accuracy);
            files.record(&Record { iteration, loss, accuracy, seconds: progress.seconds() });
            if looked || saved.elapsed() >= SAVE_EVERY {
                self.save(files, trainer, selection.as_ref());
                saved = Instant::now();
            }
        }
        Ok(())
    }

    fn files(&self, dir: &Path, untrained: &Meta) -> Result<RunDir, Error> {
        RunDir::create(dir, &config::text(&self.settings), |path| self.write_model(path, untrained, None))
    }

    /// Writes the weights that count, the best so far or the last, and where the training stands.
    fn save(&self, files: &mut RunDir, trainer: &Trainer<'_>, selection: Option<&Selection>) {
        let iteration = trainer.iteration();
        let best = selection.and_then(Selection::best);
        let (meta, score) = best.map_or((trainer.meta(), None), |(meta, score)| (meta, Some(score)));
        files.save(meta.iteration, |path| self.write_model(path, meta, score));
        if let Some(selection) = selection {
            selection.write(files);
        }
        if iteration > 0 {
            files.save_progress(|path| {
                let outputs = self.training.outputs().width();
                let metadata = config::model_metadata(&self.settings, iteration, outputs);
                fewshot_meta::save_progress(path, &trainer.progress(), &metadata)
                    .map_err(|error| error.to_string())
            });
        }
    }

    fn write_model(&self, path: &Path, meta: &Meta, score: Option<f64>) -> Result<(), String> {
        let outputs = self.training.outputs().width();
        let mut metadata = config::model_metadata(&self.settings, meta.iteration, outputs);
        metadata.extend(score.map(config::validated));
        fewshot_meta::save(path, meta, &metadata).map_err(|error| error.to_string())
    }

    /// An example, and the accuracy as the last line.
    fn report(&self, meta: &Meta) -> Result<(), Error> {
        let (settings, iterations) = (&self.settings, meta.iteration);
        let meta = learner::start(settings, meta.clone());
        if settings.classes.as_ref().is_some_and(|classes| classes.pictures.are_drawings())
            && sequences::protocol(settings).is_none()
            && let Some(text) =
                show::first_episode(settings, &self.source, &*learner::build(settings), &meta, &*self.test)
        {
            say(format!("\n{text}"))?;
        }
        let subject = Subject { settings, head: Head::Kept, meta: &meta, iterations, curve: None };
        if settings.algorithm() == Algorithm::Siamese
            && let Some(trials) = self.source.trials(settings)
        {
            say(official::validation(&subject, &trials)?)?;
        }
        if sequences::protocol(settings).is_some() {
            let measured = sequences::measure(&subject, &*self.test, self.episodes.part)?;
            return measured.lines().into_iter().try_for_each(say);
        }
        let measured = measure(&subject, &*self.test, self.episodes.clone())?;
        for line in measured.context() {
            say(line)?;
        }
        say(measured.headline())
    }

    /// Adds to the error of a run that ended early what became of its weights.
    fn with_fate_of_weights(&self, error: Error, files: Option<RunDir>) -> Error {
        let fate = files.map_or("nothing is kept without --out".into(), |files| files.saved());
        match error {
            Error::Training { cause, .. } => Error::Training { cause, saved: fate },
            Error::Interrupted { iteration, .. } => Error::Interrupted { iteration, saved: fate },
            other => other,
        }
    }
}

/// An error once the user has pressed Ctrl-C.
fn stopped(guard: &Guard, iteration: u64) -> Result<(), Error> {
    if guard.asked() { Err(Error::Interrupted { iteration, saved: String::new() }) } else { Ok(()) }
}
