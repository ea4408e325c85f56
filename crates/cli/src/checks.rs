//! Options that do not go together, refused before anything is loaded.

use crate::algorithm::Algorithm;
use crate::choices::{Data, MannMemory, Naming, Order, Rotations, Split, Twin};
use crate::defaults;
use crate::error::Error;
use crate::features;
use crate::options::Options;
use crate::outer::Outer;
use crate::parts::Change;
use crate::pictures;
use crate::shots::Shots;

/// Refuses options that the algorithm or the data have no use for, rather than ignore them.
pub fn combinations(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    if algorithm.classifies_alone() && *data == Data::Sinusoid {
        return refuse(format!(
            "--algorithm {} --data sinusoid: it tells classes apart, sinusoids are regression; use --algorithm maml",
            algorithm.name()
        ));
    }
    if let Some(split @ (Split::Background | Split::Koch)) = &options.split
        && *data == Data::Glyphs
    {
        return refuse(format!(
            "--split {split} --data glyphs: it is a split of Omniglot's alphabets; use --split alphabets or maml"
        ));
    }
    if algorithm == Algorithm::Cavia && *data != Data::Sinusoid {
        return refuse(
            "--algorithm cavia: its context is a wider input of a perceptron, so it learns --data sinusoid alone; \
             give that or choose another algorithm",
        );
    }
    foreign(algorithm, data, options)?;
    features::foreign(algorithm, data, options)?;
    pictures::foreign(data, options)?;
    rivals(algorithm, options)?;
    pretraining(algorithm, data, options)?;
    verification(algorithm, options)?;
    reading(algorithm, options)?;
    memory(algorithm, options)?;
    if options.train_shots.is_some_and(Shots::are_drawn) && *data == Data::Sinusoid {
        return refuse(
            "--train-shots --data sinusoid: shots are drawn for classes alone; give one number of points",
        );
    }
    match of_drawings(options) {
        Some(option) if *data == Data::Sinusoid => {
            refuse(format!("--{option} is about classes, which sinusoids have not: leave it out"))
        }
        _ => Ok(()),
    }
}

fn refuse(message: impl Into<String>) -> Result<(), Error> {
    Err(Error::Combination(message.into()))
}

/// Refuses an option that other algorithms have and this one has not.
fn foreign(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    for option in options.given() {
        let owners: Vec<&Algorithm> =
            Algorithm::all().iter().filter(|owner| owner.own_options().contains(&option.as_str())).collect();
        if owners.is_empty() || algorithm.own_options().contains(&option.as_str()) {
            continue;
        }
        let able = owners.iter().find(|owner| owner.learns_from(data));
        let instead = able.map(|able| format!(" or choose e.g. --algorithm {}", able.name()));
        let (name, instead) = (algorithm.name(), instead.unwrap_or_default());
        let owners: Vec<String> = owners.iter().map(|owner| owner.name()).collect();
        return refuse(format!(
            "--{option} is an option of {}, not of {name}: leave it out{instead}",
            owners.join(", ")
        ));
    }
    Ok(())
}

/// Refuses two options that say different things about one.
fn rivals(algorithm: Algorithm, options: &Options) -> Result<(), Error> {
    let halved = options.halve_every.is_some_and(|every| every > 0);
    if algorithm == Algorithm::Mamlpp && (halved || options.outer_schedule.is_some()) {
        return refuse(
            "--algorithm mamlpp: its part ca decides how the outer rate falls; leave out --outer-schedule and \
             --halve-every, and ca of --parts for a constant rate",
        );
    }
    if halved && options.outer_schedule.is_some() {
        return refuse("--halve-every and --outer-schedule are two schedules of one rate: give one of them");
    }
    let both = options.clip_value.is_some() && options.clip_norm.is_some();
    if both && algorithm != Algorithm::Leo {
        return refuse("--clip-value and --clip-norm are two limits of one gradient: give one of them");
    }
    Ok(())
}

/// Refuses to wait for what is never measured.
pub fn patience(options: &Options, validate_every: Option<u64>) -> Result<(), Error> {
    match options.patience {
        Some(1..) if validate_every.is_none() => refuse(
            "--patience: it counts measurements on validation classes, of which there are none; add --validate-every N",
        ),
        _ => Ok(()),
    }
}

/// Refuses what pretraining has no use for: it knows no episodes, and of sinusoids no batches.
fn pretraining(algorithm: Algorithm, data: &Data, options: &Options) -> Result<(), Error> {
    if algorithm != Algorithm::Pretrain {
        return Ok(());
    }
    if options.train_shots.is_some() {
        return refuse("--train-shots --algorithm pretrain: training adapts to no support; leave it out");
    }
    match data {
        Data::Sinusoid if options.batch.is_some() => refuse(
            "--batch --data sinusoid: an update takes --meta-batch waves of --queries points; use these instead",
        ),
        Data::Glyphs | Data::Omniglot(_) | Data::Folder(_) if options.queries.is_some() => refuse(
            "--queries --algorithm pretrain: drawings are trained on in batches of all classes; use --batch, or \
             --eval-queries for test episodes",
        ),
        _ => Ok(()),
    }
}

