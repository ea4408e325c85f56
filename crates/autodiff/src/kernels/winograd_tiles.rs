//! Where the windows of Winograd's convolution lie, in images and in planes.

use std::ops::Range;

use super::winograd_lines::{SIDE, STEP};

/// Elements between two planes, which keep their stores out of one another's cache lines.
const GAP: usize = 16;

/// Images of `[h, w, channels]` under windows of `N` by `N` that are [`STEP`] pixels apart.
#[derive(Clone, Copy)]
pub struct Tiles {
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// Pixels by which the first window begins before the image.
    pub pad: [usize; 2],
    /// Windows down and across.
    pub grid: [usize; 2],
    /// Elements of a pixel.
    pub channels: usize,
    /// Elements from one window to the next in a plane.
    pub row: usize,
}

impl Tiles {
    /// Elements of one image.
    pub fn image(&self) -> usize {
        self.size[0] * self.size[1] * self.channels
    }

    /// Elements from one plane of so many tiles to the next.
    pub fn plane(&self, tiles: usize) -> usize {
        tiles * self.row + GAP
    }

    /// Elements of the images, in whole rows, from where the windows before `from` end to where those before `to` do.
    pub fn part(&self, [from, to]: [usize; 2]) -> Range<usize> {
        let place = |window: usize, more: usize| {
            let (image, window) =
                (window / (self.grid[0] * self.grid[1]), window % (self.grid[0] * self.grid[1]));
            let row = (STEP * (window / self.grid[1]) + more).min(self.size[0]);
            image * self.image() + row * self.size[1] * self.channels
        };
        if from < to { place(from, 0)..place(to - 1, SIDE) } else { 0..0 }
    }

    /// Calls `f(k, image, window)` for the windows `from..to` of all images, `k` counting from 0; a window's pixels are given by
    /// where they begin in the image, or none for padding.
    #[inline(always)]
    pub fn each<const N: usize>(
        &self,
        [from, to]: [usize; 2],
        mut f: impl FnMut(usize, usize, [[Option<usize>; N]; N]),
    ) {
        let of_image = self.grid[0] * self.grid[1];
        let (mut image, mut window) = (from / of_image, from % of_image);
        for k in 0..to - from {
            let first = [window / self.grid[1], window % self.grid[1]];
            let inside = |axis: usize, i: usize| {
                let at = (STEP * first[axis] + i).wrapping_sub(self.pad[axis]);
                (at < self.size[axis]).then(|| at * [self.size[1], 1][axis] * self.channels)
            };
            let columns: [Option<usize>; N] = std::array::from_fn(|j| inside(1, j));
            let mut places = [[None; N]; N];
            for i in 0..N {
                if let Some(row) = inside(0, i) {
                    for j in 0..N {
                        places[i][j] = columns[j].map(|column| row + column);
                    }
                }
            }
            f(k, image, places);
            window += 1;
            if window == of_image {
                (image, window) = (image + 1, 0);
            }
        }
    }
}
