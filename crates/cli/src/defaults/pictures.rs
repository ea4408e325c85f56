//! What differs for pictures of one's own.

use super::{Defaults, table};
use crate::algorithm::Algorithm;
use crate::choices::{Data, Rotations, Split};

/// Queries per class: with one shot, five pictures a class suffice.
const QUERIES: usize = 4;

/// (F): settings of glyphs, which take about a minute, on episodes that few pictures suffice for. Nothing is turned: things in
/// photographs have an up and a down.
pub fn of(algorithm: Algorithm, ways: usize, shots: usize) -> Defaults {
    let glyphs = table::of(algorithm, &Data::Glyphs, ways, shots);
    Defaults {
        train_ways: ways,
        train_shots: glyphs.train_shots.drawn_below(shots + QUERIES - 1),
        queries: glyphs.queries.min(QUERIES),
        eval_queries: glyphs.eval_queries.min(QUERIES),
        rotations: Rotations::None,
        eval_rotations: Rotations::None,
        split: Split::Own,
        ..glyphs
    }
}
