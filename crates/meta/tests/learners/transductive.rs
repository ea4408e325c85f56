//! Transductive heads: closed forms through the public interface, symmetry, what is saved and refused.

use crate::common::{Blobs, WAYS};
use fewshot_autodiff::Array;
use fewshot_episodes::Tasks;
use fewshot_meta::{
    Checkpoint, Examples, FeatureHead, HeadKind, Labels, Learner, Runner, Task, Tim, TimSolver, Transductive,
    TransductiveHead, Transform, Width, evaluate, save_predictor,
};

fn kinds() -> [Transductive; 6] {
    [
        Transductive::rectified(),
        Transductive::label_propagation(),
        Transductive::laplacian_shot(),
        Transductive::LaplacianShot { lambda: 0.3, neighbours: 3, rectified: false },
        Transductive::tim(),
        Transductive::Tim(Tim { steps: 200, solver: TimSolver::Adam { rate: 1e-3 }, ..Tim::default() }),
    ]
}

fn heads() -> Vec<TransductiveHead> {
    let centred = Transform::CentredUnitLength { centre: vec![0.1; 6] };
    let transforms = [Transform::Plain, Transform::UnitLength, centred];
    kinds()
        .into_iter()
        .flat_map(|kind| transforms.clone().map(|transform| TransductiveHead::new(kind, transform)))
        .collect()
}

fn task<F: fewshot_autodiff::Float>() -> Task<Array<F>> {
    Task::from(&Blobs { shots: [1, 3, 2], ..Blobs::new(1) }.episode(0))
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() <= within), "{a:?} {b:?}");
}

#[test]
fn without_neighbours_laplacian_shot_is_nearest_mean() {
    let task = task::<f64>();
    let kind = Transductive::LaplacianShot { lambda: 0.0, neighbours: 2, rectified: false };
    let together = TransductiveHead::new(kind, Transform::UnitLength);
    let alone = FeatureHead::new(HeadKind::NearestMean, Transform::UnitLength);
    let [a, b] = [&together as &dyn Learner<f64>, &alone]
        .map(|head| head.adapt(&head.init(1), &task.support).predict(&task.query.x));
    close(a.data(), b.data(), 1e-14);
}

#[test]
fn labels_propagate_as_by_hand_over_a_complete_graph() {
    // one support example of each class and one query, all alike: F = (I - S / 2)^-1 Y with S = 1/3 everywhere
    let kind = Transductive::LabelPropagation { width: Width::Fixed(1e9), neighbours: 20, alpha: 0.5 };
    let head = TransductiveHead::new(kind, Transform::Plain);
    let support = Examples::new(Array::new(&[2, 1], vec![0.0, 1.0]), Labels::Classes(vec![0, 1]));
    let query = Array::new(&[1, 1], vec![0.2]);
    let logits = head.adapt(&head.init(1), &support).predict(&query);
    close(logits.data(), &[1.0 / 3.0, 1.0 / 3.0], 1e-15);
    close(head.probabilities(&support, &query).data(), &[0.5, 0.5], 1e-15);
}

#[test]
fn relabelling_classes_permutes_columns() {
    let (task, other) = (task::<f64>(), [2, 0, 1]);
    let Labels::Classes(classes) = &task.support.y else { panic!("these are classes") };
    let relabelled = classes.iter().map(|&class| other[class]).collect();
    let relabelled = Examples::new(task.support.x.clone(), Labels::Classes(relabelled));
    for head in heads() {
        let p = head.probabilities(&task.support, &task.query.x);
        let moved = head.probabilities(&relabelled, &task.query.x);
        let back: Vec<f64> = (0..p.len()).map(|i| moved.data()[i / 3 * 3 + other[i % 3]]).collect();
        close(p.data(), &back, 1e-9);
        for row in p.data().chunks(WAYS) {
            close(&[row.iter().sum()], &[1.0], 1e-12);
        }
    }
}

#[test]
fn the_order_of_queries_changes_the_order_of_answers_alone() {
    let task = task::<f64>();
    let m = task.query.y.len();
    let reversed = Array::from_fn(&[m, 6], |i| task.query.x.data()[(m - 1 - i / 6) * 6 + i % 6]);
    for head in heads() {
        let p = head.probabilities(&task.support, &task.query.x);
        let moved = head.probabilities(&task.support, &reversed);
        let back: Vec<f64> = (0..p.len()).map(|i| moved.data()[(m - 1 - i / 3) * 3 + i % 3]).collect();
        close(p.data(), &back, 1e-9);
    }
}

