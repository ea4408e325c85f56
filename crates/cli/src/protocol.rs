//! What a run is about to do, printed before it starts.

use fewshot_episodes::{Outputs, SequenceProtocol, Tasks};
use fewshot_meta::{Checkpointing, Learner};
use fewshot_nn::Clip;

use crate::choices::{MannMemory, choice_name};
use crate::data::Source;
use crate::defaults;
use crate::latent;
use crate::learner;
use crate::method::{Inner, Method, Steps, Tuning};
use crate::official;
use crate::outer::Outer;
use crate::sequences;
use crate::settings::Settings;

/// Data, classes, episodes, learner and training, one line each.
pub fn lines(
    settings: &Settings,
    source: &Source,
    training: &dyn Tasks,
    learner: &dyn Learner,
) -> Vec<String> {
    let mut lines = vec![format!("data        {}: {}", settings.data.name(), source.describe(settings))];
    if let Some([train, validation, test]) = source.split_sizes() {
        lines.push(format!(
            "classes     {train} training, {validation} validation, {test} test (split {})",
            source.divided()
        ));
    }
    lines.extend(of_settings(settings, training.outputs(), learner));
    lines
}

/// What follows from the settings alone, for training with these outputs.
pub fn of_settings(settings: &Settings, outputs: Outputs, learner: &dyn Learner) -> [String; 3] {
    let weights: usize = learner.spec().weights().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    [
        format!("episodes    {}", episodes(settings, outputs)),
        format!(
            "learner     {}; {}, {weights} weights",
            method(settings, learner),
            learner::network_name(settings)
        ),
        format!("training    {}", training(settings)),
    ]
}

fn episodes(settings: &Settings, outputs: Outputs) -> String {
    let Settings { shots, train_shots, queries, eval_queries, .. } = settings;
    let Some(classes) = &settings.classes else {
        let other =
            if *train_shots == (*shots).into() { String::new() } else { format!(" {train_shots} shots,") };
        return match settings.method {
            Method::Pretrain { .. } => format!(
                "{shots} shots, queries {eval_queries}; in training {queries} points of each wave, without adapting"
            ),
            _ => format!("{shots} shots, queries {eval_queries}; in training{other} queries {queries}"),
        };
    };
    let (ways, train_ways) = (classes.ways, classes.train_ways);
    let other = if *train_shots == (*shots).into() { String::new() } else { format!(" {train_shots}-shot") };
    let turned = if classes.eval_rotations == classes.rotations {
        choice_name(classes.rotations)
    } else {
        format!(
            "{} in training, {} at test",
            choice_name(classes.rotations),
            choice_name(classes.eval_rotations)
        )
    };
    if let Some(SequenceProtocol { classes, per_class, batch, .. }) = sequences::protocol(settings) {
        let length = classes * per_class;
        let growth = match settings.method {
            Method::Mann { growth: Some(every), .. } => {
                format!(", in training one class more every {every} sequences")
            }
            _ => String::new(),
        };
        return format!(
            "sequences of {length} drawings of {classes} classes, labels one step late, {batch} side by side{growth}; rotations {turned}"
        );
    }
    let trained = match settings.method {
        Method::Pretrain { batch: Some(batch), .. } => {
            format!("batches of {batch} drawings of all {} classes", outputs.width())
        }
        Method::Siamese { pairs, .. } => {
            format!("batches of {pairs} pairs {}, distorted", official::among(settings))
        }
        _ if train_shots.are_drawn() => {
            format!("{train_ways}-way{other}, images per class {}", train_shots.most + queries)
        }
        _ => format!("{train_ways}-way{other}, queries {queries}"),
    };
    format!(
        "{ways}-way {shots}-shot, queries per class {eval_queries}; in training {trained}; rotations {turned}"
    )
}

