//! The layers of a [`Sequential`] that work in passes with noise alone.

use super::Sequential;
use super::layer::Layer;
use crate::drop_block::DropBlock;
use crate::dropout::Dropout;

impl Sequential {
    /// A [`Dropout`] layer.
    ///
    /// # Panics
    /// When `rate` is not in [0, 1), and behind the head.
    #[track_caller]
    pub fn dropout(mut self, rate: f64) -> Self {
        let dropout = Dropout::new(rate);
        self.check_open("dropout");
        self.layers.push(Layer::Dropout(dropout));
        self
    }

    /// A [`DropBlock`] layer, `[h, w, c]` to the same.
    ///
    /// # Panics
    /// When `rate` is not in [0, 1), the layer before gives no images, or none that hold a square of `side` pixels; behind the head.
    #[track_caller]
    pub fn drop_block(mut self, rate: f64, side: usize) -> Self {
        let layer = DropBlock::new(rate, side);
        let [h, w, c] = self.images("drop_block");
        layer.check(&[1, h, w, c]);
        self.check_open("drop_block");
        self.layers.push(Layer::DropBlock(layer));
        self
    }
}
