//! The options that more than one algorithm has, in the order in which a configuration lists them.

use toml::Value;

use super::{Group, Kind, Of, Opt};
use crate::places::{Data, Split};

/// Most episodes in an outer update; each keeps a gradient of the size of the network until they are averaged.
pub const MOST_TASKS: u64 = 1000;
/// Largest shots, queries and ways: guards against typing errors that would exhaust memory.
pub const MOST: u64 = 100_000;
/// Most inner steps; every one is recorded for the meta-gradient.
pub const MOST_STEPS: u64 = 1000;
/// Most channels of a block; a convolution has their square times nine weights.
const MOST_FILTERS: u64 = 4096;
/// The largest number that a configuration holds.
const LARGEST: u64 = i64::MAX as u64;

/// Statistics that batch norm may use at test (`algorithms.md` 1.4: T, R, E, S).
pub const NORMS: &[(&str, &str)] = &[
    ("batch", "Of the batch at hand: all queries of an episode are seen together (transductive)"),
    ("running", "Averages gathered in training"),
    ("support", "Of the episode's support alone"),
    ("support-plus-one", "Of the support and the one query to be answered"),
];

const ROTATIONS: &[(&str, &str)] = &[
    ("none", "Nothing is turned"),
    ("new-classes", "Each rotation of a character is a class of its own"),
    ("per-class", "Each class of each episode is turned by an angle of its own"),
    ("per-episode", "All classes of an episode are turned by one angle"),
];

