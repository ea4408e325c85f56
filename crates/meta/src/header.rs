//! The metadata of a safetensors file in sorted order, so that equal content gives equal bytes.

use std::collections::BTreeMap;

/// Length of the number before the header: the header's length, little-endian.
const PREFIX: usize = 8;

/// The bytes of a safetensors file without metadata, with metadata put into its header.
pub(crate) fn with_metadata(bytes: &[u8], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let (prefix, rest) =
        bytes.split_first_chunk::<PREFIX>().expect("a safetensors file starts with a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*prefix) as usize);
    let header = std::str::from_utf8(header).expect("a safetensors header is JSON").trim_end();
    let tensors = header.strip_prefix('{').expect("a safetensors header is a JSON object");
    let entries: Vec<String> =
        metadata.iter().map(|(key, value)| format!("{}:{}", json(key), json(value))).collect();
    let comma = if tensors == "}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{{{}}}{comma}{tensors}", entries.join(","));
    while header.len() % PREFIX != 0 {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A JSON string.
fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string has a form in JSON")
}
