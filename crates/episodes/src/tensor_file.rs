//! The metadata of a safetensors file: in sorted order, so that equal content gives equal bytes, and with a checksum, by which a
//! file that was damaged since is found out.

use std::collections::BTreeMap;

/// Length of the number before the header: the header's length, little-endian.
const PREFIX: usize = 8;
/// Key of the metadata under which the checksum stands.
const CHECKSUM: &str = "fewshot.crc32";

/// The bytes of a safetensors file without metadata, with metadata and a checksum of these and of the tensors put into its header.
///
/// # Panics
/// When the bytes are no such file.
pub fn sealed(bytes: &[u8], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let (header, data) = parts(bytes);
    let header = std::str::from_utf8(header).expect("a safetensors header is JSON").trim_end();
    let tensors = header.strip_prefix('{').expect("a safetensors header is a JSON object");
    let mut metadata = metadata.clone();
    let checksum = checksum(&metadata, data);
    metadata.insert(CHECKSUM.to_owned(), checksum);
    let entries: Vec<String> =
        metadata.iter().map(|(key, value)| format!("{}:{}", json(key), json(value))).collect();
    let comma = if tensors == "}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{{{}}}{comma}{tensors}", entries.join(","));
    while header.len() % PREFIX != 0 {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Takes the checksum out of the metadata of a safetensors file and compares it. A file without one is taken as it is.
///
/// # Errors
/// When metadata or tensors are not those that the checksum was taken of.
///
/// # Panics
/// When the bytes are no safetensors file.
pub fn unseal(bytes: &[u8], metadata: &mut BTreeMap<String, String>) -> Result<(), String> {
    let Some(written) = metadata.remove(CHECKSUM) else { return Ok(()) };
    let found = checksum(metadata, parts(bytes).1);
    if found == written {
        return Ok(());
    }
    Err(format!(
        "damaged since it was written (its checksum is {}, that of its content {found})",
        json(&written)
    ))
}

/// Header and tensors.
fn parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) =
        bytes.split_first_chunk::<PREFIX>().expect("a safetensors file starts with a length");
    rest.split_at(u64::from_le_bytes(*length) as usize)
}

fn checksum(metadata: &BTreeMap<String, String>, tensors: &[u8]) -> String {
    let mut crc = crc32fast::Hasher::new();
    for text in metadata.iter().flat_map(|(key, value)| [key, value]) {
        crc.update(&(text.len() as u64).to_le_bytes());
        crc.update(text.as_bytes());
    }
    crc.update(tensors);
    format!("{:08x}", crc.finalize())
}

/// A JSON string.
fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string has a form in JSON")
}
