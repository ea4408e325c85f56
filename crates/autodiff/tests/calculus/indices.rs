//! Labels and indices that name no place: refused at the caller's line, on a tape and in the run of a program.

use fewshot_autodiff::{Array, Program, Tape, Var};

use crate::panics::{Seen, panic_of};

/// An operator that takes two labels below 3.
type Use = for<'t> fn(&'t Tape, Var<'t>) -> Var<'t>;

fn values(tape: &Tape) -> Var<'_> {
    tape.var(&Array::from_fn(&[2, 3], |i| i as f32))
}

const USES: [(&str, Use); 5] = [
    ("cross_entropy", |tape, labels| values(tape).cross_entropy(labels)),
    ("one_hot", |tape, labels| tape.one_hot(labels, 3)),
    ("gather", |tape, index| values(tape).gather(1, index)),
    ("gather", |tape, index| values(tape).t().gather(0, index)),
    ("scatter_add", |tape, index| values(tape).scatter_add(0, index, 3)),
];

const WRONG: [(f32, &str); 11] = [
    (-1.0, "-1 is not a whole number in 0..3"),
    (-100.0, "-100 is not a whole number in 0..3"),
    (-0.5, "-0.5 is not a whole number in 0..3"),
    (0.5, "0.5 is not a whole number in 0..3"),
    (1.9999999, "is not a whole number in 0..3"),
    (f32::NAN, "NaN is not a whole number in 0..3"),
    (f32::NEG_INFINITY, "-inf is not a whole number in 0..3"),
    (3.0, "3 is not below 3"),
    (3.5, "3.5 is not below 3"),
    (1e20, "100000002004087730000 is not below 3"),
    (f32::INFINITY, "inf is not below 3"),
];

#[track_caller]
fn assert_names(seen: Option<Seen>, operator: &str, value: f32, words: &str) {
    let seen = seen.unwrap_or_else(|| panic!("{operator} took {value} for a place"));
    assert!(seen.message.starts_with(&format!("{operator}: index or label ")), "{seen:?}");
    assert!(seen.message.ends_with(words), "{seen:?} instead of {words}");
    assert!(seen.file.ends_with("indices.rs"), "{operator} names a line of {}", seen.file);
}

#[test]
fn a_tape_refuses_what_names_no_place() {
    for (operator, apply) in USES {
        for at in 0..2 {
            for (value, words) in WRONG {
                let tape = Tape::new();
                let mut labels = [1.0, 2.0];
                labels[at] = value;
                let labels = tape.var(&Array::new(&[2], labels.to_vec()));
                // the operators stand in this file too
                assert_names(panic_of(|| apply(&tape, labels)), operator, value, words);
            }
        }
    }
}

#[test]
fn a_program_refuses_it_in_its_run_and_goes_on_with_others() {
    for (operator, apply) in USES {
        let program = Program::record(|tape| vec![apply(tape, tape.input(&[2])) * 2.0]);
        let right = Array::new(&[2], vec![-0.0, 2.0]);
        let before = program.run(&[&right]);
        for (value, words) in WRONG {
            let labels = Array::new(&[2], vec![0.0, value]);
            assert_names(panic_of(|| program.run(&[&labels])), operator, value, words);
            assert_names(panic_of(|| program.profile(&[&labels])), operator, value, words);
            let mut batch = program.batched(3);
            for labels in [&right, &labels, &right] {
                batch.add(&[labels]);
            }
            assert_names(panic_of(|| batch.run()), operator, value, words);
            assert_eq!(program.run(&[&right]), before);
        }
    }
}

#[test]
fn a_gradient_in_a_program_refuses_it_too() {
    let program = Program::record(|tape| {
        let x = tape.input(&[2, 3]);
        vec![x.cross_entropy(tape.input(&[2])).grad(x)]
    });
    let (x, labels) = (Array::zeros(&[2, 3]), Array::new(&[2], vec![0.0, -1.0]));
    let seen = panic_of(|| program.run(&[&x, &labels])).expect("-1 is no class");
    assert!(seen.message.ends_with("-1 is not a whole number in 0..3"), "{seen:?}");
    assert!(seen.file.ends_with("indices.rs"), "{seen:?}");
}

#[test]
fn lists_and_places_that_f32_cannot_tell_apart_are_refused() {
    let tape = Tape::<f32>::new();
    let x = values(&tape);
    let list = [
        ("cross_entropy", panic_of(|| x.cross_entropy(&[0, 3]))),
        ("one_hot", panic_of(|| tape.one_hot(&vec![3, 0], 3))),
        ("gather", panic_of(|| x.gather(1, &[3][..]))),
        ("scatter_add", panic_of(|| x.scatter_add(0, &[0, 3], 3))),
    ];
    for (operator, seen) in list {
        assert_names(seen, operator, 3.0, "3 is not below 3");
    }
    let seen = panic_of(|| tape.index(&[1, 1 << 24])).expect("too large");
    assert!(seen.message.starts_with("index: place 16777216 is not below 2^24"), "{seen:?}");
    assert!(seen.file.ends_with("indices.rs"), "{seen:?}");
}

#[test]
fn every_place_is_taken() {
    let tape = Tape::<f32>::new();
    let labels = tape.var(&Array::new(&[3], vec![2.0, -0.0, 1.0]));
    assert_eq!(tape.one_hot(labels, 3).value().data(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(values(&tape).gather(1, labels).value().data(), [2.0, 0.0, 1.0, 5.0, 3.0, 4.0]);
    assert_eq!(tape.one_hot(tape.var(&Array::zeros(&[0])), 3).shape(), [0, 3]);
}
