//! Which parameters the inner loop adapts, by name.

/// A choice of parameters by name. In a pattern `*` stands for any characters: `head.*`, `*.norm.shift`.
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
    /// Those that match one of the patterns.
    Only(Vec<String>),
    /// Those that match none of the patterns.
    Except(Vec<String>),
}

impl Filter {
    /// Those that match one of the patterns.
    pub fn only(patterns: &[&str]) -> Self {
        Filter::Only(patterns.iter().map(|p| p.to_string()).collect())
    }

    /// Those that match none of the patterns.
    pub fn except(patterns: &[&str]) -> Self {
        Filter::Except(patterns.iter().map(|p| p.to_string()).collect())
    }

    /// Whether the parameter of this name is chosen.
    pub fn has(&self, name: &str) -> bool {
        let matched = |patterns: &[String]| patterns.iter().any(|p| matches(p, name));
        match self {
            Filter::All => true,
            Filter::Only(patterns) => matched(patterns),
            Filter::Except(patterns) => !matched(patterns),
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
