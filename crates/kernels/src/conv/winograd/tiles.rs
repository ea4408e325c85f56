//! Where the windows of Winograd's convolution lie, in images and in planes.

use std::array;
use std::ops::Range;

use crate::conv::shape::ConvShape;
use crate::conv::winograd::f4_transform::{SIDE, STEP};

/// The place of a row or a column of padding: behind all images, and so is its sum with another.
const PADDING: usize = usize::MAX / 4;
/// Most images beside each other. Each is one of a stream of images that are read at the same time. A divisor of the number of planes,
/// as every number below it.
pub const ACROSS: usize = 3;

/// How images are laid beside and below each other, the zeros around them shared: so windows seldom stick out.
#[derive(Clone, Copy)]
pub struct Mosaic {
    /// Images below each other, and beside each other.
    images: [usize; 2],
    /// Pixels from an image to the next.
    pitch: [usize; 2],
    /// Windows down and across.
    grid: [usize; 2],
    /// Mosaics of all images.
    count: usize,
}

impl Mosaic {
    /// The mosaic with the fewest windows for the images of a convolution of 3x3 with stride 1.
    pub fn of(s: &ConvShape) -> Self {
        let (size, out) = ([s.h, s.w], [s.out_h(), s.out_w()]);
        let pitch = array::from_fn(|axis| size[axis] + s.pad[axis][0].max(s.pad[axis][1]));
        let mosaic = |images: [usize; 2]| {
            let grid = array::from_fn(|i| ((images[i] - 1) * pitch[i] + out[i]).div_ceil(STEP));
            Mosaic { images, pitch, grid, count: s.n.div_ceil(images[1]).div_ceil(images[0]) }
        };
        let all = (1..=ACROSS).flat_map(|x| (1..=s.n.div_ceil(x)).map(move |y| mosaic([y, x])));
        all.min_by_key(Mosaic::windows).unwrap_or(mosaic([1, 1]))
    }

    /// Every image by itself, under `grid` windows down and across.
    pub fn alone(images: usize, size: [usize; 2], grid: [usize; 2]) -> Self {
        // so far from another one that no window reaches it
        Mosaic { images: [1; 2], pitch: size.map(|size| 2 * size + SIDE), grid, count: images }
    }

    /// All windows.
    pub fn windows(&self) -> usize {
        self.count * self.grid[0] * self.grid[1]
    }
}

/// The windows that one side of a convolution has over its images.
#[derive(Clone, Copy)]
pub struct Windows {
    /// Pixels down and across.
    pub size: usize,
    /// Pixels from one to the next.
    pub step: usize,
    /// The pixel that the first one begins with, down and across; before the images where it is negative.
    pub first: [isize; 2],
}

/// Mosaics of images of `[h, w, channels]` under windows.
pub struct Tiles {
    mosaic: Mosaic,
    windows: Windows,
    /// Elements of a pixel.
    pub channels: usize,
    /// Elements of a row of pixels, of an image, of a stream of images, and of all.
    sizes: [usize; 4],
    /// Where the rows and the columns under the windows of the first mosaic begin.
    places: [Vec<usize>; 2],
}

impl Tiles {
    /// The windows of `images` images of `size`.
    pub fn new(mosaic: Mosaic, images: usize, size: [usize; 2], windows: Windows, channels: usize) -> Self {
        let (line, image) = (size[1] * channels, size[0] * size[1] * channels);
        let stream = images.div_ceil(mosaic.images[1]) * image;
        let steps = [[image, line], [stream, channels]];
        let places = array::from_fn(|axis| {
            let place = |at: usize| {
                let at = at.wrapping_add_signed(windows.first[axis]);
                let (image, pixel) = (at / mosaic.pitch[axis], at % mosaic.pitch[axis]);
                let inside = image < mosaic.images[axis] && pixel < size[axis];
                if inside { image * steps[axis][0] + pixel * steps[axis][1] } else { PADDING }
            };
            (0..(mosaic.grid[axis] - 1) * windows.step + windows.size).map(place).collect()
        });
        Self { mosaic, windows, channels, sizes: [line, image, stream, images * image], places }
    }

    /// All windows.
    pub fn count(&self) -> usize {
        self.mosaic.windows()
    }

    /// Elements of all images.
    pub fn all(&self) -> usize {
        self.sizes[3]
    }

    /// Images that are read at the same time.
    pub fn streams(&self) -> usize {
        self.mosaic.images[1]
    }

