//! The folder of a run (`--out`): what lies in it, and how it is written without losing anything.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::report::note;
use crate::text_file;

/// Settings of the run.
pub const CONFIG: &str = "config.toml";
/// Weights, statistics and protocol.
pub const MODEL: &str = "model.safetensors";
/// Weights, statistics and the outer optimiser, to go on with.
pub const PROGRESS: &str = "progress.safetensors";
/// Loss and accuracy of each iteration.
pub const METRICS: &str = "metrics.csv";
/// Scores on validation classes, of a run that selects its weights.
pub const VALIDATION: &str = "validation.csv";
/// Seconds of training at each iteration, apart so that equal runs have equal metrics.
pub const TIMING: &str = "timing.csv";

/// An open run folder.
pub struct RunDir {
    dir: PathBuf,
    metrics: Log,
    timing: Log,
    saved: u64,
    seconds: f64,
    trouble: Option<String>,
}

/// One finished iteration.
pub struct Record {
    /// Number of the iteration, from 1.
    pub iteration: u64,
    /// Mean query loss of its episodes.
    pub loss: f64,
    /// Share of right answers, for classification.
    pub accuracy: Option<f64>,
    /// Seconds since the start.
    pub seconds: f64,
}

impl RunDir {
    /// Checks, before anything long is begun, that a run may be written here.
    pub fn check(dir: &Path, overwrite: bool) -> Result<(), Error> {
        let wrong = |cause: &str| Err(Error::Out { path: dir.to_owned(), cause: cause.into() });
        if fs::symlink_metadata(dir).is_ok() && !dir.is_dir() {
            return wrong("is no folder; choose another name");
        }
        let held = [CONFIG, MODEL, PROGRESS, METRICS, TIMING, VALIDATION]
            .iter()
            .any(|name| fs::symlink_metadata(dir.join(name)).is_ok());
        if held && !overwrite {
            return wrong("already holds a run; choose another folder, or replace the run with --overwrite");
        }
        Ok(())
    }

    /// Makes the folder and its files. The untrained model goes first: it shows that there is space, and
    /// nothing of a run to be replaced is touched before.
    pub fn create(
        dir: &Path,
        config: &str,
        save: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<RunDir, Error> {
        let wrong = |cause: String| Error::Out { path: dir.to_owned(), cause };
        let way_out = "choose a folder that can be written and has space";
        let io_wrong = |error: io::Error| wrong(format!("{error}; {way_out}"));
        fs::create_dir_all(dir).map_err(io_wrong)?;
        save(&dir.join(MODEL)).map_err(|cause| wrong(format!("{cause}; {way_out}")))?;
        write_atomically(&dir.join(CONFIG), config.as_bytes()).map_err(io_wrong)?;
        Ok(RunDir {
            metrics: Log::create(dir.join(METRICS), "iteration,loss,accuracy").map_err(io_wrong)?,
            timing: Log::create(dir.join(TIMING), "iteration,seconds").map_err(io_wrong)?,
            dir: dir.to_owned(),
            saved: 0,
            seconds: 0.0,
            trouble: None,
        })
    }

    /// Opens the folder of a run that goes on after `iteration`: what its files say of later iterations is forgotten.
    pub fn reopen(dir: &Path, config: &str, iteration: u64) -> Result<RunDir, Error> {
        let wrong = |error: io::Error| Error::Out {
            path: dir.to_owned(),
            cause: format!("{error}; put the files of one run together"),
        };
        write_atomically(&dir.join(CONFIG), config.as_bytes()).map_err(wrong)?;
        let metrics = Log::reopen(dir.join(METRICS), iteration).map_err(wrong)?.0;
        let (timing, last) = Log::reopen(dir.join(TIMING), iteration).map_err(wrong)?;
        let seconds = last.split(',').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        Ok(RunDir { metrics, timing, dir: dir.to_owned(), saved: iteration, seconds, trouble: None })
    }

    /// Seconds of training before this process.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Appends an iteration to the metrics. Failing is remembered and does not end the run.
    pub fn record(&mut self, record: &Record) {
        let accuracy = record.accuracy.map(|accuracy| accuracy.to_string()).unwrap_or_default();
        let metrics = self.metrics.line(&format!("{},{},{accuracy}", record.iteration, record.loss));
        let timing = self.timing.line(&format!("{},{:.3}", record.iteration, record.seconds));
        for error in [metrics, timing].into_iter().filter_map(Result::err) {
            self.remember(error);
        }
    }

    /// Replaces the model. Failing is remembered and leaves the previous model in place.
    pub fn save(&mut self, iteration: u64, save: impl FnOnce(&Path) -> Result<(), String>) {
        match save(&self.dir.join(MODEL)) {
            Ok(()) => self.saved = iteration,
            Err(cause) => self.remember(cause),
        }
    }

    /// Replaces what `--resume` goes on with, as [`RunDir::save`] does.
    pub fn save_progress(&mut self, save: impl FnOnce(&Path) -> Result<(), String>) {
        if let Err(cause) = save(&self.dir.join(PROGRESS)) {
            self.remember(cause);
        }
    }

    /// Replaces the scores on validation classes, as [`RunDir::save`] does.
    pub fn save_validation(&mut self, text: &str) {
        let path = self.dir.join(VALIDATION);
        if let Err(error) = write_atomically(&path, text.as_bytes()) {
            self.remember(format!("{}: {error}", path.display()));
        }
    }

    /// Where the weights are and of which iteration.
    pub fn saved(&self) -> String {
        format!("the weights after iteration {} are in {}", self.saved, self.dir.join(MODEL).display())
    }

    /// The first thing that went wrong while writing, if anything did.
    pub fn finish(self) -> Result<(), Error> {
        self.trouble.map_or(Ok(()), |cause| Err(Error::Write(cause)))
    }

    fn remember(&mut self, cause: String) {
        if self.trouble.is_none() {
            note(format!("warning: {cause}; training goes on"));
            self.trouble = Some(cause);
        }
    }
}

/// A file that grows by whole lines.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    broken: bool,
}

