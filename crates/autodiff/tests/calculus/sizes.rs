//! Sizes near the limits of numbers and of memory, and images without pixels: refused at the caller's line, never wrapped around.

use fewshot_autodiff::{Activation, Array, Conv, ConvBlock, ConvLayer, Padding, Pool, Program, Tape, Var};

use crate::panics::panic_of;

/// As many elements as no machine holds, and as no number counts twice.
const VAST: usize = 1 << 59;
const HUGE: usize = 1 << 62;
const MAX: usize = usize::MAX;

#[track_caller]
fn assert_refused<R>(name: &str, words: &str, f: impl FnOnce() -> R) {
    let seen = panic_of(f).unwrap_or_else(|| panic!("{name} is taken"));
    assert!(seen.message.contains(words), "{name}: {seen:?} instead of {words}");
    assert!(seen.file.ends_with("sizes.rs"), "{name} names a line of {}", seen.file);
}

fn ignore<R>(_: R) {}

/// What is refused, with which words.
type Case<'a> = (&'static str, &'static str, Box<dyn Fn() + 'a>);

const COUNTED: &str = "more elements than can be counted";
const MEMORY: &str = "more memory than there is";

#[test]
fn shapes_whose_elements_cannot_be_counted_are_refused() {
    let four = || vec![1f32; 4];
    let shapes: [&[usize]; 17] = [
        &[HUGE + 1, 4],
        &[4, HUGE + 1],
        &[HUGE, 4],
        &[MAX],
        &[MAX, 1],
        &[MAX, 2],
        &[MAX, MAX],
        &[MAX, 0],
        &[0, MAX],
        &[1 << 32, 1 << 32],
        &[1 << 32, 0, 1 << 32],
        &[(1 << 32) + 1, 1 << 32],
        &[HUGE, 0, 4],
        &[1 << 60, 1],
        &[1 << 31, 1 << 31, 1 << 31],
        &[2, 2, 2, 2, 2, 2, 2, 1 << 58],
        &[1 << 21, 1 << 21, 1 << 22, 0],
    ];
    let x = Array::new(&[4], four());
    for shape in shapes {
        let name = format!("{shape:?}");
        assert_refused(&name, COUNTED, || Array::new(shape, four()));
        assert_refused(&name, COUNTED, || Array::<f32>::new(shape, Vec::new()));
        assert_refused(&name, COUNTED, || Array::<f32>::zeros(shape));
        assert_refused(&name, COUNTED, || Array::full(shape, 1.0_f64));
        assert_refused(&name, COUNTED, || Array::from_fn(shape, |i| i as f32));
        assert_refused(&name, COUNTED, || x.reshape(shape));
        let tape = Tape::new();
        let x = tape.var(&x);
        assert_refused(&name, COUNTED, || x.reshape(shape));
        assert_refused(&name, COUNTED, || Program::<f32>::record(|tape| vec![tape.input(shape)]));
        if !shape.contains(&0) && shape.last() != Some(&4) {
            assert_refused(&name, "", || x.broadcast_to(shape));
        }
    }
}

#[test]
fn arrays_that_memory_does_not_hold_are_refused() {
    for shape in [&[VAST][..], &[1 << 50], &[1 << 29, 1 << 29], &[1 << 20, 1 << 20, 1 << 10]] {
        let name = format!("{shape:?}");
        assert_refused(&name, MEMORY, || Array::<f32>::zeros(shape));
        assert_refused(&name, MEMORY, || Array::<f64>::ones(shape));
        assert_refused(&name, MEMORY, || Array::<f64>::from_fn(shape, |_| 0.0));
        let tape = Tape::<f32>::new();
        assert_refused(&name, MEMORY, || tape.scalar(1.0).broadcast_to(shape));
    }
}

