//! From the pen's ways to pixels.

use super::stroke::Point;

/// Draws polylines on a page of 0..1 as `size` x `size` pixels, row by row, ink 255 on
/// paper 0.
///
/// A pixel's ink falls linearly from full to none over one pixel at the pen's edge: with
/// `d` the distance of the pixel's centre to the polyline and `r` the pen's radius, both
/// in pixels, it is `clamp(r + 1/2 - d, 0, 1)`.
pub(super) fn raster(ways: &[Vec<Point>], pen: f64, size: usize) -> Vec<u8> {
    let side = size as f64;
    let radius = pen * side;
    let reach = radius + 0.5;
    let mut nearest = vec![f64::INFINITY; size * size];
    for segment in ways.iter().flat_map(|way| way.windows(2)) {
        let [a, b] = [segment[0].map(|v| v * side - 0.5), segment[1].map(|v| v * side - 0.5)];
        let span = |i: usize| {
            let low = (a[i].min(b[i]) - reach).ceil().max(0.0) as usize;
            let high = (a[i].max(b[i]) + reach).floor().min(side - 1.0);
            low..(high + 1.0).max(0.0) as usize
        };
        for y in span(1) {
            for x in span(0) {
                let pixel = &mut nearest[y * size + x];
                *pixel = pixel.min(squared_distance([x as f64, y as f64], a, b));
            }
        }
    }
    nearest.into_iter().map(|d| (255.0 * (reach - d.sqrt()).clamp(0.0, 1.0)).round() as u8).collect()
}

/// Squared distance of a point to the segment from `a` to `b`.
fn squared_distance(p: Point, a: Point, b: Point) -> f64 {
    let (along, to) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length = along[0] * along[0] + along[1] * along[1];
    let share = if length > 0.0 { (to[0] * along[0] + to[1] * along[1]) / length } else { 0.0 };
    let t = share.clamp(0.0, 1.0);
    let (x, y) = (to[0] - t * along[0], to[1] - t * along[1]);
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_line_covers_its_rows() {
        // Through the centres of row 4 of 10, half a pixel to either side.
        let way = vec![[0.25, 0.45], [0.75, 0.45]];
        let pixels = raster(&[way], 0.05, 10);
        let row = |y: usize| &pixels[y * 10..(y + 1) * 10];
        assert_eq!(row(4), [0, 0, 255, 255, 255, 255, 255, 255, 0, 0]);
        assert!((0..10).filter(|y| *y != 4).all(|y| row(y).iter().all(|p| *p == 0)));
    }

    #[test]
    fn between_two_rows_each_gets_half() {
        let way = vec![[-1.0, 0.5], [2.0, 0.5]];
        let pixels = raster(&[way], 0.05, 10);
        assert_eq!((pixels[35], pixels[45], pixels[55], pixels[65]), (0, 128, 128, 0));
    }

    #[test]
    fn ways_cross_without_growing_darker_and_may_leave_the_page() {
        let ways =
            [vec![[-3.0, 0.5], [3.0, 0.5]], vec![[0.5, -3.0], [0.5, 3.0]], vec![[5.0, 5.0], [6.0, 5.0]]];
        let cross = raster(&ways, 0.05, 10);
        let bar = raster(&ways[..1], 0.05, 10);
        assert_eq!(cross[40..44], bar[40..44]);
        assert!((0..100).all(|i| cross[i] == cross[(i % 10) * 10 + i / 10]));
    }
}