macro_rules! options {
    ($($(#[$meta:meta])* $id:ident = $name:literal $value:literal, $kind:expr, $group:ident, $of:ident, $help:literal $(, $more:literal)?;)*) => {
        $($(#[$meta])* pub static $id: Opt = Opt {
            name: $name,
            value: $value,
            kind: $kind,
            group: Group::$group,
            of: Of::$of,
            help: $help,
            more: concat!($($more)?),
        };)*
        /// All of them, in order.
        pub static ALL: &[&Opt] = &[$(&$id),*];
    };
}

options! {
    /// How to learn.
    ALGORITHM = "algorithm" "NAME", Kind::Text(|name| Ok(Value::String(name.into()))), Data, All,
        "How to learn from few examples; `fewshot algorithms` lists them";
    /// Where examples come from.
    DATA = "data" "DATA", Kind::Text(|text| text.parse().map(|data: Data| Value::String(data.to_string()))), Data, All,
        "glyphs (built in), omniglot:PATH, folder:PATH, features:FILE or sinusoid",
        "omniglot:PATH is the folder with images_background.zip and images_evaluation.zip, or the unpacked folders; folder:PATH holds pictures of \
         your own, a folder for each class; features:FILE holds feature vectors, such as fewshot embed writes.";
    /// How classes are divided.
    SPLIT = "split" "SPLIT", Kind::Text(|text| text.parse().map(|split: Split| Value::String(split.to_string()))), Data, Classes,
        "Which classes are for training, validation and test",
        "alphabets (whole alphabets held out), maml (random characters: 1100, 100, 423 on Omniglot), background (Omniglot's official halves), koch (30 \
         alphabets of Omniglot, 10 for validation, the 10 of the official one-shot runs for test), cifar-fs and fc100 (the published divisions of \
         the 100 classes of CIFAR-100, of a folder for each class under its fine label, such as aquarium_fish), own (as the folder of the data is divided by \
         train/, val/, test/ or their lists; at random where it is not), or a folder with train.txt, val.txt and test.txt.";
    /// Rotations in training.
    ROTATE = "rotations" "HOW", Kind::Choice(ROTATIONS), Data, Classes, "Rotations by multiples of 90 degrees";
    /// Rotations at test.
    EVAL_ROTATE = "eval-rotations" "HOW", Kind::Choice(ROTATIONS), Data, Classes, "Rotations in test episodes",
        "As in training where only --rotations is given.";
    /// Height and width.
    IMAGE_SIZE = "image-size" "PIXELS", Kind::upto(u32::MAX as u64), Pictures, Pictures, "Pixels a side that pictures are resized to",
        "miniImageNet has 84.";
    /// Channels of pixels.
    COLOUR = "colour" "COLOUR", Kind::Choice(&[("grey", "Brightness alone"), ("rgb", "Red, green and blue")]), Pictures, Folder,
        "Channels of the pictures of a folder";
    /// Tones.
    INVERT = "invert" "true|false", Kind::Flag, Pictures, Folder, "Pictures of a folder are dark drawings on light paper: turn black into white";
    /// Numbers of a vector.
    FEATURE_SIZE = "feature-size" "NUMBERS", Kind::upto(MOST), Pictures, Features, "Numbers of a feature vector",
        "As many as in the file where it is not given.";
    /// Classes of an episode.
    WAYS = "ways" "N", Kind::Count { least: 2, most: MOST }, Episodes, Classes, "Classes of an episode";
    /// Support at test.
    SHOTS = "shots" "K", Kind::upto(MOST), Episodes, All, "Labelled examples per class, the support";
    /// Support in training.
    TRAIN_SHOTS = "train-shots" "K", Kind::Shots { most: MOST }, Episodes, All, "Labelled examples per class in a training episode",
        "A number, or a range such as 1..9 of which each episode draws one.";
    /// Queries in training.
    QUERIES = "queries" "Q", Kind::upto(MOST), Episodes, All, "Queries per class in a training episode",
        "Where shots are drawn, beside the most shots: all classes have as many examples in any episode.";
    /// Queries at test.
    EVAL_QUERIES = "eval-queries" "Q", Kind::upto(MOST), Episodes, All, "Queries per class in a test episode";
    /// Classes of a training episode.
    TRAIN_WAYS = "train-ways" "N", Kind::Count { least: 2, most: MOST }, Episodes, Classes,
        "Classes of a training episode; more than --ways make better embeddings";
    /// Test episodes.
    EPISODES = "episodes" "E", Kind::Count { least: 2, most: 10 * MOST }, Episodes, All, "Test episodes behind the final accuracy";
    /// Order of the meta-gradient.
    ORDER = "order" "ORDER", Kind::Choice(&[("1", "Inner gradients are constants"), ("2", "Exact, through the inner gradients")]), Inner, All,
        "Order of the meta-gradient";
    /// Inner rate.
    INNER_LR = "inner-lr" "RATE", Kind::Rate, Inner, All, "Rate of the inner gradient steps",
        "For the mean loss over the support. Published rates of MAML are for N times the mean: 0.4 at 5 ways is 2.0 here.";
    /// Fall of the rate of fine-tuning.
    DECAY = "decay" "DECAY", Kind::NotNegative, Inner, All, "How fast the rate falls in fine-tuning",
        "The rate of step t, from 0, is RATE / (1 + DECAY t).";
    /// Inner steps in training.
    INNER_STEPS = "inner-steps" "STEPS", Kind::upto(MOST_STEPS), Inner, All, "Inner gradient steps in training";
    /// Inner steps at test.
    EVAL_STEPS = "eval-steps" "STEPS", Kind::upto(MOST_STEPS), Inner, All, "Inner gradient steps at test";
    /// Rematerialisation.
    RECOMPUTE = "recompute" "true|false", Kind::Flag, Inner, All, "Compute inner steps again for the meta-gradient instead of storing them",
        "Less memory for more time, the same result.";
    /// Mini-batches of the support in training.
    INNER_BATCH = "inner-batch" "EXAMPLES", Kind::upto(MOST), Inner, All, "Support examples of an inner step in training";
    /// Distance of embeddings.
    DISTANCE = "distance" "DISTANCE", Kind::Choice(&[("euclidean", "Squared Euclidean distance"), ("cosine", "One minus the cosine of the angle")]),
        Comparing, All, "Distance between embeddings";
    /// Channels of a block.
    FILTERS = "filters" "CHANNELS", Kind::upto(MOST_FILTERS), Network, Pictures, "Channels of each of the network's four blocks";
    /// Halving of a block.
    DOWNSAMPLE = "downsample" "HOW", Kind::Choice(&[("stride", "The convolution moves by two pixels"), ("max-pool", "2x2 max-pooling after the activation")]),
        Network, Pictures, "How each of the network's four blocks halves its images";
    /// The network, of those that pictures are classified by.
    BACKBONE = "backbone" "NETWORK", Kind::Choice(&[
        ("conv4", "Four blocks of a convolution and max-pooling"),
        ("resnet12", "ResNet-12: four residual blocks of 64, 160, 320 and 640 channels, with dropout and DropBlock in training"),
    ]), Network, Pictures, "Network whose features are compared";
    /// Changes of training pictures.
    AUGMENT = "augment" "HOW", Kind::Choice(&[
        ("none", "Pictures as they are"),
        ("cifar", "Crops with a padding of 4 pixels, mirror images, brightness, contrast and saturation by 0.4; for 32x32"),
        ("mini", "The same with a padding of 8 pixels; for 84x84"),
    ]), Training, Pictures, "Random changes of training pictures";
    /// Passes over the training pictures.
    EPOCHS = "epochs" "N", Kind::upto(MOST), Training, Pictures, "Passes over the training pictures, which decide --iterations",
        "Of the pictures of a folder, or where the option is given; --iterations, where it is given, counts.";
    /// Penalty of the weights.
    WEIGHT_DECAY = "weight-decay" "DECAY", Kind::NotNegative, Training, All, "Multiple of the weights that is added to their gradient",
        "With --outer adam weights shrink apart from the gradient (AdamW).";
    /// Size of a training batch.
    BATCH = "batch" "EXAMPLES", Kind::upto(MOST), Training, All, "Examples, pairs or sequences of a training batch";
    /// Statistics of batch norm.
    NORM = "norm" "POLICY", Kind::Choice(NORMS), Training, Classes, "Batch-norm statistics at test";
    /// Outer updates.
    ITERATIONS = "iterations" "N", Kind::upto(LARGEST), Training, All, "Outer updates",
        "By default the published number; on glyphs about one minute on two cores.";
    /// Episodes of an outer update.
    META_BATCH = "meta-batch" "B", Kind::upto(MOST_TASKS), Training, All, "Episodes averaged in one outer update";
    /// Model selection.
    VALIDATE_EVERY = "validate-every" "N", Kind::from_zero(LARGEST), Training, All,
        "Measure the weights on validation classes every N iterations and keep the best",
        "0 keeps the last.";
    /// Early stopping.
    PATIENCE = "patience" "N", Kind::from_zero(LARGEST), Training, All,
        "End training once N such measurements in a row were no better; 0 never";
    /// The outer optimiser.
    OUTER = "outer" "OPTIMISER", Kind::Choice(crate::outer::OPTIMISERS), Training, All, "Outer optimiser";
    /// Its rate.
    OUTER_LR = "outer-lr" "RATE", Kind::Rate, Training, All, "Rate of the outer optimiser";
    /// How it falls.
    OUTER_SCHEDULE = "outer-schedule" "SCHEDULE", Kind::Choice(crate::outer::SCHEDULES), Training, All,
        "How the outer rate falls until the last iteration";
    /// How often it is halved.
    HALVE_EVERY = "halve-every" "N", Kind::from_zero(LARGEST), Training, All, "Halve the outer rate every N iterations; 0 never";
    /// Limit of each number of the meta-gradient.
    CLIP_VALUE = "clip-value" "LIMIT", Kind::Rate, Training, All, "Keep each number of the meta-gradient within this limit";
    /// Limit of its norm.
    CLIP_NORM = "clip-norm" "LIMIT", Kind::Rate, Training, All, "Scale the meta-gradient to at most this Euclidean norm";
    /// Seed.
    SEED = "seed" "SEED", Kind::from_zero(LARGEST), Training, All, "Number all randomness of the run follows from: same seed, same files";
}

/// Those that every algorithm has.
pub static COMMON: &[&Opt] = &[
    &ALGORITHM,
    &DATA,
    &SPLIT,
    &ROTATE,
    &EVAL_ROTATE,
    &IMAGE_SIZE,
    &COLOUR,
    &INVERT,
    &FEATURE_SIZE,
    &WAYS,
    &SHOTS,
    &TRAIN_SHOTS,
    &QUERIES,
    &EVAL_QUERIES,
    &EPISODES,
    &NORM,
    &ITERATIONS,
    &META_BATCH,
    &VALIDATE_EVERY,
    &PATIENCE,
    &OUTER,
    &OUTER_LR,
    &OUTER_SCHEDULE,
    &HALVE_EVERY,
    &CLIP_VALUE,
    &CLIP_NORM,
    &SEED,
];
