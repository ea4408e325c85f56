//! MAML++: MAML with six changes that make it stable, each of which can be left away.

use fewshot_autodiff::Activation;
use fewshot_meta::{Learner, MultiStep, Rates, Sharing};
use fewshot_nn::{Bias, Conv4Config, Init};
use toml::Value;

use super::{About, Algorithm, PICTURES_AND_SINUSOIDS, inner_steps_of_rate, maml};
use crate::error::Error;
use crate::network;
use crate::options::shared::{DOWNSAMPLE, EVAL_STEPS, FILTERS, INNER_LR, INNER_STEPS, ORDER, RECOMPUTE};
use crate::options::{Group, Kind, Opt, Options};
use crate::outer::epoch;
use crate::places::Data;
use crate::settings::Settings;

/// Epochs of the multi-step loss on Omniglot.
const MULTI_STEP_EPOCHS: u64 = 10;
/// Epochs of first-order gradients.
const FIRST_ORDER_EPOCHS: u64 = 50;

/// The changes (Antoniou, Edwards, Storkey 2019, section 4): multi-step loss, learned rates per layer and step, batch-norm weights and biases per
/// step, batch-norm running statistics per step, cosine annealing of the outer rate, derivative-order annealing.
const ALL_PARTS: [&str; 6] = ["msl", "lslr", "bnwb", "bnrs", "ca", "da"];
/// Stands for no part at all.
const NONE: &str = "none";

static PARTS: Opt = Opt::new("parts", "PARTS", Kind::Text(parts), Group::Inner, "Parts of MAML++, separated by commas, or none").with_more(
    "msl (multi-step loss), lslr (rates per layer and step), bnwb (batch-norm weights per step), bnrs (batch-norm statistics per step), ca \
           (cosine annealing of the outer rate), da (derivative-order annealing).",
);

static ABOUT: About = About {
    name: "mamlpp",
    summary: "MAML with six changes that make it stable",
    paper: "Antoniou, Edwards, Storkey 2019",
    published: include_str!("mamlpp.toml"),
    data: PICTURES_AND_SINUSOIDS,
    options: &[&ORDER, &INNER_LR, &INNER_STEPS, &EVAL_STEPS, &RECOMPUTE, &PARTS, &FILTERS, &DOWNSAMPLE],
};

/// The row of MAML++.
pub struct MamlPlusPlus;

impl Algorithm for MamlPlusPlus {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn build(&self, run: &Settings) -> Box<dyn Learner> {
        let epoch = epoch(run.iterations);
        let has = |part| has(&run.options, part);
        let sharing = |part| if has(part) { Sharing::PerStep } else { Sharing::Shared };
        Box::new(fewshot_meta::Maml {
            rates: if has("lslr") { Rates::PerStep } else { Rates::Fixed },
            multi_step: has("msl").then_some(MultiStep { epochs: MULTI_STEP_EPOCHS, epoch }),
            first_order_until: if has("da") { FIRST_ORDER_EPOCHS * epoch } else { 0 },
            norm_weights: sharing("bnwb"),
            norm_statistics: sharing("bnrs"),
            ..maml::of_run(run, fewshot_meta::Maml::plus_plus(network::model(run)))
        })
    }

    fn words(&self, run: &Settings) -> String {
        format!("{}, parts {}", inner_steps_of_rate(run), run.text("parts"))
    }

    /// Max-pooling, leaky ReLU, Xavier uniform weights, biases 0 (released code).
    fn blocks(&self) -> Option<Conv4Config> {
        Some(Conv4Config {
            activation: Activation::LeakyRelu(0.01),
            weight: Init::XavierUniform,
            bias: Bias::Zeros,
            head_weight: Init::XavierUniform,
            head_bias: Bias::Zeros,
            ..Conv4Config::pooled_64()
        })
    }

    fn without(&self, option: &str, _: &Data) -> Option<&'static str> {
        matches!(option, "outer-schedule" | "halve-every").then_some(
            "its part ca decides how the outer rate falls; leave out --outer-schedule and --halve-every, and ca of --parts for a constant rate",
        )
    }

    fn refuse(&self, given: &Options) -> Result<(), Error> {
        maml::recomputes_second_order(given)?;
        let statistics = !given.has("parts") || has(given, "bnrs");
        if given.flag("recompute") == Some(true) && statistics {
            return Err(Error::Combination(
                "--recompute of mamlpp: statistics per step are kept of each step; leave out --recompute, or part bnrs: --parts \
                 msl,lslr,bnwb,ca"
                    .into(),
            ));
        }
        Ok(())
    }

    fn leaves_norms(&self) -> bool {
        true
    }

    fn has_free_rate(&self) -> bool {
        false
    }

    fn schedule(&self, options: &Options) -> Option<&'static str> {
        Some(if has(options, "ca") { "cosine" } else { "constant" })
    }
}

/// Whether a part is among those of some options.
fn has(options: &Options, part: &str) -> bool {
    options.text("parts").is_some_and(|parts| parts.split(',').any(|given| given == part))
}

/// Parts in a fixed order, each once.
fn parts(text: &str) -> Result<Value, String> {
    if text == NONE {
        return Ok(Value::String(NONE.into()));
    }
    let given: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(unknown) = given.iter().find(|part| !ALL_PARTS.contains(part)) {
        return Err(format!(
            "{unknown:?} is no part of MAML++; they are {}; {NONE} for no part",
            ALL_PARTS.join(", ")
        ));
    }
    let known: Vec<&str> = ALL_PARTS.into_iter().filter(|part| given.contains(part)).collect();
    Ok(Value::String(known.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_are_written() {
        let read = |text: &str| parts(text).map(|value| value.as_str().unwrap().to_owned());
        for text in ["none", "msl", "lslr,ca", "msl,lslr,bnwb,bnrs,ca,da"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        assert_eq!(read("ca, msl,ca").as_deref(), Ok("msl,ca"));
        for wrong in ["", "msl,", "mls", "none,ca"] {
            assert!(read(wrong).unwrap_err().contains("no part of MAML++"), "{wrong}");
        }
    }
}
