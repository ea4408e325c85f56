//! A file of a run that grows by a line for each iteration.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::files;
use crate::report::{note, warn};

/// Where lines cannot be written, it is tried again so often.
const RETRY: Duration = Duration::from_secs(1);
/// Most bytes of a line that is read; one of a log has less than a hundred bytes.
const LONGEST: u64 = 1024;
/// Holes that a message names.
const NAMED: usize = 3;

/// An open log. Lines that cannot be written wait in memory until they can be.
pub struct Log {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Lines that are not in the file yet.
    waiting: String,
    trouble: Option<Trouble>,
}

struct Trouble {
    cause: String,
    tried: Instant,
}

impl Log {
    /// Opens a file, cut after the line of `iteration`, and returns that line. Lines before it that are missing or damaged are named, and
    /// the others kept; a file that is missing lacks all of them.
    pub fn reopen(path: PathBuf, header: &str, iteration: u64) -> io::Result<(Log, String)> {
        let (length, last) = match absent_as_none(intact(&path, header, iteration))?.flatten() {
            Some(found) => found,
            None => {
                let read = absent_as_none(Good::read(&path, header, iteration, iteration))?;
                let how =
                    if read.is_some() { "was damaged, or on a disc that was full" } else { "was missing" };
                let good = match read {
                    Some(good) => good,
                    None => Good::of(std::iter::empty(), header, iteration, iteration)?,
                };
                files::write(&path, good.text.as_bytes())?;
                warn(format!(
                    "warning: {} {how}: it lacks {}; all other lines are kept",
                    path.display(),
                    good.lacks.unwrap_or("its first line".into())
                ));
                (good.text.len() as u64, good.last)
            }
        };
        let file = File::options().append(true).open(&path)?;
        file.set_len(length)?;
        let log = Log { path, file, length, waiting: String::new(), trouble: None };
        Ok(files::changed((log, last)))
    }

    /// Writes a line, or lets it wait.
    pub fn line(&mut self, line: &str) {
        self.waiting.push_str(line);
        self.waiting.push('\n');
        if self.trouble.as_ref().is_none_or(|trouble| trouble.tried.elapsed() >= RETRY) {
            self.flush();
        }
    }

    /// Writes the lines that wait. A failure is said once, and so is its end.
    pub fn flush(&mut self) {
        let written = self.write();
        let path = self.path.display();
        match written {
            Ok(()) if self.trouble.is_some() => {
                note(format!("{path} is written again; no line is lost"));
                self.trouble = None;
            }
            Ok(()) => {}
            Err(error) => {
                if self.trouble.is_none() {
                    warn(format!("warning: {path}: {error}: its lines wait for space; training goes on"));
                }
                self.trouble = Some(Trouble { cause: error.to_string(), tried: Instant::now() });
            }
        }
    }

    /// Lets what is written survive a power cut, where the system can.
    pub fn sync(&self) {
        let _ = self.file.sync_data();
    }

    /// What is not in the file, and why.
    pub fn trouble(&self) -> Option<String> {
        let Trouble { cause, .. } = self.trouble.as_ref()?;
        let (path, lines) = (self.path.display(), self.waiting.lines().count());
        Some(format!("{path}: {cause}: its last {lines} lines are not written"))
    }

