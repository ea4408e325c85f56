//! A chart as SVG: lines and dots over two axes.

use std::fmt::Write;

pub(super) const WIDTH: f64 = 640.0;
pub(super) const HEIGHT: f64 = 400.0;
/// Space left of, right of, above and below the area of the data.
const MARGINS: [f64; 4] = [64.0, 24.0, 40.0, 52.0];
/// Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
/// About so many numbers on an axis.
const TICKS: f64 = 6.0;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line through the points.
    Line,
    /// A dashed line.
    Dashed,
    /// Dots.
    Dots,
    /// Rings, for what was learned from.
    Rings,
    /// Crosses, for the middle of something.
    Crosses,
}

/// Points under one name.
#[derive(Clone, Debug)]
pub struct Series {
    /// Shown in the legend.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// x and y; those that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Half heights of error bars, one a point, or none at all.
    pub errors: Vec<f64>,
    /// The number of its colour; by default its place among the series.
    pub colour: Option<usize>,
}

impl Series {
    /// Without error bars.
    pub fn new(name: &str, mark: Mark, points: Vec<(f64, f64)>) -> Self {
        Series { name: name.to_owned(), mark, points, errors: Vec::new(), colour: None }
    }
}

impl Series {
    /// The colour of the series at this place.
    fn shade(&self, place: usize) -> &'static str {
        COLOURS[self.colour.unwrap_or(place) % COLOURS.len()]
    }
}

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

/// The numbers along one axis and where they lie.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis from a round number to a round number, drawn from `from` to `to`.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let spread = if high > low { high - low } else { low.abs().max(1.0) };
        let step = round_step(spread / TICKS);
        Axis { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, from, to }
            .not_empty()
    }

    fn not_empty(self) -> Self {
        if self.high > self.low { self } else { Axis { high: self.low + self.step, ..self } }
    }

    fn place(&self, v: f64) -> f64 {
        self.from + (v - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        let digits = (-self.step.log10().floor()).max(0.0) as usize;
        let (low, step) = (self.low, self.step);
        (0..=count).map(move |i| {
            let v = low + i as f64 * step;
            (v, format!("{:.digits$}", if v.abs() < step / 2.0 { 0.0 } else { v }))
        })
    }
}

/// 1, 2 or 5 times a power of ten, near a number.
fn round_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.log10().floor());
    let factor = match wanted / power {
        f if f < 1.5 => 1.0,
        f if f < 3.5 => 2.0,
        f if f < 7.5 => 5.0,
        _ => 10.0,
    };
    factor * power
}

impl Chart {
    /// The chart as a document of its own.
    pub fn svg(&self) -> String {
        let [left, right, top, bottom] = MARGINS;
        let points = || self.series.iter().flat_map(|s| &s.points);
        let bars = self
            .series
            .iter()
            .flat_map(|s| s.points.iter().zip(&s.errors).flat_map(|((_, y), e)| [y - e, y + e]));
        let x = Axis::over(points().map(|p| p.0), left, WIDTH - right);
        let y = Axis::over(points().map(|p| p.1).chain(bars), HEIGHT - bottom, top);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        self.frame(&mut out, &x, &y);
        for (i, series) in self.series.iter().enumerate() {
            draw(&mut out, series, series.shade(i), &x, &y);
        }
        self.legend(&mut out);
        out.push_str("</svg>\n");
        out
    }

    /// Title, axes, numbers and grid.
    fn frame(&self, out: &mut String, x: &Axis, y: &Axis) {
        let middle = (x.from + x.to) / 2.0;
        text(out, middle, 22.0, "middle", "font-size=\"14\" font-weight=\"bold\"", &self.title);
        text(out, middle, HEIGHT - 12.0, "middle", "", &self.x);
        let centre = (y.from + y.to) / 2.0;
        text(out, 16.0, centre, "middle", &format!("transform=\"rotate(-90 16 {centre})\""), &self.y);
        for (v, label) in x.ticks() {
            let at = x.place(v);
            line(out, at, y.from, at, y.to, "#e0e0e0");
            text(out, at, y.from + 18.0, "middle", "", &label);
        }
        for (v, label) in y.ticks() {
            let at = y.place(v);
            line(out, x.from, at, x.to, at, "#e0e0e0");
            text(out, x.from - 8.0, at + 4.0, "end", "", &label);
        }
        line(out, x.from, y.from, x.to, y.from, "black");
        line(out, x.from, y.from, x.from, y.to, "black");
    }

