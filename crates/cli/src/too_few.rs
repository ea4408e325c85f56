//! Why episodes cannot be drawn, in terms of the options and of the classes.

use fewshot_episodes::names::shown;

use crate::args::Part;
use crate::data::Source;
use crate::error::Error;
use crate::fitting::Class;
use crate::pictures;
use crate::places::Data;
use crate::settings::Settings;

/// Classes named in a message.
const MOST_NAMED: usize = 3;
/// Where the options are that say how many examples an episode takes.
const OPTIONS: &str = "--train-shots and --queries in training, --shots and --eval-queries at test (of evaluate --shots and --queries)";

/// Why episodes of a part cannot be drawn, in terms of the options and of the classes.
pub fn refused(
    what: &'static str,
    settings: &Settings,
    source: &Source,
    part: Part,
    error: fewshot_episodes::Error,
) -> Error {
    use fewshot_episodes::Error::{TooFewClasses, TooFewImages, TooFewVectors};
    let (shots, queries) = match (&settings.data, &error) {
        (Data::Features(_), TooFewClasses { ways, .. }) => {
            let [train, validation, test] = source.split_sizes().unwrap_or_default();
            return Error::Combination(format!(
                "{what}: {ways} classes each need {ways} classes in their part, and the file's are {train} for training, \
                 {validation} for validation, {test} for test; give fewer --ways, or a file of more classes"
            ));
        }
        (Data::Folder(_), TooFewImages { shots, queries, .. }) => (*shots, *queries),
        (Data::Features(_), TooFewVectors { shots, queries, .. }) => (*shots, *queries),
        _ => {
            return match source {
                Source::Drawings { split, kept, .. } => {
                    pictures::refused(what, settings, (split, *kept), error)
                }
                _ => Error::Episodes { what, source: error },
            };
        }
    };
    let classes = source.classes_of(part).unwrap_or_default();
    let few: Vec<&Class> = classes.iter().filter(|(_, count)| *count < shots + queries).collect();
    let each = few.iter().take(MOST_NAMED).map(|(name, count)| format!("'{}' ({count})", shown(name)));
    let more = few.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let things = if matches!(settings.data, Data::Features(_)) { "vectors" } else { "pictures" };
    let lower = match shots + queries {
        0..=2 => String::new(),
        _ => format!("lower the shots or the queries ({OPTIONS}), "),
    };
    Error::Combination(format!(
        "{what}: shots {shots} + queries {queries} exceed the {things} of {}{more}: {lower}add {things}, or leave out these \
         classes",
        each.collect::<Vec<_>>().join(", ")
    ))
}
