//! The blocks of windows that Winograd's convolutions take, and the prefetch of the next block's images during one block's products.

use std::ops::Range;

use crate::conv::winograd::tiles::{ACROSS, Tiles};
use crate::cpu::prefetch::Prefetch;
use crate::element::Element;

/// Windows of a block are a multiple of this: rows of a register tile.
const ROWS: usize = 6;

/// All windows of some images, block by block.
pub struct Blocks {
    windows: usize,
    all: usize,
}

impl Blocks {
    /// Blocks of about `windows` windows of `all`.
    pub fn new(all: usize, windows: usize) -> Self {
        Self { windows: windows.max(ROWS) / ROWS * ROWS, all }
    }

    /// Windows of the largest block.
    pub fn most(&self) -> usize {
        self.all.min(self.windows + ROWS)
    }

    /// The range of the block that begins with window `from`, empty at the end. A few windows that would be left over belong to the
    /// last block.
    pub fn block(&self, from: usize) -> [usize; 2] {
        let to = from + self.windows;
        [from, if to + ROWS > self.all { self.all } else { to }]
    }

    pub fn each(&self) -> impl Iterator<Item = [usize; 2]> {
        let some = |range: &[usize; 2]| range[0] < range[1];
        std::iter::successors(Some(self.block(0)), move |range| Some(self.block(range[1])).filter(some))
    }
}

/// A block of windows to be prefetched.
#[derive(Clone, Copy)]
pub struct PrefetchBlock<'a, F> {
    pub images: &'a [F],
    pub tiles: &'a Tiles,
    pub windows: [usize; 2],
}

impl<'a, F: Element> PrefetchBlock<'a, F> {
    /// The block of `images` that begins with window `from`; behind the last one, the first block of the images `behind` them.
    pub fn next(images: &'a [F], behind: &'a [F], tiles: &'a Tiles, blocks: &Blocks, from: usize) -> Self {
        let windows = blocks.block(from);
        if windows[0] < windows[1] {
            PrefetchBlock { images, tiles, windows }
        } else {
            PrefetchBlock { images: behind, tiles, windows: blocks.block(0) }
        }
    }

    fn part(&self, stream: usize) -> &'a [F] {
        let Range { start, end } = self.tiles.part(self.windows, stream);
        &self.images[start.min(self.images.len())..end.min(self.images.len())]
    }
}

/// The prefetches during the products of all planes: each group of rows prefetches its part of one stream of images.
pub struct Streams<'a, F> {
    prefetches: [Prefetch<'a, F>; ACROSS],
    count: usize,
    /// Rows of all planes, and steps of one.
    rows: usize,
    steps: usize,
}

impl<'a, F: Element> Streams<'a, F> {
    pub fn new(next: [PrefetchBlock<'a, F>; 2], rows: usize, steps: usize) -> Self {
        let count = next[0].tiles.streams();
        let of = |stream: usize| Prefetch::new(next.map(|block| block.part(stream)), rows / count * steps);
        Self { prefetches: std::array::from_fn(|i| of(i.min(count - 1))), count, rows, steps }
    }

    /// The prefetch for the plane that follows `done` rows.
    pub fn after(&self, done: usize) -> Prefetch<'a, F> {
        let stream = done * self.count / self.rows;
        self.prefetches[stream].after((done - stream * (self.rows / self.count)) * self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::shape::ConvShape;
    use crate::conv::winograd::f4;

    fn check(tiles: &Tiles, windows: usize) {
        let blocks = Blocks::new(tiles.count(), windows);
        let ranges: Vec<[usize; 2]> = blocks.each().collect();
        assert_eq!(ranges.last().map(|range| range[1]), Some(tiles.count()));
        for stream in 0..tiles.streams() {
            let first = tiles.part(ranges[0], stream).start;
            let mut done = first;
            for (i, &range) in ranges.iter().enumerate() {
                let part = tiles.part(range, stream);
                assert!(part.start <= done && part.end >= done, "{part:?} does not go on at {done}");
                done = part.end;
                assert_eq!(ranges.get(i + 1).copied().unwrap_or([blocks.all; 2]), blocks.block(range[1]));
            }
            let next = tiles.part([0, 1], stream + 1).start;
            assert_eq!(done, next.max(first).min(tiles.all()), "stream {stream}");
        }
        assert!(tiles.part(blocks.block(blocks.all), 0).is_empty());
    }

    #[test]
    fn blocks_prefetch_all_of_the_images_between_them() {
        let (pad, stride) = ([[1; 2]; 2], [1; 2]);
        let s = ConvShape { n: 3, h: 14, w: 11, c_in: 64, kh: 3, kw: 3, c_out: 32, stride, pad };
        f4::tiles(&s).iter().for_each(|tiles| check(tiles, 24));
    }
}
