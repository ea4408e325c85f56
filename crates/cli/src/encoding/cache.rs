//! Feature vectors on disk: a file for each picture, by the contents of the picture and of the encoder.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::encoding::Encoding;
use crate::files;

/// The folder of the cache, instead of that of the system.
const FOLDER: &str = "FEWSHOT_CACHE";
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;
/// Bytes of the checksum behind the numbers.
const CHECKSUM: usize = 4;

/// Vectors of one encoding.
pub struct Cache {
    folder: Option<PathBuf>,
    width: usize,
}

impl Cache {
    /// Of an encoding; it remembers nothing where no folder can be made.
    pub fn of(encoding: &Encoding) -> Cache {
        let folder = folder().map(|folder| folder.join("features").join(encoding.checksum()));
        let folder = folder.filter(|folder| fs::create_dir_all(folder).is_ok());
        Cache { folder, width: encoding.width() }
    }

    /// The vector of a picture: remembered, or computed and remembered. What is damaged is computed again, what cannot be kept is not.
    pub fn or_else<E>(
        &self,
        picture: &Path,
        compute: impl FnOnce() -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        let place = self.folder.as_ref().and_then(|folder| Some(folder.join(checksum(picture).ok()?)));
        if let Some(vector) = place.as_ref().and_then(|place| self.read(place)) {
            return Ok(vector);
        }
        let vector = compute()?;
        // a file that a sudden end cuts is known by its checksum
        if let Some(place) = place {
            let _ = fs::write(&place, bytes(&vector));
        }
        Ok(vector)
    }

    fn read(&self, place: &Path) -> Option<Vec<f32>> {
        let bytes = fs::read(place).ok()?;
        let (numbers, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        let whole = numbers.len() == 4 * self.width && crc32fast::hash(numbers).to_le_bytes() == *checksum;
        whole.then(|| numbers.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// SHA-256 of a file's contents.
fn checksum(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (files::open(path)?, Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where the system has caches of programs.
fn folder() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = named(FOLDER) {
        return Some(own);
    }
    let caches = if cfg!(windows) {
        named("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        named("HOME").map(|home| home.join("Library/Caches"))
    } else {
        named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|folder| folder.join("fewshot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache { folder: Some(folder.to_owned()), width: 2 }
    }

    #[test]
    fn a_picture_is_computed_once_and_again_where_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (place, cache) = (folder.path().join("picture"), cache(folder.path()));
        fs::write(&place, "one").unwrap();
        assert_eq!(cache.or_else(&place, || Ok::<_, ()>(vec![1.0, 2.0])), Ok(vec![1.0, 2.0]));
        assert_eq!(cache.or_else(&place, || Err(())), Ok(vec![1.0, 2.0]));
        let moved = folder.path().join("moved");
        fs::rename(&place, &moved).unwrap();
        assert_eq!(cache.or_else(&moved, || Err(())), Ok(vec![1.0, 2.0]), "its contents count");
        fs::write(&moved, "two").unwrap();
        assert_eq!(cache.or_else(&moved, || Err(())), Err(()));
    }

    #[test]
    fn what_is_damaged_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (place, cache) = (folder.path().join("picture"), cache(folder.path()));
        fs::write(&place, "one").unwrap();
        cache.or_else(&place, || Ok::<_, ()>(vec![1.0, 2.0])).unwrap();
        let kept = folder.path().join(checksum(&place).unwrap());
        let whole = fs::read(&kept).unwrap();
        for length in 0..whole.len() {
            fs::write(&kept, &whole[..length]).unwrap();
            assert_eq!(cache.read(&kept), None, "{length}");
        }
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&kept, &bytes).unwrap();
            assert_eq!(cache.read(&kept), None, "{bit}");
        }
        assert_eq!(cache.or_else(&place, || Ok::<_, ()>(vec![3.0, 4.0])), Ok(vec![3.0, 4.0]));
        assert_eq!(cache.read(&kept), Some(vec![3.0, 4.0]));
    }
}
