//! What would help most.

use fewshot_episodes::names::shown;

use crate::encoding::Encoding;
use crate::learn::figures::Figures;

/// Pairs of classes that are named.
const PAIRS: usize = 3;
/// Confusions from which on a pair is named.
const OFTEN: usize = 2;
/// Pictures of a class from which on figures about it say something.
const FEW: usize = 5;

impl Figures {
    /// Remarks, the weightiest first.
    pub fn advice(&self, encoding: &Encoding) -> Vec<String> {
        let encoder = matches!(encoding, Encoding::Pixels).then(|| {
            "note: photographs are hardly told apart by their pixels: give an encoder that others trained (--encoder FILE.onnx), \
             of which the guide tells where to get one"
                .to_owned()
        });
        encoder.into_iter().chain(self.blind()).chain(self.confused()).chain(self.few()).collect()
    }

    /// Whether the encoder does not see what tells these classes apart.
    fn blind(&self) -> Option<String> {
        let (pixels, own) = (self.pixels?, self.measured.as_ref()?.accuracy);
        (pixels > own).then(|| {
            format!(
                "note: the pixels alone tell these classes apart better ({:.1} %): learn without --encoder, or with another",
                100.0 * pixels
            )
        })
    }

    /// The classes that are taken for one another most often.
    fn confused(&self) -> Option<String> {
        let confusion = &self.measured.as_ref()?.confusion.counts;
        let name = |class: usize| shown(&self.classes[class].name).to_string();
        let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
        for first in 0..confusion.len() {
            for second in first + 1..confusion.len() {
                let times = confusion[first][second] + confusion[second][first];
                if times >= OFTEN {
                    pairs.push((times, first, second));
                }
            }
        }
        pairs.sort_by_key(|&(times, ..)| std::cmp::Reverse(times));
        let words = |&(times, first, second): &(usize, usize, usize)| {
            format!("{} and {} ({times} times)", name(first), name(second))
        };
        let named: Vec<String> = pairs.iter().take(PAIRS).map(words).collect();
        (!named.is_empty()).then(|| {
            format!(
                "note: taken for one another most often: {}; more pictures of these help most",
                named.join(", ")
            )
        })
    }

    /// Classes of which little is known.
    fn few(&self) -> Option<String> {
        let few = self.classes.iter().filter(|class| class.shots < FEW).count();
        (few > 0).then(|| {
            let classes = if few == 1 { "1 class has".to_owned() } else { format!("{few} classes have") };
            format!(
                "note: {classes} fewer than {FEW} pictures, so that the figures say little of them; add some"
            )
        })
    }
}
