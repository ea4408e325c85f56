//! Bad input: one clear line, exit status 2, nothing lost.

use std::fs;

use crate::support::{fails, fewshot, trained};

#[test]
fn options_that_make_no_sense() {
    for (arguments, named) in [
        ("--ways 0", "--ways 0"),
        ("--ways 1", "--ways 1"),
        ("--ways 100000", "100000"),
        ("maml --ways 5000", "5000"),
        ("--train-ways 50000", "training episodes"),
        ("--ways many", "whole number"),
        ("--ways -3", "whole number"),
        ("--shots 0", "--shots 0"),
        ("--shots 21", "shots 21"),
        ("--queries 0", "--queries 0"),
        ("--queries 50", "queries 50"),
        ("--eval-queries 50", "queries 50"),
        ("--iterations 0", "--iterations 0"),
        ("--meta-batch 0", "--meta-batch 0"),
        ("--episodes 0", "--episodes 0"),
        ("--threads 0", "--threads 0"),
        ("--threads 99999", "--threads 99999"),
        ("--outer-lr nan", "--outer-lr NaN"),
        ("--outer-lr inf", "--outer-lr inf"),
        ("--outer-lr -1", "--outer-lr -1"),
        ("--outer-lr fast", "number"),
        ("maml --inner-lr 0", "--inner-lr 0"),
        ("maml --inner-lr 1e99", "--inner-lr 1"),
        ("maml --inner-steps 0", "--inner-steps 0"),
        ("maml --order 3", "order"),
        ("momo", "momo"),
        ("fomaml --order 2", "--order"),
        ("meta-sgd --inner-lr 0.1", "--inner-lr"),
        ("mamlpp --parts msl,mls", "mls"),
        ("mamlpp --recompute", "bnrs"),
        ("anil --recompute", "--recompute"),
        ("--outer moon", "moon"),
        ("--outer-schedule cosine --halve-every 5", "--halve-every"),
        ("--clip-value 1 --clip-norm 1", "--clip-value"),
        ("--clip-norm -1", "--clip-norm -1"),
        ("--train-shots 20", "shots 20"),
        ("cavia --data glyphs", "sinusoid"),
        ("mann --shots 3", "--per-class"),
        ("siamese --network koch --norm batch", "--norm"),
        ("reptile --order 1", "--order"),
        ("imaml --proximal 0", "--proximal 0"),
        ("pretrain --batch 99999", "training batches (--batch)"),
        ("pretrain --queries 5", "--batch"),
        ("pretrain --train-shots 5", "--train-shots"),
        ("pretrain --decay -1", "--decay -1"),
        ("pretrain --data sinusoid --batch 5", "--meta-batch"),
        ("maml --batch 5", "pretrain"),
        ("--preset maml-omniglot-5w1s", "--data omniglot:PATH"),
        ("--preset mamml-glyphs-5w1s", "maml-glyphs-5w1s"),
        ("--preset maml-glyphs-5w1s --data sinusoid", "other data"),
        ("--preset maml-sinusoid anil", "another algorithm"),
        ("--preset maml-sinusoid --ways 5", "--ways"),
        ("--preset maml-sinusoid --config x.toml", "--config"),
        ("protonet --inner-lr 0.1", "--inner-lr"),
        ("maml --distance cosine", "--distance"),
        ("protonet --data sinusoid", "regression"),
        ("--data sinusoid --ways 5", "--ways"),
        ("--data moon", "glyphs"),
        ("--data omniglot", "omniglot:PATH"),
        ("--data omniglot:/no/such/place", "/no/such/place"),
        ("--split background", "background"),
        ("--split /no/such/split", "/no/such/split"),
        ("--config /no/such/config.toml", "/no/such/config.toml"),
        ("--sede 3", "--seed"),
    ] {
        let mut command = fewshot();
        command.arg("train").args(arguments.split(' '));
        fails(&mut command, 2, named);
    }
    fails(fewshot().arg("trian"), 2, "train");
    fails(fewshot().arg("evaluate"), 2, "DIR");
}