    /// All lines that wait or none: the file always ends with a whole one.
    fn write(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(self.waiting.as_bytes()) {
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Bytes up to the end of the line of `iteration`, and that line, if all lines up to it are there in order.
fn intact(path: &Path, header: &str, iteration: u64) -> io::Result<Option<(u64, String)>> {
    let (mut lines, fields) = (lines(path)?, header.split(',').count());
    let Some(mut last) = lines.next().transpose()?.flatten().filter(|line| line == header) else {
        return Ok(None);
    };
    let mut length = last.len() as u64 + 1;
    for expected in 1..=iteration {
        let line = lines.next().transpose()?.flatten();
        let Some(line) = line.filter(|line| number(line, fields) == Some(expected)) else { return Ok(None) };
        length += line.len() as u64 + 1;
        last = line;
    }
    Ok(Some((length, last)))
}

/// Nothing where there is no file.
fn absent_as_none<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// What of a log is good.
pub struct Good {
    /// Its first line, and those of iterations.
    pub text: String,
    /// The last line of them.
    last: String,
    /// Which iterations it lacks.
    pub lacks: Option<String>,
}

impl Good {
    /// Reads the lines of iterations up to `most`; of those up to `least` each should be there.
    pub fn read(path: &Path, header: &str, least: u64, most: u64) -> io::Result<Good> {
        Good::of(lines(path)?, header, least, most)
    }

    fn of(
        lines: impl Iterator<Item = io::Result<Option<String>>>,
        header: &str,
        least: u64,
        most: u64,
    ) -> io::Result<Good> {
        let fields = header.split(',').count();
        let (mut text, mut last, mut holes) = (format!("{header}\n"), header.to_owned(), Vec::new());
        let mut next = 1;
        for line in lines {
            let Some(line) = line? else { continue };
            let good = number(&line, fields).filter(|number| (next..=most).contains(number));
            let Some(number) = good else { continue };
            if number > next {
                holes.push(next..=number - 1);
            }
            next = number + 1;
            text.push_str(&line);
            text.push('\n');
            last = line;
        }
        if next <= least {
            holes.push(next..=least);
        }
        Ok(Good { text, last, lacks: named(&holes) })
    }
}

fn named(holes: &[RangeInclusive<u64>]) -> Option<String> {
    let words = |hole: &RangeInclusive<u64>| match (hole.start(), hole.end()) {
        (first, last) if first == last => format!("iteration {first}"),
        (first, last) => format!("iterations {first} to {last}"),
    };
    let mut named: Vec<String> = holes.iter().take(NAMED).map(words).collect();
    if holes.len() > NAMED {
        named.push(format!("{} more", holes.len() - NAMED));
    }
    (!named.is_empty()).then(|| named.join(", "))
}

/// The lines of a file; nothing for one that has no end, is too long or no text.
fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Option<String>>>> {
    let mut file = BufReader::new(files::open(path)?);
    let mut next = move || {
        let mut bytes = Vec::new();
        if file.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        if !ended {
            file.skip_until(b'\n')?;
        }
        Ok(Some(String::from_utf8(bytes).ok().filter(|_| ended)))
    };
    Ok(std::iter::from_fn(move || next().transpose()))
}

/// The iteration of a whole line: so many fields, all of them numbers or empty.
fn number(line: &str, fields: usize) -> Option<u64> {
    let (first, rest) = line.split_once(',')?;
    let numeric = |field: &str| field.is_empty() || field.parse::<f64>().is_ok();
    let whole = rest.split(',').count() + 1 == fields && rest.split(',').all(numeric);
    first.parse().ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HEADER: &str = "iteration,loss,accuracy";

    /// What stands in a log that goes on after an iteration with one more line, and the line it went on after.
    fn goes_on(text: &[u8], iteration: u64) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        fs::write(&path, text).unwrap();
        let (mut log, last) = Log::reopen(path.clone(), HEADER, iteration).unwrap();
        log.line("9,0.5,1");
        assert_eq!(log.trouble(), None);
        (fs::read_to_string(path).unwrap(), last)
    }

    #[test]
    fn what_came_after_is_cut_off() {
        let whole = "iteration,loss,accuracy\n1,0.5,\n2,0.25,1\n";
        for after in ["", "3,0.1,\n4,0.1", "3", "\0\0\0"] {
            let (text, last) = goes_on(format!("{whole}{after}").as_bytes(), 2);
            assert_eq!((text, last.as_str()), (format!("{whole}9,0.5,1\n"), "2,0.25,1"), "{after:?}");
        }
        let (text, last) = goes_on(whole.as_bytes(), 0);
        assert_eq!((text, last.as_str()), (format!("{HEADER}\n9,0.5,1\n"), HEADER));
    }

    #[test]
    fn good_lines_stay_and_holes_are_named() {
        for (rows, kept, holes) in [
            ("1,1,\n4,1,\n", "1,1,\n4,1,\n", "iterations 2 to 3"),
            ("1,1,\n2,1,\n3,0.", "1,1,\n2,1,\n", "iterations 3 to 4"),
            ("1,1,\n2,1\n3,1,\n4,1,\n", "1,1,\n3,1,\n4,1,\n", "iteration 2"),
            ("1,1,\n\0\0\0\n3,1,\n4,1,\n5,1,\n", "1,1,\n3,1,\n4,1,\n", "iteration 2"),
            ("2,1,\n1,1,\nx,1,\n4,1,\n", "2,1,\n4,1,\n", "iteration 1, iteration 3"),
            ("", "", "iterations 1 to 4"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("metrics.csv");
            fs::write(&path, format!("{HEADER}\n{rows}")).unwrap();
            let good = Good::read(&path, HEADER, 4, 4).unwrap();
            assert_eq!(
                (good.text, good.lacks.as_deref()),
                (format!("{HEADER}\n{kept}"), Some(holes)),
                "{rows:?}"
            );
            assert_eq!(
                goes_on(format!("{HEADER}\n{rows}").as_bytes(), 4).0,
                format!("{HEADER}\n{kept}9,0.5,1\n")
            );
        }
        // a line of a megabyte of nothing, as a power cut leaves it
        let torn = [b"iteration,loss,accuracy\n1,1,\n", &[0; 1 << 20][..], b"\n3,1,\n"].concat();
        assert_eq!(goes_on(&torn, 3).0, "iteration,loss,accuracy\n1,1,\n3,1,\n9,0.5,1\n");
        assert_eq!(goes_on(b"iteration,loss", 0).0, "iteration,loss,accuracy\n9,0.5,1\n");
    }

    #[test]
    fn lines_wait_until_they_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        fs::write(&path, format!("{HEADER}\n")).unwrap();
        let (mut log, _) = Log::reopen(path.clone(), HEADER, 0).unwrap();
        // a file that cannot be written, in place of a disc that is full
        let good = std::mem::replace(&mut log.file, File::open(&path).unwrap());
        log.line("1,1,");
        log.line("2,1,");
        assert!(log.trouble().unwrap().contains("last 2 lines"));
        log.file = good;
        log.flush();
        assert_eq!(log.trouble(), None);
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{HEADER}\n1,1,\n2,1,\n"));
    }
}
