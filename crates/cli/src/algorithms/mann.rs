//! Memory-augmented networks: a network that reads examples into a memory and recalls them.

use fewshot_episodes::{Growth, Names, Rotations, SequenceProtocol};
use fewshot_meta::{Core, LabelCode, Learner};
use fewshot_nn::MannConfig;

use super::{About, Algorithm, LARGEST, PICTURES, Unit};
use crate::error::Error;
use crate::options::shared::{BATCH, MOST};
use crate::options::{Group, Kind, Opt, Options};
use crate::settings::Settings;

/// Units of the baseline without a memory, as many as the controller has.
const FEED_FORWARD: usize = 200;
/// Classes at which the curriculum ends (Santoro et al. 2016).
const MOST_CLASSES: usize = 100;
const STRINGS: &str = "strings";

static MEMORY: Opt = Opt::new(
    "memory",
    "MEMORY",
    Kind::Choice(&[
        ("external", "An LSTM with an external memory"),
        ("lstm", "Baseline: the LSTM alone"),
        ("none", "Baseline: nothing, a network of one layer"),
    ]),
    Group::Reading,
    "What the network remembers with",
);
static ACCESS: Opt = Opt::new(
    "access",
    "ACCESS",
    Kind::Choice(&[
        (
            "paper",
            "By the paper's equations: all heads write to all least used slots, with one learned gate each",
        ),
        ("per-head", "Each head writes a vector of its own to a least used slot of its own"),
        ("shared", "All heads write to all least used slots; what is read is looked for before they write"),
    ]),
    Group::Reading,
    "How an external memory is written and addressed",
);
static NAMES: Opt = Opt::new(
    "names",
    "NAMES",
    Kind::Choice(&[("numbers", "By a number each"), (STRINGS, "By five letters each")]),
    Group::Reading,
    "What classes are called in a sequence",
);
static PER_CLASS: Opt = Opt::new(
    "per-class",
    "IMAGES",
    Kind::from_zero(MOST),
    Group::Reading,
    "Images of each class in a sequence",
)
.with_more("0 learns from episodes of --shots instead, with --names numbers.");
static CURRICULUM: Opt = Opt::new(
    "curriculum",
    "SEQUENCES",
    Kind::from_zero(i64::MAX as u64),
    Group::Reading,
    "Training sequences after which they have one class more, with --names strings; 0 never",
)
.with_more("The paper has 10,000, from 15 to 100 classes.");

static ABOUT: About = About {
    name: "mann",
    summary: "A network that reads examples into a memory and recalls them",
    paper: "Santoro, Bartunov, Botvinick, Wierstra, Lillicrap 2016",
    published: include_str!("mann.toml"),
    data: PICTURES,
    options: &[&MEMORY, &ACCESS, &NAMES, &PER_CLASS, &CURRICULUM, &BATCH],
};

/// The row of memory-augmented networks.
pub struct Mann;

impl Algorithm for Mann {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        Box::new(network(run))
    }

    fn words(&self, run: &Settings) -> String {
        let names = run.text("names");
        match run.options.text("access") {
            Some(access) => format!("memory access {access}, names {names}"),
            None => format!("without a memory, names {names}"),
        }
    }

    fn network(&self, run: &Settings) -> Option<String> {
        let words = match run.text("memory") {
            "external" => "LSTM of 200 units, memory of 128 slots of 40 numbers, 4 heads",
            "lstm" => "LSTM of 200 units",
            _ => "one layer of 200 units",
        };
        Some(words.into())
    }

    fn refuse(&self, given: &Options) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::Combination(message.into()));
        if given.has("memory") && !given.is("memory", "external") && given.has("access") {
            return refuse("--access is of an external memory: leave it out, or --memory");
        }
        Ok(())
    }

    fn refuse_together(&self, all: &Options) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::Combination(message.into()));
        if all.count("per-class") == Some(0) && spells(all) {
            return refuse("--per-class 0: classes of episodes are numbered; add --names numbers");
        }
        if all.has("curriculum") && !spells(all) {
            return refuse(
                "--curriculum: numbers do not suffice for more and more classes; add --names strings",
            );
        }
        Ok(())
    }

    fn idle(&self, run: &Settings) -> (&'static [&'static str], &'static str) {
        match run.count("per-class") {
            0 => (&["norm"], "its networks have no batch norm"),
            _ => (
                &["norm", "shots", "train-shots", "queries", "eval-queries"],
                "it reads sequences, in which classes come again and again, and has no batch norm; --per-class says how often",
            ),
        }
    }

    fn tidy(&self, options: &mut Options) {
        if !options.is("memory", "external") {
            options.remove("access");
        }
        if options.whole("curriculum") == Some(0) {
            options.remove("curriculum");
        }
    }

    fn takes_any_ways(&self, run: &Settings) -> bool {
        spells(&run.options)
    }

    fn image_sizes(&self, _: &Options) -> (usize, usize) {
        (1, LARGEST)
    }

    fn unit(&self, run: &Settings) -> Unit {
        if run.count("per-class") == 0 { Unit::Episodes } else { Unit::Sequences }
    }

    fn sequences(&self, run: &Settings) -> Option<SequenceProtocol> {
        let (per_class, classes) = (run.count("per-class"), run.classes.as_ref()?);
        let sequences = run.options.whole("curriculum");
        (per_class > 0).then(|| SequenceProtocol {
            per_class,
            names: if spells(&run.options) { Names::Strings } else { Names::Numbers },
            batch: run.count("batch"),
            turned: classes.rotations == Rotations::NewClasses,
            growth: sequences.map(|sequences| Growth { sequences, most: MOST_CLASSES }),
            ..SequenceProtocol::santoro(classes.ways)
        })
    }

    fn reader(&self, run: &Settings) -> Option<fewshot_meta::Mann> {
        Some(network(run))
    }

    fn spells(&self, run: &Settings) -> bool {
        spells(&run.options)
    }
}

fn spells(options: &Options) -> bool {
    options.is("names", STRINGS)
}

fn network(run: &Settings) -> fewshot_meta::Mann {
    let [size, channels] = run.pictures();
    let labels = if spells(&run.options) { LabelCode::Strings } else { LabelCode::OneHot(run.ways()) };
    let config = MannConfig::santoro();
    let core = match run.text("memory") {
        "external" => Core::Memory(MannConfig { access: run.read("access"), ..config }),
        "lstm" => Core::Lstm(config.controller),
        _ => Core::FeedForward(FEED_FORWARD),
    };
    fewshot_meta::Mann::on(core, size * size * channels, labels, run.count("batch"))
}
