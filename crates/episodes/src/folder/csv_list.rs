//! Lists of pictures as spreadsheets and CSV writers save them.

use crate::names::shown;
use crate::{Error, text};
use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use std::collections::HashMap;
use std::path::Path;

/// Most bytes of a list; the largest of miniImageNet has 1.2 million.
const MAX_FILE: u64 = 1 << 26;
/// The columns that are read.
const COLUMNS: [&str; 2] = ["filename", "label"];
/// What may stand between the fields: spreadsheets of many countries put semicolons, others tabs.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// Most characters of a line that a message repeats.
const MOST_SHOWN: usize = 80;

/// A line of a list.
pub(super) struct Entry {
    /// Number of its first line in the file, from 1.
    pub line: usize,
    /// Path of the picture.
    pub picture: String,
    /// Name of its class.
    pub class: String,
}

/// The entries of a list; none of a file that is empty.
pub(super) fn read(file: &Path) -> Result<Vec<Entry>, Error> {
    let text = text::read(file, MAX_FILE)?;
    entries(&text).map_err(|(line, cause)| Error::BadList { file: file.into(), line, cause })
}

type Wrong = (usize, String);

fn entries(text: &str) -> Result<Vec<Entry>, Wrong> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (separator, header) = header(text)?;
    let column = |name: &str| header.iter().position(|field| field.eq_ignore_ascii_case(name));
    let [Some(picture), Some(label)] = COLUMNS.map(column) else { unreachable!("the header has both") };
    let (mut entries, mut forms) = (Vec::new(), HashMap::new());
    for record in Records::of(text, separator).skip(1) {
        let Record { line, fields, written } = record?;
        if let [only] = fields.as_slice()
            && only.is_empty()
        {
            continue;
        }
        if fields.iter().skip(header.len()).any(|field| !field.is_empty()) {
            let (found, columns) = (fields.len(), header.len());
            return Err((
                line,
                format!(
                    "it has {found} fields, and the first line {columns}: put a name with '{}' in it into double quotes",
                    shown(&char::from(separator).to_string())
                ),
            ));
        }
        let field = |at: usize| fields.get(at).filter(|field| !field.is_empty()).cloned();
        let (Some(picture), Some(class)) = (field(picture), field(label)) else {
            let row: String = fields.join(",").chars().take(MOST_SHOWN).collect();
            return Err((line, format!("'{}' has no picture and class: give both", shown(&row))));
        };
        let written = &written[label];
        let (form, first) = forms.entry(class.clone()).or_insert_with(|| (written.clone(), line));
        if form != written {
            return Err((
                line,
                format!(
                    "class '{}' has other blanks around it than on line {first}: write it in one way, in double quotes \
                     where blanks belong to the name",
                    shown(&class)
                ),
            ));
        }
        entries.push(Entry { line, picture, class });
    }
    Ok(entries)
}

/// The separator for which the first line names both columns, and that line.
fn header(text: &str) -> Result<(u8, Vec<String>), Wrong> {
    for separator in SEPARATORS {
        if let Some(Ok(Record { fields, .. })) = Records::of(text, separator).next()
            && COLUMNS.iter().all(|name| fields.iter().any(|field| field.eq_ignore_ascii_case(name)))
        {
            return Ok((separator, fields));
        }
    }
    let (number, line) = (1..).zip(text.lines()).find(|(_, line)| !line.trim().is_empty()).unwrap_or((1, ""));
    let between = line.to_lowercase().replace(['"', '\''], "");
    let between = COLUMNS.iter().try_fold(between, |text, name| {
        text.split_once(name).map(|(before, behind)| format!("{before}{behind}"))
    });
    let cause = match between {
        Some(other) if !other.is_empty() => format!(
            "its columns are separated by '{}': separate them by commas, semicolons or tabs",
            shown(&other.chars().take(MOST_SHOWN).collect::<String>())
        ),
        _ => format!(
            "the first line must be 'filename,label' and is '{}': add it",
            shown(&line.chars().take(MOST_SHOWN).collect::<String>())
        ),
    };
    Err((number, cause))
}

/// Fields of a line, or of several where a quoted field has breaks.
struct Record {
    line: usize,
    fields: Vec<String>,
    /// The fields with the blanks that were dropped.
    written: Vec<String>,
}

/// The records of a text. A field in double quotes is kept as it stands between them; blanks around other fields, and around
/// the quotes, are dropped.
struct Records<'a> {
    text: &'a str,
    separator: u8,
    reader: Reader,
    /// Where the next record begins.
    at: usize,
    /// Line breaks before there.
    breaks: usize,
    /// Room for a field.
    field: Vec<u8>,
}

impl<'a> Records<'a> {
    fn of(text: &'a str, separator: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(separator).build();
        // one more than a field can have, for which the reader asks
        let field = vec![0; text.len() + 1];
        Records { text, separator, reader, at: 0, breaks: 0, field }
    }

    fn advance(&mut self, to: usize) {
        let passed = &self.text[self.at..to];
        self.breaks += passed.matches('\n').count();
        self.at = to;
    }

    fn is_blank(&self, c: char) -> bool {
        matches!(c, ' ' | '\t') && c != char::from(self.separator)
    }

    /// The next field, how it is written, and whether it is the last of its record.
    fn field(&mut self) -> Result<([String; 2], bool), String> {
        let unread = &self.text[self.at..];
        let quoted = unread.trim_start_matches(|c| self.is_blank(c));
        let is_quoted = quoted.starts_with('"');
        let unread = if is_quoted { quoted } else { unread };
        let (mut read, mut written) = (0, 0);
        let is_last = loop {
            let (result, taken, given) =
                self.reader.read_field(&unread.as_bytes()[read..], &mut self.field[written..]);
            (read, written) = (read + taken, written + given);
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => unreachable!("there is room for the whole text"),
                ReadFieldResult::Field { record_end } => break record_end,
                ReadFieldResult::End => break true,
            }
        };
        let raw = &unread[..read];
        self.at = self.text.len() - unread.len() + read;
        if !is_quoted {
            let field = str::from_utf8(&self.field[..written]).expect("a text cut at characters of one byte");
            let kept = field.trim_matches(|c| self.is_blank(c));
            return Ok(([kept.to_owned(), field.to_owned()], is_last));
        }
        let raw = raw.strip_suffix(char::from(self.separator)).filter(|_| !is_last).unwrap_or(raw);
        let raw = if is_last { raw.trim_end_matches(['\r', '\n']) } else { raw };
        let closed = raw.trim_end_matches(|c| self.is_blank(c));
        let inner = closed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner.filter(|inner| !inner.replace("\"\"", "").contains('"')) {
            Some(inner) => {
                let kept = inner.replace("\"\"", "\"");
                Ok(([kept.clone(), kept], is_last))
            }
            None => Err("its quotes do not match: close each, and double those within a name".into()),
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        let unread = &self.text[self.at..];
        self.advance(self.text.len() - unread.trim_start_matches(['\r', '\n']).len());
        if self.at == self.text.len() {
            return None;
        }
        let (start, line) = (self.at, 1 + self.breaks);
        let (mut fields, mut written) = (Vec::new(), Vec::new());
        loop {
            match self.field() {
                Err(cause) => {
                    self.at = self.text.len();
                    return Some(Err((line, cause)));
                }
                Ok(([kept, all], is_last)) => {
                    fields.push(kept);
                    written.push(all);
                    if is_last {
                        break;
                    }
                }
            }
        }
        let end = std::mem::replace(&mut self.at, start);
        self.advance(end);
        Some(Ok(Record { line, fields, written }))
    }
}
