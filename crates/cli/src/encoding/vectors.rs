//! The vectors of many pictures.

use std::path::Path;

use rayon::prelude::*;

use crate::encoding::Encoding;
use crate::encoding::cache::Cache;
use crate::error::Error;
use crate::predict::plural;
use crate::progress::pictures_bar;

/// The vector of each picture, or why it has none, in their order; on all threads, with a bar.
pub fn vectors(encoding: &Encoding, pictures: &[&Path]) -> Vec<Result<Vec<f32>, Error>> {
    let cache = Cache::of(encoding);
    let bar = pictures_bar(pictures.len());
    let vector = |path: &&Path| {
        let vector = cache.or_else(path, || encoding.of_file(path));
        bar.inc(1);
        vector
    };
    let all = pictures.par_iter().map(vector).collect();
    bar.finish_and_clear();
    all
}

/// The vectors of all pictures, or what is wrong with the first that has none; those of the others are kept.
pub fn all_vectors(encoding: &Encoding, pictures: &[&Path]) -> Result<Vec<Vec<f32>>, Error> {
    let vectors = vectors(encoding, pictures);
    let failed = vectors.iter().filter(|vector| vector.is_err()).count();
    let all: Result<Vec<Vec<f32>>, Error> = vectors.into_iter().collect();
    all.map_err(|first| match failed {
        1 => first,
        _ => Error::Pictures(format!("{first}; and {}", plural(failed - 1, "more picture"))),
    })
}
