//! Images in memory, by class.

use crate::names::NameIndex;
use crate::{Set, Targets};
use ndarray::ArrayD;
use std::fmt;

/// A set of equally large images by class, one byte per pixel and channel.
///
/// Ink is 255 and paper 0. Images of a class lie one behind the other, each
/// row-major `[height, width, channels]`; 32,460 drawings of 28x28 take 25 MB.
///
/// ```
/// use fewshot_episodes::ImageSet;
/// let set = ImageSet::new([1, 2, 1], vec![
///     ("dots/left".into(), vec![255, 0, 250, 5]),
///     ("dots/right".into(), vec![0, 255, 5, 250, 9, 246]),
/// ]);
/// assert_eq!((set.classes(), set.images(0), set.images(1)), (2, 2, 3));
/// assert_eq!(set.image(1, 2), [9, 246]);
/// assert_eq!(set.find("dots/right"), Some(1));
/// ```
#[derive(Clone, PartialEq)]
pub struct ImageSet {
    shape: [usize; 3],
    classes: Vec<ImageClass>,
}

#[derive(Clone, PartialEq)]
struct ImageClass {
    name: String,
    pixels: Vec<u8>,
}

impl ImageSet {
    /// Images of shape `[height, width, channels]`: for each class its name and
    /// the pixels of its images, one image behind the other.
    ///
    /// # Panics
    /// When the shape has a zero, or the pixels of a class are not a whole
    /// number of images.
    #[track_caller]
    pub fn new(shape: [usize; 3], classes: Vec<(String, Vec<u8>)>) -> Self {
        let size: usize = shape.iter().product();
        assert!(size > 0, "ImageSet::new: images of shape {shape:?} are empty");
        let whole = |(name, pixels): (String, Vec<u8>)| {
            assert!(
                pixels.len().is_multiple_of(size),
                "ImageSet::new: class {name} has {} bytes, not a whole number of images of shape {shape:?}",
                pixels.len()
            );
            ImageClass { name, pixels }
        };
        Self { shape, classes: classes.into_iter().map(whole).collect() }
    }

    /// Shape of one image: `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Number of images of a class.
    ///
    /// # Panics
    /// When there is no such class.
    #[track_caller]
    pub fn images(&self, class: usize) -> usize {
        self.class(class).pixels.len() / self.image_len()
    }

    /// Number of images of all classes.
    pub fn len(&self) -> usize {
        self.bytes() / self.image_len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of pixels held.
    pub fn bytes(&self) -> usize {
        self.classes.iter().map(|c| c.pixels.len()).sum()
    }

    /// Name of a class, such as `Greek/character07`.
    ///
    /// # Panics
    /// When there is no such class.
    #[track_caller]
    pub fn name(&self, class: usize) -> &str {
        &self.class(class).name
    }

    /// The class of a name: of the very name, or else the only class whose name is canonically equivalent. To look for many
    /// names, or to know why there is none, make a [`NameIndex`](crate::names::NameIndex).
    pub fn find(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|c| c.name == name).or_else(|| {
            let names = self.classes.iter().map(|c| c.name.as_str());
            NameIndex::new(names).find(name).ok()
        })
    }

    /// Pixels of image `k` of a class, row-major.
    ///
    /// # Panics
    /// When there is no such class or image.
    #[track_caller]
    pub fn image(&self, class: usize, k: usize) -> &[u8] {
        let (images, len) = (self.images(class), self.image_len());
        assert!(k < images, "image: number {k} of class {class}, which has {images}");
        &self.classes[class].pixels[k * len..(k + 1) * len]
    }

    /// All images as one set, labelled by the number of their class: `x` of shape
    /// `[images, height, width, channels]` with values `0..=1`. What a learner is
    /// given outside of episodes; classes may have unequal numbers of images.
    ///
    /// ```
    /// use fewshot_episodes::ImageSet;
    /// let images = ImageSet::new([1, 1, 1], vec![("a".into(), vec![0]), ("b".into(), vec![255, 51])]);
    /// let set = images.to_set();
    /// assert_eq!(set.y.classes(), Some(&[0, 1, 1][..]));
    /// assert_eq!(set.x.as_slice(), Some(&[0.0, 1.0, 0.2][..]));
    /// ```
    pub fn to_set(&self) -> Set {
        let [h, w, c] = self.shape;
        let x = self.classes.iter().flat_map(|class| &class.pixels).map(|&v| f32::from(v) / 255.0).collect();
        let labels = (0..self.classes()).flat_map(|class| vec![class; self.images(class)]).collect();
        let x = ArrayD::from_shape_vec(vec![self.len(), h, w, c], x).expect("whole images, as made");
        Set::new(x, Targets::Classes(labels))
    }

    fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    #[track_caller]
    fn class(&self, class: usize) -> &ImageClass {
        match self.classes.get(class) {
            Some(c) => c,
            None => panic!("ImageSet: class {class} of {}", self.classes.len()),
        }
    }
}

/// Sizes only: a data set has millions of pixels.
impl fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageSet")
            .field("shape", &self.shape)
            .field("classes", &self.classes())
            .field("images", &self.len())
            .finish()
    }
}
