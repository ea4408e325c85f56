//! Sizes of a pooling.

use crate::conv::shape::windows;
use crate::parallel;

/// Sizes of a pooling: images `[n, h, w, c]`; rows and columns that do not fill a window are dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PoolShape {
    /// Images.
    pub n: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Steps between windows, down and across.
    pub stride: [usize; 2],
    /// Padding: `[[top, bottom], [left, right]]`.
    pub pad: [[usize; 2]; 2],
}

impl PoolShape {
    /// Output rows.
    pub fn out_h(&self) -> usize {
        windows(self.h, self.pad[0], self.size[0], self.stride[0])
    }

    /// Output columns.
    pub fn out_w(&self) -> usize {
        windows(self.w, self.pad[1], self.size[1], self.stride[1])
    }

    /// Elements of one image of the input and of the output.
    pub(crate) fn images(&self) -> [usize; 2] {
        [self.h * self.w * self.c, self.out_h() * self.out_w() * self.c]
    }

    pub(crate) fn check(&self, x: usize, out: usize) {
        let [x_image, out_image] = self.images();
        assert_eq!((x, out), (self.n * x_image, self.n * out_image), "pool: {self:?}");
    }

    /// Images of one task.
    pub(crate) fn each(&self) -> usize {
        self.n.div_ceil(parallel::pieces(self.n)).max(1)
    }

    /// The part of window (`oy`, `ox`) inside the image: rows and columns.
    #[inline(always)]
    pub(crate) fn window(&self, oy: usize, ox: usize) -> [std::ops::Range<usize>; 2] {
        let inside = |o: usize, axis: usize, len: usize| {
            let (start, pad) = (o * self.stride[axis], self.pad[axis][0]);
            start.saturating_sub(pad).min(len)..(start + self.size[axis]).saturating_sub(pad).min(len)
        };
        [inside(oy, 0, self.h), inside(ox, 1, self.w)]
    }
}
