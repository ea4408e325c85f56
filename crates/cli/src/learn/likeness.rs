//! How like the classes of a support pictures are, by which pictures of none of them are known.

use fewshot_autodiff::Array;
use fewshot_meta::{
    Error, Examples, FeatureHead, HeadKind, KnownScore, Learner, Predictor, Scale, Transform,
};

use crate::learn::heads::LAMBDA;

/// The largest cosine to a class mean and the largest answer of ridge regression, added: on features of hand signs, playing cards and
/// flowers the sum tells unknown classes at least as well as either (F).
pub struct Likeness([Box<dyn Predictor>; 2]);

impl Likeness {
    /// To the classes of a support.
    pub fn of(support: &Examples<Array>) -> Result<Likeness, Error> {
        let ridge = HeadKind::Ridge { lambda: LAMBDA, scale: Scale::Fixed(1.0) };
        let adapted = |kind| {
            let head = FeatureHead::new(kind, Transform::RootUnitLength);
            head.try_adapt(&Learner::<f32>::init(&head, 0), support)
        };
        Ok(Likeness([adapted(HeadKind::Cosine { scale: 1.0 })?, adapted(ridge)?]))
    }

    /// Of each query.
    pub fn scores(&self, query: &Array) -> Result<Vec<f64>, Error> {
        let [cosine, ridge] = &self.0;
        let largest = |predictor: &dyn Predictor| {
            predictor.try_predict(query).map(|logits| KnownScore::MaxLogit.of(&logits))
        };
        let (cosines, answers) = (largest(&**cosine)?, largest(&**ridge)?);
        Ok(cosines.iter().zip(answers).map(|(cosine, answer)| cosine + answer).collect())
    }
}
