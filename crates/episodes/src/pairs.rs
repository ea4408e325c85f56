//! Pairs of images of the same class or of two, to train a verifier on.

use std::ops::Range;
use std::sync::Arc;

use ndarray::ArrayD;

use crate::alphabets::{families, grouped};
use crate::image_tasks::{check_listed, check_square, described, with_rotations};
use crate::{
    ChaCha8Rng, ClassId, Distortion, Episode, Error, ImageSet, Outputs, Purpose, RngExt, Rotations, Set,
    Targets, Tasks, stream,
};

/// Which pairs there are in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct PairProtocol {
    /// Pairs of a batch, an even number.
    pub size: usize,
    /// Images of each class that are drawn from, where those of one number are by one hand as in Omniglot: numbers of drawers.
    /// `None` takes all images of every class, which may have unequal numbers of them: pictures of one's own.
    pub drawers: Option<Range<usize>>,
    /// What is done to each image, if anything.
    pub distortion: Option<Distortion>,
    /// Whether each alphabet turned by 90, 180 and 270 degrees is another alphabet.
    pub turned: bool,
}

impl Default for PairProtocol {
    /// The paper's: batches of 128, 12 drawers of 20 (of [`omniglot::koch`](crate::omniglot::koch)), distorted, not turned.
    fn default() -> Self {
        let drawers = crate::omniglot::TRAINING_DRAWERS;
        PairProtocol {
            size: 128,
            drawers: Some(drawers),
            distortion: Some(Distortion::default()),
            turned: false,
        }
    }
}

/// Batches of pairs for verification: do two images show one class? (Koch, Zemel and Salakhutdinov 2015, sections 3.2 and 4.1.)
///
/// Episode `i` is a batch: pair `k` is image `k` of the support beside image `k` of the query; both sets have the label 1 where
/// they show the same class, else 0. Half of each batch are the same. Pairs go round the alphabets, so that over the
/// batches each gives as many, of both kinds; an alphabet is what stands before the `/` of a class name. Both images of a
/// pair are of one alphabet, as in the one-shot trials that follow, where classes of other alphabets would be too easy to
/// tell apart; and they are by different drawers, so that one hand does not speak for another class. Without
/// [drawers](PairProtocol::drawers) both are of one folder, or of any two classes where a folder has a single one. Images are `[n, height,
/// width, channels]` with values `0..=1`, each distorted by itself.
///
/// ```
/// use fewshot_episodes::{glyphs, PairProtocol, Pairs, Purpose, Tasks};
/// use std::sync::Arc;
/// let images = Arc::new(glyphs::generate(&glyphs::GlyphConfig::default(), 1));
/// let split = glyphs::split(&images);
/// let pairs = Pairs::new(images, split.train(), PairProtocol::default(), 1, Purpose::Train)?;
/// let batch = pairs.episode(7);
/// assert_eq!((batch.support.x.shape(), batch.query.x.shape()), (&[128, 28, 28, 1][..], &[128, 28, 28, 1][..]));
/// let same = batch.query.y.classes().map(|y| y.iter().sum());
/// assert_eq!(same, Some(64));
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pairs {
    images: Arc<ImageSet>,
    alphabets: Vec<Vec<ClassId>>,
    protocol: PairProtocol,
    seed: u64,
    purpose: Purpose,
}

/// One image: its class and its number.
type Place = (ClassId, usize);

impl Pairs {
    /// Pairs of some classes of an image set, such as the training part of a [`ClassSplit`](crate::ClassSplit).
    ///
    /// # Errors
    /// When a class is not in the image set or listed twice, when the size is 0 or odd, when there are fewer than two
    /// drawers or a class lacks one, when an alphabet has a single class, or when images that are not square are to be turned;
    /// without drawers, when a class has a single image or there is a single class.
    pub fn new(
        images: Arc<ImageSet>,
        classes: &[ClassId],
        protocol: PairProtocol,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let size = protocol.size;
        if size == 0 || size % 2 == 1 {
            return Err(Error::OddPairs { size });
        }
        check_listed(&images, classes)?;
        let rotations = if protocol.turned { Rotations::NewClasses } else { Rotations::None };
        let classes = with_rotations(classes, rotations);
        check_square(&images, &classes, rotations)?;
        let alphabets = divided(&images, &classes, protocol.drawers.as_ref())?;
        if let Some(lonely) = alphabets.iter().find(|alphabet| alphabet.len() < 2) {
            return Err(Error::LonelyClass { class: described(&images, lonely[0]) });
        }
        if alphabets.is_empty() {
            return Err(Error::Zero { name: "number of classes" });
        }
        Ok(Self { images, alphabets, protocol, seed, purpose })
    }