impl Log {
    fn create(path: PathBuf, header: &str) -> io::Result<Log> {
        let file = File::create(&path)?;
        let mut log = Log { path, file, length: 0, broken: false };
        log.append(header)?;
        Ok(log)
    }

    /// Opens a file that is there, cut after the line of `iteration`, and returns that line.
    fn reopen(path: PathBuf, iteration: u64) -> io::Result<(Log, String)> {
        let text = text_file::read(&path, text_file::LARGEST_LOG)?;
        let number = |line: &str| line.split(',').next().and_then(|text| text.parse::<u64>().ok());
        // line by line, so that one torn by a power cut ends the file
        let kept: Vec<&str> = text
            .lines()
            .zip(0..=iteration)
            .take_while(|(line, i)| *i == 0 || number(line) == Some(*i))
            .map(|(line, _)| line)
            .collect();
        let last = kept.last().copied().unwrap_or_default().to_owned();
        let text = kept.join("\n") + "\n";
        write_atomically(&path, text.as_bytes())?;
        let file = File::options().append(true).open(&path)?;
        Ok((Log { path, file, length: text.len() as u64, broken: false }, last))
    }

    /// Writes a line at once; after a failure the file ends with the last whole line and takes no more.
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.broken {
            return Ok(());
        }
        self.append(line).map_err(|error| {
            self.broken = true;
            let _ = self.file.set_len(self.length);
            format!("{}: {error}: free some space or choose another --out", self.path.display())
        })
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Writes a file beside its place and moves it there: at any moment the old or the new one, never half of one.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(iteration: u64) -> Record {
        Record { iteration, loss: 0.5, accuracy: Some(0.25), seconds: 1.0 }
    }

    #[test]
    fn files_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/b");
        let save = |text: &'static str| move |path: &Path| fs::write(path, text).map_err(|e| e.to_string());
        let mut run = RunDir::create(&dir, "x = 1\n", save("first")).unwrap();
        run.record(&record(1));
        run.record(&Record { accuracy: None, ..record(2) });
        run.save(2, save("second"));
        assert!(run.saved().contains("iteration 2"));
        run.finish().unwrap();
        assert_eq!(fs::read_to_string(dir.join(CONFIG)).unwrap(), "x = 1\n");
        assert_eq!(fs::read_to_string(dir.join(MODEL)).unwrap(), "second");
        assert_eq!(
            fs::read_to_string(dir.join(METRICS)).unwrap(),
            "iteration,loss,accuracy\n1,0.5,0.25\n2,0.5,\n"
        );
        assert!(RunDir::check(&dir, false).unwrap_err().to_string().contains("--overwrite"));
        RunDir::check(&dir, true).unwrap();
    }

    #[test]
    fn a_run_that_goes_on_forgets_what_came_after_its_last_save() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file(METRICS), "iteration,loss,accuracy\n1,0.5,\n2,0.25,\n3,0.1,\n4").unwrap();
        fs::write(file(TIMING), "iteration,seconds\n1,1.5\n2,3.000\n3,4.5\n").unwrap();
        let mut run = RunDir::reopen(folder.path(), "x = 2\n", 2).unwrap();
        assert_eq!(run.seconds(), 3.0);
        run.record(&record(3));
        let metrics = fs::read_to_string(file(METRICS)).unwrap();
        assert_eq!(metrics, "iteration,loss,accuracy\n1,0.5,\n2,0.25,\n3,0.5,0.25\n");
    }

    #[test]
    fn a_failing_save_keeps_the_model_and_is_reported_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut run =
            RunDir::create(folder.path(), "", |path| fs::write(path, "good").map_err(|e| e.to_string()))
                .unwrap();
        run.save(7, |_| Err("no space left".into()));
        assert!(run.saved().contains("iteration 0"));
        assert!(run.finish().unwrap_err().to_string().contains("no space left"));
        assert_eq!(fs::read_to_string(folder.path().join(MODEL)).unwrap(), "good");
    }

    #[test]
    fn a_folder_that_cannot_hold_the_model_keeps_its_old_run() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(METRICS), "old").unwrap();
        let error = RunDir::create(folder.path(), "", |_| Err("no space left".into())).err().unwrap();
        assert!(error.to_string().contains("no space left"));
        assert_eq!(fs::read_to_string(folder.path().join(METRICS)).unwrap(), "old");
    }
}
