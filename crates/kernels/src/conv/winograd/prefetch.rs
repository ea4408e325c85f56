//! The blocks of windows that Winograd's convolutions take, and what the products of one ask for: the images of the next.

use std::ops::Range;

use crate::conv::winograd::tiles::{ACROSS, Tiles};
use crate::cpu::prefetch::Ahead;
use crate::element::Element;

/// Windows of a block are a multiple of this: rows of a register tile.
const ROWS: usize = 6;

/// All windows of so many images, block by block.
pub struct Blocks {
    windows: usize,
    all: usize,
}

impl Blocks {
    /// Of about so many windows.
    pub fn new(all: usize, windows: usize) -> Self {
        Self { windows: windows.max(ROWS) / ROWS * ROWS, all }
    }

    /// Windows of the largest.
    pub fn most(&self) -> usize {
        self.all.min(self.windows + ROWS)
    }

    /// The windows of the block that begins with window `from`, first and behind the last; none behind them all. A few that would be
    /// left are the last block's.
    pub fn block(&self, from: usize) -> [usize; 2] {
        let to = from + self.windows;
        [from, if to + ROWS > self.all { self.all } else { to }]
    }

    pub fn each(&self) -> impl Iterator<Item = [usize; 2]> {
        let some = |range: &[usize; 2]| range[0] < range[1];
        std::iter::successors(Some(self.block(0)), move |range| Some(self.block(range[1])).filter(some))
    }
}

/// Images that windows are needed of soon.
#[derive(Clone, Copy)]
pub struct Soon<'a, F> {
    pub images: &'a [F],
    pub tiles: &'a Tiles,
    pub windows: [usize; 2],
}

impl<'a, F: Element> Soon<'a, F> {
    /// The block of `images` that begins with window `from`; behind the last one, the first block of the images `behind` them.
    pub fn next(images: &'a [F], behind: &'a [F], tiles: &'a Tiles, blocks: &Blocks, from: usize) -> Self {
        let windows = blocks.block(from);
        if windows[0] < windows[1] {
            Soon { images, tiles, windows }
        } else {
            Soon { images: behind, tiles, windows: blocks.block(0) }
        }
    }

    fn part(&self, stream: usize) -> &'a [F] {
        let Range { start, end } = self.tiles.part(self.windows, stream);
        &self.images[start.min(self.images.len())..end.min(self.images.len())]
    }
}

/// What the products of all planes ask for: those of some rows the parts of one stream.
pub struct Streams<'a, F> {
    aheads: [Ahead<'a, F>; ACROSS],
    count: usize,
    /// Rows of all planes, and steps of one.
    rows: usize,
    steps: usize,
}

impl<'a, F: Element> Streams<'a, F> {
    pub fn new(soon: [Soon<'a, F>; 2], rows: usize, steps: usize) -> Self {
        let count = soon[0].tiles.streams();
        let of = |stream: usize| Ahead::new(soon.map(|soon| soon.part(stream)), rows / count * steps);
        Self { aheads: std::array::from_fn(|i| of(i.min(count - 1))), count, rows, steps }
    }

    /// For the plane behind so many rows.
    pub fn after(&self, done: usize) -> Ahead<'a, F> {
        let stream = done * self.count / self.rows;
        self.aheads[stream].after((done - stream * (self.rows / self.count)) * self.steps)
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
    fn blocks_ask_for_all_of_the_images_between_them() {
        let (pad, stride) = ([[1; 2]; 2], [1; 2]);
        let s = ConvShape { n: 3, h: 14, w: 11, c_in: 64, kh: 3, kw: 3, c_out: 32, stride, pad };
        f4::tiles(&s).iter().for_each(|tiles| check(tiles, 24));
    }
}
