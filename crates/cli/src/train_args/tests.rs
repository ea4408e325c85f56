//! Command lines of `fewshot train`.

use super::*;

fn parsed(line: &str) -> Result<TrainArgs, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let matches = command(&words).try_get_matches_from(words);
    matches.and_then(|matches| TrainArgs::from_arg_matches(&matches)).map_err(|error| error.to_string())
}

#[test]
fn options_may_stand_before_and_behind_the_algorithm() {
    for line in [
        "train maml --shots 5 --inner-lr 0.5",
        "train --shots 5 --inner-lr 0.5 maml",
        "train --inner-lr 0.5 maml --shots 5",
    ] {
        let options = parsed(line).unwrap().options;
        assert_eq!(options.text("algorithm"), Some("maml"), "{line}");
        assert_eq!((options.count("shots"), options.number("inner-lr")), (Some(5), Some(0.5)), "{line}");
    }
    let earlier = parsed("train --algorithm maml --inner-lr 0.5").unwrap().options;
    assert_eq!((earlier.text("algorithm"), earlier.number("inner-lr")), (Some("maml"), Some(0.5)));
}

#[test]
fn a_value_that_is_the_name_of_an_algorithm_is_a_value() {
    let args = parsed("train --out maml --distance cosine").unwrap();
    assert_eq!((args.out, args.options.text("distance")), (Some("maml".into()), Some("cosine")));
    assert!(!args.options.has("algorithm"));
    let args = parsed("train --overwrite --out anil maml --order 1").unwrap();
    assert_eq!((args.out, args.options.text("algorithm")), (Some("anil".into()), Some("maml")));
}

#[test]
fn one_algorithm_is_asked_for() {
    assert!(parsed("train --algorithm maml anil").unwrap_err().contains("two algorithms"));
    assert!(parsed("train maml --algorithm anil").is_err());
    assert!(parsed("train maml --distance cosine").is_err());
}

#[test]
fn the_options_of_a_preset_are_those_of_its_algorithm() {
    let args = parsed("train --preset maml-glyphs-5w1s --inner-lr 0.5").unwrap();
    assert_eq!(args.preset.as_deref(), Some("maml-glyphs-5w1s"));
    assert!(parsed("train --preset mamlpp-glyphs-5w1s --parts none").is_ok());
    assert!(parsed("train --preset maml-glyphs-5w1s --parts none").is_err());
}

#[test]
fn help_has_the_defaults_that_would_hold() {
    let help = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut train = command(&words);
        train.find_subcommand_mut("maml").unwrap().render_help().to_string()
    };
    let default = |help: &str, option: &str| {
        let at = help.find(option).unwrap();
        let rest = &help[at..];
        let from = rest.find("[default: ").unwrap() + "[default: ".len();
        rest[from..].split(']').next().unwrap().to_owned()
    };
    assert_eq!(default(&help("train maml"), "--inner-steps"), "1");
    assert_eq!(default(&help("train maml --ways 20"), "--inner-steps"), "5");
    assert_eq!(default(&help("train maml --data sinusoid"), "--inner-lr"), "0.01");
}

#[test]
fn an_option_is_given_once() {
    assert!(
        parsed("train --shots 5 maml --shots 3").unwrap_err().contains("--shots is given before and behind")
    );
    assert!(parsed("train --out a maml --out b").unwrap_err().contains("--out is given"));
    assert!(
        parsed("train --preset maml-glyphs-5w1s maml --config c.toml")
            .unwrap_err()
            .contains("--preset --config")
    );
    assert!(parsed("train --resume a maml --out b").unwrap_err().contains("--resume --out"));
    assert!(parsed("train maml --overwrite").unwrap_err().contains("--out DIR"));
}

#[test]
fn help_follows_a_preset() {
    let words = ["train", "maml", "--preset", "glyphs-20w5s", "-h"];
    let mut train = command(&words);
    let help = train.find_subcommand_mut("maml").unwrap().render_help().to_string();
    assert!(help.contains("Classes of an episode [default: 20]"), "{help}");
    assert!(help.contains("the support [default: 5]"), "{help}");
}

#[test]
fn help_leaves_out_what_an_algorithm_refuses() {
    let help = |algorithm: &str| {
        let mut train = command(&["train", algorithm]);
        train.find_subcommand_mut(algorithm).unwrap().render_help().to_string()
    };
    for (algorithm, option) in [
        ("cavia", "--ways"),
        ("siamese", "--train-shots"),
        ("pretrain", "--queries"),
        ("leo", "--image-size"),
    ] {
        assert!(!help(algorithm).contains(&format!("{option} ")), "{algorithm} {option}");
    }
    assert!(help("cavia").contains("[default: sinusoid]"));
}