fn method(settings: &Settings, learner: &dyn Learner) -> String {
    let norm = match &settings.classes {
        None => String::new(),
        Some(_) if learner.spec().statistics::<f32>().is_empty() => ", no batch norm".into(),
        Some(classes) => format!(", batch norm at test: {}", choice_name(classes.norm)),
    };
    let name = settings.algorithm().name();
    let order = settings.method.order().map(|order| format!(" of order {}", choice_name(order)));
    let again = match settings.method.memory() {
        Some(Checkpointing::Recompute) => ", computed again",
        _ => "",
    };
    let what = match &settings.method {
        Method::Maml { inner, .. } | Method::Fomaml { inner } | Method::Anil { inner, .. } => {
            self::inner(inner)
        }
        Method::Reptile { inner, batch, eval_batch, lanes } => {
            format!("{} on {batch} examples (at test {eval_batch}), lanes {lanes}", self::inner(inner))
        }
        Method::Imaml { inner, proximal, pull, cg_steps } => {
            let pull = choice_name(*pull);
            format!(
                "{}, proximal {proximal} in {pull}, conjugate gradient steps {cg_steps}",
                self::inner(inner)
            )
        }
        Method::Cavia { inner, context, .. } => format!("{}, context {context}", self::inner(inner)),
        Method::MetaSgd { steps, .. } => format!("{} of learned rates", self::steps(steps)),
        Method::LstmMetaLearner { steps, batch, .. } => {
            format!("{} of learned gates on {batch} examples", self::steps(steps))
        }
        Method::Mamlpp { inner, parts, .. } => format!("{}, parts {parts}", self::inner(inner)),
        Method::Pretrain { tuning: Tuning { lr, steps, decay }, .. } => {
            let from = if settings.classes.is_some() { " with a new last layer" } else { "" };
            format!("at test fine-tuned{from}, steps {steps} of rate {lr}, decay {decay}")
        }
        Method::Matching { distance, reads: 0 } => format!("{} distance", choice_name(*distance)),
        Method::Matching { distance, reads } => {
            format!("{} distance, full context with {reads} reads", choice_name(*distance))
        }
        Method::Relation => "scores of pairs, mean squared error".into(),
        Method::R2d2 => "ridge regression".into(),
        Method::Lrd2 { newton_steps } => format!("logistic regression, Newton steps {newton_steps}"),
        Method::Mann { memory: MannMemory::External, access, names, .. } => {
            format!("memory access {}, names {}", choice_name(*access), choice_name(*names))
        }
        Method::Mann { names, .. } => format!("without a memory, names {}", choice_name(*names)),
        Method::Leo(leo) => latent::words(leo),
        Method::Siamese { .. } => "largest probability of the same character".into(),
        Method::Protonet { distance } => format!("{} distance", choice_name(*distance)),
    };
    format!("{name}{}, {what}{again}{}{norm}", order.unwrap_or_default(), not_adapted(settings, learner))
}

/// Which weights inner steps leave alone, for the kinds of MAML: those of norms, by the first name and how many more there are.
fn not_adapted(settings: &Settings, learner: &dyn Learner) -> String {
    let adapts = matches!(
        settings.method,
        Method::Maml { .. } | Method::Fomaml { .. } | Method::MetaSgd { .. } | Method::Mamlpp { .. }
    );
    let spec = learner.spec();
    let names: Vec<&str> = spec.norms().filter(|_| adapts).collect();
    match names[..] {
        [] => String::new(),
        [one] => format!(", not adapted: {one}"),
        [first, ..] => format!(", not adapted: {first} and {} more of norms", names.len() - 1),
    }
}

fn inner(inner: &Inner) -> String {
    format!("{} of rate {}", steps(&inner.steps), inner.lr)
}

fn steps(steps: &Steps) -> String {
    format!("inner steps {} (at test {})", steps.train, steps.eval)
}

fn training(settings: &Settings) -> String {
    let Settings {
        iterations, meta_batch, outer, outer_lr, decay, clip, validate_every, patience, seed, ..
    } = settings;
    let episodes = match (&settings.method, meta_batch) {
        (Method::Pretrain { batch: Some(_), .. } | Method::Siamese { .. }, 1) => "batch",
        (Method::Pretrain { batch: Some(_), .. } | Method::Siamese { .. }, _) => "batches",
        (Method::Mann { per_class: 1.., .. }, _) => "tasks",
        (_, 1) => "episode",
        (_, _) => "episodes",
    };
    let outer = match (outer, settings.method.outer_epsilon()) {
        (Outer::Adam, defaults::EPSILON) => format!("Adam {outer_lr}"),
        (Outer::Adam, epsilon) => format!("Adam {outer_lr} (epsilon {epsilon})"),
        (Outer::Sgd, _) => format!("SGD {outer_lr}"),
        (Outer::Layers, _) => format!("SGD by layers {outer_lr}"),
    };
    let clip = match clip {
        None => String::new(),
        Some(Clip::Value(limit)) => format!(", gradient within ±{limit}"),
        Some(Clip::Norm(limit)) => format!(", gradient norm at most {limit}"),
        Some(Clip::NormApart { limit, .. }) => format!(", gradient norm of each network at most {limit}"),
        Some(Clip::ValueThenEachNorm { value, norm }) => {
            format!(", gradient within ±{value}, norm of each parameter's at most {norm}")
        }
    };
    let chosen = validate_every.map(|every| format!(", best of every {every} on validation classes"));
    let chosen = chosen.unwrap_or_default();
    let patience = patience.map(|patience| format!(", ending after {patience} without a better one"));
    let patience = patience.unwrap_or_default();
    format!(
        "{iterations} iterations of {meta_batch} {episodes}, {outer}{}{clip}{chosen}{patience}, seed {seed}",
        decay.words()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_without_batch_norm_has_no_policy() {
        for (options, expected) in [
            ("algorithm = 'siamese'", ", batch norm at test: running"),
            ("algorithm = 'siamese'\nnetwork = 'koch'", ", no batch norm"),
            ("algorithm = 'maml'", ", batch norm at test: batch"),
            ("data = 'sinusoid'", "rate 0.01"),
        ] {
            let settings = Settings::resolve(&toml::from_str(options).unwrap()).unwrap();
            let words = method(&settings, &*learner::build(&settings));
            assert!(words.ends_with(expected), "{words}");
        }
    }
}
