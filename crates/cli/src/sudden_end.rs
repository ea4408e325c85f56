//! A test of runs that end suddenly: after each change to the folder of a run, what is there is a whole run; before
//! the first one, none.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use clap::Parser;
use tempfile::TempDir;

use crate::args::{Cli, Command};
use crate::beginning;
use crate::files::watch;
use crate::run_files::{CONFIG, DIVISION, METRICS, MODEL, PROGRESS, VALIDATION};
use crate::settings::Settings;
use crate::train;
use crate::trained::Trained;

/// What of a run is the same however often it was ended.
const SAME: [&str; 6] = [CONFIG, DIVISION, METRICS, MODEL, PROGRESS, VALIDATION];

/// Trains on this thread.
fn run(arguments: &str, dir: &Path) {
    let words = ["fewshot", "train"].into_iter().chain(arguments.split_whitespace());
    let words = words.map(Into::into).chain([dir.as_os_str().to_owned()]);
    let Some(Command::Train(args)) = Cli::try_parse_from(words).unwrap().command else { panic!("it trains") };
    train::run(*args).unwrap_or_else(|error| panic!("{arguments} {}: {error}", dir.display()));
}

fn resume(dir: &Path, iterations: u64) {
    run(&format!("--iterations {iterations} --resume"), dir);
}

/// Copies of the folder of a run after each change that `work` makes there.
fn states(dir: &Path, work: impl FnOnce()) -> Vec<TempDir> {
    let states = Rc::new(RefCell::new(Vec::new()));
    let (seen, from) = (states.clone(), dir.to_owned());
    let watcher = move || {
        seen.borrow_mut().push(copy(&from));
    };
    watch::during(watcher, work);
    states.take()
}

/// A copy of a folder with what is below it.
fn copy(from: &Path) -> TempDir {
    fn below(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => fs::create_dir(&to).map(|()| below(&entry.path(), &to)),
                false => fs::copy(entry.path(), to).map(drop),
            }
            .unwrap();
        }
    }
    let copy = tempfile::tempdir().unwrap();
    below(from, copy.path());
    copy
}

/// The settings in a folder as whoever opens it next reads them, with the model beside them.
fn read(state: &Path) -> Settings {
    Trained::read(copy(state).path()).unwrap().settings
}

fn same_files(a: &Path, b: &Path) {
    for name in SAME {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name}");
    }
}

/// Twenty classes of three pictures, two of them for validation.
fn pictures() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for class in 0..20_u32 {
        let below = folder.path().join(format!("c{class:02}"));
        fs::create_dir(&below).unwrap();
        for number in 0..3_u32 {
            let tone = |x: u32, y: u32| image::Luma([((x * class + y * number + 7 * class) % 256) as u8]);
            image::GrayImage::from_fn(16, 16, tone).save(below.join(format!("{number}.png"))).unwrap();
        }
    }
    folder
}

#[test]
fn every_sudden_end_leaves_a_whole_run() {
    let data = pictures();
    let arguments = |seed: u64, iterations: u64| {
        format!(
            "--data folder:{} --image-size 16 --algorithm protonet --filters 8 --ways 2 --train-ways 2 --queries 1 --eval-queries 1 \
             --validate-every 2 --episodes 2 --seed {seed} --iterations {iterations} --overwrite --out",
            data.path().display()
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let [short, long, other] =
        [(1, 4, "short"), (1, 6, "long"), (2, 2, "other")].map(|(seed, iterations, name)| {
            run(&arguments(seed, iterations), &place(name));
            place(name)
        });
    let dir = place("run");

    fs::create_dir(&dir).unwrap();
    let fresh = states(&dir, || run(&arguments(1, 4), &dir));
    let begun = fresh.iter().position(|state| Trained::read(copy(state.path()).path()).is_ok()).unwrap();
    assert!(begun > 6 && fresh.len() > begun + 12, "{begun} of {}", fresh.len());
    for state in &fresh[begun..] {
        read(state.path());
        resume(state.path(), 4);
        same_files(state.path(), &short);
    }
    for state in &fresh[..begun] {
        let said = Trained::read(state.path()).err().unwrap().to_string();
        let way_out = match beginning::is_begun_in_part(state.path()) {
            true => "one was ended in the moment in which it began; begin it again",
            false => "give the --out of a fewshot train",
        };
        assert!(said.contains(way_out), "{said}");
        run(&arguments(1, 4).replace("--overwrite", ""), state.path());
        same_files(state.path(), &short);
    }

    let longer = states(&dir, || resume(&dir, 6));
    assert!(longer.len() > 8);
    for state in &longer {
        Trained::read(state.path()).unwrap();
        resume(state.path(), 6);
        same_files(state.path(), &long);
    }
    same_files(&dir, &long);

    let replaced = states(&dir, || run(&arguments(2, 2), &dir));
    let mut runs = [0; 2];
    for state in &replaced {
        let new = read(state.path()).seed == 2;
        resume(state.path(), if new { 2 } else { 6 });
        same_files(state.path(), if new { &other } else { &long });
        runs[usize::from(new)] += 1;
    }
    assert!(runs[0] > 6 && runs[1] > 20, "the old and the new run were seen: {runs:?}");
    assert!(!beginning::is_begun(&dir) && !beginning::is_begun_in_part(&dir));
}
