//! Sizes of a fused block.

use crate::conv::shape::ConvShape;

/// Images of one partial sum: fixed, so that sums do not depend on threads.
pub(crate) const GROUP: usize = 8;

/// Sizes of a block: of its convolution and of its pooling windows, which lie side by side from the first pixel on:
/// `[2, 2]`, or `[1, 1]` for no pooling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockShape {
    /// The convolution.
    pub conv: ConvShape,
    /// Rows and columns of a pooling window.
    pub pool: [usize; 2],
}

impl BlockShape {
    /// Output rows.
    pub fn out_h(&self) -> usize {
        self.conv.out_h() / self.pool[0]
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        self.conv.out_w() / self.pool[1]
    }

    /// Whether the output is not that of the convolution.
    pub fn pools(&self) -> bool {
        self.pool != [1, 1]
    }

    /// Values of a window.
    pub fn depth(&self) -> usize {
        self.conv.kh * self.conv.kw * self.conv.c_in
    }

    /// Elements of an image.
    pub(crate) fn image(&self) -> usize {
        self.conv.h * self.conv.w * self.conv.c_in
    }

    /// Elements of an image of the output.
    pub(crate) fn out_image(&self) -> usize {
        self.out_h() * self.out_w() * self.conv.c_out
    }

    pub(crate) fn check(&self, x: usize, w: usize, y: usize) {
        let ConvShape { n, c_out, .. } = self.conv;
        assert!([[1, 1], [2, 2]].contains(&self.pool), "conv block: windows of {self:?}");
        assert_eq!(x, n * self.image(), "conv block: images of {self:?}");
        assert_eq!(w, self.depth() * c_out, "conv block: weights of {self:?}");
        assert_eq!(y, n * self.out_image(), "conv block: output of {self:?}");
        assert!(y > 0, "conv block: {self:?} has no output");
    }
}
