//! Text files from outside: one way to read them all.

use crate::Error;
use crate::source::read_regular;
use std::path::Path;

/// What to do about a text in another encoding.
const WAY_OUT: &str = "save the file as UTF-8, which every editor and spreadsheet offers";

/// The text of a file of at most `limit` bytes, without its byte order mark.
pub(crate) fn read(file: &Path, limit: u64) -> Result<String, Error> {
    let bytes = read_regular(file, limit)?;
    decoded(&bytes).map_err(|(line, cause)| Error::BadList { file: file.into(), line, cause })
}

/// Text in UTF-8, or in UTF-16 after a byte order mark; or else the line that is not, with the cause and the way out.
pub(crate) fn decoded(bytes: &[u8]) -> Result<String, (usize, String)> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))?,
    };
    // every other byte of Latin text in UTF-16 is zero, and valid UTF-8
    if text.chars().take(2).any(|c| c == '\0') {
        return Err((
            1,
            format!("it is text of two or four bytes a character without a byte order mark; {WAY_OUT}"),
        ));
    }
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<String, (usize, String)> {
    String::from_utf8(bytes.into()).map_err(|error| {
        let before = &bytes[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        (line, format!("it is not UTF-8 but in another encoding, such as code page 949 or 1252; {WAY_OUT}"))
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, (usize, String)> {
    let (units, left) = bytes.as_chunks();
    let mut text = String::with_capacity(bytes.len());
    for c in char::decode_utf16(units.iter().map(|&pair| unit(pair))) {
        text.push(c.map_err(|_| damaged(&text))?);
    }
    if left.is_empty() { Ok(text) } else { Err(damaged(&text)) }
}

fn damaged(before: &str) -> (usize, String) {
    let line = 1 + before.matches('\n').count();
    (line, format!("it begins as UTF-16 and goes on as something else; {WAY_OUT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(order).collect()
    }

    #[test]
    fn every_usual_form_of_unicode_is_read() {
        let text = "고양이, 🐈\r\nc0\n";
        let marked = format!("\u{feff}{text}");
        for bytes in [
            text.as_bytes(),
            marked.as_bytes(),
            &utf16_of(text, u16::to_le_bytes),
            &utf16_of(text, u16::to_be_bytes),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Ok(text));
        }
        assert_eq!(decoded(b"").as_deref(), Ok(""));
    }

    #[test]
    fn other_encodings_are_refused_with_the_line() {
        // code page 949
        let (line, cause) = decoded(b"filename,label\na.png,\xb0\xed\xbe\xe7\xc0\xcc\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(cause.contains("not UTF-8") && cause.contains("save the file as UTF-8"), "{cause}");
        let unmarked = &utf16_of("c0\nc1", u16::to_le_bytes)[2..];
        let torn = &utf16_of("c0\nc1", u16::to_be_bytes)[..11];
        let unpaired = [utf16_of("c0\n\n", u16::to_le_bytes), vec![0x00, 0xd8, b'a', 0]].concat();
        let wide: Vec<u8> = "\u{feff}c0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        for (bytes, line) in [(unmarked, 1), (torn, 2), (&unpaired[..], 3), (&wide[..], 1)] {
            let (found, cause) = decoded(bytes).unwrap_err();
            assert!(found == line && cause.contains("save the file as UTF-8"), "{found}: {cause}");
        }
    }
}
