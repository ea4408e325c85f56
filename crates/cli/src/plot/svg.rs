//! What every picture of a run is made of: a document for light and dark backgrounds, and text that fits.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// The ground.
pub const PAPER: &str = "#FFFFFF";
/// Text and axes.
pub const INK: &str = "#202020";
/// Lines behind the data.
pub const GRID: &str = "#E0E0E0";
/// Right and wrong, apart for colour-blind readers, too.
pub const RIGHT: &str = "#0072B2";
pub const WRONG: &str = "#D55E00";
/// What colours become where the reader prefers a dark background.
const DARK: [(&str, &str); 5] =
    [(PAPER, "#141414"), (INK, "#E8E8E8"), (GRID, "#404040"), (RIGHT, "#4C7FF0"), (WRONG, "#F0803C")];
/// Height of text.
pub const FONT: f64 = 12.0;

/// A document of a size, drawn in `units` to the pixel.
pub fn document([width, height]: [f64; 2], units: f64, drawn: &str) -> String {
    let rule = |(light, dark): &(&str, &str)| {
        format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
    };
    let dark: String = DARK.iter().map(rule).collect();
    let [across, down] = [units * width, units * height];
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {across} {down}\" font-family=\"sans-serif\" font-size=\"{FONT}\">\n\
         <style>@media (prefers-color-scheme: dark){{{dark}}}</style>\n\
         <rect width=\"{across}\" height=\"{down}\" fill=\"{PAPER}\"/>\n{drawn}</svg>\n"
    )
}

/// Where a text begins, ends or has its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Writes text at a place on its base line.
pub fn text(out: &mut String, [x, y]: [f64; 2], anchor: Anchor, style: &str, text: &str) {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let fill = if style.contains("fill=") { String::new() } else { format!(" fill=\"{INK}\"") };
    let (space, text) = (if style.is_empty() { "" } else { " " }, escaped(text));
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{fill}{space}{style}>{text}</text>"
    );
}

/// As the content of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// About how wide a text of this height is, rather too wide than too narrow: fonts differ.
pub fn width(text: &str, size: f64) -> f64 {
    let ems = |c: char| match (c, c.width().unwrap_or(0)) {
        (_, 0) => 0.0,
        ('m' | 'w' | 'M' | 'W' | '@' | '%' | '…', 1) => 1.0,
        ('f' | 'i' | 'j' | 'l' | 'r' | 't' | ' ' | '\'' | ',' | '.' | ':' | ';' | '(' | ')' | '|', 1) => 0.42,
        ('A'..='Z', 1) => 0.78,
        (_, 1) => 0.64,
        _ => 1.04,
    };
    size * text.chars().map(ems).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_as_dark_as_its_ground_asks() {
        let mut out = String::new();
        text(&mut out, [1.0, 2.0], Anchor::End, "", "a < b & c");
        assert!(out.contains("a &lt; b &amp; c") && out.contains("fill=\"#202020\""), "{out}");
        let svg = document([10.0, 20.0], 2.0, &out);
        assert!(svg.contains("viewBox=\"0 0 20 40\"") && svg.contains("prefers-color-scheme: dark"), "{svg}");
        assert!(svg.contains("[fill=\"#202020\"]{fill:#E8E8E8}"), "{svg}");
    }

    #[test]
    fn widths_grow_with_what_is_wide() {
        assert!(width("iiii", 10.0) < width("nnnn", 10.0) && width("nnnn", 10.0) < width("WWWW", 10.0));
        assert!(width("고양", 10.0) > 20.0 && width("e\u{301}", 10.0) == width("e", 10.0));
    }
}
