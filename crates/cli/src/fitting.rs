//! Settings that nobody asked for, fitted to what the data have.

use fewshot_episodes::names::shown;
use fewshot_episodes::{ClassId, Rotations};

use crate::args::Part;
use crate::data::{Source, listed};
use crate::error::Error;
use crate::features;
use crate::options::Options;
use crate::places::Data;
use crate::report::say;
use crate::settings::Settings;
use crate::shots::Shots;

/// The options of a run.
pub struct Asked {
    /// All of them, those that a preset stands for among them.
    pub options: Options,
    /// Those that the user gave, on the command line or in a configuration.
    pub given: Options,
}

impl Asked {
    /// Options that the user gave all of.
    pub fn all(options: Options) -> Self {
        Asked { given: options.clone(), options }
    }
}

/// A class and how many examples there are of it.
pub type Class = (String, usize);

/// The settings for what the data have, with a line for each that differs from the usual one.
pub fn fitted(settings: Settings, asked: &Asked, source: &Source) -> Result<Settings, Error> {
    let fit = Fit { given: &asked.given, options: asked.options.clone(), source, lines: Vec::new() };
    let (settings, lines) = fit.run(settings)?;
    lines.into_iter().try_for_each(|line| say(format!("fitted      {line}")))?;
    Ok(settings)
}

/// Options on their way to the data.
struct Fit<'a> {
    given: &'a Options,
    options: Options,
    source: &'a Source,
    lines: Vec<String>,
}

impl Fit<'_> {
    fn run(mut self, settings: Settings) -> Result<(Settings, Vec<String>), Error> {
        if settings.classes.is_none() {
            return Ok((settings, Vec::new()));
        }
        let own = matches!(settings.data, Data::Folder(_) | Data::Features(_));
        let settings = if own { self.ways(settings)? } else { settings };
        let settings = self.validation(settings)?;
        let settings = if own { self.training(settings)? } else { settings };
        let settings = if own { self.measuring(settings)? } else { settings };
        let settings = if own || self.given.has("epochs") { self.epochs(settings)? } else { settings };
        Ok((settings, self.lines))
    }

    /// The settings again, after an option has changed.
    fn resolved(&self) -> Result<Settings, Error> {
        Settings::resolve(&self.options)
    }

    fn ways(&mut self, mut settings: Settings) -> Result<Settings, Error> {
        let [train, test] = [Part::Train, Part::Test].map(|part| self.source.ways_of(part, &settings));
        let (ways, train_ways) = sizes(&settings);
        let follows = train_ways == ways && !self.given.has("train-ways") && in_episodes(&settings);
        let most = if follows { train.min(test) } else { test };
        if !self.given.has("ways") && most < ways && most >= 2 {
            let part = if most == test { Part::Test } else { Part::Train };
            self.lines
                .push(format!("--ways {most} instead of {ways}: there are {most} {} classes", part.words()));
            self.options.set("ways", most as i64);
            settings = self.resolved()?;
        }
        let (_, train_ways) = sizes(&settings);
        let has_own = settings.options.has("train-ways");
        if has_own && !self.given.has("train-ways") && train < train_ways && train >= 2 {
            self.lines.push(format!(
                "--train-ways {train} instead of {train_ways}: there are {train} training classes"
            ));
            self.options.set("train-ways", train as i64);
            settings = self.resolved()?;
        }
        Ok(settings)
    }

    /// Without enough classes for validation the last weights are kept, unless the best were asked for.
    fn validation(&mut self, settings: Settings) -> Result<Settings, Error> {
        let Some(every) = settings.validate_every else { return Ok(settings) };
        let Some(classes) = self.source.classes_of(Part::Validation) else { return Ok(settings) };
        let (ways, held) = (sizes(&settings).0, self.source.ways_of(Part::Validation, &settings));
        let needed = settings.shots + self.given.count("eval-queries").unwrap_or(1);
        let cause = match smallest(&classes) {
            None => "there are no validation classes".to_owned(),
            Some(_) if held < ways => {
                format!("there are {held} validation classes, and an episode has {ways}")
            }
            Some((name, count)) if *count < needed && !sequences_of(&settings) => {
                format!(
                    "validation class '{}' has {count} examples, and an episode takes {needed}",
                    shown(name)
                )
            }
            Some(_) => return Ok(settings),
        };
        if self.given.has("validate-every") {
            return Err(Error::Combination(format!(
                "--validate-every {every}: {cause}; leave it out, or give --validate-every 0, and the last weights are kept"
            )));
        }
        if self.given.whole("patience").is_some_and(|patience| patience > 0) {
            return Err(Error::Combination(format!(
                "--patience: it counts measurements on validation classes, and {cause}; leave it out"
            )));
        }
        self.lines.push(format!("--validate-every 0 instead of {every}: {cause}; the last weights are kept"));
        self.options.set("validate-every", 0);
        self.options.remove("patience");
        self.resolved()
    }

    /// Queries of training, and shots of its own, go down to what the smallest class has, batches to what all have.
    fn training(&mut self, settings: Settings) -> Result<Settings, Error> {
        let train = self.source.classes_of(Part::Train).unwrap_or_default();
        let all: usize = train.iter().map(|(_, count)| count).sum();
        if settings.algorithm.saves_outputs()
            && let Some(batch) = settings.options.count("batch")
            && !self.given.has("batch")
            && (1..batch).contains(&all)
        {
            let held = examples(all, &settings);
            self.lines.push(format!("--batch {all} instead of {batch}: the training classes have {held}"));
            self.options.set("batch", all as i64);
            return self.resolved();
        }
        if sequences_of(&settings) {
            return Ok(settings);
        }
        if let Some((name, count)) = smallest(&train).filter(|_| in_episodes(&settings)) {
            let Settings { train_shots: shots, queries, .. } = settings;
            // those of tests are the user's, or one
            let free = !self.given.has("train-shots") && shots != settings.shots.into();
            let fewer =
                if !self.given.has("queries") { within(queries, *count, shots.most) } else { queries };
            let most = if free { within(shots.most, *count, fewer) } else { shots.most };
            let why = format!("training class '{}' has {}", shown(name), examples(*count, &settings));
            if fewer < queries {
                self.lines.push(format!("--queries {fewer} instead of {queries}: {why}"));
                self.options.set("queries", fewer as i64);
            }
            if most < shots.most {
                let drawn = Shots { least: shots.least.min(most), most };
                self.lines.push(format!("--train-shots {drawn} instead of {shots}: {why}"));
                self.options.set("train-shots", drawn);
            }
            return self.resolved();
        }
        Ok(settings)
    }

    /// Iterations are so many as passes over the training pictures take, of an algorithm that counts these.
    fn epochs(&mut self, settings: Settings) -> Result<Settings, Error> {
        let (Some(epochs), Some(batch)) = (settings.options.whole("epochs"), settings.options.whole("batch"))
        else {
            return Ok(settings);
        };
        let train = self.source.classes_of(Part::Train).unwrap_or_default();
        let turned =
            settings.classes.as_ref().is_some_and(|classes| classes.rotations == Rotations::NewClasses);
        let turns = if turned { 4 } else { 1 };
        let pictures = turns * train.iter().map(|(_, count)| *count as u64).sum::<u64>();
        let iterations = (epochs * pictures).div_ceil(batch);
        if self.given.has("iterations") || iterations == settings.iterations || iterations == 0 {
            return Ok(settings);
        }
        self.lines.push(format!(
            "--iterations {iterations} instead of {}: {epochs} epochs of {pictures} pictures in batches of {batch}",
            settings.iterations
        ));
        self.options.set("iterations", iterations as i64);
        self.resolved()
    }

    /// Queries of tests, too.
    fn measuring(&mut self, settings: Settings) -> Result<Settings, Error> {
        if sequences_of(&settings) {
            return Ok(settings);
        }
        let validated = if settings.validate_every.is_some() { Some(Part::Validation) } else { None };
        let measured: Vec<(Class, Part)> = [Some(Part::Test), validated]
            .into_iter()
            .flatten()
            .flat_map(|part| {
                self.source.classes_of(part).unwrap_or_default().into_iter().map(move |c| (c, part))
            })
            .collect();
        let least = measured.iter().min_by_key(|((_, count), _)| *count);
        if let Some(((name, count), part)) = least.filter(|_| !self.given.has("eval-queries")) {
            let queries = settings.eval_queries;
            let fewer = within(queries, *count, settings.shots);
            if fewer < queries {
                let (part, held) = (part.words(), examples(*count, &settings));
                self.lines.push(format!(
                    "--eval-queries {fewer} instead of {queries}: {part} class '{}' has {held}",
                    shown(name)
                ));
                self.options.set("eval-queries", fewer as i64);
                return self.resolved();
            }
        }
        Ok(settings)
    }
}