    /// Elements of a stream, in whole rows, from where the windows before `from` end to where those before `to` do.
    pub fn part(&self, [from, to]: [usize; 2], stream: usize) -> Range<usize> {
        let [line, image, len, all] = self.sizes;
        let Mosaic { images: [down, _], pitch: [pitch, _], grid, .. } = self.mosaic;
        let place = |window: usize, more: usize| {
            let (mosaic, window) = (window / (grid[0] * grid[1]), window % (grid[0] * grid[1]));
            let row = self.windows.step * (window / grid[1]) + more;
            let of_image = (row % pitch * line).min(image);
            let at = (mosaic * down + (row / pitch).min(down)) * image + of_image;
            (stream * len + at.min(len)).min(all)
        };
        if from < to { place(from, 0)..place(to - 1, self.windows.size) } else { 0..0 }
    }

    /// Calls `f` for the windows `from..to` of `N` by `N`, whose pixels are given by where they begin in the images, those of padding
    /// by places behind all of them.
    #[inline(always)]
    pub fn each<const N: usize>(&self, [from, to]: [usize; 2], mut f: impl FnMut([[usize; N]; N])) {
        let [down, across] = self.mosaic.grid;
        let [_, image, len, _] = self.sizes;
        let (mut before, window) =
            (from / (down * across) * self.mosaic.images[0] * image, from % (down * across));
        let mut first = [window / across, window % across];
        for _ in from..to {
            let [rows, columns]: [&[usize; N]; 2] = array::from_fn(|axis| {
                self.places[axis][self.windows.step * first[axis]..]
                    .first_chunk()
                    .expect("windows lie in the mosaic")
            });
            let mut places = [[PADDING; N]; N];
            for i in 0..N {
                // a stream may have fewer images
                let row = before + rows[i];
                let row = if row < len { row } else { PADDING };
                for j in 0..N {
                    places[i][j] = row + columns[j];
                }
            }
            f(places);
            first[1] += 1;
            if first[1] == across {
                first = [first[0] + 1, 0];
            }
            if first[0] == down {
                (first[0], before) = (0, before + self.mosaic.images[0] * image);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(n: usize, [h, w]: [usize; 2], pad: [[usize; 2]; 2]) -> ConvShape {
        ConvShape { n, h, w, c_in: 3, kh: 3, kw: 3, c_out: 2, stride: [1, 1], pad }
    }

    /// All windows' places.
    fn windows<const N: usize>(tiles: &Tiles, count: usize) -> Vec<[[usize; N]; N]> {
        let mut all = Vec::new();
        for from in (0..count).step_by(7) {
            tiles.each::<N>([from, count.min(from + 7)], |places| all.push(places));
            assert_eq!(all.len(), count.min(from + 7));
        }
        all
    }

    /// Every output is in one window, whose pixels are those that it is computed from.
    fn check(s: ConvShape) {
        let (mosaic, out) = (Mosaic::of(&s), [s.out_h(), s.out_w()]);
        let [inputs, outputs] = crate::conv::winograd::f4::tiles(&s);
        let mut seen = vec![0; s.n * out[0] * out[1]];
        let both =
            windows::<SIDE>(&inputs, mosaic.windows()).into_iter().zip(windows(&outputs, mosaic.windows()));
        for (from, to) in both {
            for (i, j) in (0..STEP).flat_map(|i| (0..STEP).map(move |j| (i, j))) {
                let to: [[usize; STEP]; STEP] = to;
                if to[i][j] >= outputs.all() {
                    continue;
                }
                let pixel = to[i][j] / s.c_out;
                seen[pixel] += 1;
                let (image, y, x) = (pixel / (out[0] * out[1]), pixel / out[1] % out[0], pixel % out[1]);
                for (ky, kx) in (0..3).flat_map(|ky| (0..3).map(move |kx| (ky, kx))) {
                    let [y, x] = [(y + ky).wrapping_sub(s.pad[0][0]), (x + kx).wrapping_sub(s.pad[1][0])];
                    let place = from[i + ky][j + kx];
                    if y < s.h && x < s.w {
                        assert_eq!(place, ((image * s.h + y) * s.w + x) * s.c_in, "{s:?}");
                    } else {
                        assert!(place >= inputs.all(), "{s:?}: {place} is not padding");
                    }
                }
            }
        }
        assert!(seen.iter().all(|&times| times == 1), "{s:?}");
    }

    #[test]
    fn windows_hold_what_their_outputs_are_computed_from() {
        for pad in [[[1, 1], [1, 1]], [[0, 0], [0, 0]], [[2, 2], [2, 2]], [[0, 1], [2, 0]]] {
            for n in [1, 2, 3, 4, 7, 18, 20] {
                for size in [[3, 3], [5, 4], [14, 14], [6, 21]] {
                    check(shape(n, size, pad));
                }
            }
        }
    }

    #[test]
    fn images_beside_each_other_take_fewer_windows() {
        let windows = |n, size| Mosaic::of(&shape(n, [size; 2], [[1; 2]; 2])).windows();
        assert_eq!(windows(9, 14), 121);
        assert!(windows(18, 14) <= 242 && windows(18, 21) < 18 * 32);
        assert_eq!(windows(18, 7), 18 * 4);
    }
}
