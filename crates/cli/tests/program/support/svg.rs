//! Text in pictures: where it is, and that none is cut or lies on another.

use unicode_width::UnicodeWidthStr;

/// About how wide a column of text is, in heights of the font.
const COLUMN: f64 = 0.54;
/// Boxes may touch by so much of a pixel of the view box.
const TOUCH: f64 = 1.0;

/// A text and about the place that it takes: left, top, right, bottom.
#[derive(Debug, Clone)]
pub struct Text {
    pub words: String,
    pub place: [f64; 4],
}

/// All texts of a picture.
pub fn texts(svg: &str) -> Vec<Text> {
    svg.split("<text ").skip(1).map(text).collect()
}

fn text(element: &str) -> Text {
    let (attributes, rest) = element.split_once('>').expect("a tag ends");
    let words = rest.split("</text>").next().unwrap_or_default().trim();
    let words = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(words.to_owned(), |words, (code, letter)| words.replace(code, letter));
    let number = |name| attribute(attributes, name).and_then(|value| value.parse::<f64>().ok());
    let size = number("font-size").unwrap_or(12.0);
    let (x, y) = (number("x").expect("x"), number("y").expect("y"));
    let down = match attribute(attributes, "dy") {
        Some("0.76em") => 0.76,
        Some("0.5ex") => 0.27,
        Some("-0.5ex") => -0.27,
        _ => 0.0,
    };
    let width = COLUMN * size * words.width() as f64;
    let left = match attribute(attributes, "text-anchor") {
        Some("middle") => -width / 2.0,
        Some("end") => -width,
        _ => 0.0,
    };
    let (top, bottom) = ((down - 0.76) * size, (down + 0.24) * size);
    let turned = attribute(attributes, "transform").is_some_and(|how| how.contains("rotate"));
    // all are turned to be read upwards
    let place = match turned {
        false => [x + left, y + top, x + left + width, y + bottom],
        true => [x + top, y - left - width, x + bottom, y - left],
    };
    Text { words, place }
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    let at = attributes
        .match_indices(&start)
        .map(|(at, _)| at)
        .find(|&at| at == 0 || attributes[..at].ends_with(' '))?;
    attributes[at + start.len()..].split('"').next()
}

/// Asserts that every text lies within the picture and on no other.
#[track_caller]
pub fn is_readable(svg: &str, what: &str) {
    let view = attribute(svg, "viewBox").unwrap_or_else(|| panic!("{what}: no view box"));
    let view: Vec<f64> = view.split(' ').map(|number| number.parse().unwrap()).collect();
    let texts = texts(svg);
    assert!(!texts.is_empty(), "{what}: no text");
    for (i, Text { words, place: [left, top, right, bottom] }) in texts.iter().enumerate() {
        let within = *left >= 0.0 && *top >= 0.0 && *right <= view[2] && *bottom <= view[3];
        assert!(within, "{what}: {words:?} is cut at {:?} of {view:?}", texts[i].place);
        for other in &texts[..i] {
            let [l, t, r, b] = other.place;
            let apart = right - TOUCH <= l || r - TOUCH <= *left || bottom - TOUCH <= t || b - TOUCH <= *top;
            assert!(apart, "{what}: {words:?} at {:?} lies on {other:?}", texts[i].place);
        }
    }
}
