//! A chart as SVG: lines and marks over two axes, with a legend beside them.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TRANSPARENT, TextStyle};

use super::marks;
pub use super::series::Series;
use super::svg::{self, GRID, INK};
use crate::names;

/// The part without the legend.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// Places are whole numbers of units, of which a pixel has two.
pub(super) const UNITS: i32 = 2;
/// Space for the title and above the data; for numbers and words below them; left of them for words alone.
const TOP: f64 = 44.0;
const BELOW: f64 = 42.0;
const BESIDE: f64 = 34.0;
/// Space at the edges.
const MARGIN: f64 = 16.0;
/// Of a line of the legend, and of the swatch in it.
const LINE: f64 = 19.0;
const SWATCH: f64 = 30.0;
/// Most space for a name in the legend.
const NAME: f64 = 200.0;
/// Height of the title.
const TITLE: f64 = 14.0;
/// Plotters asks for the height of a line, of which a font is so much less.
const LINE_HEIGHT: f64 = 1.24;
/// Most numbers on an axis.
const TICKS: usize = 8;

/// A chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Above the data.
    pub title: String,
    /// Below the horizontal axis.
    pub x: String,
    /// Beside the vertical axis.
    pub y: String,
    /// What is shown.
    pub series: Vec<Series>,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Plotters reports what a file could refuse.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Chart {
    /// The chart as a document of its own.
    pub fn svg(&self) -> String {
        document(std::slice::from_ref(self))
    }

    /// Names of the legend, one for each series that has one. Those of what is shown are told apart, and keys are as they are.
    fn legend(&self) -> Vec<String> {
        let (named, width) = (
            || self.series.iter().filter(|series| !series.name.is_empty()),
            |name: &str| svg::width(name, svg::FONT),
        );
        let shown: Vec<String> =
            named().filter(|series| !series.is_key).map(|series| series.name.clone()).collect();
        let mut fitted = names::fitted(&shown, NAME, width).into_iter();
        let name = |series: &Series| match series.is_key {
            true => Some(names::fit(&series.name, NAME, width)),
            false => fitted.next(),
        };
        named().filter_map(name).collect()
    }

    /// Width and height, with the legend.
    fn size(&self) -> [f64; 2] {
        let legend = self.legend();
        let lines = LINE * legend.len() as f64;
        [WIDTH + legend_width(&legend), HEIGHT.max(TOP + lines + BELOW + MARGIN)]
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let (data, legend) = area.split_horizontally(units(WIDTH));
        let [x, y] = self.ranges();
        let mut builder = ChartBuilder::on(&data);
        builder
            .caption(&self.title, font(TITLE, FontStyle::Bold))
            .margin(units(MARGIN))
            .x_label_area_size(units(BELOW))
            .y_label_area_size(units(beside(&y)));
        let mut chart = builder.build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .bold_line_style(colour(GRID).stroke_width(1))
            .light_line_style(TRANSPARENT)
            .axis_style(colour(INK).stroke_width(UNITS as u32))
            .label_style(font(svg::FONT, FontStyle::Normal))
            .axis_desc_style(font(svg::FONT, FontStyle::Normal))
            .x_desc(&self.x)
            .y_desc(&self.y)
            .x_labels(TICKS)
            .y_labels(TICKS)
            .x_label_formatter(&number)
            .y_label_formatter(&number)
            .draw()?;
        for (place, series) in self.series.iter().enumerate() {
            marks::draw(&mut chart, series, series.look.unwrap_or(place))?;
        }
        self.draw_legend(&legend)
    }

    /// Swatches and names, beside the data.
    fn draw_legend(&self, area: &Area<'_>) -> Drawn {
        let style = font(svg::FONT, FontStyle::Normal).pos(Pos::new(HPos::Left, VPos::Center));
        let named = self.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
        for (line, ((place, series), name)) in named.zip(self.legend()).enumerate() {
            let y = units(TOP + LINE * (line as f64 + 0.5));
            marks::draw_swatch(area, series.mark, series.look.unwrap_or(place), y)?;
            area.draw_text(&name, &style, (units(SWATCH), y))?;
        }
        Ok(())
    }

    /// What the axes run over: the data, and a little more.
    fn ranges(&self) -> [Range<f64>; 2] {
        let points = || self.series.iter().flat_map(Series::drawn);
        let x = points().map(|((x, _), _)| x);
        let y = points().flat_map(|((_, y), error)| [y - error, y + error]);
        [around(x, 0.02), around(y, 0.06)]
    }
}

/// Charts below each other.
pub fn document(charts: &[Chart]) -> String {
    let sizes: Vec<[f64; 2]> = charts.iter().map(Chart::size).collect();
    let width = sizes.iter().map(|size| size[0]).fold(0.0, f64::max);
    let height = sizes.iter().map(|size| size[1]).sum();
    let mut drawn = String::new();
    let whole = SVGBackend::with_string(&mut drawn, (units(width) as u32, units(height) as u32));
    let mut rest = whole.into_drawing_area();
    for (chart, size) in charts.iter().zip(&sizes) {
        let (area, below) = rest.split_vertically(units(size[1]));
        chart.draw(&area).expect("drawing into memory does not fail");
        rest = below;
    }
    rest.present().expect("drawing into memory does not fail");
    drop(rest);
    // its own first and last line give way to those of all pictures
    let inner = drawn.split_once('\n').map_or("", |(_, inner)| inner);
    let inner = inner.trim_end().strip_suffix("</svg>").unwrap_or(inner);
    svg::document([width, height], f64::from(UNITS), inner)
}

