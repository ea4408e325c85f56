//! Parameters: arithmetic and gradients have the bits of the same work value by value, and a mismatch is named where it is.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use fewshot_autodiff::{Array, Tape, Var};
use fewshot_nn::Params;

fn params(names: &[&str], seed: usize) -> Params<Array> {
    let value = |k: usize| Array::from_fn(&[2, 3], |i| ((i + 7 * k + seed) as f32 * 1.7).sin());
    Params::new(names.iter().enumerate().map(|(k, name)| ((*name).to_owned(), value(k))).collect())
}

fn both() -> [Params<Array>; 2] {
    [params(&["w", "b"], 1), params(&["w", "b"], 40)]
}

fn bits(x: &Params<Array>) -> Vec<Vec<u32>> {
    x.values().iter().map(|x| x.data().iter().map(|x| x.to_bits()).collect()).collect()
}

#[test]
fn arithmetic_of_arrays_is_that_of_their_elements() {
    let [a, b] = &both();
    let by_element = |f: fn(f32, f32) -> f32| bits(&a.zip(b, |a, b| a.zip(b, f)));
    let by_number = |f: fn(f32, f32) -> f32| bits(&a.map(|a| a.map(|x| f(x, 0.3))));
    let add = by_element(|a, b| a + b);
    for sum in [a + b, a.clone() + b, a + b.clone(), a.clone() + b.clone()] {
        assert_eq!((bits(&sum), sum.names()), (add.clone(), a.names()));
    }
    assert_eq!(bits(&(a - b)), by_element(|a, b| a - b));
    assert_eq!(bits(&(a * b)), by_element(|a, b| a * b));
    assert_eq!(bits(&(a + 0.3)), by_number(|a, c| a + c));
    assert_eq!(bits(&(a - 0.3)), by_number(|a, c| a - c));
    assert_eq!(bits(&(a.clone() * 0.3)), by_number(|a, c| a * c));
    assert_eq!(bits(&(a / 0.3)), by_number(|a, c| a / c));
    let (mut sum, shared) = (a.clone(), a.clone());
    sum += b;
    assert_eq!(bits(&sum), add);
    assert_eq!(bits(&shared), bits(a), "the values that were shared stay");
    let mut sum = a.clone();
    sum += b.clone();
    assert_eq!(bits(&sum), add);
}

#[test]
fn names_made_apart_may_be_equal() {
    let (a, b) = (params(&["w"], 1), params(&["w"], 2));
    assert_eq!(bits(&(&a - &b)), bits(&a.zip(&b, |a, b| a.zip(b, |a, b| a - b))));
}

fn loss<'t>(w: &Params<Var<'t>>) -> Var<'t> {
    ((w["w"] * w["b"]).tanh() + w["w"].square()).sum()
}

/// Two steps of gradient descent, and the gradients of the loss after them: by operators, or value by value.
fn steps(by_operators: bool) -> Vec<Vec<Vec<u32>>> {
    let tape = Tape::new();
    let start = both()[0].on(&tape);
    let mut fast = start.clone();
    for _ in 0..2 {
        fast = if by_operators {
            &fast - loss(&fast).grads(&fast) * 0.1
        } else {
            fast.zip(&fast.with_values(loss(&fast).grads(fast.values())), |w, g| *w - *g * 0.1)
        };
    }
    let last = loss(&fast);
    let recorded =
        if by_operators { last.grads(&start) } else { start.with_values(last.grads(start.values())) };
    let (fast, recorded) = (fast.arrays(), recorded.arrays());
    let constants =
        if by_operators { last.backward(&start) } else { start.with_values(last.backward(start.values())) };
    [fast, recorded, constants].iter().map(bits).collect()
}

#[test]
fn gradients_are_parameters_with_the_bits_of_lists() {
    assert_eq!(steps(true), steps(false));
    let tape = Tape::new();
    let [w, u] = both().map(|x| x.on(&tape));
    let y = w["w"] * w["b"] + u["w"];
    let all = y.vjp(&w, u["b"]);
    assert_eq!(all.names(), w.names());
    assert_eq!(bits(&all.arrays()), bits(&w.with_values(y.vjp(w.values(), u["b"])).arrays()));
    let constant = loss(&w).constant_grads(&w).arrays();
    let again = loss(&w).grads(&w).arrays();
    assert_eq!(bits(&constant), bits(&again));
}

#[test]
fn arithmetic_of_variables_is_that_of_variables() {
    let tape = Tape::new();
    let [a, b] = &both().map(|x| x.on(&tape));
    let bits = |x: Params<Var<'_>>| bits(&x.arrays());
    assert_eq!(bits(a + b), bits(a.zip(b, |a, b| *a + *b)));
    assert_eq!(bits(a.clone() - b), bits(a.zip(b, |a, b| *a - *b)));
    assert_eq!(bits(a * b.clone()), bits(a.zip(b, |a, b| *a * *b)));
    assert_eq!(bits(a + 0.3), bits(a.map(|a| *a + 0.3)));
    assert_eq!(bits(a.clone() - 0.3), bits(a.map(|a| *a - 0.3)));
    assert_eq!(bits(a * 0.3), bits(a.map(|a| *a * 0.3)));
    assert_eq!(bits(a.clone() / 0.3), bits(a.map(|a| *a / 0.3)));
}

thread_local! {
    /// What a panic of this thread says, and the line that it names.
    static SEEN: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// The message of the panic of `f`, and the file that it names.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> (String, String) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // other tests of this program keep what panics say
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let message = info.payload().downcast_ref::<String>().cloned().unwrap_or_default();
            let file = info.location().map(|place| place.file().to_owned()).unwrap_or_default();
            SEEN.set(Some((message, file)));
            before(info);
        }));
    });
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "nothing panicked");
    SEEN.take().expect("the hook has seen it")
}

#[test]
fn a_mismatch_is_named_at_the_callers_line() {
    let here = |seen: (String, String), words: &str| {
        assert!(seen.0.contains(words), "{seen:?}");
        assert!(seen.1.ends_with("params.rs"), "{seen:?}");
    };
    let (a, other) = (params(&["w", "b"], 1), params(&["w", "bias", "x"], 1));
    let names = r#"the names "b" and "bias" differ"#;
    here(panic_of(|| &a + &other), names);
    here(panic_of(|| a.clone() - other.clone()), names);
    here(panic_of(|| a.clone() * &other), names);
    let mut sum = a.clone();
    here(panic_of(|| sum += &other), names);
    here(panic_of(|| sum += other.clone()), names);
    here(panic_of(|| &a + params(&["w"], 1)), "Params: 2 and 1 values differ");
    let wide = a.map(|_| Array::zeros(&[3]));
    here(panic_of(|| &a - &wide), "zip: [2, 3] and [3] differ");
    let tape = Tape::new();
    let [a, other] = [a, other].map(|x| x.on(&tape));
    here(panic_of(|| &a - &other), names);
    here(panic_of(|| &a - a.map(|_| tape.var(&Array::zeros(&[4])))), "[4]");
    here(panic_of(|| a["w"].grads(&a)), "grads: the output has shape [2, 3]");
    here(panic_of(|| a["w"].backward(&a)), "backward: the output has shape [2, 3]");
}