#[test]
fn damaged_configurations() {
    let folder = tempfile::tempdir().unwrap();
    for (text, named) in [
        ("ways = 5\nshots = \"one\"\n", "line 2"),
        ("ways = 5\nsh", "line 2"),
        ("wayz = 5\n", "wayz"),
        ("ways = 0\n", "--ways 0"),
        ("outer-lr = nan\n", "--outer-lr"),
        ("data = \"moon\"\n", "moon"),
        ("order = 7\nalgorithm = \"maml\"\n", "order = 7"),
    ] {
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        fails(fewshot().args(["train", "--config"]).arg(path), 2, named);
    }
    let path = folder.path().join("binary.toml");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    fails(fewshot().args(["train", "--config"]).arg(path), 2, "binary.toml");
    fails(fewshot().args(["train", "--config"]).arg(folder.path()), 2, "configuration");
}

#[test]
fn folders_that_are_no_run() {
    let folder = tempfile::tempdir().unwrap();
    fails(fewshot().arg("evaluate").arg(folder.path().join("none")), 2, "none");
    fails(fewshot().arg("evaluate").arg(folder.path()), 2, "config.toml");
    fs::write(folder.path().join("config.toml"), "").unwrap();
    fails(fewshot().arg("evaluate").arg(folder.path()), 2, "model.safetensors");
}

#[test]
fn damaged_and_foreign_models() {
    let run = trained("--data sinusoid --iterations 2 --episodes 2");
    let model = run.path().join("model.safetensors");
    let good = fs::read(&model).unwrap();
    let damaged: [(&[u8], &str); 4] = [
        (b"", "model.safetensors"),
        (b"not a model at all", "model.safetensors"),
        (&good[..good.len() / 2], "model.safetensors"),
        (&[0xff; 64], "model.safetensors"),
    ];
    for (bytes, named) in damaged {
        fs::write(&model, bytes).unwrap();
        fails(fewshot().arg("evaluate").arg(run.path()), 2, named);
    }
    // a well-formed file of another program
    fs::write(&model, [&2u64.to_le_bytes()[..], b"{}"].concat()).unwrap();
    fails(fewshot().arg("evaluate").arg(run.path()), 2, "not written by fewshot");
    // a model of another run
    let other = trained("--data sinusoid --iterations 2 --episodes 2 --seed 7");
    fs::copy(other.path().join("model.safetensors"), &model).unwrap();
    fails(fewshot().arg("evaluate").arg(run.path()), 2, "seed is 7");
    // the configuration beside it damaged
    fs::write(&model, &good).unwrap();
    fs::write(run.path().join("config.toml"), "algorithm = ").unwrap();
    fails(fewshot().arg("evaluate").arg(run.path()), 2, "config.toml");
}

#[test]
fn evaluation_options_that_do_not_fit_the_model() {
    let maml = trained("maml --iterations 1 --episodes 2 --meta-batch 1");
    let protonet = trained("protonet --iterations 1 --episodes 2 --train-ways 5");
    let sinusoid = trained("--data sinusoid --iterations 2 --episodes 2");
    for (run, arguments, named) in [
        (&maml, "--ways 6", "last layer for 5 classes"),
        (&maml, "--shots 0", "--shots 0"),
        (&maml, "--queries 0", "--queries 0"),
        (&maml, "--shots 15 --queries 6", "queries 6"),
        (&maml, "--data sinusoid", "--data sinusoid"),
        (&maml, "--data omniglot:/no/such/place", "/no/such/place"),
        (&protonet, "--ways 9999", "9999"),
        (&protonet, "--eval-steps 3", "--eval-steps"),
        (&protonet, "--steps 0..3", "--steps"),
        (&protonet, "--nil", "--nil"),
        (&protonet, "--inner-lr 0.1", "no inner steps"),
        (&maml, "--inner-lr 0", "--inner-lr 0"),
        (&maml, "--decay 0.1", "which maml has not"),
        (&maml, "--nil --inner-lr 0.1", "--inner-lr"),
        (&maml, "--steps 3..0", "0..10"),
        (&maml, "--steps many", "0..10"),
        (&maml, "--steps 0..100000", "--steps 100000"),
        (&maml, "--nil --steps 0..3", "--steps"),
        (&sinusoid, "--nil", "sinusoids"),
        (&protonet, "--episodes 0", "--episodes 0"),
        (&sinusoid, "--ways 5", "--ways 5"),
        (&sinusoid, "--data glyphs", "--data glyphs"),
    ] {
        let mut command = fewshot();
        command.arg("evaluate").arg(run.path()).args(arguments.split(' '));
        fails(&mut command, 2, named);
    }
}
