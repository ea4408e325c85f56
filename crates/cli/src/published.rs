//! The defaults against the published tables.

use crate::choices::{Norm, Order, Pull, Rotations, Split, Twin};
use crate::method::{Inner, Method, Steps, Tuning};
use crate::outer::{Decay, Outer};
use crate::parts::Parts;
use crate::settings::Settings;
use crate::shots::Shots;
use fewshot_meta::{Checkpointing, Leo};
use fewshot_nn::Clip;

fn resolved(text: &str) -> Settings {
    Settings::resolve(&toml::from_str(text).unwrap()).unwrap()
}

fn omniglot(algorithm: &str, ways: usize, shots: usize) -> Settings {
    resolved(&format!("algorithm = '{algorithm}'\nways = {ways}\nshots = {shots}\ndata = 'omniglot:x'"))
}

fn inner(lr: f64, train: usize, eval: usize) -> Inner {
    Inner { lr, steps: Steps { train, eval } }
}

fn maml(lr: f64, train: usize, eval: usize) -> Method {
    Method::Maml { inner: inner(lr, train, eval), order: Order::Second, memory: Checkpointing::Keep }
}

#[test]
fn maml_as_published() {
    let twenty = omniglot("maml", 20, 1);
    assert_eq!((twenty.method, twenty.meta_batch, twenty.iterations), (maml(2.0, 5, 5), 16, 60_000));
    let five = omniglot("maml", 5, 5);
    assert_eq!((five.method, five.meta_batch, five.queries), (maml(2.0, 1, 3), 32, 5));
    assert_eq!((five.outer, five.outer_lr, five.decay), (Outer::Adam, 1e-3, Decay::Constant));
    let classes = five.classes.unwrap();
    assert_eq!((classes.norm, classes.rotations), (Norm::Batch, Rotations::PerClass));
    let sinusoid = resolved("data = 'sinusoid'");
    assert_eq!((sinusoid.method, sinusoid.meta_batch, sinusoid.shots), (maml(0.01, 1, 1), 25, 10));
    assert_eq!((sinusoid.iterations, sinusoid.classes), (70_000, None));
}

#[test]
fn variants_of_maml_as_published() {
    assert_eq!(omniglot("fomaml", 20, 1).method, Method::Fomaml { inner: inner(2.0, 5, 5) });
    let anil = omniglot("anil", 20, 5);
    assert_eq!(anil.method, Method::Anil { inner: inner(2.0, 5, 10), order: Order::Second });
    assert_eq!(anil.meta_batch, 16);
    let sgd = omniglot("meta-sgd", 20, 1);
    let steps = Steps { train: 1, eval: 1 };
    assert_eq!(sgd.method, Method::MetaSgd { steps, order: Order::Second, memory: Checkpointing::Keep });
}

#[test]
fn reptile_as_published() {
    for (ways, shots, batch, lr, steps, iterations, eval_batch) in
        [(5, 1, 10, 1e-3, 5, 100_000, 5), (5, 5, 10, 1e-3, 5, 100_000, 5), (20, 1, 20, 5e-4, 10, 200_000, 10)]
    {
        let settings = omniglot("reptile", ways, shots);
        let method = Method::Reptile { inner: inner(lr, steps, 50), batch, eval_batch, lanes: 5 };
        assert_eq!((settings.method, settings.meta_batch, settings.iterations), (method, 5, iterations));
        assert_eq!((settings.shots, settings.train_shots, settings.eval_queries), (shots, 10.into(), 1));
        assert_eq!((settings.outer, settings.outer_lr, settings.decay), (Outer::Sgd, 1.0, Decay::Linear));
        assert_eq!(settings.episodes, 10_000);
        let classes = settings.classes.unwrap();
        assert_eq!((classes.rotations, classes.eval_rotations), (Rotations::NewClasses, Rotations::None));
    }
}

#[test]
fn the_lstm_meta_learner_as_published() {
    for (shots, batch, steps, episodes) in [(1, 5, 12, 75_000), (5, 25, 8, 50_000)] {
        let settings = omniglot("lstm-meta-learner", 5, shots);
        let steps = Steps { train: steps, eval: steps };
        assert_eq!(settings.method, Method::LstmMetaLearner { steps, order: Order::First, batch });
        assert_eq!((settings.iterations, settings.meta_batch), (episodes, 1));
        assert_eq!((settings.outer, settings.outer_lr, settings.decay), (Outer::Adam, 1e-3, Decay::Constant));
        assert_eq!(settings.clip, Some(Clip::Norm(0.25)));
        assert_eq!((settings.queries, settings.eval_queries, settings.episodes), (15, 15, 600));
        assert_eq!(settings.classes.unwrap().norm, Norm::Support);
    }
}

#[test]
fn imaml_and_cavia_as_published() {
    for (ways, steps) in [(5, 16), (20, 25)] {
        let settings = omniglot("imaml", ways, 1);
        let (inner, pull) = (inner(0.1, steps, steps), Pull::LastStep);
        let method = Method::Imaml { inner, proximal: 2.0, pull, cg_steps: 5 };
        assert_eq!(method.outer_epsilon(), 1e-3);
        assert_eq!((settings.method, settings.meta_batch, settings.iterations), (method, 32, 20_000));
    }
    let cavia = resolved("algorithm = 'cavia'\ndata = 'sinusoid'");
    let method = Method::Cavia { inner: inner(1.0, 1, 1), order: Order::Second, context: 5 };
    assert_eq!((cavia.method, cavia.meta_batch), (method, 25));
}

