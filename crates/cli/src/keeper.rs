//! What is kept of a run while it trains: its folder, and the last good state to write there.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_meta::{Meta, Progress};

use crate::beginning::Beginning;
use crate::config;
use crate::error::Error;
use crate::run_dir::{Record, RunDir};
use crate::selection::Selection;
use crate::settings::Settings;

/// What the files of weights say beside these.
#[derive(Clone)]
pub struct Label {
    pub settings: Settings,
    /// Outputs of the network.
    pub outputs: usize,
    /// Checksum of the run's division, if it has classes.
    pub division: Option<String>,
}

impl Label {
    fn metadata(&self, iteration: u64) -> BTreeMap<String, String> {
        let mut metadata = config::model_metadata(&self.settings, iteration, self.outputs);
        metadata.extend(self.division.clone().map(config::divided));
        metadata
    }

    fn write_model(&self, path: &Path, meta: &Meta, score: Option<f64>) -> Result<(), fewshot_meta::Error> {
        let mut metadata = self.metadata(meta.iteration);
        metadata.extend(score.map(config::validated));
        fewshot_meta::save(path, meta, &metadata)
    }

    fn write_progress(&self, path: &Path, progress: &Progress) -> Result<(), fewshot_meta::Error> {
        let metadata = self.metadata(progress.meta.iteration);
        // an optimiser that has not begun has no state
        match progress.meta.iteration {
            0 => fewshot_meta::save(path, &progress.meta, &metadata),
            _ => fewshot_meta::save_progress(path, progress, &metadata),
        }
    }
}

/// The folder of a run and where its training stands.
pub struct Keeper {
    files: RunDir,
    label: Label,
    stand: Progress,
    /// The best weights on validation classes, and their score.
    chosen: Option<(Meta, f64)>,
    /// The text of what was seen on validation classes.
    validation: Option<String>,
    /// The iteration of which everything is written.
    saved: Option<u64>,
}

impl Keeper {
    /// Keeps a run in its open folder from where it stands on.
    pub fn new(files: RunDir, label: Label, stand: Progress, selection: Option<&Selection>) -> Keeper {
        let mut keeper = Keeper { files, label, stand, chosen: None, validation: None, saved: None };
        selection.into_iter().for_each(|selection| keeper.see(selection));
        keeper
    }

    /// A new folder, with the untrained model.
    pub fn fill(
        create: impl FnOnce(&Beginning<'_>) -> Result<RunDir, Error>,
        label: &Label,
        untrained: &Progress,
        division: Option<&str>,
    ) -> Result<RunDir, Error> {
        create(&Beginning {
            config: &config::text(&label.settings),
            division,
            model: &|path| label.write_model(path, &untrained.meta, None).map_err(not_begun),
            progress: &|path| label.write_progress(path, untrained).map_err(not_begun),
        })
    }

    /// Seconds of training before this process.
    pub fn seconds(&self) -> f64 {
        self.files.seconds()
    }

    /// One more iteration is done, after which the training stands here, and perhaps validation classes were looked at.
    pub fn step(&mut self, record: &Record, stand: Progress, looked: Option<&Selection>) {
        self.files.record(record);
        self.stand = stand;
        looked.into_iter().for_each(|selection| self.see(selection));
    }

    fn see(&mut self, selection: &Selection) {
        self.chosen = selection.best().map(|(meta, score)| (meta.clone(), score));
        self.validation = Some(selection.text());
    }

    /// Writes the weights that count, the best so far or the last, and where the training stands. The latter goes last: a run that goes on
    /// from there knows all that was seen before.
    pub fn save(&mut self) {
        let Keeper { files, label, stand, chosen, validation, .. } = self;
        if let Some(validation) = validation {
            files.save_validation(validation);
        }
        let (meta, score) = match chosen {
            Some((meta, score)) => (&*meta, Some(*score)),
            None => (&stand.meta, None),
        };
        files.save(meta.iteration, |path| label.write_model(path, meta, score).map_err(|e| e.to_string()));
        files.save_progress(|path| label.write_progress(path, stand).map_err(|e| e.to_string()));
        self.saved = files.is_whole().then_some(stand.meta.iteration);
    }

    /// Saves at once, unless that is done, and says what became of the run.
    pub fn rescued(&mut self) -> Error {
        let iteration = self.stand.meta.iteration;
        if self.saved != Some(iteration) {
            self.save();
        }
        Error::Interrupted { iteration, saved: self.fate() }
    }

    /// Where the weights are.
    pub fn fate(&self) -> String {
        self.files.saved()
    }

    /// Keeps the result, if there is one; what could not be written, if anything could not.
    pub fn finish(mut self, result: Option<&str>) -> Result<(), Error> {
        result.into_iter().for_each(|result| self.files.keep_result(result));
        self.files.finish()
    }
}

/// Why a first file could not be written, which replaces none.
fn not_begun(error: fewshot_meta::Error) -> String {
    match &error {
        fewshot_meta::Error::Save { path, cause } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{name}: {cause}")
        }
        other => other.to_string(),
    }
}