    /// The alphabets in the order in which they take turns, turned copies included.
    pub fn alphabets(&self) -> &[Vec<ClassId>] {
        &self.alphabets
    }

    /// Both images of pair `number`, counted over all batches: even numbers are the same class.
    fn draw(&self, number: u64, rng: &mut ChaCha8Rng) -> [Place; 2] {
        let alphabet = &self.alphabets[(number / 2 % self.alphabets.len() as u64) as usize];
        let Some(drawers) = &self.protocol.drawers else {
            return self.draw_any(alphabet, is_same(number), rng);
        };
        let first = drawers.start;
        let drawers = rng.choose(drawers.len(), 2);
        let classes = rng.choose(alphabet.len(), 2);
        let second = if is_same(number) { classes[0] } else { classes[1] };
        [(alphabet[classes[0]], first + drawers[0]), (alphabet[second], first + drawers[1])]
    }

    /// Both images of a pair without regard to drawers.
    fn draw_any(&self, classes: &[ClassId], same: bool, rng: &mut ChaCha8Rng) -> [Place; 2] {
        let [first, second] = [0, 1].map({
            let chosen = rng.choose(classes.len(), 2);
            move |k: usize| classes[chosen[k]]
        });
        let images = |id: ClassId| self.images.images(id.class);
        if same {
            let chosen = rng.choose(images(first), 2);
            return [(first, chosen[0]), (first, chosen[1])];
        }
        [first, second].map(|id| (id, rng.choose(images(id), 1)[0]))
    }

    /// Draws an image into its place, distorted.
    fn image(&self, (id, drawer): Place, rng: &mut ChaCha8Rng, plain: &mut [f32], out: &mut [f32]) {
        let shape = self.images.shape();
        let value = |v| f32::from(v) / 255.0;
        match self.protocol.distortion {
            None => id.turn.apply(self.images.image(id.class, drawer), shape, out, value),
            Some(distortion) => {
                id.turn.apply(self.images.image(id.class, drawer), shape, plain, value);
                distortion.draw(rng, [shape[0], shape[1]]).apply(plain, shape, out);
            }
        }
    }
}

/// Whether a pair is of one class.
fn is_same(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// The classes that are told apart from each other, if there are enough images of each.
pub(crate) fn divided(
    images: &ImageSet,
    classes: &[ClassId],
    drawers: Option<&Range<usize>>,
) -> Result<Vec<Vec<ClassId>>, Error> {
    if let Some(drawers) = drawers {
        check_drawers(images, classes, drawers)?;
        return Ok(grouped(images, classes));
    }
    match classes.iter().find(|id| images.images(id.class) < 2) {
        Some(id) => Err(Error::SingleImage { class: images.name(id.class).to_string() }),
        None => Ok(families(images, classes)),
    }
}

fn check_drawers(images: &ImageSet, classes: &[ClassId], drawers: &Range<usize>) -> Result<(), Error> {
    if drawers.len() < 2 {
        return Err(Error::OneDrawer { drawers: drawers.clone() });
    }
    match classes.iter().find(|id| images.images(id.class) < drawers.end) {
        Some(id) => {
            let class = images.name(id.class).to_string();
            Err(Error::NoSuchDrawer { class, images: images.images(id.class), drawers: drawers.clone() })
        }
        None => Ok(()),
    }
}

impl Tasks for Pairs {
    fn episode(&self, i: u64) -> Episode {
        let [h, w, c] = self.images.shape();
        let size = self.protocol.size;
        let mut rng = stream(self.seed, self.purpose, i);
        let mut sides = [0, 1].map(|_: u8| vec![0.0; size * h * w * c]);
        let mut plain = vec![0.0; h * w * c];
        let numbers = (0..size as u64).map(|k| i.wrapping_mul(size as u64).wrapping_add(k));
        for (place, number) in numbers.clone().enumerate() {
            let pair = self.draw(number, &mut rng);
            for (side, image) in sides.iter_mut().zip(pair) {
                let out = &mut side[place * h * w * c..][..h * w * c];
                self.image(image, &mut rng, &mut plain, out);
            }
        }
        let labels: Vec<usize> = numbers.map(|number| usize::from(is_same(number))).collect();
        let [support, query] = sides.map(|x| {
            let x = ArrayD::from_shape_vec(vec![size, h, w, c], x).expect("made for this shape");
            Set::new(x, Targets::Classes(labels.clone()))
        });
        Episode { support, query, ways: Some(2) }
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.shape().to_vec()
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(2)
    }
}
