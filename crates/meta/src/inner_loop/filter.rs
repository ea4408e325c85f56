//! Which parameters the inner loop adapts, by name or by what they are.

use fewshot_nn::ParamSpec;

/// A choice of parameters, by name or by what they are. In a pattern `*` stands for any characters: `head.*`, `*.norm.shift`.
///
/// ```
/// use fewshot_meta::Filter;
/// let but_norm = Filter::except(&["*.norm.*"]);
/// assert!(but_norm.has("block1.conv.weight") && !but_norm.has("block1.norm.shift"));
/// assert!(Filter::only(&["head.*"]).has("head.bias"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Every parameter.
    #[default]
    All,
    /// The parameters whose names match one of the patterns.
    Only(Vec<String>),
    /// The parameters whose names match none of the patterns.
    Except(Vec<String>),
    /// All but the scales and shifts of norms, by what they are and not by their names ([`ParamSpec::norms`]).
    ButNorms,
}

impl Filter {
    /// The parameters whose names match one of the patterns.
    pub fn only(patterns: &[&str]) -> Self {
        Filter::Only(patterns.iter().map(|p| p.to_string()).collect())
    }

    /// The parameters whose names match none of the patterns.
    pub fn except(patterns: &[&str]) -> Self {
        Filter::Except(patterns.iter().map(|p| p.to_string()).collect())
    }

    /// This choice among the parameters of a model, by names alone: [`Filter::ButNorms`] becomes the exception of those names.
    ///
    /// ```
    /// use fewshot_meta::Filter;
    /// use fewshot_nn::{BatchNorm, ParamBuilder, Linear, NormAffine};
    /// let mut b = ParamBuilder::new();
    /// b.scope("norm", |b| Linear::new(b, 3, 4)); // a layer of this name
    /// b.scope("scaled", |b| BatchNorm::new(b, 4, NormAffine::Shift, 1e-5));
    /// let chosen = Filter::ButNorms.on(&b.finish());
    /// assert!(chosen.has("norm.weight") && !chosen.has("scaled.shift"));
    /// ```
    #[must_use]
    pub fn on(&self, model: &ParamSpec) -> Filter {
        match self {
            Filter::ButNorms => Filter::Except(model.norms().map(str::to_owned).collect()),
            by_name => by_name.clone(),
        }
    }

    /// Whether the parameter of this name is chosen.
    ///
    /// # Panics
    /// For [`Filter::ButNorms`]: a name does not tell what a parameter is, which [`Filter::on`] looks up.
    #[track_caller]
    pub fn has(&self, name: &str) -> bool {
        let matched = |patterns: &[String]| patterns.iter().any(|p| matches(p, name));
        match self {
            Filter::All => true,
            Filter::Only(patterns) => matched(patterns),
            Filter::Except(patterns) => !matched(patterns),
            Filter::ButNorms => {
                panic!(
                    "Filter::ButNorms: a name does not tell what a parameter is; use `on` with the model's spec"
                )
            }
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(name) = name.strip_prefix(start) else {
        return false;
    };
    (0..=name.len()).filter(|&i| name.is_char_boundary(i)).any(|i| matches(rest, &name[i..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("head.weight", "head.weight", true),
            ("head.weight", "head.weights", false),
            ("head.*", "head.bias", true),
            ("head.*", "block1.head.bias", false),
            ("*.norm.*", "block2.norm.scale", true),
            ("*.norm.*", "block2.normal", false),
            ("*", "", true),
            ("a*b*c", "a12b3c", true),
            ("a*b*c", "a12c3b", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
