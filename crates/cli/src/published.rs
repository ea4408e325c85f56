//! The defaults against the published tables.

use fewshot_meta::Leo;

use crate::options::Options;
use crate::settings::Settings;

fn resolved(text: &str) -> Settings {
    Settings::resolve(&Options(text.replace("; ", "\n").parse().unwrap())).unwrap()
}

/// Options on Omniglot unless they name other data, and what is published for them.
const PUBLISHED: &[(&str, &str)] = &[
    // Finn et al. 2017, appendix A.1: rates for N times the mean
    (
        "algorithm = 'maml'; ways = 20; shots = 1",
        "inner-lr = 2.0; inner-steps = 5; eval-steps = 5; meta-batch = 16; iterations = 60000",
    ),
    (
        "algorithm = 'maml'; ways = 5; shots = 5",
        "inner-lr = 2.0; inner-steps = 1; eval-steps = 3; meta-batch = 32; queries = 5; order = 2",
    ),
    (
        "algorithm = 'maml'; ways = 5",
        "outer = 'adam'; outer-lr = 0.001; outer-schedule = 'constant'; norm = 'batch'; rotations = 'per-class'",
    ),
    (
        "data = 'sinusoid'",
        "algorithm = 'maml'; inner-lr = 0.01; inner-steps = 1; eval-steps = 1; meta-batch = 25; shots = 10; iterations = 70000",
    ),
    ("algorithm = 'fomaml'; ways = 20", "inner-lr = 2.0; inner-steps = 5; eval-steps = 5"),
    (
        "algorithm = 'anil'; ways = 20; shots = 5",
        "inner-lr = 2.0; inner-steps = 5; eval-steps = 10; order = 2; meta-batch = 16",
    ),
    ("algorithm = 'meta-sgd'; ways = 20", "inner-steps = 1; eval-steps = 1; order = 2; recompute = false"),
    // Nichol et al. 2018, released commands
    (
        "algorithm = 'reptile'; ways = 5; shots = 5",
        "inner-batch = 10; inner-lr = 0.001; inner-steps = 5; eval-steps = 50; eval-inner-batch = 5; iterations = 100000",
    ),
    (
        "algorithm = 'reptile'; ways = 20",
        "inner-batch = 20; inner-lr = 0.0005; inner-steps = 10; eval-steps = 50; eval-inner-batch = 10; iterations = 200000",
    ),
    (
        "algorithm = 'reptile'; ways = 5",
        "lanes = 5; meta-batch = 5; train-shots = 10; eval-queries = 1; episodes = 10000",
    ),
    (
        "algorithm = 'reptile'; ways = 5",
        "outer = 'sgd'; outer-lr = 1.0; outer-schedule = 'linear'; rotations = 'new-classes'; eval-rotations = 'none'",
    ),
    // Ravi, Larochelle 2017, section 5.1
    (
        "algorithm = 'lstm-meta-learner'; shots = 1",
        "inner-batch = 5; inner-steps = 12; eval-steps = 12; iterations = 75000; meta-batch = 1; order = 1",
    ),
    (
        "algorithm = 'lstm-meta-learner'; shots = 5",
        "inner-batch = 25; inner-steps = 8; eval-steps = 8; iterations = 50000; clip-norm = 0.25; norm = 'support'",
    ),
    (
        "algorithm = 'lstm-meta-learner'",
        "outer = 'adam'; outer-lr = 0.001; outer-schedule = 'constant'; queries = 15; eval-queries = 15; episodes = 600",
    ),
    // Rajeswaran et al. 2019, tables 2 and 3 and released code
    (
        "algorithm = 'imaml'; ways = 5",
        "inner-lr = 0.1; inner-steps = 16; eval-steps = 16; proximal = 2.0; proximal-at = 'last-step'; cg-steps = 5",
    ),
    (
        "algorithm = 'imaml'; ways = 20",
        "inner-lr = 0.1; inner-steps = 25; eval-steps = 25; meta-batch = 32; iterations = 20000",
    ),
    // Zintgraf et al. 2019, section 5.1
    (
        "algorithm = 'cavia'; data = 'sinusoid'",
        "inner-lr = 1.0; inner-steps = 1; eval-steps = 1; order = 2; context = 5; meta-batch = 25",
    ),
    // Antoniou et al. 2019, released configurations
    (
        "algorithm = 'mamlpp'; ways = 20",
        "parts = 'msl,lslr,bnwb,bnrs,ca'; inner-lr = 0.1; inner-steps = 5; eval-steps = 5; recompute = false; order = 2",
    ),
    (
        "algorithm = 'mamlpp'; ways = 5",
        "meta-batch = 8; queries = 1; eval-queries = 1; iterations = 50000; rotations = 'new-classes'",
    ),
    // Snell et al. 2017, section 3.1: 200 epochs of 100 episodes without a better one
    (
        "algorithm = 'protonet'",
        "queries = 5; eval-queries = 15; meta-batch = 1; outer-lr = 0.001; halve-every = 2000; train-ways = 60; split = 'maml'",
    ),
    (
        "algorithm = 'protonet'",
        "validate-every = 500; patience = 40; norm = 'running'; rotations = 'new-classes'",
    ),
    ("algorithm = 'matching'", "distance = 'cosine'; reads = 0; train-ways = 5; queries = 15"),
    // Sung et al. 2018, section 4.1 and released code
    (
        "algorithm = 'relation'; ways = 5; shots = 1",
        "queries = 19; eval-queries = 19; iterations = 1000000; halve-every = 100000; clip-norm = 0.5; norm = 'batch'",
    ),
    ("algorithm = 'relation'; ways = 5; shots = 5", "queries = 15; eval-queries = 15"),
    ("algorithm = 'relation'; ways = 20; shots = 1", "queries = 10; eval-queries = 10"),
    ("algorithm = 'relation'; ways = 20; shots = 5", "queries = 5; eval-queries = 5"),
    // Bertinetto et al. 2019; of pictures of one's own as many per class as for the test
    (
        "algorithm = 'r2d2'; shots = 5",
        "train-shots = '1..9'; queries = 1; outer-lr = 0.005; halve-every = 2000; train-ways = 60",
    ),
    ("algorithm = 'lrd2'", "train-shots = '1..9'; queries = 1; newton-steps = 5"),
    (
        "algorithm = 'r2d2'; shots = 1; data = 'folder:x'",
        "train-shots = '1..4'; queries = 1; eval-queries = 4",
    ),
    // Ravi, Larochelle 2017, section 5.1; Finn et al. 2017, section 5.1
    (
        "algorithm = 'pretrain'; ways = 20; shots = 5",
        "inner-lr = 0.01; eval-steps = 15; decay = 0.0; batch = 64; iterations = 30000; eval-queries = 15",
    ),
    (
        "algorithm = 'pretrain'",
        "outer = 'adam'; outer-lr = 0.001; outer-schedule = 'constant'; norm = 'running'; rotations = 'new-classes'",
    ),
    (
        "algorithm = 'pretrain'; data = 'sinusoid'",
        "inner-lr = 0.01; eval-steps = 1; decay = 0.0; iterations = 70000; meta-batch = 25; queries = 10",
    ),
    // Tian et al. 2020, section 4.1 and released code: 100 epochs of the 38,400 pictures of CIFAR-FS
    (
        "algorithm = 'rfs'; data = 'folder:x'; split = 'cifar-fs'",
        "outer = 'momentum'; outer-lr = 0.05; outer-schedule = 'drops'; weight-decay = 5e-4; batch = 64; epochs = 100; iterations = 60000",
    ),
    (
        "algorithm = 'rfs'; data = 'folder:x'; split = 'fc100'; shots = 5",
        "image-size = 32; colour = 'rgb'; augment = 'cifar'; copies = 5; head = 'logistic'; eval-queries = 15; episodes = 600",
    ),
    // Wang et al. 2019, section 3; Snell et al. 2017, section 3.2
    (
        "algorithm = 'simpleshot'; data = 'folder:x'; split = 'cifar-fs'",
        "head = 'nearest-mean'; copies = 0; augment = 'cifar'",
    ),
    (
        "algorithm = 'protonet'; data = 'folder:x'; split = 'cifar-fs'",
        "image-size = 32; colour = 'rgb'; train-ways = 30; queries = 15; eval-queries = 15; halve-every = 2000",
    ),
    // Koch et al. 2015, section 3: 200 epochs of 150,000 pairs and eight distorted copies of each
    (
        "algorithm = 'siamese'; network = 'koch'",
        "batch = 128; image-size = 105; outer = 'layers'; outer-schedule = 'epochs'; meta-batch = 1; iterations = 2109375",
    ),
    (
        "algorithm = 'siamese'; network = 'koch'",
        "validate-every = 10546; patience = 20; split = 'koch'; rotations = 'none'",
    ),
    (
        "algorithm = 'siamese'",
        "network = 'small'; batch = 128; image-size = 28; outer = 'adam'; outer-schedule = 'cosine'",
    ),
    // Santoro et al. 2016, sections 3 and 4: 100,000 sequences in batches of 16
    (
        "algorithm = 'mann'; ways = 5",
        "memory = 'external'; names = 'numbers'; per-class = 10; batch = 8; meta-batch = 2; image-size = 20; iterations = 6250",
    ),
    ("algorithm = 'mann'; ways = 15", "names = 'strings'; per-class = 10"),
    // Rusu et al. 2019, appendix
    (
        "algorithm = 'leo'; data = 'features:x'; shots = 1",
        "outer-lr = 2.739071e-4; clip-value = 0.1; clip-norm = 0.1; meta-batch = 12; queries = 15; iterations = 100000",
    ),
    (
        "algorithm = 'leo'; data = 'features:x'; shots = 5",
        "outer-lr = 4.102361e-4; latent-steps = 5; fine-tuning-steps = 5; eval-queries = 15",
    ),
];

