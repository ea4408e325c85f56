//! Options that the algorithm or the data have no use for, refused before anything is loaded rather than ignored.

use crate::algorithms::{ALL, Algorithm};
use crate::error::Error;
use crate::options::{Of, Options};
use crate::places::{Data, Split};
use crate::settings::{Settings, listed};
use crate::shots::Shots;

/// Refuses options that the algorithm or the data have no use for, and those that contradict each other.
pub fn combinations(algorithm: &dyn Algorithm, data: &Data, given: &Options) -> Result<(), Error> {
    learns_from(algorithm, data)?;
    of_others(algorithm, data, given)?;
    unused(algorithm, data, given)?;
    of_other_data(data, given)?;
    rivals(algorithm, given)?;
    outer(given)?;
    algorithm.refuse(given)
}

/// There is no algorithm of this name.
pub fn unknown_algorithm(name: &str) -> Error {
    let names: Vec<&str> = ALL.iter().map(|algorithm| algorithm.about().name).collect();
    Error::Combination(format!("{name}: there is no such algorithm; they are {}", names.join(", ")))
}

fn refuse(message: impl Into<String>) -> Result<(), Error> {
    Err(Error::Combination(message.into()))
}

/// Refuses data in which there is nothing that the algorithm can learn.
fn learns_from(algorithm: &dyn Algorithm, data: &Data) -> Result<(), Error> {
    let about = algorithm.about();
    let (name, kind) = (about.name, data.name());
    if about.data.contains(&kind) {
        return Ok(());
    }
    match data {
        Data::Sinusoid => refuse(format!(
            "--data sinusoid: {name} tells classes apart, sinusoids are regression; use another algorithm, such as maml"
        )),
        Data::Features(_) => {
            let able: Vec<&str> = ALL
                .iter()
                .map(|other| other.about())
                .filter(|other| other.data.contains(&kind))
                .map(|other| other.name)
                .collect();
            refuse(format!(
                "--data features: {name} does not learn from feature vectors; choose one of {}",
                able.join(", ")
            ))
        }
        _ if about.data == ["features"] => refuse(format!(
            "--data {kind}: {name} learns from feature vectors; embed the data first with a trained encoder (fewshot embed DIR --out FILE), \
             then give --data features:FILE"
        )),
        _ => refuse(format!(
            "--data {kind}: {name} learns from {0} alone; give --data {0}, or choose another algorithm",
            about.data.join(", ")
        )),
    }
}

/// Refuses an option that other algorithms have and this one has not.
fn of_others(algorithm: &dyn Algorithm, data: &Data, given: &Options) -> Result<(), Error> {
    let known = listed(algorithm);
    match given.0.keys().find(|name| !known.iter().any(|option| option.name == *name)) {
        Some(name) => Err(of_other_algorithms(algorithm, data, name)),
        None => Ok(()),
    }
}

/// What is said of an option that other algorithms have and this one has not.
pub fn of_other_algorithms(algorithm: &dyn Algorithm, data: &Data, option: &str) -> Error {
    let owners = || ALL.iter().map(|owner| owner.about()).filter(|owner| has(owner.options, option));
    let names: Vec<&str> = owners().map(|owner| owner.name).collect();
    let able = owners().find(|owner| owner.data.contains(&data.name()));
    let instead = able.map(|able| format!(" or choose e.g. fewshot train {}", able.name));
    Error::Combination(format!(
        "--{option} is an option of {}, not of {}: leave it out{}",
        names.join(", "),
        algorithm.about().name,
        instead.unwrap_or_default()
    ))
}

fn has(options: &[&crate::options::Opt], name: &str) -> bool {
    options.iter().any(|option| option.name == name)
}

/// Refuses an option that the algorithm has no use for.
fn unused(algorithm: &dyn Algorithm, data: &Data, given: &Options) -> Result<(), Error> {
    let why = |option: &crate::options::Opt| Some((option.name, algorithm.without(option.name, data)?));
    match listed(algorithm).into_iter().filter(|option| given.has(option.name)).find_map(why) {
        Some((option, why)) => refuse(format!("--{option} of {}: {why}", algorithm.about().name)),
        None => Ok(()),
    }
}

/// Refuses options that were typed and would have no effect.
pub fn idle(settings: &Settings, typed: &Options) -> Result<(), Error> {
    let (options, why) = settings.algorithm.idle(settings);
    match options.iter().find(|option| typed.has(option)) {
        Some(option) => refuse(format!("--{option} of {}: {why}; leave it out", settings.name())),
        None => Ok(()),
    }
}

