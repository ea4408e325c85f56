//! `--teacher`: a trained run whose answers another one learns from.

use std::path::{Path, PathBuf};

use fewshot_meta::Teacher;
use toml::Value;

use crate::data::Source;
use crate::error::Error;
use crate::network;
use crate::options::{Group, Kind, Of, Opt};
use crate::settings::Settings;
use crate::trained::{self, Trained};

/// Its option.
pub static TEACHER: Opt = Opt::new(
    "teacher",
    "RUN",
    Kind::Text(absolute),
    Group::Training,
    "Learn from the answers of this trained run, too (distillation)",
)
.on(Of::Pictures)
.with_more(
    "The --out of a run of pretrain, rfs or simpleshot on the same data, divided alike. Half the loss is that of the labels, half the divergence \
           from the teacher's answers at temperature 4.",
);

/// The path from the root on, so that a configuration finds it from anywhere.
fn absolute(text: &str) -> Result<Value, String> {
    let path = std::path::absolute(Path::new(text)).map_err(|error| error.to_string())?;
    let path = path
        .to_str()
        .ok_or("the path from the root to it is no Unicode, which config.toml could not hold")?;
    Ok(Value::String(path.to_owned()))
}

/// The teacher of a run on these data with so many training classes; nothing where it has none.
pub fn of(run: &Settings, source: &Source, outputs: usize) -> Result<Option<Teacher>, Error> {
    let Some(dir) = run.options.text("teacher").map(PathBuf::from) else { return Ok(None) };
    trained::is_run(&dir)?;
    let teacher = Trained::read(&dir)?;
    let wrong = |cause: String| Error::Run { path: dir.clone(), cause };
    let settings = &teacher.settings;
    if !settings.algorithm.saves_outputs() || settings.classes.is_none() {
        let name = settings.name();
        let cause = format!(
            "is of {name}, which tells no training classes apart; a teacher is a run of pretrain, rfs or simpleshot on pictures"
        );
        return Err(wrong(cause));
    }
    if settings.pictures() != run.pictures() {
        let [[size, channels], [own, own_channels]] = [settings.pictures(), run.pictures()];
        return Err(wrong(format!(
            "was trained on pictures of {size}x{size}x{channels}, the student on {own}x{own}x{own_channels}; give --image-size {size} and its \
             --colour, or another --teacher"
        )));
    }
    if !teacher.is_divided_as(source, run) {
        return Err(wrong(
            "was trained on other training classes than the student's are; give both the same --data, --split and --rotations".into(),
        ));
    }
    let network = network::with_outputs(settings, outputs);
    if network.spec().outputs() != teacher.meta.theta.get("head.bias").map(|bias| bias.len()) {
        return Err(wrong(format!(
            "does not tell {outputs} training classes apart, as the student does; give another --teacher"
        )));
    }
    Ok(Some(Teacher::new(network, &teacher.meta)))
}