#[test]
fn mamlpp_as_published() {
    for ways in [5, 20] {
        let settings = omniglot("mamlpp", ways, 1);
        let parts: Parts = "msl,lslr,bnwb,bnrs,ca".parse().unwrap();
        let (inner, order) = (inner(0.1, 5, 5), Order::Second);
        assert_eq!(settings.method, Method::Mamlpp { inner, order, memory: Checkpointing::Keep, parts });
        assert_eq!((settings.meta_batch, settings.queries, settings.eval_queries), (8, 1, 1));
        assert_eq!((settings.iterations, settings.decay), (50_000, Decay::Cosine));
        assert_eq!(settings.classes.unwrap().rotations, Rotations::NewClasses);
    }
}

#[test]
fn protonet_as_published() {
    let settings = omniglot("protonet", 5, 1);
    assert_eq!((settings.queries, settings.eval_queries, settings.meta_batch), (5, 15, 1));
    assert_eq!((settings.outer_lr, settings.decay), (1e-3, Decay::Halved(2000)));
    let classes = settings.classes.unwrap();
    assert_eq!((classes.train_ways, classes.split), (60, Split::Maml));
    // 200 epochs of 100 episodes
    assert_eq!((settings.validate_every, settings.patience), (Some(500), Some(40)));
    assert_eq!((classes.norm, classes.rotations), (Norm::Running, Rotations::NewClasses));
}

#[test]
fn relation_networks_as_published() {
    for (ways, shots, queries) in [(5, 1, 19), (5, 5, 15), (20, 1, 10), (20, 5, 5)] {
        let settings = omniglot("relation", ways, shots);
        assert_eq!((settings.queries, settings.eval_queries), (queries, queries));
        assert_eq!((settings.iterations, settings.decay), (1_000_000, Decay::Halved(100_000)));
        assert_eq!(settings.clip, Some(Clip::NormApart { limit: 0.5, prefix: "relation" }));
        assert_eq!(settings.classes.unwrap().norm, Norm::Batch);
    }
}

#[test]
fn r2d2_as_published() {
    for (algorithm, shots) in [("r2d2", 1), ("r2d2", 5), ("lrd2", 1)] {
        let settings = omniglot(algorithm, 5, shots);
        let drawn = Shots { least: 1, most: 9 };
        assert_eq!((settings.shots, settings.train_shots, settings.queries), (shots, drawn, 1));
        assert_eq!((settings.outer_lr, settings.decay), (5e-3, Decay::Halved(2000)));
        assert_eq!(settings.classes.unwrap().train_ways, 60);
    }
    // of pictures of one's own as many per class as for the test
    let few = resolved("algorithm = 'r2d2'\nshots = 1\ndata = 'folder:x'");
    assert_eq!((few.train_shots, few.queries, few.eval_queries), (Shots { least: 1, most: 4 }, 1, 4));
}

#[test]
fn pretraining_as_published() {
    for (ways, shots) in [(5, 1), (20, 5)] {
        let settings = omniglot("pretrain", ways, shots);
        let tuning = Tuning { lr: 0.01, steps: 15, decay: 0.0 };
        assert_eq!(settings.method, Method::Pretrain { tuning, batch: Some(64) });
        assert_eq!((settings.iterations, settings.meta_batch, settings.eval_queries), (30_000, 1, 15));
        assert_eq!((settings.outer, settings.outer_lr, settings.decay), (Outer::Adam, 1e-3, Decay::Constant));
        let classes = settings.classes.unwrap();
        assert_eq!((classes.norm, classes.rotations), (Norm::Running, Rotations::NewClasses));
    }
    let settings = resolved("algorithm = 'pretrain'\ndata = 'sinusoid'");
    let tuning = Tuning { lr: 0.01, steps: 1, decay: 0.0 };
    assert_eq!(settings.method, Method::Pretrain { tuning, batch: None });
    assert_eq!((settings.iterations, settings.meta_batch, settings.queries), (70_000, 25, 10));
}

#[test]
fn siamese_networks_as_published() {
    let settings = resolved("algorithm = 'siamese'\nnetwork = 'koch'\ndata = 'omniglot:x'");
    assert_eq!(settings.method, Method::Siamese { network: Twin::Koch, pairs: 128 });
    assert_eq!(settings.classes.as_ref().map(|classes| classes.pictures.size), Some(105));
    assert_eq!((settings.outer, settings.decay, settings.meta_batch), (Outer::Layers, Decay::Epochs, 1));
    let epochs = settings.iterations as f64 * 128.0 / (9.0 * 150_000.0);
    assert!((199.0..=200.0).contains(&epochs), "{epochs}");
    assert_eq!((settings.validate_every, settings.patience), (Some(settings.iterations / 200), Some(20)));
    let classes = settings.classes.unwrap();
    assert_eq!((classes.split, classes.rotations), (Split::Koch, Rotations::None));
    let small = omniglot("siamese", 20, 1);
    assert_eq!(small.method, Method::Siamese { network: Twin::Small, pairs: 128 });
    assert_eq!(
        (small.classes.as_ref().map(|classes| classes.pictures.size), small.outer, small.decay),
        (Some(28), Outer::Adam, Decay::Cosine)
    );
}

#[test]
fn leo_as_published() {
    for (shots, outer_lr, leo) in [(1, 2.739071e-4, Leo::mini_1shot()), (5, 4.102361e-4, Leo::mini_5shot())] {
        let settings =
            resolved(&format!("algorithm = 'leo'\ndata = 'features:x'\nshots = {shots}\nfeature-size = 640"));
        assert_eq!(settings.method, Method::Leo(leo));
        assert_eq!((settings.meta_batch, settings.outer_lr, settings.clip), (12, outer_lr, Some(Leo::CLIP)));
        assert_eq!((settings.queries, settings.eval_queries, settings.iterations), (15, 15, 100_000));
        assert_eq!((leo.latent_steps, leo.fine_tuning_steps), (5, 5));
    }
}
