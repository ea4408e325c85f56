//! `division.json`: which classes of a run are for what, by name, and what its data were when it began.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use fewshot_episodes::names::{NameIndex, shown};
use fewshot_episodes::{ClassId, ClassSplit, FeatureParts, FeatureSet, ImageSet, Turn};
use serde::{Deserialize, Serialize};

use crate::args::Part;
use crate::changes::Changes;
use crate::fingerprint::{Class, PARTS, of_part, pictures, vectors_of};

/// The division of a run's classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Division {
    /// What kind of data they are of.
    pub data: String,
    train: Vec<Listed>,
    validation: Vec<Listed>,
    test: Vec<Listed>,
    /// All classes of the data, those in no part too.
    classes: Vec<Class>,
}

/// A class in a part: by its name alone, or turned by so many degrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Listed {
    Plain(String),
    Turned(String, u32),
}

impl Listed {
    fn name(&self) -> &str {
        let (Listed::Plain(name) | Listed::Turned(name, _)) = self;
        name
    }

    fn turn(&self) -> Option<Turn> {
        match self {
            Listed::Plain(_) => Some(Turn::None),
            Listed::Turned(_, degrees) => Turn::from_degrees(*degrees),
        }
    }
}

impl Division {
    /// That of pictures.
    pub fn of_images(data: &str, images: &ImageSet, split: &ClassSplit) -> Division {
        let listed = |&ClassId { class, turn }: &ClassId| {
            let name = images.name(class).to_owned();
            if turn == Turn::None { Listed::Plain(name) } else { Listed::Turned(name, turn.degrees()) }
        };
        let part = |ids: &[ClassId]| ids.iter().map(listed).collect();
        let (train, validation, test) = (part(split.train()), part(split.validation()), part(split.test()));
        Division { data: data.into(), train, validation, test, classes: pictures(images) }
    }

    /// That of feature vectors, which their file divides. A class is named by its part and its label.
    pub fn of_features(data: &str, parts: &FeatureParts) -> Division {
        let part =
            |wanted| vectors_of(parts, wanted).into_iter().map(|class| Listed::Plain(class.name)).collect();
        let classes = PARTS.iter().flat_map(|(part, _)| vectors_of(parts, *part)).collect();
        let (train, validation, test) = (part(Part::Train), part(Part::Validation), part(Part::Test));
        Division { data: data.into(), train, validation, test, classes }
    }

    /// The classes of pictures as the run has divided them, and in what they differ; nothing where no class of the run is there.
    pub fn split(&self, images: &ImageSet) -> Result<Option<(ClassSplit, Changes)>, fewshot_episodes::Error> {
        let now = pictures(images);
        let found = self.find(&now);
        if found.iter().all(Option::is_none) {
            return Ok(None);
        }
        let places = self.places();
        let place = |listed: &Listed| {
            let class = found[*places.get(listed.name())?]?;
            Some(ClassId { class, turn: listed.turn()? })
        };
        let part = |part| self.part(part).iter().filter_map(place).collect();
        let split = ClassSplit::new(images, part(Part::Train), part(Part::Validation), part(Part::Test))?;
        Ok(Some((split, self.changes(&found, &now))))
    }

    /// The vectors of the run's classes, and in what they differ; nothing where none of them is there. Their names are numbers, so that a
    /// class of the same name with other vectors says nothing.
    pub fn vectors(&self, parts: &FeatureParts) -> Option<(FeatureParts, Changes)> {
        let now = Division::of_features(&self.data, parts).classes;
        let found = self.find(&now);
        let same =
            |(class, place): (&Class, &Option<usize>)| place.is_some_and(|at| now[at].crc32 == class.crc32);
        if !self.classes.iter().zip(&found).any(same) {
            return None;
        }
        let changes = self.changes(&found, &now);
        if changes.came.is_empty() {
            return Some((parts.clone(), changes));
        }
        let places = self.places();
        let kept = |prefix: &str, set: &FeatureSet| {
            let known = |label: &str| places.contains_key(format!("{prefix}.{label}").as_str());
            let values =
                |class| (0..set.vectors(class)).flat_map(|k| set.vector(class, k)).copied().collect();
            let classes = (0..set.classes()).filter(|&class| known(set.name(class)));
            let classes = classes.map(|class| (set.name(class).to_owned(), values(class))).collect();
            FeatureSet::new(set.width(), classes).into()
        };
        let [train, validation, test] = PARTS.map(|(part, prefix)| kept(prefix, of_part(parts, part)));
        Some((FeatureParts { train, validation, test }, changes))
    }

