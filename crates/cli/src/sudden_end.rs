//! A test of runs that end suddenly: after each change to the folder of a run, what is there is a whole run or none.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use clap::Parser;
use tempfile::TempDir;

use crate::args::{Cli, Command};
use crate::files::watch;
use crate::run_files::{CONFIG, DIVISION, METRICS, MODEL, PROGRESS, VALIDATION};
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
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        seen.borrow_mut().push(copy);
    };
    watch::during(watcher, work);
    states.take()
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
fn every_sudden_end_leaves_a_whole_run_or_none() {
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
    let begun = fresh.iter().position(|state| state.path().join(CONFIG).exists()).unwrap();
    assert!(begun > 3 && fresh.len() > begun + 8, "{begun} of {}", fresh.len());
    for state in &fresh[begun..] {
        Trained::read(state.path()).unwrap();
        resume(state.path(), 4);
        same_files(state.path(), &short);
    }
    for state in &fresh[..begun] {
        run(&arguments(1, 4), state.path());
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
    let mut runs = [0; 3];
    for state in &replaced {
        let Ok(config) = fs::read_to_string(state.path().join(CONFIG)) else {
            runs[0] += 1;
            assert!(Trained::read(state.path()).is_err());
            continue;
        };
        Trained::read(state.path()).unwrap();
        let old = config.contains("seed = 1");
        resume(state.path(), if old { 6 } else { 2 });
        same_files(state.path(), if old { &long } else { &other });
        runs[if old { 1 } else { 2 }] += 1;
    }
    assert!(runs.iter().all(|&count| count > 0), "none, the old and the new run were seen: {runs:?}");
}
