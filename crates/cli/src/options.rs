//! The options of a training run, as given: on the command line, or in a `config.toml` with the same names.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::choices::{
    Access, Data, Distance, Downsample, MannMemory, Naming, Norm, Order, Pull, Rotations, Split, Twin,
};
use crate::outer::{Outer, OuterSchedule};
use crate::parts::Parts;
use crate::pictures::Colour;
use crate::shots::Shots;

/// Options of a run; what is absent gets its default from [`crate::defaults`].
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// How to learn from few examples; `fewshot algorithms` says more [default: protonet; sinusoid maml]
    #[arg(long, value_enum, help_heading = "What to learn")]
    pub algorithm: Option<Algorithm>,

    /// Data: glyphs (built in), omniglot:PATH (folder with images_background.zip and images_evaluation.zip, or the unpacked folders), folder:PATH (pictures of your own, a folder for each class), features:FILE (feature vectors, such as fewshot embed writes), sinusoid
    #[arg(long, value_name = "DATA", help_heading = "What to learn")]
    pub data: Option<Data>,

    /// Which classes are for training and which for test: alphabets (whole alphabets held out), maml (random characters: 1100, 100, 423 on Omniglot), background (Omniglot's official halves), koch (30 alphabets of Omniglot, 10 for validation, the 10 of the official one-shot runs for test), own (as the folder of the data is divided by train/, val/, test/ or their lists; at random where it is not), or a folder with train.txt, val.txt and test.txt [default: alphabets for glyphs, maml for Omniglot, siamese koch, own for folders]
    #[arg(long, value_name = "SPLIT", help_heading = "What to learn")]
    pub split: Option<Split>,

    /// Rotations by multiples of 90 degrees: none, new-classes (a rotated character is another class), per-class or per-episode (drawn anew in each episode) [default: per-class; protonet, matching, relation, r2d2, lrd2, mamlpp, reptile, lstm-meta-learner, pretrain, siamese new-classes; siamese of network koch, folders none]
    #[arg(long, value_name = "HOW", help_heading = "What to learn")]
    pub rotations: Option<Rotations>,

    /// The same in test episodes [default: as in training; reptile, siamese none]
    #[arg(long, value_name = "HOW", help_heading = "What to learn")]
    pub eval_rotations: Option<Rotations>,

    /// Pixels a side that pictures are resized to [default: 28; miniImageNet has 84]
    #[arg(long, value_parser = count, value_name = "PIXELS", help_heading = "Pictures")]
    pub image_size: Option<usize>,

    /// Channels of pictures, for --data folder:PATH [default: grey]
    #[arg(long, value_enum, help_heading = "Pictures")]
    pub colour: Option<Colour>,

    /// Pictures are dark drawings on light paper: turn black into white, for --data folder:PATH
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "true|false", help_heading = "Pictures")]
    pub invert: Option<bool>,

    /// Numbers of a feature vector, for --data features:FILE [default: as many as in the file]
    #[arg(long, value_parser = count, value_name = "NUMBERS", help_heading = "Pictures")]
    pub feature_size: Option<usize>,

    /// Classes of an episode [default: 5]
    #[arg(long, value_parser = count, value_name = "N", help_heading = "Episodes")]
    pub ways: Option<usize>,

    /// Labelled examples per class, the support [default: 1; sinusoid 10 points]
    #[arg(long, value_parser = count, value_name = "K", help_heading = "Episodes")]
    pub shots: Option<usize>,

    /// The same in a training episode: a number, or a range such as 1..9 of which each episode draws one [default: as many as --shots; reptile 10; r2d2, lrd2 1..9]
    #[arg(long, value_name = "K", help_heading = "Episodes")]
    pub train_shots: Option<Shots>,

    /// Examples per class to be answered in a training episode; where shots are drawn, beside the most shots: all classes have as many examples in any episode [default: as many as shots; protonet, mann 5, lstm-meta-learner 15, mamlpp, reptile, r2d2, lrd2 1]
    #[arg(long, value_parser = count, value_name = "Q", help_heading = "Episodes")]
    pub queries: Option<usize>,

    /// The same in a test episode [default: as many as shots; protonet, lstm-meta-learner, pretrain 15, mamlpp, reptile 1]
    #[arg(long, value_parser = count, value_name = "Q", help_heading = "Episodes")]
    pub eval_queries: Option<usize>,

    /// Classes of a training episode, protonet only: more than --ways makes better embeddings [default: 60]
    #[arg(long, value_parser = count, value_name = "N", help_heading = "Episodes")]
    pub train_ways: Option<usize>,

    /// Test episodes behind the final accuracy [default: 600; reptile on Omniglot 10,000]
    #[arg(long, value_parser = count, value_name = "E", help_heading = "Episodes")]
    pub episodes: Option<usize>,

    /// Order of the meta-gradient: 2 is exact, 1 treats the inner gradients as constants (FOMAML) [default: 2; lstm-meta-learner 1]
    #[arg(long, value_enum, help_heading = "Inner steps")]
    pub order: Option<Order>,

    /// Rate of the inner gradient steps, for the mean loss over the support (published rates of MAML are for N times the mean: 0.4 at 5 ways is 2.0 here); with mamlpp at first [default: 2.0; mamlpp, imaml 0.1; reptile 0.001, above 10 ways 0.0005; pretrain, sinusoid 0.01, cavia 1.0]
    #[arg(long, value_parser = number, value_name = "RATE", help_heading = "Inner steps")]
    pub inner_lr: Option<f64>,

    /// How fast that rate falls in fine-tuning, pretrain only: the rate of step t, from 0, is RATE / (1 + DECAY t) [default: 0]
    #[arg(long, value_parser = number, value_name = "DECAY", help_heading = "Inner steps")]
    pub decay: Option<f64>,

    /// Inner gradient steps in training [default: maml, fomaml, anil 1, above 10 ways 5; meta-sgd, cavia 1; mamlpp 5; reptile 5, above 10 ways 10; imaml 16, above 10 ways 25; lstm-meta-learner 12, with more than one shot 8]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "Inner steps")]
    pub inner_steps: Option<usize>,

    /// Inner gradient steps at test [default: maml, fomaml, anil 3, above 10 ways 5; meta-sgd, cavia 1; mamlpp 5; reptile 50; imaml, lstm-meta-learner as in training; pretrain 15]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "Inner steps")]
    pub eval_steps: Option<usize>,

    /// Compute inner steps again for the meta-gradient instead of keeping them: less memory for more time, the same result
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "true|false", help_heading = "Inner steps")]
    pub recompute: Option<bool>,

    /// Parts of MAML++, mamlpp only, separated by commas: msl (multi-step loss), lslr (rates per layer and step), bnwb (batch-norm weights per step), bnrs (batch-norm statistics per step), ca (cosine annealing of the outer rate), da (derivative-order annealing); or none [default: all but da]
    #[arg(long, value_name = "PARTS", help_heading = "Inner steps")]
    pub parts: Option<Parts>,

    /// Support examples of an inner step in training, reptile and lstm-meta-learner only, of which at test, too [default: 10, above 10 ways 20; lstm-meta-learner the support]
    #[arg(long, value_parser = count, value_name = "EXAMPLES", help_heading = "Inner steps")]
    pub inner_batch: Option<usize>,

    /// The same at test, reptile only [default: 5, above 10 ways 10; sinusoid 10]
    #[arg(long, value_parser = count, value_name = "EXAMPLES", help_heading = "Inner steps")]
    pub eval_inner_batch: Option<usize>,

    /// Streams of tasks that each carry the moments of the inner optimiser on, reptile only [default: the meta-batch]
    #[arg(long, value_parser = count, value_name = "LANES", help_heading = "Inner steps")]
    pub lanes: Option<usize>,

    /// Strength of the pull to the start, lambda, imaml only [default: 2.0]
    #[arg(long, value_parser = number, value_name = "LAMBDA", help_heading = "Inner steps")]
    pub proximal: Option<f64>,

    /// When that pull acts, imaml only [default: last-step]
    #[arg(long, value_enum, help_heading = "Inner steps")]
    pub pull: Option<Pull>,

    /// Steps of conjugate gradient for the meta-gradient, imaml only [default: 5]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "Inner steps")]
    pub cg_steps: Option<usize>,

    /// Number of inputs that are adapted, cavia only [default: 5]
    #[arg(long, value_parser = count, value_name = "INPUTS", help_heading = "Inner steps")]
    pub context: Option<usize>,

    /// Distance between embeddings, protonet and matching only [default: protonet euclidean, squared; matching cosine]
    #[arg(long, value_enum, help_heading = "Comparing")]
    pub distance: Option<Distance>,

    /// How often a query reads the support in full context embeddings, matching only; 0 does without them [default: 0]
    #[arg(long, value_name = "READS", help_heading = "Comparing")]
    pub reads: Option<usize>,

    /// Newton steps of the logistic regression, lrd2 only [default: 5]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "Comparing")]
    pub newton_steps: Option<usize>,

    /// Network, siamese only: small, or the paper's [default: small]
    #[arg(long, value_enum, help_heading = "Comparing")]
    pub network: Option<Twin>,

    /// Channels of each of the network's four blocks [default: 64; lstm-meta-learner 32]
    #[arg(long, value_parser = count, value_name = "CHANNELS", help_heading = "Network")]
    pub filters: Option<usize>,

    /// How each of the network's four blocks halves its images [default: stride; mamlpp, lstm-meta-learner, protonet, matching, pretrain max-pool]
    #[arg(long, value_enum, help_heading = "Network")]
    pub downsample: Option<Downsample>,

    /// What the network remembers with, mann only [default: external]
    #[arg(long, value_enum, help_heading = "Reading")]
    pub memory: Option<MannMemory>,

    /// How an external memory is written and addressed, mann only [default: per-head]
    #[arg(long, value_enum, help_heading = "Reading")]
    pub access: Option<Access>,

    /// What classes are called in a sequence, mann only [default: numbers, above 5 ways strings]
    #[arg(long, value_enum, help_heading = "Reading")]
    pub names: Option<Naming>,

    /// Images of each class in a sequence, mann only; 0 learns from episodes of --shots instead, with --names numbers [default: 10]
    #[arg(long, value_name = "IMAGES", help_heading = "Reading")]
    pub per_class: Option<usize>,

    /// Training sequences after which they have one class more, mann with --names strings only: the paper has 10,000, from 15 to 100 classes; 0: never [default: 0]
    #[arg(long, value_parser = whole, value_name = "SEQUENCES", help_heading = "Reading")]
    pub curriculum: Option<u64>,

    /// Steps on the codes of the classes, leo only [default: 5]
    #[arg(long, value_parser = count, value_name = "STEPS", help_heading = "Codes")]
    pub latent_steps: Option<usize>,

    /// Steps on the weights of the classifier after them, leo only [default: 5]
    #[arg(long, value_parser = steps, value_name = "STEPS", help_heading = "Codes")]
    pub fine_tuning_steps: Option<usize>,

    /// Probability that a number of a feature vector is dropped in training, leo only [default: 0.307651; above 1 shot 0.300299]
    #[arg(long, value_parser = number, value_name = "RATE", help_heading = "Codes")]
    pub dropout: Option<f64>,

    /// Weight of the divergence of the codes from a standard normal distribution, leo only [default: 0.756143; above 1 shot 0.466387]
    #[arg(long, value_parser = number, value_name = "WEIGHT", help_heading = "Codes")]
    pub kl_weight: Option<f64>,

    /// Weight of the distance of codes from adapted ones, leo only [default: 5.756821e-6; above 1 shot 2.661608e-7]
    #[arg(long, value_parser = number, value_name = "WEIGHT", help_heading = "Codes")]
    pub encoder_weight: Option<f64>,

    /// Weight of the squares of the networks' weights, leo only [default: 3.623413e-10; above 1 shot 8.540338e-9]
    #[arg(long, value_parser = number, value_name = "WEIGHT", help_heading = "Codes")]
    pub l2_weight: Option<f64>,

    /// Weight of the correlations of the decoder's rows, leo only [default: 0.188103; above 1 shot 0.001523998]
    #[arg(long, value_parser = number, value_name = "WEIGHT", help_heading = "Codes")]
    pub orthogonality_weight: Option<f64>,

    /// Drawings of a training batch of pretrain, of all training classes, pairs of one of siamese, and sequences of one of mann [default: 64; siamese 128; mann 8]
    #[arg(long, value_parser = count, value_name = "DRAWINGS", help_heading = "Training")]
    pub batch: Option<usize>,

    /// Batch-norm statistics at test: batch (of all queries together), running (averages of training), support, support-plus-one [default: batch; lstm-meta-learner support; protonet, pretrain, siamese running]
    #[arg(long, value_name = "POLICY", help_heading = "Training")]
    pub norm: Option<Norm>,

    /// Outer updates [default: the published number; glyphs about one minute on two cores]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub iterations: Option<u64>,

    /// Episodes averaged in one outer update [default: 32, above 10 ways 16; imaml 32; mamlpp 8; reptile 5; sinusoid 25; protonet, lstm-meta-learner 1, pretrain, siamese 1 batch]
    #[arg(long, value_parser = count, value_name = "B", help_heading = "Training")]
    pub meta_batch: Option<usize>,

    /// Measure the weights on episodes of validation classes every N iterations and keep the best; 0 keeps the last; of siamese on one-shot trials within alphabets or parent folders [default: protonet, matching, relation, r2d2, lrd2, mann on Omniglot 500, lstm-meta-learner 1000; siamese of network koch 10546, an epoch; others 0]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub validate_every: Option<u64>,

    /// End training once N such measurements in a row were no better than the best before; 0 never [default: protonet, r2d2, lrd2 40; siamese of network koch 20; others 0]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub patience: Option<u64>,

    /// Outer optimiser [default: adam; reptile sgd; siamese of network koch layers]
    #[arg(long, value_enum, help_heading = "Training")]
    pub outer: Option<Outer>,

    /// Rate of the outer optimiser [default: 0.001; reptile 1; siamese 0.002, of network koch 0.01]
    #[arg(long, value_parser = number, value_name = "RATE", help_heading = "Training")]
    pub outer_lr: Option<f64>,

    /// How the outer rate falls until the last iteration; of mamlpp part ca decides [default: constant; reptile linear; siamese cosine, of network koch epochs]
    #[arg(long, value_enum, help_heading = "Training")]
    pub outer_schedule: Option<OuterSchedule>,

    /// Halve the outer rate every so many iterations; 0: never [default: protonet 2000]
    #[arg(long, value_parser = whole, value_name = "N", help_heading = "Training")]
    pub halve_every: Option<u64>,

    /// Keep each number of the meta-gradient within this limit [default: none; leo 0.1]
    #[arg(long, value_parser = number, value_name = "LIMIT", help_heading = "Training")]
    pub clip_value: Option<f64>,

    /// Scale the meta-gradient to at most this Euclidean norm, of relation that of each of its two networks, of leo that of each parameter [default: none; relation 0.5, leo 0.1, lstm-meta-learner 0.25]
    #[arg(long, value_parser = number, value_name = "LIMIT", help_heading = "Training")]
    pub clip_norm: Option<f64>,

    /// Number all randomness of the run follows from: same seed, same files [default: 1]
    #[arg(long, value_parser = whole, value_name = "SEED", help_heading = "Training")]
    pub seed: Option<u64>,
}

pub fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number, 1 or more".into())
}

/// A number of steps that may be none.
fn steps(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number, 0 or more".into())
}

pub fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number, 0 or more".into())
}

pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number such as 0.001".into())
}