/// So many of some examples as are left beside others, but one at least.
fn within(wanted: usize, held: usize, others: usize) -> usize {
    wanted.min(held.saturating_sub(others).max(1))
}

/// The first of the classes with the fewest examples.
fn smallest(classes: &[Class]) -> Option<&Class> {
    classes.iter().min_by_key(|(_, count)| *count)
}

fn sizes(settings: &Settings) -> (usize, usize) {
    settings.classes.as_ref().map_or((0, 0), |classes| (classes.ways, classes.train_ways))
}

fn sequences_of(settings: &Settings) -> bool {
    settings.algorithm.sequences(settings).is_some()
}

/// Whether training takes episodes as tests do, not batches or pairs.
fn in_episodes(settings: &Settings) -> bool {
    settings.algorithm.unit(settings).is_by_class()
}

fn examples(count: usize, settings: &Settings) -> String {
    let what = if matches!(settings.data, Data::Features(_)) { "vector" } else { "picture" };
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl Source {
    /// The classes of a part with the number of their examples; nothing for data without classes.
    pub fn classes_of(&self, part: Part) -> Option<Vec<Class>> {
        match self {
            Source::Drawings { images, split, .. } => {
                let class = |id: &ClassId| (images.name(id.class).to_owned(), images.images(id.class));
                Some(listed(split, part).iter().map(class).collect())
            }
            Source::Features(parts) => {
                let set = features::of_part(parts, part);
                Some(
                    (0..set.classes())
                        .map(|class| (set.name(class).to_owned(), set.vectors(class)))
                        .collect(),
                )
            }
            Source::Sinusoid => None,
        }
    }

    /// The most classes that an episode of a part can have.
    pub fn ways_of(&self, part: Part, settings: &Settings) -> usize {
        let rotations = settings.classes.as_ref().map(|classes| match part {
            Part::Train => classes.rotations,
            Part::Validation | Part::Test => classes.eval_rotations,
        });
        match (self, rotations) {
            (
                Source::Drawings { split, .. },
                Some(rotations @ (Rotations::NewClasses | Rotations::PerClass)),
            ) => {
                let mut characters: Vec<usize> = listed(split, part).iter().map(|id| id.class).collect();
                characters.sort_unstable();
                characters.dedup();
                let turns = if rotations == Rotations::NewClasses { 4 } else { 1 };
                turns * characters.len()
            }
            _ => self.classes_of(part).map_or(0, |classes| classes.len()),
        }
    }
}
