//! Sizes of a convolution.

use std::ops::Range;

/// Sizes of a convolution: images `[n, h, w, c_in]`, weights `[kh, kw, c_in, c_out]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConvShape {
    /// Images.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Input channels.
    pub c_in: usize,
    /// Kernel rows.
    pub kh: usize,
    /// Kernel columns.
    pub kw: usize,
    /// Output channels.
    pub c_out: usize,
    /// Steps between windows, down and across.
    pub stride: [usize; 2],
    /// Zeros around the image: `[[top, bottom], [left, right]]`.
    pub pad: [[usize; 2]; 2],
}

impl ConvShape {
    /// Output rows; zero where the kernel does not fit.
    pub fn out_h(&self) -> usize {
        windows(self.h, self.pad[0], self.kh, self.stride[0])
    }

    /// Output columns; zero where the kernel does not fit.
    pub fn out_w(&self) -> usize {
        windows(self.w, self.pad[1], self.kw, self.stride[1])
    }

    /// The convolution that gives the gradient for the images, from flipped weights; of stride 1.
    pub(crate) fn adjoint(&self) -> Self {
        let pad = [(self.kh, self.pad[0]), (self.kw, self.pad[1])].map(|(k, pad)| pad.map(|pad| k - 1 - pad));
        ConvShape { h: self.out_h(), w: self.out_w(), c_in: self.c_out, c_out: self.c_in, pad, ..*self }
    }

    /// Taps of these outputs along an axis (0 down, 1 across) that are not on the padding.
    pub(crate) fn taps(&self, axis: usize, outputs: Range<usize>) -> usize {
        let (size, taps) = ([self.h, self.w][axis], [self.kh, self.kw][axis]);
        let inside = self.pad[axis][0]..self.pad[axis][0] + size;
        let read = |output: usize| (0..taps).map(move |tap| output * self.stride[axis] + tap);
        outputs.flat_map(read).filter(|place| inside.contains(place)).count()
    }

    pub(crate) fn check(&self, x: usize, w: usize, y: usize) {
        assert_eq!(x, self.n * self.h * self.w * self.c_in, "conv: images of {self:?}");
        assert_eq!(w, self.kh * self.kw * self.c_in * self.c_out, "conv: weights of {self:?}");
        assert_eq!(y, self.n * self.out_h() * self.out_w() * self.c_out, "conv: output of {self:?}");
    }
}

/// Input channels below which the gradients treat several taps at once.
pub(crate) const FEW_CHANNELS: usize = 4;
/// Bytes of the images that are taken through all classes of windows before the next: they stay in the second-level cache.
pub(crate) const GROUP_BYTES: usize = 512 << 10;

/// How many windows of `size` fit into `len` elements and their padding.
pub(crate) fn windows(len: usize, pad: [usize; 2], size: usize, stride: usize) -> usize {
    let padded = len + pad[0] + pad[1];
    if padded < size { 0 } else { (padded - size) / stride + 1 }
}

/// Elements of one image of the input and of the output.
pub(crate) fn image_sizes(s: &ConvShape) -> [usize; 2] {
    [s.h * s.w * s.c_in, s.out_h() * s.out_w() * s.c_out]
}