#[test]
fn operators_do_not_wrap_around() {
    let tape = Tape::<f32>::new();
    let zeros = |shape: &[usize]| tape.var(&Array::zeros(shape));
    let (x, image) = (zeros(&[2, 3]), zeros(&[1, 4, 4, 2]));
    let (long, wide, tall) = (zeros(&[1 << 40, 0]), zeros(&[0, 1 << 40]), zeros(&[1 << 40, 0, 1]));
    let weight = zeros(&[3, 3, 2, 1]);
    let conv = |padding| Conv { stride: [1, 1], padding };
    let no_images = zeros(&[0, 1 << 20, 1 << 20, 1]);
    let program = Program::<f32>::record(|tape| vec![tape.input(&[8]) * 2.0]);
    let cases: Vec<Case<'_>> = vec![
        ("matmul", COUNTED, Box::new(|| ignore(long.matmul(wide)))),
        ("matmul_nt", COUNTED, Box::new(|| ignore(long.matmul_nt(long)))),
        ("matmul_tn", COUNTED, Box::new(|| ignore(wide.matmul_tn(wide)))),
        ("squared_distances", COUNTED, Box::new(|| ignore(long.squared_distances(long)))),
        ("cosine_similarity", MEMORY, Box::new(|| ignore(long.cosine_similarity(long)))),
        ("matmul of much", MEMORY, Box::new(|| ignore(zeros(&[1 << 25, 0]).matmul(zeros(&[0, 1 << 25]))))),
        ("add", COUNTED, Box::new(|| ignore(tall + zeros(&[0, 1 << 40])))),
        ("maximum", COUNTED, Box::new(|| ignore(tall.maximum(zeros(&[0, 1 << 40]))))),
        ("select", COUNTED, Box::new(|| ignore(tall.select(tall, zeros(&[0, 1 << 40]))))),
        ("pad", COUNTED, Box::new(|| ignore(x.pad(&[(MAX, 1), (0, 0)])))),
        ("pad both", COUNTED, Box::new(|| ignore(x.pad(&[(HUGE, HUGE), (HUGE, HUGE)])))),
        ("pad the second", COUNTED, Box::new(|| ignore(x.pad(&[(0, 0), (1, MAX)])))),
        ("pad much", MEMORY, Box::new(|| ignore(x.pad(&[(0, VAST / 8), (0, 0)])))),
        ("split", "do not add up", Box::new(|| ignore(x.split(1, &[MAX, 4])))),
        ("slice", "leaves axis", Box::new(|| ignore(x.slice(1, MAX - 1..MAX)))),
        ("crop", "leaves axis", Box::new(|| ignore(x.crop(&[0..2, 1..MAX])))),
        ("concat", COUNTED, Box::new(|| ignore(Var::concat(&vec![long; 1 << 20], 0)))),
        ("stack", COUNTED, Box::new(|| ignore(Var::stack(&vec![long; 1 << 20], 2)))),
        ("gather", COUNTED, Box::new(|| ignore(zeros(&[0, 1, 1 << 40]).gather(1, &vec![0; 1 << 20])))),
        ("scatter_add", COUNTED, Box::new(|| ignore(x.scatter_add(0, &[0, 1], MAX)))),
        ("scatter_add far", COUNTED, Box::new(|| ignore(x.scatter_add(1, &[0, 1, 2], HUGE)))),
        ("scatter_add much", MEMORY, Box::new(|| ignore(x.scatter_add(1, &[0, 1, 2], VAST / 8)))),
        ("one_hot", COUNTED, Box::new(|| ignore(tape.one_hot(&[1, 0], MAX)))),
        ("one_hot of none", COUNTED, Box::new(|| ignore(tape.one_hot(&[], MAX)))),
        ("one_hot much", MEMORY, Box::new(|| ignore(tape.one_hot(&[1, 0], 1 << 50)))),
        ("conv2d padded", "2^31 pixels", Box::new(|| ignore(image.conv2d(weight, conv(Padding::all(MAX)))))),
        (
            "conv2d padded far",
            "2^31 pixels",
            Box::new(|| ignore(image.conv2d(weight, conv(Padding::all(1 << 32))))),
        ),
        (
            "max_pool padded",
            "without a pixel",
            Box::new(|| {
                ignore(image.max_pool(Pool { padding: Padding::all(1 << 10), ..Pool::valid(2) }));
            }),
        ),
        ("avg_pool", "does not fit", Box::new(|| ignore(image.avg_pool(Pool::valid(MAX))))),
        ("avg_pool same", "2^31 pixels", Box::new(|| ignore(image.avg_pool(Pool::same(MAX))))),
        (
            "conv2d of no images",
            "2^31 pixels",
            Box::new(|| ignore(no_images.conv2d(zeros(&[1, 1, 1, 1]), conv(Padding::Valid)))),
        ),
        ("output_size", "", Box::new(|| ignore(conv(Padding::all(MAX)).output_size([3, 3], [1, 1])))),
        ("output_size same", "", Box::new(|| ignore(conv(Padding::Same).output_size([MAX, 3], [MAX, 2])))),
        ("together", COUNTED, Box::new(|| ignore(program.batched(MAX)))),
        ("together far", MEMORY, Box::new(|| ignore(program.batched(VAST / 8)))),
    ];
    for (name, words, case) in &cases {
        assert_refused(name, words, case);
    }
}