/// Refuses options that other data have.
fn of_other_data(data: &Data, given: &Options) -> Result<(), Error> {
    match data {
        Data::Sinusoid => of_classes(given),
        Data::Features(_) => of_pictures(given),
        _ if given.has("feature-size") => refuse(format!(
            "--feature-size --data {}: it is of --data features:FILE; leave it out",
            data.name()
        )),
        Data::Folder(_) => match given.read("split") {
            Some(split @ (Split::Background | Split::Koch)) => refuse(format!(
                "--split {} --data folder: it is of Omniglot's alphabets; leave --split out, or use maml or a folder of split files",
                split.name()
            )),
            _ => Ok(()),
        },
        Data::Glyphs | Data::Omniglot(_) => of_folders(data, given),
    }
}

/// Refuses what is about classes, which sinusoids have not.
fn of_classes(given: &Options) -> Result<(), Error> {
    if given.read("train-shots").is_some_and(Shots::are_drawn) {
        return refuse(
            "--train-shots --data sinusoid: shots are drawn for classes alone; give one number of points",
        );
    }
    let about_classes = crate::options::shared::ALL
        .iter()
        .find(|option| option.of != Of::All && option.of != Of::Features && given.has(option.name));
    match about_classes {
        Some(option) => {
            refuse(format!("--{} is about classes, which sinusoids have not: leave it out", option.name))
        }
        None if given.has("feature-size") => {
            refuse("--feature-size --data sinusoid: it is of --data features:FILE; leave it out")
        }
        None => Ok(()),
    }
}

/// Refuses what is about pictures, which feature vectors are not.
fn of_pictures(given: &Options) -> Result<(), Error> {
    if let Some(option) = ["filters", "downsample"].into_iter().find(|option| given.has(option)) {
        return refuse(format!("--{option} --data features: the network on them is linear; leave it out"));
    }
    let unused = [
        ("image-size", given.has("image-size")),
        ("colour", given.has("colour")),
        ("invert", given.has("invert")),
        ("rotations", given.has("rotations") && !given.is("rotations", "none")),
        ("eval-rotations", given.has("eval-rotations") && !given.is("eval-rotations", "none")),
        ("split", given.has("split") && !given.is("split", "own")),
    ];
    match unused.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => refuse(format!(
            "--{option} --data features: feature vectors are turned and divided where they are made; leave it out"
        )),
        None if given.read("train-shots").is_some_and(Shots::are_drawn) => {
            refuse("--train-shots --data features: shots are drawn for pictures alone; give one number")
        }
        None => Ok(()),
    }
}

/// Refuses what folders of pictures alone have.
fn of_folders(data: &Data, given: &Options) -> Result<(), Error> {
    if let Some(split @ (Split::Background | Split::Koch)) = given.read("split")
        && *data == Data::Glyphs
    {
        return refuse(format!(
            "--split {split} --data glyphs: it is a split of Omniglot's alphabets; use --split alphabets or maml"
        ));
    }
    if let Some(split @ (Split::CifarFs | Split::Fc100)) = given.read("split") {
        return refuse(format!(
            "--split {split} --data {}: it divides the classes of CIFAR-100; give their pictures, --data folder:PATH, or leave it out",
            data.name()
        ));
    }
    let option = match () {
        () if given.is("colour", "rgb") => "colour rgb",
        () if given.has("invert") => "invert",
        () if given.is("split", "own") => "split own",
        () => return Ok(()),
    };
    refuse(format!(
        "--{option} --data {}: it is for pictures of your own, --data folder:PATH; leave it out",
        data.name()
    ))
}

/// Refuses two options that say different things about one.
fn rivals(algorithm: &dyn Algorithm, given: &Options) -> Result<(), Error> {
    let halved = given.whole("halve-every").is_some_and(|every| every > 0);
    if halved && given.has("outer-schedule") {
        return refuse("--halve-every and --outer-schedule are two schedules of one rate: give one of them");
    }
    let both = given.has("clip-value") && given.has("clip-norm");
    if both && !crate::settings::clips_twice(algorithm) {
        return refuse("--clip-value and --clip-norm are two limits of one gradient: give one of them");
    }
    Ok(())
}

/// Refuses the optimiser whose layers a network has not.
fn outer(given: &Options) -> Result<(), Error> {
    if given.is("outer", "layers") && !given.is("network", "koch") {
        return refuse(
            "--outer layers: its layers are those of --network koch of siamese; use adam, sgd or momentum",
        );
    }
    Ok(())
}

/// Refuses to wait for what is never measured.
pub fn patience(given: &Options, all: &Options) -> Result<(), Error> {
    match (given.whole("patience"), all.whole("validate-every")) {
        (Some(1..), None | Some(0)) => refuse(
            "--patience: it counts measurements on validation classes, of which there are none; add --validate-every N",
        ),
        _ => Ok(()),
    }
}