    fn legend(&self, out: &mut String) {
        let coloured = self.series.iter().enumerate().map(|(i, series)| (series, series.shade(i)));
        for (i, (series, colour)) in coloured.filter(|(s, _)| !s.name.is_empty()).enumerate() {
            let y = MARGINS[2] + 14.0 + 18.0 * i as f64;
            let x = WIDTH - MARGINS[1] - 12.0;
            let style =
                format!("fill=\"{colour}\" stroke=\"white\" stroke-width=\"3\" paint-order=\"stroke\"");
            text(out, x, y, "end", &style, &series.name);
        }
    }
}

fn draw(out: &mut String, series: &Series, colour: &str, x: &Axis, y: &Axis) {
    let finite = |p: &&(f64, f64)| p.0.is_finite() && p.1.is_finite();
    let placed: Vec<(f64, f64)> =
        series.points.iter().filter(finite).map(|p| (x.place(p.0), y.place(p.1))).collect();
    for ((px, py), error) in series.points.iter().zip(&series.errors) {
        let at = x.place(*px);
        line(out, at, y.place(py - error), at, y.place(py + error), colour);
    }
    if let Mark::Dots | Mark::Rings | Mark::Crosses = series.mark {
        placed.into_iter().for_each(|at| mark(out, series.mark, at, colour));
        return;
    }
    let path: Vec<String> = placed.iter().map(|(px, py)| format!("{px:.2},{py:.2}")).collect();
    let dash = if series.mark == Mark::Dashed { " stroke-dasharray=\"6 4\"" } else { "" };
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
        path.join(" ")
    );
}

fn mark(out: &mut String, mark: Mark, (x, y): (f64, f64), colour: &str) {
    let _ = match mark {
        Mark::Crosses => {
            let (left, right, top, bottom) = (x - 6.0, x + 6.0, y - 6.0, y + 6.0);
            writeln!(
                out,
                "<path d=\"M{left:.2} {top:.2}L{right:.2} {bottom:.2}M{left:.2} {bottom:.2}L{right:.2} {top:.2}\" stroke=\"{colour}\" stroke-width=\"3\"/>"
            )
        }
        Mark::Rings => writeln!(
            out,
            "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"6\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ),
        _ => writeln!(out, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"4\" fill=\"{colour}\"/>"),
    };
}

fn line(out: &mut String, x1: f64, y1: f64, x2: f64, y2: f64, colour: &str) {
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\" stroke=\"{colour}\"/>"
    );
}

pub(super) fn text(out: &mut String, x: f64, y: f64, anchor: &str, style: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ =
        writeln!(out, "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\" {style}>{escaped}</text>");
}

#[cfg(test)]
mod tests {
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
    fn axes_end_at_round_numbers_around_the_data() {
        for (low, high) in [(0.0, 10.0), (-5.0, 5.0), (0.953, 0.984), (3.0, 3.0), (1e-4, 7e4)] {
            let axis = Axis::over([low, high].into_iter(), 0.0, 100.0);
            assert!(axis.low <= low && high <= axis.high && axis.low < axis.high, "{low} {high}");
            let count = axis.ticks().count();
            assert!((2..=14).contains(&count), "{count} ticks for {low} to {high}");
            assert!((axis.place(axis.high) - 100.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_chart_is_well_formed_whatever_the_data() {
        for points in [vec![], vec![(1.0, f64::NAN)], vec![(0.0, 1.0), (1.0, 2.0)], vec![(2.0, 2.0)]] {
            let svg = chart(points).svg();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
            assert!(svg.contains("a &lt; b &amp; c") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
