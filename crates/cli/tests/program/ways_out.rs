//! Every message names a way out, and each of these is followed here: a command that fails, what its message names, and commands with
//! that, which work.

use std::path::Path;

use crate::support::pictures::drawings;
use crate::support::{fails, fewshot, trained};
use tempfile::TempDir;

const TINY: &str = "--iterations 1 --episodes 2 --meta-batch 1";

/// Runs a command that must work.
#[track_caller]
fn works(arguments: &[String]) {
    let output = fewshot().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// `fewshot COMMAND ARGUMENTS`, split at blanks.
fn command(name: &str, arguments: &str) -> Vec<String> {
    [name].into_iter().chain(arguments.split_whitespace()).map(str::to_owned).collect()
}

/// A command that fails, each part of the message that names a way out, and commands that follow it.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

#[track_caller]
fn follow(name: &str, rows: &[Row<'_>], beside: &str, fill: &dyn Fn(&str) -> String) {
    for (bad, named, ways_out) in rows {
        let mut failing = fewshot();
        failing.args(command(name, &fill(bad)));
        for named in *named {
            fails(&mut failing, 2, named);
        }
        for way_out in *ways_out {
            works(&command(name, &fill(&format!("{way_out} {beside}"))));
        }
    }
}

#[test]
fn numbers_and_choices_of_training() {
    let rows: &[Row<'_>] = &[
        ("--ways 1", &["the least is 2"], &["--ways 2 --train-ways 2"]),
        ("--image-size 15", &["the least is 16"], &["--image-size 16 --train-ways 5"]),
        ("relation --image-size 21", &["the least is 22"], &["relation --image-size 22"]),
        ("--filters 0", &["the least is 1"], &["--filters 1 --train-ways 5"]),
        ("--threads 0", &["the least is 1"], &["--threads 1 --train-ways 5"]),
        ("--train-ways 50000", &["lower the ways"], &["--train-ways 5"]),
        ("--shots 21", &["lower the shots"], &["--shots 1 --train-ways 5"]),
        ("--split background", &["--split alphabets or maml"], &["--split alphabets", "--split maml"]),
        ("--clip-value 1 --clip-norm 1", &["give one of them"], &["--clip-value 1 --train-ways 5"]),
        ("--feature-size 64", &["leave it out"], &["--train-ways 5"]),
        ("maml --patience 3", &["--validate-every"], &["--data sinusoid --patience 3 --validate-every 1"]),
        (
            "--data sinusoid --train-shots 1..9",
            &["one number of points"],
            &["--data sinusoid --train-shots 5"],
        ),
        (
            "--outer-schedule cosine --halve-every 5",
            &["give one of them"],
            &["--halve-every 5 --train-ways 5"],
        ),
    ];
    follow("train", rows, TINY, &str::to_owned);
}

#[test]
fn what_algorithms_have_not() {
    let rows: &[Row<'_>] = &[
        ("protonet --data sinusoid", &["maml"], &["maml --data sinusoid"]),
        ("cavia --data glyphs", &["--data sinusoid"], &["cavia --data sinusoid"]),
        ("protonet --inner-lr 0.1", &["maml"], &["maml --inner-lr 0.1 --queries 1"]),
        ("mamlpp --outer-schedule linear", &["ca of --parts"], &["mamlpp --parts lslr --queries 1"]),
        (
            "mamlpp --recompute",
            &["--parts msl,lslr,bnwb,ca"],
            &["mamlpp --recompute --parts msl,lslr,bnwb,ca --queries 1 --inner-steps 2"],
        ),
        (
            "maml --order 1 --recompute",
            &["leave it out, or --order 1"],
            &["maml --order 1 --queries 1", "maml --recompute --queries 1"],
        ),
        (
            "pretrain --data sinusoid --batch 5",
            &["--meta-batch waves of --queries points"],
            &["pretrain --data sinusoid --queries 5"],
        ),
        (
            "pretrain --queries 5",
            &["use --batch, or --eval-queries"],
            &["pretrain --batch 5 --eval-queries 5 --eval-steps 2"],
        ),
        ("siamese --queries 5", &["use --batch"], &["siamese --batch 4"]),
        ("siamese --rotations per-class", &["new-classes"], &["siamese --rotations new-classes --batch 4"]),
        ("siamese --outer layers", &["use adam, sgd or momentum"], &["siamese --outer sgd --batch 4"]),
        (
            "mann --names strings --per-class 0",
            &["--names numbers"],
            &["mann --per-class 0 --names numbers --batch 2"],
        ),
        ("mann --curriculum 10", &["--names strings"], &["mann --curriculum 10 --names strings --batch 2"]),
        ("mann --memory lstm --access paper", &["leave it out"], &["mann --memory lstm --batch 2"]),
    ];
    follow("train", rows, TINY, &str::to_owned);
}

/// An option is said to be of another algorithm only where that can learn from the data.
#[test]
fn no_algorithm_is_proposed_that_knows_no_such_data() {
    for (arguments, not) in [
        ("--data sinusoid --distance cosine", "choose"),
        ("--context 5", "choose"),
        ("--kl-weight 1", "choose"),
    ] {
        let output = fewshot().args(command("train", arguments)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("leave it out") && !said.contains(not), "{said}");
    }
}

#[test]
fn presets_of_other_data_and_algorithms() {
    let data = drawings(&[3; 12], 0);
    let fill = |text: &str| text.replace("FOLDER", &data.path().display().to_string());
    let folder = "--data folder:FOLDER --queries 2 --eval-queries 2";
    let by_hand = format!("protonet --ways 5 --shots 1 {folder}");
    let rows: &[Row<'_>] = &[
        (
            "--preset protonet-omniglot-5w1s --data folder:FOLDER",
            &["protonet --ways 5 --shots 1"],
            &[&by_hand],
        ),
        (
            "--preset protonet-omniglot-5w1s --data glyphs",
            &["--preset protonet-glyphs-5w1s"],
            &["--preset protonet-glyphs-5w1s"],
        ),
        (
            "--preset maml-glyphs-5w1s --data sinusoid",
            &["--data glyphs, or --preset maml-sinusoid"],
            &["--preset maml-sinusoid"],
        ),
        (
            "--preset protonet-glyphs-5w1s --data sinusoid",
            &["or another algorithm"],
            &["--data sinusoid maml"],
        ),
        (
            "--preset maml-sinusoid anil",
            &["--preset anil-sinusoid"],
            &["--preset anil-sinusoid", "--preset maml-sinusoid"],
        ),
        (
            "--preset protonet-glyphs-5w1s matching",
            &["--preset matching-glyphs-5w1s"],
            &["--preset matching-glyphs-5w1s"],
        ),
        ("--preset maml-sinusoit", &["maml-sinusoid"], &["--preset maml-sinusoid"]),
    ];
    follow("train", rows, TINY, &fill);
}

#[test]
fn folders_of_few_classes_and_pictures() {
    let [few, enough, thin] = [&[3; 12][..], &[3; 14], &[2; 12]].map(|counts| drawings(counts, 0));
    let fill = |text: &str| {
        let place = |text: String, name: &str, folder: &TempDir| {
            text.replace(name, &format!("--data folder:{}", folder.path().display()))
        };
        let text = place(text.to_owned(), "FEW", &few);
        place(place(text, "ENOUGH", &enough), "THIN", &thin)
    };
    let one = "--queries 1 --eval-queries 1";
    let rows: &[Row<'_>] = &[
        (
            "FEW --ways 7 --queries 1",
            &["(14 are enough at random), fewer --ways"],
            &["ENOUGH --ways 7", "FEW --ways 6"],
        ),
        ("FEW --ways 7 --train-ways 3 --queries 1", &["fewer --ways"], &["FEW --ways 6 --train-ways 3"]),
        ("THIN --queries 4", &["--train-shots and --queries", "--shots and --eval-queries"], &["THIN"]),
        ("FEW --split koch", &["leave --split out, or use maml"], &["FEW --split maml --ways 2", "FEW"]),
        ("FEW --split background", &["leave --split out, or use maml"], &["FEW --split maml --ways 2"]),
    ];
    follow("train", rows, &format!("{TINY} {one}"), &fill);
}

#[test]
fn what_a_trained_model_cannot() {
    let data = drawings(&[3; 12], 0);
    let run = |options: &str| {
        let data = data.path().display();
        trained(&format!("--data folder:{data} --ways 2 --validate-every 0 {options} {TINY}"))
    };
    let maml = run("maml --filters 4 --queries 1 --eval-queries 1");
    let protonet = run("--queries 1 --eval-queries 1 --norm running");
    let pretrain = run("pretrain --batch 8 --eval-steps 2 --eval-queries 1 --norm running");
    let strings = run("mann --batch 2 --names strings --per-class 2");
    let numbers = run("mann --batch 2 --names numbers --per-class 2");
    let episodes = run("mann --batch 2 --names numbers --per-class 0 --queries 1 --eval-queries 1");
    let (two, three) = (drawings(&[2; 2], 0), drawings(&[2; 3], 0));
    let image = three.path().join("class1/1.png");
    let fill = |text: &str| {
        let path = |path: &Path| path.display().to_string();
        let runs: [(&str, &TempDir); 8] = [
            ("MAML", &maml),
            ("PROTONET", &protonet),
            ("PRETRAIN", &pretrain),
            ("STRINGS", &strings),
            ("NUMBERS", &numbers),
            ("EPISODES", &episodes),
            ("TWO", &two),
            ("THREE", &three),
        ];
        let filled =
            runs.iter().fold(text.to_owned(), |text, (name, run)| text.replace(name, &path(run.path())));
        filled.replace("IMAGE", &path(&image)).replace("FILE", &path(&maml.path().join("features")))
    };
    let rows: &[Row<'_>] = &[
        ("MAML --ways 6", &["use --ways 2", "protonet"], &["MAML --ways 2", "PROTONET --ways 6"]),
        ("PROTONET --nil", &["it is for runs of maml, fomaml, anil"], &["MAML --nil", "PROTONET"]),
        ("PROTONET --steps 0..3", &["leave it out"], &["PROTONET"]),
        ("MAML --data sinusoid", &["leave it out"], &["MAML"]),
        ("NUMBERS --shots 2", &["--per-class 0"], &["EPISODES --shots 2"]),
        ("MAML --runs nowhere", &["protonet"], &["MAML"]),
    ];
    follow("evaluate", rows, "--episodes 2", &fill);
    let rows: &[Row<'_>] = &[
        (
            "MAML IMAGE --support THREE",
            &["give 2", "protonet"],
            &["MAML IMAGE --support TWO", "PROTONET IMAGE --support THREE"],
        ),
        ("MAML IMAGE", &["give --support FOLDER"], &["MAML IMAGE --support TWO"]),
        ("STRINGS IMAGE --support TWO", &["--names numbers"], &["EPISODES IMAGE --support TWO"]),
    ];
    follow("predict", rows, "", &fill);
    let rows: &[Row<'_>] = &[(
        "MAML --out FILE",
        &["protonet, pretrain or rfs with --norm running"],
        &["PROTONET --out FILE", "PRETRAIN --out FILE"],
    )];
    follow("embed", rows, "", &fill);
}
