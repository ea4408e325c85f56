//! How the points of a series are drawn, in the data and in the legend.

use std::f64::consts::TAU;

use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{
    Circle, ComposedElement, DashedPathElement, EmptyElement, PathElement, Polygon, Rectangle,
};
use plotters::prelude::SVGBackend;
use plotters::style::{Color, RGBColor, TRANSPARENT};

use super::chart::{Area, Drawn, Series, colour, stroke, units};
use super::svg::{INK, RIGHT, WRONG};

/// Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
const COLOURS: [&str; 7] = [RIGHT, WRONG, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK];
/// Corners of the shapes that go with them once all colours are taken, and how far they are turned; the first is round.
const SHAPES: [(usize, f64); 5] = [(0, 0.0), (4, 0.125), (3, 0.25), (4, 0.0), (3, 0.75)];
/// Looks of which no two are the same.
pub const LOOKS: usize = COLOURS.len() * SHAPES.len();
/// The look of what belongs to no class.
pub const PLAIN: usize = COLOURS.len() - 1;
/// Radius of dots, and of rings and crosses.
const DOT: f64 = 4.0;
const RING: f64 = 6.0;
/// Length of the line in a swatch.
const SWATCH: f64 = 20.0;
/// Of a dashed line, and what is left out.
const DASH: f64 = 6.0;
const SPACE: f64 = 4.0;
/// How much of what lies behind a bar it hides.
const BAR: f64 = 0.6;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line through the points.
    Line,
    /// Bars from 0 up to the points, as wide as the first two are apart.
    Bars,
    /// A dashed line.
    Dashed,
    /// Dots with a line through them.
    Joined,
    /// Dots.
    Dots,
    /// Outlines, for what was learned from.
    Rings,
    /// Crosses, for the middle of something.
    Crosses,
}

type Backend<'a> = SVGBackend<'a>;
/// The chart that is drawn into.
pub type Context<'a, 'b> = ChartContext<'a, Backend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws a series.
pub fn draw(chart: &mut Context<'_, '_>, series: &Series, look: usize) -> Drawn {
    let shade = colour(COLOURS[look % COLOURS.len()]);
    let points: Vec<(f64, f64)> = series.drawn().map(|(point, _)| point).collect();
    let bars = series.drawn().filter(|(_, error)| *error > 0.0);
    let bar = |((x, y), error): ((f64, f64), f64)| {
        PathElement::new(vec![(x, y - error), (x, y + error)], stroke(shade, 1.5))
    };
    chart.draw_series(bars.map(bar).collect::<Vec<_>>())?;
    if matches!(series.mark, Mark::Line | Mark::Joined) && points.len() > 1 {
        chart.draw_series([PathElement::new(points.clone(), stroke(shade, 2.0))])?;
    }
    if series.mark == Mark::Bars {
        let half = points.get(..2).map_or(0.5, |pair| 0.5 * (pair[1].0 - pair[0].0));
        let bar =
            |&(x, y): &(f64, f64)| Rectangle::new([(x - half, 0.0), (x + half, y)], shade.mix(BAR).filled());
        chart.draw_series(points.iter().filter(|(_, y)| *y > 0.0).map(bar))?;
    }
    if series.mark == Mark::Dashed && points.len() > 1 {
        let line = points.clone();
        chart.draw_series([DashedPathElement::new(line, units(DASH), units(SPACE), stroke(shade, 2.0))])?;
    }
    // a line through one point cannot be seen
    let alone = matches!(series.mark, Mark::Line | Mark::Dashed) && points.len() == 1;
    let mark = if alone { Mark::Dots } else { series.mark };
    let look = Look::new(look);
    let dots: Vec<_> = points.into_iter().map(|at| symbol(at, mark, &look, false)).collect();
    chart.draw_series(dots)?;
    Ok(())
}

/// Draws what stands for a series in the legend, in a line of it.
pub fn draw_swatch(area: &Area<'_>, mark: Mark, look: usize, y: i32) -> Drawn {
    area.draw(&symbol((units(SWATCH / 2.0), y), mark, &Look::new(look), true))
}

