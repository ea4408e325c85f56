//! What a run is about to do, printed before it starts.

use fewshot_meta::Learner;

use crate::choices::choice_name;
use crate::data::Source;
use crate::learner;
use crate::settings::{Method, Settings};

/// Data, classes, episodes, learner and training, one line each.
pub fn lines(settings: &Settings, source: &Source, learner: &dyn Learner) -> Vec<String> {
    let mut lines = vec![format!("data        {}: {}", settings.data.name(), source.describe())];
    if let (Some(classes), Some([train, validation, test])) = (&settings.classes, source.split_sizes()) {
        lines.push(format!(
            "classes     {train} training, {validation} validation, {test} test (split {})",
            classes.split
        ));
    }
    lines.push(format!("episodes    {}", episodes(settings)));
    let weights: usize = learner.spec().weights().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    lines.push(format!(
        "learner     {}; {}, {weights} weights",
        method(settings),
        learner::network(settings)
    ));
    lines.push(format!("training    {}", training(settings)));
    lines
}

fn episodes(settings: &Settings) -> String {
    let Settings { shots, queries, eval_queries, .. } = settings;
    match &settings.classes {
        Some(classes) => {
            let (ways, train_ways) = (classes.ways, classes.train_ways);
            format!(
                "{ways}-way {shots}-shot, queries per class {eval_queries}; in training {train_ways}-way, queries {queries}; rotations {}",
                choice_name(classes.rotations)
            )
        }
        None => format!("{shots} shots, queries {eval_queries}; in training {queries}"),
    }
}

fn method(settings: &Settings) -> String {
    let norm = settings
        .classes
        .as_ref()
        .map(|classes| format!(", batch norm at test: {}", choice_name(classes.norm)));
    let norm = norm.unwrap_or_default();
    match &settings.method {
        Method::Maml { order, inner_lr, inner_steps, eval_steps } => {
            let order = choice_name(*order);
            format!(
                "maml of order {order}, inner steps {inner_steps} (at test {eval_steps}) of rate {inner_lr}{norm}"
            )
        }
        Method::Protonet { distance } => format!("protonet, {} distance{norm}", choice_name(*distance)),
    }
}

fn training(settings: &Settings) -> String {
    let Settings { iterations, meta_batch, outer_lr, halve_every, seed, .. } = settings;
    let episodes = if *meta_batch == 1 { "episode" } else { "episodes" };
    let halved = if *halve_every > 0 { format!(", halved every {halve_every}") } else { String::new() };
    format!("{iterations} iterations of {meta_batch} {episodes}, Adam {outer_lr}{halved}, seed {seed}")
}