#[test]
fn defaults_are_as_published() {
    for (set, published) in PUBLISHED {
        let data = if set.contains("data =") { "" } else { "; data = 'omniglot:x'" };
        let settings = resolved(&format!("{set}{data}"));
        let published = Options(published.replace("; ", "\n").parse().unwrap());
        for (name, value) in &published.0 {
            assert_eq!(settings.options.get(name), Some(value), "{name}: {set}");
        }
    }
}

#[test]
fn mamlpp_without_annealing_has_a_constant_rate() {
    use crate::outer::Decay;
    assert_eq!(resolved("algorithm = 'mamlpp'").decay, Decay::Cosine);
    assert_eq!(resolved("algorithm = 'mamlpp'; parts = 'msl,da'").decay, Decay::Constant);
}

#[test]
fn leo_has_the_weights_of_the_library() {
    for (shots, leo) in [(1, Leo::mini_1shot()), (5, Leo::mini_5shot())] {
        let settings = resolved(&format!("algorithm = 'leo'; data = 'features:x'; shots = {shots}"));
        let given = ["dropout", "kl-weight", "encoder-weight", "l2-weight", "orthogonality-weight"];
        let weights =
            [leo.dropout, leo.kl_weight, leo.encoder_weight, leo.l2_weight, leo.orthogonality_weight];
        assert_eq!(given.map(|name| settings.number(name)), weights);
        assert_eq!(
            [settings.count("latent-steps"), settings.count("fine-tuning-steps")],
            [leo.latent_steps, leo.fine_tuning_steps]
        );
    }
}

#[test]
fn options_survive_as_they_are_written() {
    let sets = include_str!("../tests/golden/sets.txt");
    for set in sets.lines() {
        let Ok(settings) = Settings::resolve(&Options(set.replace("; ", "\n").parse().unwrap())) else {
            continue;
        };
        let again = Settings::resolve(&settings.options()).unwrap();
        assert_eq!(again.options(), settings.options(), "{set}");
    }
}