/// Refuses what training on pairs has no use for, and the optimiser whose layers a network has not.
fn verification(algorithm: Algorithm, options: &Options) -> Result<(), Error> {
    let koch = options.network.unwrap_or(defaults::TWIN) == Twin::Koch;
    if options.outer == Some(Outer::Layers) && !koch {
        return refuse("--outer layers: its layers are those of --network koch of siamese; use adam or sgd");
    }
    if algorithm != Algorithm::Siamese {
        return Ok(());
    }
    let unused = [("train-shots", options.train_shots.is_some()), ("queries", options.queries.is_some())];
    if let Some(option) = first(unused) {
        return refuse(format!(
            "--{option} --algorithm siamese: it is trained on pairs; use --batch, or --eval-queries for test episodes"
        ));
    }
    match options.rotations {
        Some(Rotations::PerClass | Rotations::PerEpisode) => refuse(
            "--rotations --algorithm siamese: pairs are turned as new-classes, where a turned alphabet is another \
             one, or none; use one of these",
        ),
        _ => Ok(()),
    }
}

/// Refuses names that episodes have not, and more classes than there are numbers for.
fn reading(algorithm: Algorithm, options: &Options) -> Result<(), Error> {
    if algorithm != Algorithm::Mann {
        return Ok(());
    }
    let usual = defaults::naming(options.ways.unwrap_or(defaults::WAYS));
    let strings = options.names.unwrap_or(usual) == Naming::Strings;
    if options.per_class == Some(0) && strings {
        return refuse("--per-class 0: classes of episodes are numbered; add --names numbers");
    }
    if options.curriculum.is_some_and(|every| every > 0) && !strings {
        return refuse("--curriculum: numbers do not suffice for more and more classes; add --names strings");
    }
    if options.memory.is_some_and(|memory| memory != MannMemory::External) && options.access.is_some() {
        return refuse("--access is of an external memory: leave it out, or --memory");
    }
    Ok(())
}

/// Refuses to compute again what is not kept, or cannot be computed again.
fn memory(algorithm: Algorithm, options: &Options) -> Result<(), Error> {
    if options.recompute != Some(true) {
        return Ok(());
    }
    if options.order == Some(Order::First) {
        return refuse("--recompute saves memory of the second order: leave it out, or --order 1");
    }
    let statistics = options.parts.as_ref().is_none_or(|parts| parts.has(Change::Bnrs));
    if algorithm == Algorithm::Mamlpp && statistics {
        return refuse(
            "--recompute --algorithm mamlpp: statistics per step are kept of each step; leave out --recompute, or \
             part bnrs: --parts msl,lslr,bnwb,ca",
        );
    }
    Ok(())
}

/// The first option given that only classification has.
fn of_drawings(options: &Options) -> Option<&'static str> {
    first([
        ("ways", options.ways.is_some()),
        ("split", options.split.is_some()),
        ("rotations", options.rotations.is_some()),
        ("eval-rotations", options.eval_rotations.is_some()),
        ("norm", options.norm.is_some()),
        ("image-size", options.image_size.is_some()),
        ("colour", options.colour.is_some()),
        ("invert", options.invert.is_some()),
        ("filters", options.filters.is_some()),
        ("downsample", options.downsample.is_some()),
    ])
}

