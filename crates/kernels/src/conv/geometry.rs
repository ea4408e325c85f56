//! What a convolution reads where: tables that depend on sizes, stride and padding only, cached per thread.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use crate::conv::shape::ConvShape;
use crate::tile::job::{Pixel, Run};

/// Geometries a thread remembers before it forgets them all.
const REMEMBERED: usize = 64;

/// Output pixels whose windows hold the same taps: padding taps are left out.
#[derive(Debug)]
pub struct Class {
    /// The taps of a window: kernel position and input pixel relative to the window's base.
    pub taps: Vec<(u32, i32)>,
    /// The taps, consecutive ones joined.
    pub runs: Vec<Run>,
    /// Base (input pixel of the first tap) and output pixel of every window.
    pub pixels: Vec<Pixel>,
}

impl Class {
    fn without(&self, area: &Area) -> Self {
        Class { taps: self.taps.clone(), runs: self.runs.clone(), pixels: area.without(&self.pixels) }
    }
}

/// The tables of one image.
#[derive(Debug)]
pub struct Geometry {
    /// Windows of the output over the input.
    pub forward: Vec<Class>,
    /// For each input pixel the output pixels that read it; kernel positions counted from the last.
    pub back: Vec<Class>,
    /// For each kernel position the windows that hold it: input pixel and output pixel.
    pub taps: Vec<Vec<Pixel>>,
    beside: OnceCell<Box<Geometry>>,
}

impl Geometry {
    fn new(s: &ConvShape) -> Self {
        let (inputs, outputs, taps) = (s.h * s.w, s.out_h() * s.out_w(), s.kh * s.kw);
        let mut reads = vec![Vec::new(); outputs];
        let mut readers = vec![Vec::new(); inputs];
        let mut pairs = vec![Vec::new(); taps];
        for (out, reads) in reads.iter_mut().enumerate() {
            for tap in 0..taps {
                if let Some(input) = input_of(s, out, tap) {
                    reads.push((tap as u32, input as i32));
                    readers[input].push(((taps - 1 - tap) as u32, out as i32));
                    pairs[tap].push(Pixel { src: input as i32, dst: out as u32 });
                }
            }
        }
        Self { forward: classes(reads), back: classes(readers), taps: pairs, beside: OnceCell::new() }
    }

    /// The tables without some outputs, and without some inputs of the gradient for the images: always the same ones.
    pub fn beside(&self, areas: impl FnOnce() -> [Area; 2]) -> &Geometry {
        self.beside.get_or_init(|| {
            let [outputs, inputs] = areas();
            let classes = |classes: &[Class], area: &Area| -> Vec<Class> {
                classes
                    .iter()
                    .map(|class| class.without(area))
                    .filter(|class| !class.pixels.is_empty())
                    .collect()
            };
            Box::new(Geometry {
                forward: classes(&self.forward, &outputs),
                back: classes(&self.back, &inputs),
                taps: self.taps.iter().map(|pixels| outputs.without(pixels)).collect(),
                beside: OnceCell::new(),
            })
        })
    }
}

/// A rectangle of pixels in an image of `columns` columns.
pub struct Area {
    of: [Range<usize>; 2],
    columns: usize,
}

impl Area {
    /// These rows and columns of an image.
    pub fn new(of: [Range<usize>; 2], columns: usize) -> Self {
        Area { of, columns }
    }

    /// The pixels whose output lies outside of this area.
    fn without(&self, pixels: &[Pixel]) -> Vec<Pixel> {
        let inside = |pixel: usize| {
            self.of[0].contains(&(pixel / self.columns)) && self.of[1].contains(&(pixel % self.columns))
        };
        pixels.iter().filter(|pixel| !inside(pixel.dst as usize)).copied().collect()
    }
}

