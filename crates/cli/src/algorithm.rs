//! The algorithms, and what `fewshot algorithms` says of each.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::choices::{Data, choice_name};

/// A way to learn from few examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Gradient steps from a learned start
    Maml,
    /// MAML whose inner gradients count as constants
    Fomaml,
    /// Moves the start to where training on each task ends
    Reptile,
    /// MAML that adapts the last layer alone
    Anil,
    /// MAML with a learned rate for every weight
    MetaSgd,
    /// MAML with six changes that make it stable
    Mamlpp,
    /// Meta-gradient of the solution of a regularised inner problem
    Imaml,
    /// MAML that adapts some inputs of its own; sinusoids only
    Cavia,
    /// Steps whose decay and rate an LSTM gives for every weight
    LstmMetaLearner,
    /// Nearest class mean in a learned space
    Protonet,
    /// Attention over the support in a learned space
    Matching,
    /// Nearest class by a learned comparison of feature maps
    Relation,
    /// Ridge regression of the last layer, in closed form
    R2d2,
    /// Logistic regression of the last layer, by Newton steps
    Lrd2,
    /// The known drawing that most likely shows the same character
    Siamese,
    /// A network that reads examples into a memory and recalls them
    Mann,
    /// Gradient steps on short codes of the classes, on feature vectors
    Leo,
    /// Baseline: ordinary training on all classes, then fine-tuning
    Pretrain,
}

impl Algorithm {
    /// All of them.
    pub fn all() -> &'static [Algorithm] {
        Algorithm::value_variants()
    }

    /// The name as the command line writes it.
    pub fn name(self) -> String {
        choice_name(self)
    }

    /// What it does, in a few words.
    pub fn summary(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// Authors and year of its paper.
    pub fn paper(self) -> &'static str {
        match self {
            Algorithm::Maml => "Finn, Abbeel, Levine 2017",
            Algorithm::Fomaml => "Finn, Abbeel, Levine 2017",
            Algorithm::Reptile => "Nichol, Achiam, Schulman 2018",
            Algorithm::Anil => "Raghu, Raghu, Bengio, Vinyals 2020",
            Algorithm::MetaSgd => "Li, Zhou, Chen, Li 2017",
            Algorithm::Mamlpp => "Antoniou, Edwards, Storkey 2019",
            Algorithm::Imaml => "Rajeswaran, Finn, Kakade, Levine 2019",
            Algorithm::Cavia => "Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson 2019",
            Algorithm::LstmMetaLearner => "Ravi, Larochelle 2017",
            Algorithm::Protonet => "Snell, Swersky, Zemel 2017",
            Algorithm::Matching => "Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra 2016",
            Algorithm::Relation => "Sung, Yang, Zhang, Xiang, Torr, Hospedales 2018",
            Algorithm::R2d2 | Algorithm::Lrd2 => "Bertinetto, Henriques, Torr, Vedaldi 2019",
            Algorithm::Siamese => "Koch, Zemel, Salakhutdinov 2015",
            Algorithm::Mann => "Santoro, Bartunov, Botvinick, Wierstra, Lillicrap 2016",
            Algorithm::Leo => "Rusu, Rao, Sygnowski, Vinyals, Pascanu, Osindero, Hadsell 2019",
            Algorithm::Pretrain => "Ravi, Larochelle 2017",
        }
    }

    /// Whether it compares with the support as a whole, so that a trained model takes any number of classes.
    pub fn compares(self) -> bool {
        use Algorithm::{Lrd2, Matching, Protonet, R2d2, Relation, Siamese};
        matches!(self, Protonet | Matching | Relation | R2d2 | Lrd2 | Siamese)
    }

    /// Whether it tells classes apart and knows no regression.
    pub fn classifies_alone(self) -> bool {
        self.compares() || matches!(self, Algorithm::Mann | Algorithm::Leo)
    }

    /// Whether there is anything in such data that it can learn.
    pub fn learns_from(self, data: &Data) -> bool {
        use Algorithm::{Cavia, Fomaml, Leo, Maml, MetaSgd, Protonet};
        match data {
            Data::Sinusoid => !self.classifies_alone(),
            Data::Features(_) => matches!(self, Leo | Protonet | Maml | Fomaml | MetaSgd),
            Data::Glyphs | Data::Omniglot(_) | Data::Folder(_) => !matches!(self, Leo | Cavia),
        }
    }

    /// The options that only some algorithms have, of which this is one.
    pub fn own_options(self) -> &'static [&'static str] {
        match self {
            Algorithm::Maml => {
                &["order", "inner-lr", "inner-steps", "eval-steps", "recompute", "filters", "downsample"]
            }
            Algorithm::Fomaml => &["inner-lr", "inner-steps", "eval-steps", "filters", "downsample"],
            Algorithm::Reptile => &[
                "inner-lr",
                "inner-steps",
                "eval-steps",
                "inner-batch",
                "eval-inner-batch",
                "lanes",
                "filters",
                "downsample",
            ],
            Algorithm::Anil => &["order", "inner-lr", "inner-steps", "eval-steps", "filters", "downsample"],
            Algorithm::MetaSgd => {
                &["order", "inner-steps", "eval-steps", "recompute", "filters", "downsample"]
            }
            Algorithm::Mamlpp => &[
                "order",
                "inner-lr",
                "inner-steps",
                "eval-steps",
                "recompute",
                "parts",
                "filters",
                "downsample",
            ],
            Algorithm::Imaml => &[
                "inner-lr",
                "inner-steps",
                "eval-steps",
                "proximal",
                "pull",
                "cg-steps",
                "filters",
                "downsample",
            ],
            Algorithm::Cavia => &["order", "inner-lr", "inner-steps", "eval-steps", "context"],
            Algorithm::LstmMetaLearner => {
                &["order", "inner-steps", "eval-steps", "inner-batch", "filters", "downsample"]
            }
            Algorithm::Protonet => &["distance", "train-ways", "filters", "downsample"],
            Algorithm::Matching => &["distance", "reads", "train-ways", "filters", "downsample"],
            Algorithm::Relation | Algorithm::R2d2 => &["train-ways"],
            Algorithm::Lrd2 => &["newton-steps", "train-ways"],
            Algorithm::Siamese => &["network", "batch"],
            Algorithm::Mann => &["memory", "access", "names", "per-class", "curriculum", "batch"],
            Algorithm::Leo => &[
                "latent-steps",
                "fine-tuning-steps",
                "dropout",
                "kl-weight",
                "encoder-weight",
                "l2-weight",
                "orthogonality-weight",
            ],
            Algorithm::Pretrain => &["inner-lr", "eval-steps", "decay", "batch", "filters", "downsample"],
        }
    }
}