#[test]
fn an_answer_depends_on_the_other_queries_of_the_call() {
    let task = task::<f64>();
    let first = Array::new(&[1, 6], task.query.x.data()[..6].to_vec());
    for head in heads() {
        let predictor = head.adapt(&head.init(1), &task.support);
        let (alone, together) = (predictor.predict(&first), predictor.predict(&task.query.x));
        assert_ne!(alone.data(), &together.data()[..3], "{head:?}");
        assert_eq!(predictor.predict(&first), alone);
    }
}

#[test]
fn queries_help_where_one_shot_says_little() {
    let tasks = Blobs { shots: [1; WAYS], queries: 15, ..Blobs::new(3) };
    let accuracy = |head: &dyn Learner<f64>| evaluate(head, &head.init(1), &tasks, 100).unwrap().mean;
    let alone = accuracy(&FeatureHead::new(HeadKind::NearestMean, Transform::UnitLength));
    // as many neighbours as are surely of one class
    let few = Transductive::LabelPropagation { width: Width::Relative(0.2), neighbours: 5, alpha: 0.99 };
    let settings = kinds().map(|kind| if kind == Transductive::label_propagation() { few } else { kind });
    for kind in settings {
        let together = accuracy(&TransductiveHead::new(kind, Transform::UnitLength));
        assert!(together > alone + 0.005, "{kind:?}: {together} {alone}");
    }
}

#[test]
fn a_transductive_head_comes_back_from_a_file_with_its_bits() {
    let (task, folder) = (task::<f32>(), tempfile::tempdir().unwrap());
    let path = folder.path().join("predictor.safetensors");
    for head in heads() {
        let predictor = head.adapt(&head.init(1), &task.support);
        save_predictor(&path, &*predictor, &Default::default()).unwrap();
        let again = Checkpoint::read(&path).unwrap().predictor::<f32>(&head).unwrap();
        assert_eq!(again.predict(&task.query.x), predictor.predict(&task.query.x), "{head:?}");
        assert_eq!(again.state(), predictor.state(), "{head:?}");
        assert_eq!(head.probabilities(&task.support, &task.query.x), predictor.probabilities(&task.query.x));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let task = task::<f64>();
    let refused = |kind, named: &str| {
        let head = TransductiveHead::new(kind, Transform::Plain);
        let error = head.try_adapt(&head.init(1), &task.support).err().expect("it does not fit").to_string();
        assert!(error.contains(named), "{named}: {error}");
    };
    refused(Transductive::Rectified { scale: 0.0 }, "the scale of the head is 0");
    let graph = |width, neighbours, alpha| Transductive::LabelPropagation {
        width: Width::Fixed(width),
        neighbours,
        alpha,
    };
    refused(graph(0.0, 20, 0.9), "the width of the head is 0");
    refused(graph(1.0, 0, 0.9), "the number of neighbours of the head is 0");
    refused(graph(1.0, 20, 1.0), "the alpha of the head is 1");
    refused(
        Transductive::LaplacianShot { lambda: -0.1, neighbours: 2, rectified: true },
        "the lambda of the head",
    );
    refused(Transductive::Tim(Tim { lambda: 0.0, ..Tim::default() }), "the lambda of the head is 0");
    // another head, and a damaged support
    let own = TransductiveHead::new(Transductive::tim(), Transform::Plain);
    let state = own.adapt(&own.init(1), &task.support).state().unwrap();
    let other = TransductiveHead::new(Transductive::rectified(), Transform::Plain);
    assert!(other.restore(&state).err().unwrap().to_string().contains("its head is Tim"));
    let mut damaged = state;
    damaged.memory = damaged.memory.map(|array| array.map(|x| 2.0 * x));
    assert!(own.restore(&damaged).err().unwrap().to_string().contains("has no support example"));
}

#[test]
fn a_transductive_head_is_not_trained() {
    let head = TransductiveHead::new(Transductive::tim(), Transform::UnitLength);
    let error =
        Runner::new(&head).try_meta_gradient(&Learner::<f32>::init(&head, 1), &Blobs::new(1), 0..2, 1);
    assert!(error.expect_err("there is nothing to train").to_string().contains("nothing to train"));
}