/// The input pixel that output pixel `out` reads at kernel position `tap`, unless it is padding.
fn input_of(s: &ConvShape, out: usize, tap: usize) -> Option<usize> {
    let y = (out / s.out_w() * s.stride[0] + tap / s.kw).checked_sub(s.pad[0][0])?;
    let x = (out % s.out_w() * s.stride[1] + tap % s.kw).checked_sub(s.pad[1][0])?;
    (y < s.h && x < s.w).then_some(y * s.w + x)
}

/// Groups windows by their taps relative to the first.
fn classes(windows: Vec<Vec<(u32, i32)>>) -> Vec<Class> {
    let mut found: HashMap<Vec<(u32, i32)>, usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for (dst, mut taps) in windows.into_iter().enumerate() {
        taps.sort_by_key(|&(_, src)| src);
        let base = taps.first().map_or(0, |&(_, src)| src);
        taps.iter_mut().for_each(|(_, src)| *src -= base);
        let class = *found.entry(taps).or_insert_with_key(|taps| {
            classes.push(Class { taps: taps.clone(), runs: runs(taps), pixels: Vec::new() });
            classes.len() - 1
        });
        classes[class].pixels.push(Pixel { src: base, dst: dst as u32 });
    }
    classes
}

/// Joins taps that follow each other both in the image and in the kernel.
fn runs(taps: &[(u32, i32)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &(tap, src) in taps {
        match runs.last_mut() {
            Some(run) if run.b + run.len == tap && run.a + run.len as i32 == src => run.len += 1,
            _ => runs.push(Run { a: src, b: tap, len: 1 }),
        }
    }
    runs
}

type Key = [usize; 10];

thread_local! {
    static GEOMETRIES: RefCell<HashMap<Key, Rc<Geometry>>> = RefCell::new(HashMap::new());
}

/// The tables of `s`, from this thread's memory if it has met the geometry before.
pub fn of(s: &ConvShape) -> Rc<Geometry> {
    let [[top, bottom], [left, right]] = s.pad;
    let key = [s.h, s.w, s.kh, s.kw, s.stride[0], s.stride[1], top, bottom, left, right];
    GEOMETRIES.with_borrow_mut(|known| {
        if let Some(geometry) = known.get(&key) {
            return Rc::clone(geometry);
        }
        if known.len() == REMEMBERED {
            known.clear();
        }
        let geometry = Rc::new(Geometry::new(s));
        known.insert(key, Rc::clone(&geometry));
        geometry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(h: usize, w: usize, k: usize, stride: usize, pad: [usize; 2]) -> ConvShape {
        ConvShape { n: 1, h, w, c_in: 1, kh: k, kw: k, c_out: 1, stride: [stride; 2], pad: [pad; 2] }
    }

    #[test]
    fn same_padding_has_nine_classes_and_the_interior_is_three_runs() {
        let g = Geometry::new(&shape(6, 5, 3, 1, [1, 1]));
        assert_eq!(g.forward.len(), 9);
        let interior = g.forward.iter().find(|c| c.taps.len() == 9).expect("the interior has all taps");
        assert_eq!(interior.pixels.len(), 4 * 3);
        assert_eq!(interior.runs, [(0, 0), (5, 3), (10, 6)].map(|(a, b)| Run { a, b, len: 3 }));
        let back = g.back.iter().find(|c| c.taps.len() == 9).expect("the interior is read by nine windows");
        assert_eq!(back.runs.len(), 3);
    }

    #[test]
    fn every_tap_appears_once_in_each_table() {
        let s = shape(7, 8, 3, 2, [0, 1]);
        let g = Geometry::new(&s);
        let count = |classes: &[Class]| classes.iter().map(|c| c.taps.len() * c.pixels.len()).sum::<usize>();
        let pairs = g.taps.iter().map(Vec::len).sum::<usize>();
        assert_eq!(count(&g.forward), pairs);
        assert_eq!(count(&g.back), pairs);
        assert_eq!(g.back.iter().map(|c| c.pixels.len()).sum::<usize>(), 56);
    }
}
