//! Episodes of image classification.

use crate::{
    Augmentation, ChaCha8Rng, ClassId, Episode, Error, ImageSet, Outputs, Protocol, Purpose, RngExt,
    Rotations, Set, Targets, Tasks, Turn, stream,
};
use ndarray::ArrayD;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Few-shot classification tasks over classes of an image set (Vinyals et al.
/// 2016, section 3).
///
/// Episode `i` draws `ways` classes in random order, which gives them their
/// labels `0..ways`, and per class `shots + queries` distinct images: the first
/// are support, the rest query. Images are `[n, height, width, channels]` with
/// values `0..=1`, those of label 0 first.
///
/// ```
/// use fewshot_episodes::{ClassId, ImageSet, ImageTasks, Protocol, Purpose, Rotations, Tasks};
/// use std::sync::Arc;
/// // three classes of four 2x2 images each
/// let class = |i: u8| (format!("class{i}"), vec![85 * i; 16]);
/// let images = Arc::new(ImageSet::new([2, 2, 1], (1..=3).map(class).collect()));
/// let classes: Vec<ClassId> = (0..3).map(ClassId::from).collect();
/// let protocol = Protocol { ways: 2, shots: 1, queries: 3, rotations: Rotations::None };
/// let tasks = ImageTasks::new(images, &classes, protocol, 1, Purpose::Train)?;
/// let episode = tasks.episode(7);
/// assert_eq!(episode.support.x.shape(), [2, 2, 2, 1]);
/// assert_eq!(episode.query.y.classes(), Some(&[0, 0, 0, 1, 1, 1][..]));
/// assert_eq!(episode, tasks.episode(7));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageTasks {
    images: Arc<ImageSet>,
    classes: Vec<ClassId>,
    protocol: Protocol,
    /// Shots that an episode draws one number of.
    shots: RangeInclusive<usize>,
    augmentation: Option<Augmentation>,
    seed: u64,
    purpose: Purpose,
}

impl ImageTasks {
    /// Tasks over some classes of an image set, such as one part of a
    /// [`ClassSplit`](crate::ClassSplit).
    ///
    /// # Errors
    /// When a class is not in the image set or listed twice, when the protocol
    /// asks for nothing or for more classes or images than there are, or turns
    /// images that are not square.
    pub fn new(
        images: Arc<ImageSet>,
        classes: &[ClassId],
        protocol: Protocol,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        protocol.check()?;
        check_listed(&images, classes)?;
        let classes = with_rotations(classes, protocol.rotations);
        check_square(&images, &classes, protocol.rotations)?;
        check_sizes(&images, &classes, &protocol)?;
        let shots = protocol.shots..=protocol.shots;
        Ok(Self { images, classes, protocol, shots, augmentation: None, seed, purpose })
    }

    /// Tasks of these classes and images whose episodes draw their shots, uniformly (Bertinetto et al. 2019, released
    /// code): a class keeps the `shots + queries` images of the protocol, and images that are not in the support are
    /// queries.
    ///
    /// ```
    /// # use fewshot_episodes::{ClassId, ImageSet, ImageTasks, Protocol, Purpose, Rotations, Tasks};
    /// # use std::sync::Arc;
    /// # let class = |i: u8| (format!("class{i}"), vec![85 * i; 40]);
    /// # let images = Arc::new(ImageSet::new([2, 2, 1], (1..=3).map(class).collect()));
    /// # let classes: Vec<ClassId> = (0..3).map(ClassId::from).collect();
    /// let protocol = Protocol { ways: 3, shots: 9, queries: 1, rotations: Rotations::None };
    /// let tasks = ImageTasks::new(images, &classes, protocol, 1, Purpose::Train)?.with_shots(1..=9)?;
    /// let episode = tasks.episode(7);
    /// assert_eq!(episode.support.len() + episode.query.len(), 3 * 10);
    /// # Ok::<(), fewshot_episodes::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the range is empty, begins with 0 or leaves no image for a query.
    pub fn with_shots(self, shots: RangeInclusive<usize>) -> Result<Self, Error> {
        let images = self.per_class();
        if shots.is_empty() || *shots.start() == 0 || *shots.end() >= images {
            return Err(Error::ShotRange { shots, images });
        }
        Ok(Self { shots, ..self })
    }

    /// Training tasks whose pictures, of support and query alike, are changed at random; the episodes draw the same classes and images
    /// as without.
    ///
    /// # Errors
    /// When the tasks are not for training ([`Purpose::Train`]), or [`Augmentation::check`] refuses.
    pub fn with_augmentation(self, augmentation: Augmentation) -> Result<Self, Error> {
        augmentation.check_tasks(self.purpose, self.images.shape()[2])?;
        Ok(Self { augmentation: Some(augmentation), ..self })
    }

    /// Images of a class of an episode.
    fn per_class(&self) -> usize {
        self.protocol.shots + self.protocol.queries
    }