/// The colour and the shape of a series.
struct Look {
    shade: RGBColor,
    /// Corners around zero, for a radius of one pixel.
    corners: Vec<(f64, f64)>,
    /// Without corners.
    round: bool,
}

impl Look {
    fn new(number: usize) -> Look {
        let shade = colour(COLOURS[number % COLOURS.len()]);
        Look { shade, corners: outline(number), round: shape(number).0 == 0 }
    }
}

/// A place beside a point.
type Beside = (i32, i32);
type Line = PathElement<Beside>;
/// Two lines, a circle and a filled shape at a point.
type Symbol<'b, C> = ComposedElement<
    C,
    Backend<'b>,
    Line,
    ComposedElement<
        Beside,
        Backend<'b>,
        ComposedElement<Beside, Backend<'b>, Line, Circle<Beside, i32>>,
        Polygon<Beside>,
    >,
>;

/// What stands at a point of a series; in the legend with what goes on to both sides of it.
fn symbol<'b, C>(at: C, mark: Mark, look: &Look, legend: bool) -> Symbol<'b, C> {
    let (half, arm) = (units(SWATCH / 2.0), units(0.8 * RING));
    let scaled = |radius: f64| -> Vec<(i32, i32)> {
        look.corners.iter().map(|&(x, y)| (units(radius * x), units(radius * y))).collect()
    };
    // two lines, a circle and a filled shape, of which those that a mark has not are not drawn
    let (mut lines, mut circle, mut filled) = ([Vec::new(), Vec::new()], None, Vec::new());
    match mark {
        Mark::Line | Mark::Joined if legend => lines[0] = vec![(-half, 0), (half, 0)],
        Mark::Dashed if legend => {
            let gap = units(SPACE / 2.0);
            lines = [vec![(-half, 0), (-gap, 0)], vec![(gap, 0), (half, 0)]];
        }
        Mark::Rings if !look.round => {
            let mut closed = scaled(RING);
            closed.push(closed[0]);
            lines[0] = closed;
        }
        Mark::Crosses => lines = [vec![(-arm, -arm), (arm, arm)], vec![(-arm, arm), (arm, -arm)]],
        _ => {}
    }
    match mark {
        Mark::Dots | Mark::Joined if look.round => circle = Some((DOT, look.shade.filled())),
        Mark::Dots | Mark::Joined => filled = scaled(DOT),
        Mark::Bars if legend => filled = vec![(-half, -arm), (half, -arm), (half, arm), (-half, arm)],
        Mark::Rings if look.round => circle = Some((RING, stroke(look.shade, 1.5))),
        _ => {}
    }
    let width = if mark == Mark::Rings { 1.5 } else { 2.0 };
    let line = |points: Vec<(i32, i32)>| {
        let style = if points.is_empty() { TRANSPARENT.into() } else { stroke(look.shade, width) };
        PathElement::new(points, style)
    };
    let fill = if filled.is_empty() { TRANSPARENT.into() } else { look.shade.filled() };
    let (radius, style) = circle.unwrap_or((DOT, TRANSPARENT.into()));
    let [first, second] = lines.map(line);
    EmptyElement::at(at)
        + first
        + second
        + Circle::new((0, 0), units(radius), style)
        + Polygon::new(filled, fill)
}

/// Corners of the shape of a look, and how far it is turned.
fn shape(look: usize) -> (usize, f64) {
    SHAPES[look / COLOURS.len() % SHAPES.len()]
}

/// The corners, around zero; those of a shape must reach further than a circle to look as large.
fn outline(look: usize) -> Vec<(f64, f64)> {
    let (corners, turn) = shape(look);
    let angle = |i: usize| TAU * (turn + i as f64 / corners as f64);
    (0..corners).map(|i| (1.25 * angle(i).cos(), -1.25 * angle(i).sin())).collect()
}
