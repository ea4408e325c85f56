//! Drawings in a terminal: each character cell of braille shows 2 by 4 pixels.

use crate::terminal::centred;

/// A grey drawing, ink = 1, row by row.
pub struct Drawing<'a> {
    /// Pixels.
    pub pixels: &'a [f32],
    /// Pixels in a row.
    pub width: usize,
}

/// Ink from here on is shown.
const INK: f32 = 0.4;
/// Bit of each dot of a braille cell: two columns of four rows.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Drawing<'_> {
    /// Lines of braille, all equally long.
    pub fn lines(&self) -> Vec<String> {
        let height = self.pixels.len() / self.width.max(1);
        (0..height.div_ceil(4))
            .map(|row| (0..self.width.div_ceil(2)).map(|column| self.cell(row, column)).collect())
            .collect()
    }

    fn cell(&self, row: usize, column: usize) -> char {
        let mut bits = 0;
        for (y, dots) in DOTS.iter().enumerate() {
            for (x, bit) in dots.iter().enumerate() {
                if self.is_ink(4 * row + y, 2 * column + x) {
                    bits |= bit;
                }
            }
        }
        char::from_u32(0x2800 + bits).expect("the 256 braille patterns are characters")
    }

    fn is_ink(&self, y: usize, x: usize) -> bool {
        x < self.width && self.pixels.get(y * self.width + x).is_some_and(|&ink| ink >= INK)
    }
}

/// Blanks before a drawing.
const GAP: &str = "  ";

/// Columns that a drawing of so many pixels in a row takes, with the blanks before it.
pub fn columns(width: usize) -> usize {
    width.div_ceil(2) + GAP.len()
}

/// Drawings side by side, `most` in a row, a caption centred under each.
pub fn gallery(drawings: &[Drawing<'_>], captions: &[String], most: usize) -> String {
    drawings
        .chunks(most.max(1))
        .zip(captions.chunks(most.max(1)))
        .map(|(row, below)| side_by_side(row, below))
        .collect()
}

fn side_by_side(drawings: &[Drawing<'_>], captions: &[String]) -> String {
    let blocks: Vec<Vec<String>> = drawings.iter().map(Drawing::lines).collect();
    let rows = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in 0..rows {
        let line: Vec<&str> = blocks.iter().filter_map(|block| block.get(row)).map(String::as_str).collect();
        text.push_str(&format!("{GAP}{}\n", line.join(GAP)));
    }
    let width = blocks.first().and_then(|block| block.first()).map_or(0, |line| line.chars().count());
    let line: Vec<String> = captions.iter().map(|caption| centred(caption, width)).collect();
    text.push_str(format!("{GAP}{}", line.join(GAP)).trim_end());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn dots_stand_where_the_ink_is() {
        let mut pixels = vec![0.0; 4 * 8];
        pixels[0] = 1.0; // first row, first column
        pixels[3] = 1.0; // first row, last column
        pixels[7 * 4 + 3] = 1.0; // last row, last column
        let lines = Drawing { pixels: &pixels, width: 4 }.lines();
        assert_eq!(lines, ["\u{2801}\u{2808}", "\u{2800}\u{2880}"]);
    }

    #[test]
    fn odd_sizes_are_filled_with_paper() {
        let lines = Drawing { pixels: &[1.0; 15], width: 3 }.lines();
        assert_eq!(lines, ["⣿⡇", "⠉⠁"]);
    }

    #[test]
    fn captions_stand_under_their_drawings() {
        let pixels = [0.0; 28 * 28];
        let drawing = || Drawing { pixels: &pixels, width: 28 };
        let text = gallery(&[drawing(), drawing()], &["A".into(), "B".into()], 2);
        assert_eq!(text.lines().count(), 8);
        assert_eq!(text.lines().last().unwrap().find('A'), Some(2 + 6));
    }
    #[test]
    fn drawings_go_on_below_where_a_row_is_full() {
        let pixels = [0.0; 28 * 28];
        let drawings: Vec<_> = (0..5).map(|_| Drawing { pixels: &pixels, width: 28 }).collect();
        let captions = ["A", "B", "고양이", "D", "E"].map(String::from);
        let text = gallery(&drawings, &captions, 2);
        assert_eq!(text.lines().count(), 3 * 8);
        assert!(text.lines().all(|line| line.width() <= 2 * columns(28)), "{text}");
        // seven drawings' lines, then their names: the third begins the second row, in its middle
        assert_eq!(text.lines().nth(15).unwrap().find('고'), Some(2 + 4));
    }
}