#[test]
fn large_strides_and_sizes_of_nothing_are_taken() {
    let tape = Tape::<f32>::new();
    let image = tape.var(&Array::from_fn(&[2, 4, 4, 1], |i| i as f32));
    let weight = tape.var(&Array::ones(&[2, 2, 1, 1]));
    let far = Conv { stride: [MAX, MAX], padding: Padding::Same };
    assert_eq!(image.conv2d(weight, far).value().data(), [0.0 + 1.0 + 4.0 + 5.0, 16.0 + 17.0 + 20.0 + 21.0]);
    let pool = Pool { size: [2, 2], stride: [MAX, 1 << 62], padding: Padding::Valid };
    assert_eq!(image.max_pool(pool).value().data(), [5.0, 21.0]);
    let none = Array::<f32>::zeros(&[1 << 40, 0, 1 << 10]);
    assert_eq!((none.len(), none.reshape(&[0]).shape().len()), (0, 1));
    assert_eq!(tape.var(&none).permute(&[2, 0, 1]).shape(), [1 << 10, 1 << 40, 0]);
    assert_eq!(tape.var(&none).sum().item(), 0.0);
    let no_images = tape.var(&Array::zeros(&[0, 4, 4, 1]));
    assert_eq!(no_images.conv2d(weight, Conv::default()).shape(), [0, 3, 3, 1]);
}

