//! What adapting holds in memory: only second-order training keeps the record of its steps.

use crate::common::{Blobs, FEATURES, Net, WAYS};
use fewshot_autodiff::buffer_pool_use;
use fewshot_episodes::{Purpose, Tasks, stream};
use fewshot_meta::{Learner, Maml, Order, ProtoNet, Reptile, Runner, Task};
use fewshot_nn::Mlp;

/// Most bytes in use at a time on a thread of its own.
fn peak(work: impl FnOnce() + Send + 'static) -> usize {
    let thread = std::thread::spawn(|| {
        work();
        buffer_pool_use::<f64>().peak
    });
    thread.join().expect("the work does not panic")
}

fn learner(steps: usize, order: Order) -> Maml<Net> {
    Maml { train_steps: steps, eval_steps: steps, order, ..Maml::new(Net::normed()) }
}

fn task() -> Task<f64> {
    Task::from(&Blobs { shots: [700; 3], ..Blobs::new(1) }.episode(0))
}

fn training(steps: usize, order: Order) -> usize {
    peak(move || {
        let learner = learner(steps, order);
        let meta = learner.init(0);
        learner.meta_gradient(&meta, &task(), stream(0, Purpose::Dropout, 0));
    })
}

fn adapting(steps: usize) -> usize {
    peak(move || {
        let learner = learner(steps, Order::Second);
        learner.adapt(&learner.init(0), &task().support);
    })
}

#[test]
fn memory_grows_with_the_steps_for_the_second_order_only() {
    let [one, many] = [1, 16].map(|steps| training(steps, Order::Second));
    assert!(many > 5 * one, "second order: {one} and {many} bytes");
    let [one, many] = [1, 16].map(|steps| training(steps, Order::First));
    assert!(many < one + one / 4, "first order: {one} and {many} bytes");
    let [one, many] = [1, 16].map(adapting);
    assert!(many < one + one / 20, "adapting: {one} and {many} bytes");
}

#[test]
fn adapting_keeps_no_weights_of_earlier_steps() {
    fn adapting(learner: impl Learner<f64> + 'static) -> usize {
        peak(move || drop(learner.adapt(&learner.init(0), &Task::from(Blobs::new(1).episode(0)).support)))
    }
    let wide = || Mlp::new(&[FEATURES, 1000, WAYS]);
    let maml = [2, 30].map(|eval_steps| adapting(Maml { eval_steps, ..Maml::new(wide()) }));
    let reptile = [2, 30].map(|eval_steps| adapting(Reptile { eval_steps, ..Reptile::new(wide()) }));
    for [few, many] in [maml, reptile] {
        assert!(many < few + few / 5, "2 steps {few} bytes, 30 steps {many}");
    }
}

#[test]
fn shapes_that_take_turns_share_their_memory() {
    let turns = |shots: &'static [usize]| {
        peak(move || {
            let learner = ProtoNet::new(Net::normed());
            let (runner, meta) = (Runner::<f64>::new(&learner), learner.init(0));
            for &shots in shots {
                let tasks = Blobs { shots: [shots; 3], queries: 1000 - shots, ..Blobs::new(1) };
                runner.task_gradient(&meta, &Task::from(tasks.episode(0)), || stream(0, Purpose::Dropout, 0));
            }
        })
    };
    let (one, many) = (turns(&[500]), turns(&[100, 300, 500, 700, 900, 100]));
    assert!(many < 2 * one, "one shape {one} bytes, five in turn {many}");
}