fn first<const N: usize>(given: [(&'static str, bool); N]) -> Option<&'static str> {
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, named) in [
            ("algorithm = 'protonet'\ndata = 'sinusoid'", "regression"),
            ("data = 'sinusoid'\nways = 5", "--ways"),
            ("data = 'sinusoid'\nnorm = 'running'", "--norm"),
            ("algorithm = 'protonet'\ninner-lr = 0.1", "--inner-lr"),
            ("algorithm = 'maml'\ntrain-ways = 9", "--train-ways"),
            ("algorithm = 'fomaml'\norder = 1", "--order"),
            ("algorithm = 'meta-sgd'\ninner-lr = 0.1", "--inner-lr"),
            ("algorithm = 'anil'\nrecompute = true", "--recompute"),
            ("algorithm = 'maml'\nparts = 'msl'", "--parts"),
            ("algorithm = 'maml'\norder = 1\nrecompute = true", "--recompute"),
            ("algorithm = 'mamlpp'\nrecompute = true", "bnrs"),
            ("algorithm = 'mamlpp'\nouter-schedule = 'linear'", "--outer-schedule"),
            ("algorithm = 'mamlpp'\nhalve-every = 5", "--halve-every"),
            ("halve-every = 5\nouter-schedule = 'linear'", "--halve-every"),
            ("clip-value = 1.0\nclip-norm = 1.0", "--clip-norm"),
            ("clip-value = 0.0", "--clip-value 0"),
            ("algorithm = 'maml'\npatience = 3", "--validate-every"),
            ("validate-every = 0\npatience = 3", "--validate-every"),
            ("algorithm = 'cavia'", "sinusoid"),
            ("algorithm = 'maml'\ninner-batch = 5", "--inner-batch"),
            ("algorithm = 'reptile'\norder = 1", "--order"),
            ("algorithm = 'reptile'\nlanes = 0", "--lanes 0"),
            ("algorithm = 'lstm-meta-learner'\ninner-batch = 0", "--inner-batch 0"),
            ("algorithm = 'lstm-meta-learner'\ninner-lr = 0.1", "--inner-lr"),
            ("algorithm = 'lstm-meta-learner'\nlanes = 2", "--lanes"),
            ("algorithm = 'imaml'\nproximal = 0.0", "--proximal 0"),
            ("algorithm = 'imaml'\ncg-steps = 0", "--cg-steps 0"),
            ("algorithm = 'cavia'\ndata = 'sinusoid'\ncontext = 0", "--context 0"),
            ("algorithm = 'maml'\nbatch = 5", "--batch"),
            ("algorithm = 'maml'\ndecay = 0.1", "--decay"),
            ("algorithm = 'pretrain'\nbatch = 0", "--batch 0"),
            ("algorithm = 'pretrain'\ndecay = -1.0", "--decay -1"),
            ("algorithm = 'pretrain'\nqueries = 5", "--queries"),
            ("algorithm = 'pretrain'\ntrain-shots = 5", "--train-shots"),
            ("algorithm = 'pretrain'\ninner-steps = 5", "--inner-steps"),
            ("algorithm = 'pretrain'\ntrain-ways = 5", "--train-ways"),
            ("algorithm = 'pretrain'\norder = 1", "--order"),
            ("algorithm = 'pretrain'\ndata = 'sinusoid'\nbatch = 5", "--batch"),
            ("algorithm = 'siamese'\ndata = 'sinusoid'", "tells classes apart"),
            ("algorithm = 'siamese'\nbatch = 0", "--batch 0"),
            ("algorithm = 'mann'\ndata = 'sinusoid'", "tells classes apart"),
            ("algorithm = 'mann'\nnames = 'strings'\nper-class = 0", "--names numbers"),
            ("algorithm = 'mann'\ncurriculum = 10", "--names strings"),
            ("algorithm = 'mann'\nmemory = 'lstm'\naccess = 'paper'", "--access"),
            ("algorithm = 'maml'\nnames = 'strings'", "--names"),
            ("algorithm = 'siamese'\nqueries = 5", "--queries"),
            ("algorithm = 'siamese'\nrotations = 'per-class'", "new-classes"),
            ("algorithm = 'siamese'\nouter = 'layers'", "--outer layers"),
            ("algorithm = 'protonet'\nouter = 'layers'", "--outer layers"),
            ("algorithm = 'protonet'\nnetwork = 'koch'", "--network"),
            ("filters = 0", "--filters 0"),
            ("algorithm = 'relation'\nfilters = 32", "--filters"),
            ("data = 'sinusoid'\ndownsample = 'stride'", "--downsample"),
            ("data = 'features:x'\nfilters = 32", "--filters"),
            ("split = 'koch'", "koch"),
            ("algorithm = 'leo'", "fewshot embed DIR"),
            ("algorithm = 'leo'\ndata = 'sinusoid'", "tells classes apart"),
            ("algorithm = 'leo'\ndata = 'features:x'\ndropout = 1.0", "--dropout 1"),
            ("algorithm = 'leo'\ndata = 'features:x'\nlatent-steps = 0", "--latent-steps 0"),
            ("algorithm = 'leo'\ndata = 'features:x'\nkl-weight = -1.0", "--kl-weight -1"),
            ("algorithm = 'maml'\nkl-weight = 1.0", "--kl-weight"),
            ("algorithm = 'relation'\ndata = 'features:x'", "protonet"),
            ("data = 'features:x'\nimage-size = 28", "--image-size"),
            ("data = 'features:x'\nsplit = 'maml'", "--split"),
            ("data = 'features:x'\nrotations = 'per-class'", "--rotations"),
            ("feature-size = 64", "--feature-size"),
            ("train-shots = 0", "--train-shots 0"),
            ("train-shots = '0..3'", "--train-shots 0"),
            ("data = 'sinusoid'\ntrain-shots = '1..9'", "--train-shots"),
            ("data = 'sinusoid'\neval-rotations = 'none'", "--eval-rotations"),
            ("split = 'background'", "background"),
            ("ways = 1", "--ways 1"),
            ("iterations = 0", "--iterations 0"),
            ("meta-batch = 1000000", "--meta-batch 1000000"),
            ("algorithm = 'maml'\ninner-steps = 5000", "--inner-steps 5000"),
        ] {
            let options: Options = toml::from_str(text).unwrap();
            let message = Settings::resolve(&options).unwrap_err().to_string();
            assert!(message.contains(named), "{text}: {message}");
        }
    }
}
