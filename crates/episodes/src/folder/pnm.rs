//! The header of a PNM file.

/// Most bytes of a header; its decoder would read on for as long as there is a file.
pub(super) const MOST: usize = 1 << 12;

/// Whether the header ends within the first bytes of a file.
pub(super) fn has_header(start: &[u8]) -> bool {
    if start.starts_with(b"P7") {
        return start.windows(6).any(|word| word == b"ENDHDR");
    }
    // its letters, width, height and, but for bits, the largest value, each with space behind it
    let needed = if matches!(start, [b'P', b'1' | b'4', ..]) { 3 } else { 4 };
    let (mut words, mut within_word, mut within_comment) = (0, false, false);
    for &byte in start {
        let ends = byte.is_ascii_whitespace() || byte == b'#';
        if within_comment {
            within_comment = byte != b'\n';
        } else if ends && within_word {
            words += 1;
        }
        within_comment |= byte == b'#';
        within_word = !ends && !within_comment;
        if words == needed {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end() {
        for whole in ["P1 2 2\n", "P5 # by hand\n2 2\n#\n255 ", "P7\nWIDTH 1\nENDHDR\n"] {
            assert!(has_header(whole.as_bytes()), "{whole}");
            assert!(!has_header(&whole.as_bytes()[..whole.len() - 2]), "{whole}");
        }
        assert!(!has_header(b"P5 2 2 # 255 255 255"));
    }
}
