//! Requests that the data cannot meet: one clear error each.

use crate::common::{images, plain};
use fewshot_episodes::{ClassId, ClassSplit, ImageSet, ImageTasks, Protocol, Purpose, Rotations, Turn};
use std::sync::Arc;

#[test]
fn what_the_data_cannot_give_is_refused() {
    let good = Protocol { ways: 5, shots: 1, queries: 3, rotations: Rotations::None };
    let refused = |protocol: Protocol, classes: &[ClassId]| {
        ImageTasks::new(images(5, 4), classes, protocol, 1, Purpose::Train).unwrap_err().to_string()
    };
    assert!(ImageTasks::new(images(5, 4), &plain(5), good, 1, Purpose::Train).is_ok());
    for (protocol, message) in [
        (Protocol { ways: 0, ..good }, "ways is 0: give at least 1"),
        (Protocol { shots: 0, ..good }, "shots is 0: give at least 1"),
        (Protocol { queries: 0, ..good }, "queries is 0: give at least 1"),
        (
            Protocol { ways: 6, ..good },
            "ways 6 exceed the 5 classes to draw from: lower the ways or widen the split",
        ),
        (
            Protocol { queries: 4, ..good },
            "shots 1 + queries 4 exceed the 4 images of class class0: lower the shots or the queries",
        ),
        (
            Protocol { shots: usize::MAX, queries: usize::MAX, ..good },
            &format!(
                "shots {0} + queries {0} exceed the 4 images of class class0: \
                 lower the shots or the queries",
                usize::MAX
            ),
        ),
    ] {
        assert_eq!(refused(protocol, &plain(5)), message);
    }
    assert_eq!(
        refused(good, &plain(6)),
        "class number 5 is not in the image set, which has 5: list only those"
    );
    let twice = [plain(5), plain(1)].concat();
    assert_eq!(refused(good, &twice), "class class0 is listed twice: list every class once");
    assert!(refused(good, &[]).starts_with("ways 5 exceed the 0 classes"));
}

#[test]
fn drawn_shots_leave_a_query() {
    let protocol = Protocol { ways: 2, shots: 3, queries: 1, rotations: Rotations::None };
    let tasks = ImageTasks::new(images(2, 9), &plain(2), protocol, 1, Purpose::Train).unwrap();
    assert!(tasks.clone().with_shots(1..=3).is_ok());
    #[allow(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    for range in [0..=3, 1..=4, 3..=2] {
        let (least, most) = (*range.start(), *range.end());
        let message = tasks.clone().with_shots(range).unwrap_err().to_string();
        let way_out = "of 4 images of a class: give a range from 1 or more to 3 at most";
        assert_eq!(message, format!("shots {least} to {most} {way_out}"));
    }
}

#[test]
fn images_that_are_not_square_are_not_turned() {
    let images = Arc::new(ImageSet::new([1, 2, 1], vec![("wide".into(), vec![1, 2, 3, 4])]));
    let new = |rotations, turn| {
        let protocol = Protocol { ways: 1, shots: 1, queries: 1, rotations };
        let classes = [ClassId { class: 0, turn }];
        ImageTasks::new(images.clone(), &classes, protocol, 1, Purpose::Train)
    };
    assert!(new(Rotations::None, Turn::None).is_ok());
    for refused in [new(Rotations::PerClass, Turn::None), new(Rotations::None, Turn::Quarter)] {
        let message = refused.unwrap_err().to_string();
        assert_eq!(message, "images of 1x2 cannot be turned: use rotations none or square images");
    }
}

#[test]
fn splits_with_a_shared_class_are_refused() {
    let images = images(3, 1);
    let turned = ClassId { class: 1, turn: Turn::Half };
    let error = ClassSplit::new(&images, plain(2), vec![], vec![turned]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "class class1 turned by 180 degrees is in both train and test \
         (turned copies count as the same): leave it in one of them"
    );
    let both = vec![turned, 1.into()];
    let split = ClassSplit::new(&images, plain(1), vec![2.into()], both.clone()).unwrap();
    assert_eq!(split.test(), both);
}

#[test]
fn rotations_are_read_as_they_are_written() {
    for rotations in Rotations::ALL {
        assert_eq!(rotations.to_string().parse::<Rotations>().unwrap(), rotations);
    }
    let message = "sideways".parse::<Rotations>().unwrap_err().to_string();
    assert!(message.contains("'sideways'") && message.contains("per-class"), "{message}");
}