    /// The classes episodes are drawn from, turned copies included.
    pub fn classes(&self) -> &[ClassId] {
        &self.classes
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The draws of episode `i`, in the order of its labels, its shots, and the stream behind them.
    fn draw(&self, i: u64) -> (Vec<Drawn>, usize, ChaCha8Rng) {
        let Protocol { ways, rotations, .. } = self.protocol;
        let mut rng = stream(self.seed, self.purpose, i);
        let shared = match rotations {
            Rotations::PerEpisode => Turn::ALL[rng.below(4)],
            _ => Turn::None,
        };
        let drawn = rng
            .choose(self.classes.len(), ways)
            .into_iter()
            .map(|listed| {
                let ClassId { class, turn } = self.classes[listed];
                let images = rng.choose(self.images.images(class), self.per_class());
                let own = match rotations {
                    Rotations::PerClass => Turn::ALL[rng.below(4)],
                    _ => shared,
                };
                Drawn { class, turn: turn.then(own), images }
            })
            .collect();
        // last, so that nothing else depends on the range
        let (least, most) = (*self.shots.start(), *self.shots.end());
        let shots = if least == most { least } else { least + rng.below(most - least + 1) };
        (drawn, shots, rng)
    }

    /// The set of the images `range` of each drawn class, augmented.
    fn set(&self, drawn: &[Drawn], range: std::ops::Range<usize>, rng: &mut ChaCha8Rng) -> Set {
        let [h, w, c] = self.images.shape();
        let size = h * w * c;
        let mut x = vec![0.0; drawn.len() * range.len() * size];
        let mut y = Vec::with_capacity(drawn.len() * range.len());
        let mut places = x.chunks_exact_mut(size);
        for (label, class) in drawn.iter().enumerate() {
            for &k in &class.images[range.clone()] {
                let place = places.next().expect("one place per image was made above");
                let image = self.images.image(class.class, k);
                class.turn.apply(image, [h, w, c], place, |v| f32::from(v) / 255.0);
                y.push(label);
            }
        }
        let mut x = ArrayD::from_shape_vec(vec![y.len(), h, w, c], x).expect("made for this shape");
        if let Some(augmentation) = self.augmentation {
            augmentation.apply_each(&mut x, rng);
        }
        Set::new(x, Targets::Classes(y))
    }
}

/// One class of one episode.
struct Drawn {
    class: usize,
    turn: Turn,
    images: Vec<usize>,
}

impl Tasks for ImageTasks {
    fn episode(&self, i: u64) -> Episode {
        let (drawn, shots, mut rng) = self.draw(i);
        Episode {
            support: self.set(&drawn, 0..shots, &mut rng),
            query: self.set(&drawn, shots..self.per_class(), &mut rng),
            ways: Some(self.protocol.ways),
        }
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.shape().to_vec()
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(self.protocol.ways)
    }

    fn query_classes(&self, i: u64) -> Option<Vec<ClassId>> {
        let (drawn, shots, _) = self.draw(i);
        let queries = self.per_class() - shots;
        let of_class = |Drawn { class, turn, .. }: Drawn| vec![ClassId { class, turn }; queries];
        Some(drawn.into_iter().flat_map(of_class).collect())
    }
}

pub(crate) fn check_listed(images: &ImageSet, classes: &[ClassId]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for &id in classes {
        if id.class >= images.classes() {
            return Err(Error::NoSuchClass { class: id.class, classes: images.classes() });
        }
        if !seen.insert(id) {
            return Err(Error::ClassTwice { class: described(images, id) });
        }
    }
    Ok(())
}

/// The name of a class, with its turn if it has one.
pub(crate) fn described(images: &ImageSet, id: ClassId) -> String {
    match id.turn {
        Turn::None => images.name(id.class).to_string(),
        turn => format!("{} turned by {} degrees", images.name(id.class), turn.degrees()),
    }
}

/// The classes to draw from, in the order of first mention.
pub(crate) fn with_rotations(classes: &[ClassId], rotations: Rotations) -> Vec<ClassId> {
    let widened = classes.iter().flat_map(|&id| match rotations {
        Rotations::None | Rotations::PerEpisode => vec![id],
        Rotations::NewClasses => Turn::ALL.map(|turn| ClassId { turn: id.turn.then(turn), ..id }).to_vec(),
        Rotations::PerClass => vec![ClassId::from(id.class)],
    });
    let mut seen = HashSet::new();
    widened.filter(|&id| seen.insert(id)).collect()
}

pub(crate) fn check_square(
    images: &ImageSet,
    classes: &[ClassId],
    rotations: Rotations,
) -> Result<(), Error> {
    let [height, width, _] = images.shape();
    let turned = rotations != Rotations::None || classes.iter().any(|id| id.turn != Turn::None);
    if turned && height != width {
        return Err(Error::NotSquare { height, width });
    }
    Ok(())
}

fn check_sizes(images: &ImageSet, classes: &[ClassId], protocol: &Protocol) -> Result<(), Error> {
    let Protocol { ways, shots, queries, .. } = *protocol;
    if ways > classes.len() {
        return Err(Error::TooFewClasses { ways, classes: classes.len() });
    }
    for &id in classes {
        let held = images.images(id.class);
        if shots.checked_add(queries).is_none_or(|needed| needed > held) {
            let class = images.name(id.class).to_string();
            return Err(Error::TooFewImages { class, images: held, shots, queries });
        }
    }
    Ok(())
}