    /// The text of the file: a class a line.
    pub fn text(&self) -> String {
        fn list(text: &mut String, name: &str, values: &[impl Serialize]) {
            let json = |value| serde_json::to_string(value).expect("names and numbers have a form in JSON");
            let lines: Vec<String> = values.iter().map(json).collect();
            let lines = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join(",\n")) };
            let _ = write!(text, ",\n\"{name}\": [{lines}]");
        }
        let data = serde_json::to_string(&self.data).expect("a name has a form in JSON");
        let mut text = format!("{{\n\"data\": {data}");
        list(&mut text, "train", &self.train);
        list(&mut text, "validation", &self.validation);
        list(&mut text, "test", &self.test);
        list(&mut text, "classes", &self.classes);
        text + "\n}\n"
    }

    /// What a text says, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Division, String> {
        let division: Division = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let places = division.places();
        let unknown = |listed: &&Listed| listed.turn().is_none() || !places.contains_key(listed.name());
        let wrong = division.listed().map(|(listed, _)| listed).find(unknown);
        let wrong = wrong.map(|listed| format!("'{}' is not among its classes", shown(listed.name())));
        wrong.map_or(Ok(()), Err)?;
        Ok(division)
    }

    /// The place of each class among all.
    fn places(&self) -> HashMap<&str, usize> {
        self.classes.iter().enumerate().map(|(place, class)| (class.name.as_str(), place)).collect()
    }

    /// The classes of all parts, with their parts.
    fn listed(&self) -> impl Iterator<Item = (&Listed, Part)> {
        PARTS.into_iter().flat_map(|(part, _)| self.part(part).iter().map(move |listed| (listed, part)))
    }

    /// Whether another one has the same training classes in the same order.
    pub fn trains_on_the_same(&self, other: &Division) -> bool {
        self.data == other.data && self.train == other.train
    }

    fn part(&self, part: Part) -> &[Listed] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// Where each class of the run is among those that are there now: under its very name, else under an equivalent one that is no
    /// other class's.
    fn find(&self, now: &[Class]) -> Vec<Option<usize>> {
        let index = NameIndex::new(now.iter().map(|class| class.name.as_str()));
        let places: Vec<_> = self.classes.iter().map(|class| index.find(&class.name).ok()).collect();
        let exact = |(class, place): (&Class, &Option<usize>)| place.filter(|&at| now[at].name == class.name);
        let mut taken = vec![false; now.len()];
        for at in self.classes.iter().zip(&places).filter_map(exact) {
            taken[at] = true;
        }
        let own = |(class, place): (&Class, Option<usize>)| {
            place.filter(|&at| now[at].name == class.name || !std::mem::replace(&mut taken[at], true))
        };
        self.classes.iter().zip(places).map(own).collect()
    }

    fn changes(&self, found: &[Option<usize>], now: &[Class]) -> Changes {
        let mut changes = Changes::default();
        let parts: HashMap<&str, Part> = self.listed().map(|(listed, part)| (listed.name(), part)).collect();
        for (class, place) in self.classes.iter().zip(found) {
            let Some(&part) = parts.get(class.name.as_str()) else { continue };
            match place {
                None => changes.gone.push((class.name.clone(), part)),
                Some(at) if (now[*at].examples, &now[*at].crc32) != (class.examples, &class.crc32) => {
                    changes.other.push((class.name.clone(), part));
                }
                Some(_) => {}
            }
        }
        let known: HashSet<usize> = found.iter().flatten().copied().collect();
        let new = (0..now.len()).filter(|at| !known.contains(at));
        changes.came = new.map(|at| now[at].name.clone()).collect();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(names: &[(&str, u8)]) -> ImageSet {
        ImageSet::new([1, 1, 1], names.iter().map(|&(name, pixel)| (name.into(), vec![pixel])).collect())
    }

    fn ids(places: &[usize]) -> Vec<ClassId> {
        places.iter().map(|&place| place.into()).collect()
    }

    fn words(part: &[&str], what: Part) -> Vec<(String, Part)> {
        part.iter().map(|name| ((*name).to_owned(), what)).collect()
    }

    #[test]
    fn classes_keep_their_part_whatever_comes_and_goes() {
        let first = images(&[("a", 1), ("b", 2), ("caf\u{e9}", 3), ("d", 4), ("e\u{1b}\n\"", 5)]);
        let split = ClassSplit::new(&first, ids(&[3, 0]), ids(&[2]), ids(&[1])).unwrap();
        let division = Division::parse(&Division::of_images("folder", &first, &split).text()).unwrap();
        assert_eq!(division, Division::of_images("folder", &first, &split));
        assert_eq!(division.split(&first).unwrap(), Some((split, Changes::default())));

        let later = images(&[("0", 9), ("a", 1), ("b", 7), ("cafe\u{301}", 3), ("e\u{1b}\n\"", 0)]);
        let (split, changes) = division.split(&later).unwrap().unwrap();
        assert_eq!(split, ClassSplit::new(&later, ids(&[1]), ids(&[3]), ids(&[2])).unwrap());
        let expected = Changes {
            came: vec!["0".into()],
            gone: words(&["d"], Part::Train),
            other: words(&["b"], Part::Test),
        };
        assert_eq!(changes, expected, "a class of no part may change");
        assert!(
            changes.concern(Part::Train) && changes.concern(Part::Test) && !changes.concern(Part::Validation)
        );
        assert_eq!(division.split(&images(&[("x", 1)])).unwrap(), None, "other data");
    }

    #[test]
    fn turns_are_kept_and_equivalent_names_are_not_mixed_up() {
        let composed = images(&[("\u{e9}", 1), ("e\u{301}", 2), ("x/rot090", 3), ("x", 4)]);
        let turned = |class, turn| ClassId { class, turn };
        let (plain, quarter) = (turned(2, Turn::None), turned(3, Turn::Quarter));
        let split =
            ClassSplit::new(&composed, vec![plain, quarter, 0.into()], vec![], vec![1.into()]).unwrap();
        let division = Division::parse(&Division::of_images("folder", &composed, &split).text()).unwrap();
        assert_eq!(division.split(&composed).unwrap(), Some((split, Changes::default())));
        // the composed one is gone: the other is not taken for it
        let (split, changes) = division.split(&images(&[("e\u{301}", 2), ("x", 4)])).unwrap().unwrap();
        assert_eq!((split.train(), split.test()), (&[turned(1, Turn::Quarter)][..], &ids(&[0])[..]));
        assert_eq!(changes.gone, words(&["\u{e9}", "x/rot090"], Part::Train));
    }

    #[test]
    fn vectors_are_known_by_what_they_are() {
        let set = |classes: &[(&str, f32)]| {
            FeatureSet::new(1, classes.iter().map(|&(name, x)| (name.to_owned(), vec![x])).collect()).into()
        };
        let parts = |train: &[(&str, f32)]| FeatureParts {
            train: set(train),
            validation: set(&[]),
            test: set(&[("0", 5.0), ("1", 6.0)]),
        };
        let first = parts(&[("0", 1.0), ("1", 2.0)]);
        let division = Division::parse(&Division::of_features("features", &first).text()).unwrap();
        assert_eq!(division.vectors(&first), Some((first.clone(), Changes::default())));
        let (kept, changes) = division.vectors(&parts(&[("0", 1.0), ("1", 2.0), ("2", 3.0)])).unwrap();
        assert_eq!((kept, changes.came), (first, vec!["train.2".to_owned()]));
        let (_, changes) = division.vectors(&parts(&[("0", 1.0), ("1", -2.0)])).unwrap();
        assert_eq!(changes.other, words(&["train.1"], Part::Train));
        let others = FeatureParts { test: set(&[("0", 7.0)]), ..parts(&[("0", 8.0)]) };
        assert_eq!(division.vectors(&others), None, "the same numbers of other classes");
    }

    #[test]
    fn damaged_texts_are_refused() {
        let first = images(&[("a", 1), ("b", 2)]);
        let split = ClassSplit::new(&first, ids(&[0]), vec![], ids(&[1])).unwrap();
        let text = Division::of_images("folder", &first, &split).text();
        let unknown = text.replacen("\"a\"", "\"c\"", 1);
        for damaged in [&text[..text.len() / 2], "", "{}", unknown.as_str()] {
            assert!(Division::parse(damaged).is_err(), "{damaged}");
        }
    }
}