fn legend_width(names: &[String]) -> f64 {
    let widest = names.iter().map(|name| svg::width(name, svg::FONT)).reduce(f64::max);
    widest.map_or(0.0, |widest| (SWATCH + widest + MARGIN / 2.0).ceil())
}

/// Space for numbers and words left of the data.
fn beside(y: &Range<f64>) -> f64 {
    let numbers = RangedCoordf64::from(y.clone()).key_points(BoldPoints(TICKS));
    BESIDE + numbers.iter().map(|v| svg::width(&number(v), svg::FONT)).fold(0.0, f64::max)
}

/// From the least to the largest, and so much of that more at both ends.
fn around(values: impl Iterator<Item = f64>, more: f64) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
    let size = low.abs().max(high.abs()).max(1e-9);
    // equal values, or nearly
    if high - low < 1e-6 * size {
        return low - 0.5 * size..high + 0.5 * size;
    }
    let more = more * (high - low);
    low - more..high + more
}

/// A number on an axis, without digits that say nothing.
fn number(v: &f64) -> String {
    let trimmed = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    match v.abs() {
        size if size < 1e-12 => "0".into(),
        1e-4..1e6 => trimmed(format!("{v:.6}")),
        _ => {
            let text = format!("{v:.4e}");
            let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{power}", trimmed(digits.to_owned()))
        }
    }
}

/// Pixels in units.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * f64::from(UNITS)).round() as i32
}

fn font(height: f64, style: FontStyle) -> TextStyle<'static> {
    let size = height * f64::from(UNITS) * LINE_HEIGHT;
    let plain = TextStyle::from(("sans-serif", size, style).into_font());
    TextStyle { color: colour(INK).to_backend_color(), ..plain }
}

/// A colour from its six digits.
pub(super) fn colour(hex: &str) -> RGBColor {
    let part =
        |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("colours are constants of six digits");
    RGBColor(part(1), part(3), part(5))
}

/// A line of so many pixels.
pub(super) fn stroke(colour: RGBColor, pixels: f64) -> ShapeStyle {
    colour.stroke_width(units(pixels) as u32)
}

#[cfg(test)]
mod tests {
    use super::super::marks::Mark;
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "a < b & c".into(),
            x: "steps".into(),
            y: "accuracy".into(),
            series: vec![Series::new("one", Mark::Line, points)],
        }
    }

    #[test]
    fn axes_run_a_little_beyond_the_data() {
        for (low, high) in [(0.0, 10.0), (-5.0, 5.0), (0.953, 0.984), (3.0, 3.0), (0.0, 0.0), (1e-4, 7e4)] {
            let range = around([low, high].into_iter(), 0.06);
            assert!(range.start < low && high < range.end, "{low} {high}: {range:?}");
            assert!(low == high || range.end - range.start < 1.2 * (high - low), "{range:?}");
        }
    }

    #[test]
    fn numbers_have_the_digits_they_need() {
        for (v, text) in [(0.0, "0"), (-0.0, "0"), (0.25, "0.25"), (20.0, "20"), (-1.5, "-1.5"), (1e-15, "0")]
        {
            assert_eq!(number(&v), text);
        }
        assert_eq!([2e-5, 1.25e7].map(|v| number(&v)), ["2e-5", "1.25e7"]);
    }

    #[test]
    fn a_chart_is_well_formed_whatever_the_data() {
        for points in [
            vec![],
            vec![(1.0, f64::NAN)],
            vec![(0.0, 1.0), (1.0, 2.0)],
            vec![(2.0, 2.0)],
            vec![(0.0, 1e300), (1.0, -1e300), (2.0, 1.0)],
            vec![(1e9, 1e-9), (1e9 + 1.0, 2e-9)],
        ] {
            let svg = chart(points).svg();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
            assert_eq!((svg.matches("<svg").count(), svg.matches("</svg>").count()), (1, 1));
            assert!(
                svg.contains("a &lt; b &amp; c") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
        }
    }

    #[test]
    fn a_long_legend_makes_the_chart_taller() {
        let mut chart = chart(vec![(0.0, 1.0), (1.0, 2.0)]);
        let [width, height] = chart.size();
        chart.series = (0..30).map(|i| Series::new(&format!("class {i}"), Mark::Dots, vec![])).collect();
        let [wider, taller] = chart.size();
        assert!(taller > height && wider > width && height == HEIGHT);
        chart.series.truncate(1);
        chart.series[0].name.clear();
        assert_eq!(chart.size(), [WIDTH, HEIGHT], "no legend without names");
    }

    #[test]
    fn classes_are_numbered_and_keys_are_not() {
        let mut chart = chart(vec![]);
        let long = |i| format!("{} of {} {i}", "a class".repeat(20), "a name".repeat(20));
        let key = |name| Series { is_key: true, ..Series::new(name, Mark::Dots, vec![]) };
        let class = |i| Series::new(&long(i % 2), Mark::Dots, vec![]);
        chart.series = ["support", "query"].map(key).into_iter().chain((0..3).map(class)).collect();
        chart.series[2].name = long(0).replace(" of ", " or ");
        let legend = chart.legend();
        assert_eq!(legend[..2], ["support", "query"]);
        let numbers: Vec<&str> = legend[2..].iter().map(|name| &name[..2]).collect();
        assert_eq!(numbers, ["1 ", "2 ", "3 "], "{legend:?}");
    }
}
