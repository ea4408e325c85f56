//! Batches of labelled images for ordinary classification.

use crate::image_tasks::{check_listed, check_square, with_rotations};
use crate::{
    Augmentation, ChaCha8Rng, ClassId, Episode, Error, ImageSet, Outputs, Purpose, RngExt, Rotations, Set,
    Targets, Tasks, Turn, stream,
};
use ndarray::ArrayD;
use std::sync::Arc;

/// Batches of images of all listed classes, to train an ordinary classifier on (the
/// pretraining of Ravi and Larochelle 2017, section 5.1).
///
/// Episode `i` is a batch: its query holds `size` distinct images drawn uniformly from
/// those of all classes, labelled by the place of their class in
/// [`classes`](Self::classes); its support is empty. Images are `[n, height, width,
/// channels]` with values `0..=1`.
///
/// With [`Rotations::NewClasses`] there are up to four times as many classes; with
/// `PerClass` each class of a batch draws a turn, with `PerEpisode` each batch, and the
/// label stays.
///
/// ```
/// use fewshot_episodes::{ClassBatches, ClassId, ImageSet, Outputs, Purpose, Rotations, Tasks};
/// use std::sync::Arc;
/// // three classes of four 2x2 images each
/// let class = |i: u8| (format!("class{i}"), vec![85 * i; 16]);
/// let images = Arc::new(ImageSet::new([2, 2, 1], (1..=3).map(class).collect()));
/// let classes: Vec<ClassId> = (0..3).map(ClassId::from).collect();
/// let batches = ClassBatches::new(images, &classes, 8, Rotations::None, 1, Purpose::Train)?;
/// let batch = batches.episode(7);
/// assert_eq!(batch.query.x.shape(), [8, 2, 2, 1]);
/// assert!(batch.support.is_empty());
/// assert_eq!(batches.outputs(), Outputs::Classes(3));
/// assert_eq!(batch, batches.episode(7));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClassBatches {
    images: Arc<ImageSet>,
    classes: Vec<ClassId>,
    /// Images of all classes up to and including each.
    ends: Vec<usize>,
    size: usize,
    rotations: Rotations,
    augmentation: Option<Augmentation>,
    seed: u64,
    purpose: Purpose,
}

impl ClassBatches {
    /// Batches of `size` images of some classes of an image set, such as the training
    /// part of a [`ClassSplit`](crate::ClassSplit).
    ///
    /// # Errors
    /// When a class is not in the image set or listed twice, when the size is 0 or
    /// exceeds the images there are, or when images that are not square are to be turned.
    pub fn new(
        images: Arc<ImageSet>,
        classes: &[ClassId],
        size: usize,
        rotations: Rotations,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        if size == 0 {
            return Err(Error::Zero { name: "batch size" });
        }
        check_listed(&images, classes)?;
        let classes = with_rotations(classes, rotations);
        check_square(&images, &classes, rotations)?;
        let mut held = 0;
        let count = |id: &ClassId| {
            held += images.images(id.class);
            held
        };
        let ends = classes.iter().map(count).collect();
        if size > held {
            return Err(Error::BatchTooLarge { size, images: held });
        }
        Ok(Self { images, classes, ends, size, rotations, augmentation: None, seed, purpose })
    }

    /// Training batches whose pictures are changed at random; they draw the same images as without.
    ///
    /// # Errors
    /// When the batches are not for training ([`Purpose::Train`]), or [`Augmentation::check`] refuses.
    pub fn with_augmentation(self, augmentation: Augmentation) -> Result<Self, Error> {
        augmentation.check_tasks(self.purpose, self.images.shape()[2])?;
        Ok(Self { augmentation: Some(augmentation), ..self })
    }

    /// The classes in the order of their labels, turned copies included.
    pub fn classes(&self) -> &[ClassId] {
        &self.classes
    }

    /// Label, turn and number within its class of each image of batch `i`, and the stream behind them.
    fn draw(&self, i: u64) -> (Vec<(usize, Turn, usize)>, ChaCha8Rng) {
        let mut rng = stream(self.seed, self.purpose, i);
        let held = self.ends.last().copied().unwrap_or(0);
        let chosen = rng.choose(held, self.size);
        let turns: Vec<Turn> = match self.rotations {
            Rotations::None | Rotations::NewClasses => vec![Turn::None],
            Rotations::PerEpisode => vec![Turn::ALL[rng.below(4)]],
            Rotations::PerClass => self.classes.iter().map(|_| Turn::ALL[rng.below(4)]).collect(),
        };
        let place = |image: usize| {
            let label = self.ends.partition_point(|&end| end <= image);
            let ClassId { class, turn } = self.classes[label];
            let first = self.ends[label] - self.images.images(class);
            (label, turn.then(turns[label % turns.len()]), image - first)
        };
        (chosen.into_iter().map(place).collect(), rng)
    }
}

impl Tasks for ClassBatches {
    fn episode(&self, i: u64) -> Episode {
        let [h, w, c] = self.images.shape();
        let (drawn, mut rng) = self.draw(i);
        let mut x = vec![0.0; drawn.len() * h * w * c];
        for (place, &(label, turn, k)) in x.chunks_exact_mut(h * w * c).zip(&drawn) {
            let image = self.images.image(self.classes[label].class, k);
            turn.apply(image, [h, w, c], place, |v| f32::from(v) / 255.0);
            if let Some(augmentation) = self.augmentation {
                augmentation.apply(place, [h, w, c], &mut rng);
            }
        }
        let set = |x, y: Vec<usize>| {
            let x = ArrayD::from_shape_vec(vec![y.len(), h, w, c], x).expect("made for this shape");
            Set::new(x, Targets::Classes(y))
        };
        let labels = drawn.iter().map(|&(label, ..)| label).collect();
        Episode {
            support: set(Vec::new(), Vec::new()),
            query: set(x, labels),
            ways: Some(self.classes.len()),
        }
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.shape().to_vec()
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(self.classes.len())
    }
}
