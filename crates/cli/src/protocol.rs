//! What a run is about to do, printed before it starts.

use fewshot_episodes::{Outputs, SequenceProtocol, Tasks};
use fewshot_meta::Learner;
use fewshot_nn::Clip;

use crate::data::Source;
use crate::network;
use crate::norm;
use crate::outer::{MOMENTUM, Outer};
use crate::settings::Settings;

/// Epsilon of Adam, of which nothing is said (Kingma and Ba 2015).
const EPSILON: f64 = 1e-8;

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
        format!("learner     {}; {}, {weights} weights", method(settings, learner), network::words(settings)),
        format!("training    {}", training(settings)),
    ]
}

fn episodes(settings: &Settings, outputs: Outputs) -> String {
    let Settings { shots, train_shots, queries, eval_queries, .. } = settings;
    let own = settings.algorithm.trained_on(settings, outputs);
    let same = *train_shots == (*shots).into();
    let Some(classes) = &settings.classes else {
        let other = if same { String::new() } else { format!(" {train_shots} shots,") };
        let trained = own.unwrap_or(format!("queries {queries}"));
        let other = if trained.starts_with("queries") { other } else { String::new() };
        return format!("{shots} shots, queries {eval_queries}; in training{other} {trained}");
    };
    let (ways, train_ways) = (classes.ways, classes.train_ways);
    let other = if same { String::new() } else { format!(" {train_shots}-shot") };
    let turned = if classes.eval_rotations == classes.rotations {
        classes.rotations.to_string()
    } else {
        format!("{} in training, {} at test", classes.rotations, classes.eval_rotations)
    };
    if let Some(SequenceProtocol { classes, per_class, batch, growth, .. }) =
        settings.algorithm.sequences(settings)
    {
        let length = classes * per_class;
        let growth = growth.map(|growth| growth.sequences);
        let growth = growth.map(|every| format!(", in training one class more every {every} sequences"));
        let growth = growth.unwrap_or_default();
        return format!(
            "sequences of {length} drawings of {classes} classes, labels one step late, {batch} side by side{growth}; rotations {turned}"
        );
    }
    let trained = match own {
        Some(own) => own,
        None if train_shots.are_drawn() => {
            format!("{train_ways}-way{other}, images per class {}", train_shots.most + queries)
        }
        None => format!("{train_ways}-way{other}, queries {queries}"),
    };
    format!(
        "{ways}-way {shots}-shot, queries per class {eval_queries}; in training {trained}; rotations {turned}"
    )
}

fn method(settings: &Settings, learner: &dyn Learner) -> String {
    let norm = match &settings.classes {
        None => String::new(),
        Some(_) if learner.spec().statistics::<f32>().is_empty() => ", no batch norm".into(),
        Some(classes) => format!(", batch norm at test: {}", norm::name(classes.norm)),
    };
    let order = settings.options.get("order").map(|order| format!(" of order {order}"));
    let again = if settings.options.flag("recompute") == Some(true) { ", computed again" } else { "" };
    let (name, order) = (settings.name(), order.unwrap_or_default());
    let what = settings.algorithm.words(settings);
    format!("{name}{order}, {what}{again}{}{norm}", not_adapted(settings, learner))
}

/// Which weights inner steps leave alone, for the kinds of MAML: those of norms, by the first name and how many more there are.
fn not_adapted(settings: &Settings, learner: &dyn Learner) -> String {
    let spec = learner.spec();
    let names: Vec<&str> = spec.norms().filter(|_| settings.algorithm.leaves_norms()).collect();
    match names[..] {
        [] => String::new(),
        [one] => format!(", not adapted: {one}"),
        [first, ..] => format!(", not adapted: {first} and {} more of norms", names.len() - 1),
    }
}

fn training(settings: &Settings) -> String {
    let Settings {
        iterations, meta_batch, outer, outer_lr, decay, clip, validate_every, patience, seed, ..
    } = settings;
    let episodes = settings.algorithm.unit(settings).words(*meta_batch);
    let outer = match (outer, settings.algorithm.outer_epsilon()) {
        (Outer::Adam, EPSILON) => format!("Adam {outer_lr}"),
        (Outer::Adam, epsilon) => format!("Adam {outer_lr} (epsilon {epsilon})"),
        (Outer::Sgd, _) => format!("SGD {outer_lr}"),
        (Outer::Momentum, _) => format!("SGD {outer_lr} with momentum {MOMENTUM}"),
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
    let decayed = match settings.weight_decay() {
        0.0 => String::new(),
        decay => format!(", weight decay {decay}"),
    };
    let chosen = validate_every.map(|every| format!(", best of every {every} on validation classes"));
    let chosen = chosen.unwrap_or_default();
    let patience = patience.map(|patience| format!(", ending after {patience} without a better one"));
    let patience = patience.unwrap_or_default();
    format!(
        "{iterations} iterations of {meta_batch} {episodes}, {outer}{}{decayed}{clip}{chosen}{patience}, seed {seed}",
        decay.words()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    #[test]
    fn a_network_without_batch_norm_has_no_policy() {
        for (options, expected) in [
            ("algorithm = 'siamese'", ", batch norm at test: running"),
            ("algorithm = 'siamese'\nnetwork = 'koch'", ", no batch norm"),
            ("algorithm = 'maml'", ", batch norm at test: batch"),
            ("data = 'sinusoid'", "rate 0.01"),
        ] {
            let settings = Settings::resolve(&Options(options.parse().unwrap())).unwrap();
            let words = method(&settings, &*settings.algorithm.build(&settings));
            assert!(words.ends_with(expected), "{words}");
        }
    }
}