/// Panics that name what is wrong with images, windows and strides, of every operator on images.
#[test]
fn images_without_pixels_and_windows_that_do_not_move_are_refused() {
    let tape = Tape::<f32>::new();
    let zeros = |shape: &[usize]| tape.var(&Array::zeros(shape));
    let weight = |c: usize| zeros(&[3, 3, c, 2]);
    let same = Conv { stride: [1, 1], padding: Padding::Same };
    let images: [(&[usize; 4], &str); 4] = [
        (&[2, 0, 5, 1], "[2, 0, 5, 1] [n, h, w, c] have no pixels"),
        (&[2, 5, 0, 1], "[2, 5, 0, 1] [n, h, w, c] have no pixels"),
        (&[2, 0, 0, 1], "[2, 0, 0, 1] [n, h, w, c] have no pixels"),
        (&[2, 5, 5, 0], "[2, 5, 5, 0] [n, h, w, c] have no channels"),
    ];
    for padding in [Padding::Same, Padding::all(1), Padding::Valid] {
        let (conv, pool) = (Conv { padding, ..same }, Pool { padding, ..Pool::same(3) });
        let layer = ConvLayer { conv, activation: Activation::Relu, pool: None };
        let block = ConvBlock { conv, eps: 1e-3, activation: Activation::Relu, pool: None };
        for (shape, words) in images {
            let (x, w) = (zeros(shape), weight(shape[3]));
            assert_refused("conv2d", &format!("conv2d: images {words}"), || x.conv2d(w, conv));
            assert_refused("conv_layer", &format!("conv_layer: images {words}"), || {
                x.conv_layer(w, None, layer)
            });
            assert_refused("conv_block", &format!("conv_block: images {words}"), || {
                x.conv_block(w, None, None, block)
            });
            assert_refused("max_pool", &format!("max_pool: images {words}"), || x.max_pool(pool));
            assert_refused("avg_pool", &format!("avg_pool: images {words}"), || x.avg_pool(pool));
            assert_refused("global_avg_pool", &format!("global_avg_pool: images {shape:?}"), || {
                x.global_avg_pool()
            });
            assert_refused("instance_norm", &format!("instance_norm: images {shape:?}"), || {
                x.instance_norm(None, None, 1e-3)
            });
            assert_refused("batch_norm", &format!("batch_norm: {shape:?}"), || {
                x.batch_norm(None, None, 1e-3, Activation::Relu)
            });
        }
    }
    let (x, w) = (zeros(&[2, 5, 5, 1]), weight(1));
    let still = Conv { stride: [1, 0], padding: Padding::Same };
    let stands = Pool { size: [2, 2], stride: [0, 2], padding: Padding::Same };
    let block = |conv, pool| ConvBlock { conv, eps: 1e-3, activation: Activation::Relu, pool };
    let layer = |conv, pool| ConvLayer { conv, activation: Activation::Relu, pool };
    assert_refused("conv2d", "conv2d: stride [1, 0] does not move", || x.conv2d(w, still));
    assert_refused("conv_layer", "conv_layer: stride [1, 0]", || x.conv_layer(w, None, layer(still, None)));
    assert_refused("conv_block", "conv_block: stride [1, 0]", || {
        x.conv_block(w, None, None, block(still, None))
    });
    assert_refused("output_size", "Conv: stride [1, 0]", || still.output_size([5, 5], [3, 3]));
    assert_refused("output_size", "Conv: images [1, 0, 5, 1]", || same.output_size([0, 5], [3, 3]));
    assert_refused("pool output_size", "Pool: stride [0, 2]", || stands.output_size([5, 5]));
    assert_refused("pool output_size", "Pool: images [1, 5, 0, 1]", || Pool::same(2).output_size([5, 0]));
    assert_refused("pool output_size", "Pool: a window of [6, 6]", || Pool::valid(6).output_size([5, 7]));
    for pool in
        [Pool::valid(2), Pool::same(2), Pool { stride: [1, 2], padding: Padding::all(1), ..Pool::same(3) }]
    {
        assert_eq!(x.max_pool(pool).shape()[1..3], pool.output_size([5, 5]));
    }
    for padding in [Padding::Same, Padding::Valid] {
        let stands = Pool { padding, ..stands };
        let none = Pool { size: [0, 0], stride: [0, 0], padding };
        assert_refused("max_pool", "max_pool: stride [0, 2] does not move", || x.max_pool(stands));
        assert_refused("avg_pool", "avg_pool: stride [0, 2] does not move", || x.avg_pool(stands));
        for pool in [stands, none] {
            let words = format!("max_pool: stride {:?} does not move", pool.stride);
            assert_refused("conv_layer", &words, || x.conv_layer(w, None, layer(same, Some(pool))));
            assert_refused("conv_block", &words, || x.conv_block(w, None, None, block(same, Some(pool))));
        }
        let empty = Pool { size: [0, 2], stride: [1, 1], padding };
        assert_refused("max_pool", "max_pool: a window of [0, 2] holds no pixel", || x.max_pool(empty));
    }
    assert_refused("conv2d", "a window of [0, 3] holds no pixel", || x.conv2d(zeros(&[0, 3, 1, 2]), same));
    assert_refused("conv2d", "weights [3, 3, 1, 0] have no output channels", || {
        x.conv2d(zeros(&[3, 3, 1, 0]), same)
    });
}
