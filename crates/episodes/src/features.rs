//! Feature vectors in memory, by class.

use std::fmt;

/// A set of equally long feature vectors by class, such as the outputs of a network trained before.
///
/// ```
/// use fewshot_episodes::FeatureSet;
/// let set = FeatureSet::new(2, vec![
///     ("cat".into(), vec![0.5, 1.0, 0.25, -1.0]),
///     ("dog".into(), vec![3.0, 4.0]),
/// ]);
/// assert_eq!((set.classes(), set.vectors(0), set.len()), (2, 2, 3));
/// assert_eq!(set.vector(0, 1), [0.25, -1.0]);
/// ```
#[derive(Clone, PartialEq)]
pub struct FeatureSet {
    width: usize,
    classes: Vec<FeatureClass>,
}

#[derive(Clone, PartialEq)]
struct FeatureClass {
    name: String,
    values: Vec<f32>,
}

impl FeatureSet {
    /// Vectors of `width` numbers: for each class its name and its vectors, one behind the other.
    ///
    /// # Panics
    /// When the width is 0, or the numbers of a class are not a whole number of vectors.
    #[track_caller]
    pub fn new(width: usize, classes: Vec<(String, Vec<f32>)>) -> Self {
        assert!(width > 0, "FeatureSet::new: vectors of no numbers");
        let whole = |(name, values): (String, Vec<f32>)| {
            assert!(
                values.len().is_multiple_of(width),
                "FeatureSet::new: class {name} has {} numbers, not a whole number of vectors of {width}",
                values.len()
            );
            FeatureClass { name, values }
        };
        Self { width, classes: classes.into_iter().map(whole).collect() }
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Name of a class.
    ///
    /// # Panics
    /// When there is no such class.
    #[track_caller]
    pub fn name(&self, class: usize) -> &str {
        &self.class(class).name
    }

    /// Number of vectors of a class.
    ///
    /// # Panics
    /// When there is no such class.
    #[track_caller]
    pub fn vectors(&self, class: usize) -> usize {
        self.class(class).values.len() / self.width
    }

    /// Number of vectors of all classes.
    pub fn len(&self) -> usize {
        self.classes.iter().map(|class| class.values.len()).sum::<usize>() / self.width
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Vector `k` of a class.
    ///
    /// # Panics
    /// When there is no such class or vector.
    #[track_caller]
    pub fn vector(&self, class: usize, k: usize) -> &[f32] {
        let held = self.vectors(class);
        assert!(k < held, "vector: number {k} of class {class}, which has {held}");
        &self.classes[class].values[k * self.width..(k + 1) * self.width]
    }

    #[track_caller]
    fn class(&self, class: usize) -> &FeatureClass {
        match self.classes.get(class) {
            Some(class) => class,
            None => panic!("FeatureSet: class {class} of {}", self.classes.len()),
        }
    }
}

/// Sizes only.
impl fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureSet")
            .field("width", &self.width)
            .field("classes", &self.classes())
            .field("vectors", &self.len())
            .finish()
    }
}
