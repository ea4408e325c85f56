//! Sequences of images whose labels come one step late.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::image_tasks::{check_listed, check_square, with_rotations};
use crate::{
    ChaCha8Rng, ClassId, Distortion, Episode, Error, ImageSet, Outputs, Purpose, RngExt, Rotations, Set,
    Targets, Tasks, stream,
};

/// Characters of a string label.
pub const STRING_LENGTH: usize = 5;
/// Letters each of them is drawn from.
pub const ALPHABET: usize = 5;
/// String labels there are.
const STRINGS: usize = ALPHABET.pow(STRING_LENGTH as u32);

/// How the classes of a sequence are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Names {
    /// A number each, `0..classes`: [`Targets::Classes`].
    #[default]
    Numbers,
    /// A string each, of five letters out of five: [`Targets::Values`] `[n, 25]`, five one-hot vectors one behind the other.
    Strings,
}

/// More classes as training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Sequences after which there is one class more.
    pub sequences: u64,
    /// Classes at which it ends.
    pub most: usize,
}

/// What sequences are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequenceProtocol {
    /// Classes of a sequence, at first.
    pub classes: usize,
    /// Images of each class: a sequence is `classes * per_class` steps long.
    pub per_class: usize,
    /// Whether each class has exactly `per_class` images; else the class of each step is drawn by itself.
    pub balanced: bool,
    /// How classes are named.
    pub names: Names,
    /// Sequences of an episode.
    pub batch: usize,
    /// Whether each class turned by 90, 180 and 270 degrees is another class.
    pub turned: bool,
    /// What is done to each image, if anything.
    pub distortion: Option<Distortion>,
    /// Whether the classes of a sequence become more.
    pub growth: Option<Growth>,
}

impl SequenceProtocol {
    /// The paper's: 10 images a class, turned classes, each image shifted by up to 10 of 105 pixels and turned by up to 11.25
    /// degrees; 16 sequences an episode, numbered classes.
    pub fn santoro(classes: usize) -> Self {
        let moved = Distortion { probability: 1.0, rotation: 11.25, shear: 0.0, scale: 0.0, shift: 10.0 };
        SequenceProtocol {
            classes,
            per_class: 10,
            balanced: true,
            names: Names::Numbers,
            batch: 16,
            turned: true,
            distortion: Some(moved),
            growth: None,
        }
    }

    /// Classes of the sequences of episode `i`.
    pub fn classes_at(&self, i: u64) -> usize {
        let more = |growth: Growth| {
            let grown = i.saturating_mul(self.batch as u64) / growth.sequences.max(1);
            (self.classes + grown as usize).min(growth.most.max(self.classes))
        };
        self.growth.map_or(self.classes, more)
    }

    fn most(&self) -> usize {
        self.growth.map_or(self.classes, |growth| growth.most.max(self.classes))
    }

    fn check(&self) -> Result<(), Error> {
        let sizes = [
            ("number of classes", self.classes),
            ("images per class", self.per_class),
            ("batch", self.batch),
        ];
        match sizes.into_iter().find(|(_, size)| *size == 0) {
            Some((name, _)) => Err(Error::Zero { name }),
            None => Ok(()),
        }
    }
}

/// Sequences in which a learner meets classes it has never seen, and is told what each image was one step later (Santoro, Bartunov,
/// Botvinick, Wierstra, Lillicrap 2016, section 2).
///
/// Episode `i` is a batch of sequences side by side: its support is empty, its query holds all steps, row `step * batch + k` being the
/// image of sequence `k`. A learner gives the label of a step in only at the next. Every sequence draws its classes, and new names for
/// them, by itself. Images are `[n, height, width, channels]` with values `0..=1`, the drawings of a class all different while there are any.
///
/// ```
/// use fewshot_episodes::{glyphs, Purpose, SequenceProtocol, Sequences, Tasks};
/// use std::sync::Arc;
/// let images = Arc::new(glyphs::generate(&glyphs::GlyphConfig::default(), 1));
/// let split = glyphs::split(&images);
/// let protocol = SequenceProtocol { batch: 4, ..SequenceProtocol::santoro(5) };
/// let sequences = Sequences::new(images, split.train(), protocol, 1, Purpose::Train)?;
/// let batch = sequences.episode(0);
/// assert_eq!((batch.support.len(), batch.query.x.shape()), (0, &[4 * 50, 28, 28, 1][..]));
/// let first: Vec<usize> = batch.query.y.classes().unwrap().iter().copied().step_by(4).collect();
/// assert!((0..5).all(|class| first.iter().filter(|&&y| y == class).count() == 10));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequences {
    images: Arc<ImageSet>,
    classes: Vec<ClassId>,
    protocol: SequenceProtocol,
    seed: u64,
    purpose: Purpose,
}

impl Sequences {
    /// Sequences of some classes of an image set, such as the training part of a [`ClassSplit`](crate::ClassSplit).
    ///
    /// # Errors
    /// When a class is not in the image set, listed twice or without an image, when a size is 0, when there are fewer classes than a
    /// sequence has, or more than there are names, or when images that are not square are to be turned.
    pub fn new(
        images: Arc<ImageSet>,
        classes: &[ClassId],
        protocol: SequenceProtocol,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        protocol.check()?;
        check_listed(&images, classes)?;
        let rotations = if protocol.turned { Rotations::NewClasses } else { Rotations::None };
        let classes = with_rotations(classes, rotations);
        check_square(&images, &classes, rotations)?;
        let most = protocol.most();
        let available = match protocol.names {
            Names::Numbers => classes.len(),
            Names::Strings => classes.len().min(STRINGS),
        };
        if most > available {
            return Err(Error::TooFewClasses { ways: most, classes: available });
        }
        if let Some(empty) = classes.iter().find(|id| images.images(id.class) == 0) {
            let class = images.name(empty.class).to_string();
            return Err(Error::TooFewImages { class, images: 0, shots: 1, queries: 0 });
        }
        Ok(Self { images, classes, protocol, seed, purpose })
    }

