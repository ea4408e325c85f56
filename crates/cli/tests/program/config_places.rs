//! Where in a configuration something is wrong.

use std::fs;

use crate::support::{fails, fewshot, trained};

#[test]
fn what_cannot_be_understood_has_a_line_and_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for (text, place) in [
        (
            "ways = 5\nshots = \"one\"\n",
            "line 2, column 9 (shots = \"one\"): shots = \"one\": expected a whole number",
        ),
        ("ways = 5\n  wayz = 5\n", "line 2, column 3 (wayz = 5): there is no option 'wayz'"),
        ("# Töne\nways = = 5\n", "line 2, column 8 (ways = = 5): "),
        ("ways = 5\nsh", "line 2, column 3 (sh): "),
        ("order = 7\nalgorithm = \"maml\"\n", "line 1, column 9 (order = 7): "),
        ("shots = 1\ndata = \"moon\"\n", "line 2, column 8 (data = \"moon\"): "),
    ] {
        fs::write(&path, text).unwrap();
        let named = format!("config.toml, {place}");
        fails(fewshot().args(["train", "--config"]).arg(&path), 2, &named);
    }
    let long = format!("ways = 5\nshots = \"{}\"\n", "x".repeat(80));
    fs::write(&path, long).unwrap();
    fails(fewshot().args(["train", "--config"]).arg(&path), 2, "line 2, column 9: shots = ");
}

#[test]
fn what_is_refused_later_has_the_place_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for (text, beside, named) in [
        ("shots = 1\nways = 0\n", "", "config.toml, line 2, column 1 (ways = 0): --ways 0: "),
        ("\nouter-lr = nan\n", "", "line 2, column 1 (outer-lr = nan): --outer-lr NaN: "),
        ("shots = 1\norder = 2\nalgorithm = \"protonet\"\n", "", "line 2, column 1 (order = 2): --order"),
        ("data = \"glyphs\"\nways = 100000\n", "", "line 2, column 1 (ways = 100000): training episodes"),
        ("shots = 21\n", "", "line 1, column 1 (shots = 21): "),
        ("\n\ndata = \"omniglot:/no/such\"\n", "", "line 3, column 1 (data = \"omniglot:/no/such\"): "),
        // the file is not to blame for what the command line says
        ("ways = 5\nshots = 1\n", "--ways 0", "error: --ways 0: "),
        ("ways = 0\nshots = 1\n", "--shots 0 --ways 5", "error: --shots 0: "),
    ] {
        fs::write(&path, text).unwrap();
        let mut command = fewshot();
        command.args(["train", "--config"]).arg(&path).args(beside.split_whitespace());
        fails(&mut command, 2, named);
    }
}

#[test]
fn the_configuration_of_a_run_has_places_too() {
    let run = trained("--data sinusoid --meta-batch 1 --iterations 1 --episodes 2");
    let path = run.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let line = 1 + text.lines().position(|line| line.starts_with("shots = ")).unwrap();
    for (other, column) in [("shots = 0", 1), ("shots = \"ten\"", 9)] {
        fs::write(&path, text.replace("\nshots = 10", &format!("\n{other}"))).unwrap();
        let named = format!("config.toml, line {line}, column {column} ({other}): ");
        fails(fewshot().arg("evaluate").arg(run.path()), 2, &named);
    }
}
