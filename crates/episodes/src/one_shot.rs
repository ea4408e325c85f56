//! One-shot trials within an alphabet, in the manner of the official Omniglot runs.

use std::ops::Range;
use std::sync::Arc;

use ndarray::ArrayD;

use crate::image_tasks::check_listed;
use crate::pairs::divided;
use crate::{ClassId, Episode, Error, ImageSet, Outputs, Purpose, RngExt, Set, Targets, Tasks, stream};

/// One-shot classification within an alphabet: the support shows `ways` classes of one alphabet by one drawer, the query the
/// same classes by another (Lake et al. 2015; Koch, Zemel and Salakhutdinov 2015, section 4.2).
///
/// Episode `i` is a run of `ways` trials: alphabets take turns, classes and drawers are drawn. 16 runs of 20 ways are the
/// 320 trials by which the paper selects its model. Alphabets with fewer classes take no part. Without drawers, for pictures of
/// one's own, classes are those of one folder, or any where a folder has a single one, and both images of a class are drawn from
/// all it has.
///
/// ```
/// use fewshot_episodes::{glyphs, OneShot, Purpose, Tasks};
/// use std::sync::Arc;
/// let images = Arc::new(glyphs::generate(&glyphs::GlyphConfig::default(), 1));
/// let split = glyphs::split(&images);
/// let trials = OneShot::new(images, split.validation(), 20, Some(0..4), 1, Purpose::Validation)?;
/// assert_eq!(trials.episode(3).query.x.shape(), [20, 28, 28, 1]);
/// # Ok::<(), fewshot_episodes::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OneShot {
    images: Arc<ImageSet>,
    alphabets: Vec<Vec<ClassId>>,
    ways: usize,
    drawers: Option<Range<usize>>,
    seed: u64,
    purpose: Purpose,
}

impl OneShot {
    /// Trials of some classes of an image set by some drawers, who are the numbers of the images of a class; `None` takes all images.
    ///
    /// # Errors
    /// When a class is not in the image set or listed twice, when there are fewer than two drawers or a class lacks one, when a
    /// class has a single image, or when no alphabet has `ways` classes.
    pub fn new(
        images: Arc<ImageSet>,
        classes: &[ClassId],
        ways: usize,
        drawers: Option<Range<usize>>,
        seed: u64,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        if ways == 0 {
            return Err(Error::Zero { name: "ways" });
        }
        check_listed(&images, classes)?;
        let mut alphabets = divided(&images, classes, drawers.as_ref())?;
        let largest = alphabets.iter().map(Vec::len).max().unwrap_or(0);
        alphabets.retain(|alphabet| alphabet.len() >= ways);
        if alphabets.is_empty() {
            return Err(Error::SmallAlphabets { ways, largest });
        }
        Ok(Self { images, alphabets, ways, drawers, seed, purpose })
    }

    /// The chosen image of each class.
    fn set(&self, classes: &[ClassId], chosen: &[usize]) -> Set {
        let [h, w, c] = self.images.shape();
        let mut x = vec![0.0; classes.len() * h * w * c];
        for ((place, id), &k) in x.chunks_exact_mut(h * w * c).zip(classes).zip(chosen) {
            let image = self.images.image(id.class, k);
            id.turn.apply(image, [h, w, c], place, |v| f32::from(v) / 255.0);
        }
        let x = ArrayD::from_shape_vec(vec![classes.len(), h, w, c], x).expect("made for this shape");
        Set::new(x, Targets::Classes((0..classes.len()).collect()))
    }
}

impl Tasks for OneShot {
    fn episode(&self, i: u64) -> Episode {
        let alphabet = &self.alphabets[(i % self.alphabets.len() as u64) as usize];
        let mut rng = stream(self.seed, self.purpose, i);
        let classes: Vec<ClassId> =
            rng.choose(alphabet.len(), self.ways).into_iter().map(|k| alphabet[k]).collect();
        let chosen: Vec<[usize; 2]> = match &self.drawers {
            Some(drawers) => {
                let two = rng.choose(drawers.len(), 2);
                vec![[drawers.start + two[0], drawers.start + two[1]]; classes.len()]
            }
            None => {
                let two = |id: &ClassId| rng.choose(self.images.images(id.class), 2);
                classes.iter().map(two).map(|two| [two[0], two[1]]).collect()
            }
        };
        let [support, query] = [0, 1].map(|side: usize| {
            let chosen: Vec<usize> = chosen.iter().map(|two| two[side]).collect();
            self.set(&classes, &chosen)
        });
        Episode { support, query, ways: Some(self.ways) }
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.shape().to_vec()
    }

    fn outputs(&self) -> Outputs {
        Outputs::Classes(self.ways)
    }
}