    /// The classes sequences are drawn from, turned copies included.
    pub fn classes(&self) -> &[ClassId] {
        &self.classes
    }

    /// The protocol.
    pub fn protocol(&self) -> &SequenceProtocol {
        &self.protocol
    }

    /// The class of each step, as a number of `0..classes`.
    fn order(&self, classes: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let length = classes * self.protocol.per_class;
        if !self.protocol.balanced {
            return (0..length).map(|_| rng.below(classes)).collect();
        }
        let mut order: Vec<usize> = (0..length).map(|step| step % classes).collect();
        rng.shuffle(&mut order);
        order
    }

    /// The steps of one sequence: class, image, name.
    fn draw(&self, classes: usize, rng: &mut ChaCha8Rng) -> Vec<Step> {
        let chosen = rng.choose(self.classes.len(), classes);
        let names = match self.protocol.names {
            Names::Numbers => (0..classes).collect(),
            Names::Strings => rng.choose(STRINGS, classes),
        };
        let mut left: Vec<Vec<usize>> = vec![Vec::new(); classes];
        let order = self.order(classes, rng);
        let step = |number: usize| {
            let id = self.classes[chosen[number]];
            if left[number].is_empty() {
                let images = self.images.images(id.class);
                left[number] = rng.choose(images, images);
            }
            let image = left[number].pop().expect("filled when empty; no class is without images");
            Step { id, image, name: names[number] }
        };
        order.into_iter().map(step).collect()
    }

    fn image(&self, step: &Step, rng: &mut ChaCha8Rng, plain: &mut [f32], out: &mut [f32]) {
        let shape = self.images.shape();
        let image = self.images.image(step.id.class, step.image);
        let value = |v| f32::from(v) / 255.0;
        match self.protocol.distortion {
            None => step.id.turn.apply(image, shape, out, value),
            Some(distortion) => {
                step.id.turn.apply(image, shape, plain, value);
                distortion.draw(rng, [shape[0], shape[1]]).apply(plain, shape, out);
            }
        }
    }

    /// The images of batch `i`, one behind the other, and the step that each is of.
    fn steps(&self, i: u64) -> (Vec<f32>, Vec<Step>) {
        let size: usize = self.images.shape().iter().product();
        let batch = self.protocol.batch;
        let classes = self.protocol.classes_at(i);
        let length = classes * self.protocol.per_class;
        let (mut x, mut steps) = (vec![0.0; length * batch * size], Vec::with_capacity(length * batch));
        let mut rng = stream(self.seed, self.purpose, i);
        let mut plain = vec![0.0; size];
        for k in 0..batch {
            for (t, step) in self.draw(classes, &mut rng).into_iter().enumerate() {
                self.image(&step, &mut rng, &mut plain, &mut x[(t * batch + k) * size..][..size]);
                steps.push((t, step));
            }
        }
        // by step, and of the sequences in their order, as the images lie
        steps.sort_by_key(|(t, _)| *t);
        (x, steps.into_iter().map(|(_, step)| step).collect())
    }

    /// The targets of these names, in their order.
    fn targets(&self, names: Vec<usize>) -> Targets {
        match self.protocol.names {
            Names::Numbers => Targets::Classes(names),
            Names::Strings => {
                let values = names.iter().flat_map(|&name| spelled(name)).collect();
                let shape = vec![names.len(), STRING_LENGTH * ALPHABET];
                Targets::Values(ArrayD::from_shape_vec(shape, values).expect("made for this shape"))
            }
        }
    }
}

/// One step of a sequence.
struct Step {
    id: ClassId,
    image: usize,
    name: usize,
}

/// A string label as one-hot vectors of its letters, the first letter first.
fn spelled(name: usize) -> Vec<f32> {
    let letter = |place: usize| name / ALPHABET.pow(place as u32) % ALPHABET;
    let one_hot = |letter: usize| (0..ALPHABET).map(move |at| if at == letter { 1.0 } else { 0.0 });
    (0..STRING_LENGTH).flat_map(|place| one_hot(letter(place))).collect()
}

impl Tasks for Sequences {
    fn episode(&self, i: u64) -> Episode {
        let [h, w, c] = self.images.shape();
        let (x, steps) = self.steps(i);
        let names: Vec<usize> = steps.iter().map(|step| step.name).collect();
        let set = |n: usize, x: Vec<f32>, names: Vec<usize>| {
            let x = ArrayD::from_shape_vec(vec![n, h, w, c], x).expect("made for this shape");
            Set::new(x, self.targets(names))
        };
        Episode {
            support: set(0, Vec::new(), Vec::new()),
            query: set(names.len(), x, names),
            ways: (self.protocol.names == Names::Numbers).then(|| self.protocol.classes_at(i)),
        }
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.shape().to_vec()
    }

    fn outputs(&self) -> Outputs {
        match self.protocol.names {
            Names::Numbers => Outputs::Classes(self.protocol.most()),
            Names::Strings => Outputs::Values(STRING_LENGTH * ALPHABET),
        }
    }

    fn query_classes(&self, i: u64) -> Option<Vec<ClassId>> {
        Some(self.steps(i).1.into_iter().map(|step| step.id).collect())
    }
}
