//! Images at another size, row by row.

use crate::resample::{Taps, byte, first, taps};
use std::collections::VecDeque;

/// Resamples an image whose rows come one by one, from the top: of the old image no more is held than the filter spans.
///
/// The sums are those of [`Resample`](crate::resample::Resample), in the same order: rows first, then columns, rounded and cut off at the end.
pub(crate) struct RowResample {
    from: [usize; 3],
    to: [usize; 2],
    /// Rows pushed.
    pushed: usize,
    /// New rows that are done.
    done: usize,
    columns: Vec<Taps>,
    /// Where the image gets lower: the new rows begun, with their sums so far.
    open: VecDeque<(Taps, Vec<f32>)>,
    /// Where it gets higher: the last old rows.
    window: VecDeque<Vec<u8>>,
    out: Vec<u8>,
}

impl RowResample {
    /// From `[height, width, channels]` to another height and width.
    pub(crate) fn new(from: [usize; 3], to: [usize; 2]) -> Self {
        let [_, width, channels] = from;
        let scale = width as f64 / to[1] as f64;
        let columns = if from[..2] == to {
            Vec::new()
        } else {
            (0..to[1]).map(|column| taps(width, scale, column)).collect()
        };
        let out = Vec::with_capacity(to[0] * to[1] * channels);
        Self { from, to, pushed: 0, done: 0, columns, open: VecDeque::new(), window: VecDeque::new(), out }
    }

    /// Most bytes that resampling takes beside the row that is pushed.
    pub(crate) fn bytes([height, width, channels]: [usize; 3], to: [usize; 2]) -> u64 {
        let [height, width, channels] = [height, width, channels].map(|n| n as u64);
        // seven sums or rows are open; weights of both sides, which span six pixels at either scale
        let rows = 8 * 4 * width * channels;
        let weights = 12 * 6 * (height + width).max((to[0] + to[1]) as u64);
        rows + weights + (to[0] * to[1]) as u64 * channels
    }

    /// Takes the next row, `[width, channels]`.
    pub(crate) fn push(&mut self, row: &[u8]) {
        let [height, width, channels] = self.from;
        assert_eq!(row.len(), width * channels, "RowResample::push: a row of another length");
        assert!(self.pushed < height, "RowResample::push: more rows than the image has");
        self.pushed += 1;
        if self.from[..2] == self.to {
            self.out.extend_from_slice(row);
        } else if height < self.to[0] {
            self.push_higher(row);
        } else {
            self.push_lower(row);
        }
    }

    /// The new image, once all rows are there.
    pub(crate) fn finish(self) -> Vec<u8> {
        assert_eq!(self.pushed, self.from[0], "RowResample::finish: rows are missing");
        self.out
    }

    fn scale(&self) -> f64 {
        self.from[0] as f64 / self.to[0] as f64
    }

    fn push_lower(&mut self, row: &[u8]) {
        let place = self.pushed - 1;
        loop {
            let next = self.done + self.open.len();
            if next == self.to[0] || first(self.scale(), next) > place {
                break;
            }
            self.open.push_back((taps(self.from[0], self.scale(), next), vec![0.0; row.len()]));
        }
        for (taps, sum) in &mut self.open {
            add(sum, taps.weights[place - taps.first], row);
        }
        while self.open.front().is_some_and(|(taps, _)| taps.end() == self.pushed) {
            let (_, sum) = self.open.pop_front().expect("there is one");
            self.append(&sum);
        }
    }

    fn push_higher(&mut self, row: &[u8]) {
        self.window.push_back(row.to_vec());
        while self.done < self.to[0] {
            let taps = taps(self.from[0], self.scale(), self.done);
            if taps.end() > self.pushed {
                break;
            }
            let gone = taps.first - (self.pushed - self.window.len());
            self.window.drain(..gone);
            let mut sum = vec![0.0; row.len()];
            for (weight, old) in taps.weights.iter().zip(&self.window) {
                add(&mut sum, *weight, old);
            }
            self.append(&sum);
        }
    }

    /// Resamples a finished row `[width, channels]` along its width.
    fn append(&mut self, row: &[f32]) {
        let channels = self.from[2];
        for taps in &self.columns {
            for channel in 0..channels {
                let old = row[taps.first * channels + channel..].iter().step_by(channels);
                let mut sum = 0.0;
                for (weight, value) in taps.weights.iter().zip(old) {
                    sum += weight * value;
                }
                self.out.push(byte(sum));
            }
        }
        self.done += 1;
    }
}

fn add(sum: &mut [f32], weight: f32, row: &[u8]) {
    for (sum, &value) in sum.iter_mut().zip(row) {
        *sum += weight * f32::from(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Resample;

    fn resampled(image: &[u8], from: [usize; 3], to: [usize; 2]) -> Vec<u8> {
        let mut rows = RowResample::new(from, to);
        image.chunks_exact(from[1] * from[2]).for_each(|row| rows.push(row));
        rows.finish()
    }

    /// Both passes over whole images: `[h, w c]` to `[w, c to_h]` to `[c, to_h, to_w]`.
    fn resampled_whole(image: &[u8], [h, w, c]: [usize; 3], [to_h, to_w]: [usize; 2]) -> Vec<u8> {
        let planes = Resample::new(w, to_w).pass(&Resample::new(h, to_h).pass(image));
        let pixel = |pixel: usize| (0..c).map(move |channel| channel * to_h * to_w + pixel);
        (0..to_h * to_w).flat_map(pixel).map(|place| byte(planes[place])).collect()
    }

    #[test]
    fn row_by_row_is_the_same_as_whole() {
        for (from, to) in [
            ([60, 40, 3], [10, 25]),
            ([5, 90, 1], [28, 28]),
            ([1, 300, 3], [28, 20]),
            ([300, 1, 3], [28, 20]),
            ([28, 40, 1], [28, 20]),
            ([29, 28, 1], [28, 28]),
            ([2, 2, 1], [84, 3]),
            ([1000, 3, 1], [1, 1]),
        ] {
            let image: Vec<u8> = (0..from.iter().product()).map(|i: usize| (i * i * 7 % 251) as u8).collect();
            assert_eq!(resampled(&image, from, to), resampled_whole(&image, from, to), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn sides_and_channels_are_resampled_by_themselves() {
        let (size, [h, w, c], [to_h, to_w]) = (60, [60, 40, 3], [10, 25]);
        let stroke = |y: usize, x: usize, ch: usize| 255 * u8::from((3 * y + 2 * x + 5 * ch) % 17 < 6);
        let image: Vec<u8> = (0..h * w * c).map(|i| stroke(i / c / w, i / c % w, i % c)).collect();
        let got = resampled(&image, [h, w, c], [to_h, to_w]);
        assert_eq!(got.len(), to_h * to_w * c);
        for ch in 0..c {
            let column = |x: usize| -> Vec<u8> { (0..h).map(|y| image[(y * w + x) * c + ch]).collect() };
            let shrunk: Vec<Vec<f32>> = (0..w).map(|x| Resample::new(size, to_h).pass(&column(x))).collect();
            for y in 0..to_h {
                let row: Vec<f32> = (0..w).map(|x| shrunk[x][y]).collect();
                let row = Resample::new(w, to_w).pass(&row);
                for x in 0..to_w {
                    assert_eq!(got[(y * to_w + x) * c + ch], byte(row[x]), "pixel {y}, {x}, channel {ch}");
                }
            }
        }
    }
}
