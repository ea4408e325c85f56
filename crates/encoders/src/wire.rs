//! Whether bytes are a well-formed message of ONNX, before they are understood.
//!
//! rten 0.27 never ends on some damaged files (numbers of more than ten bytes, lengths beyond the file), so that these are refused before.
//! See Protocol Buffers, "Encoding", and `onnx.proto`.

/// Most bytes of a number.
const LONGEST_NUMBER: usize = 10;
/// Most graphs within graphs.
const DEEPEST: usize = 16;

/// A message of ONNX.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Opset,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Kind,
    TensorKind,
    Shape,
    Dimension,
    Entry,
}

/// What a field of bytes holds.
enum Content {
    Bytes,
    /// Numbers one after another.
    Numbers,
    Message(Message),
}

impl Message {
    /// By the numbers of `onnx.proto`.
    fn content(self, field: u64) -> Content {
        use Message::*;
        let message = match (self, field) {
            (Model, 7) | (Attribute, 6 | 11) => Graph,
            (Model, 8) => Opset,
            (Model, 14) | (Graph, 16) | (Node, 9) | (Tensor, 13) => Entry,
            (Graph, 1) => Node,
            (Graph, 5) | (Attribute, 5 | 10) => Tensor,
            (Graph, 11..=13) => Value,
            (Node, 5) => Attribute,
            (Value, 2) | (Attribute, 14 | 15) => Kind,
            (Kind, 1) => TensorKind,
            (TensorKind, 2) => Shape,
            (Shape, 1) => Dimension,
            (Attribute, 8) | (Tensor, 1 | 5 | 7 | 11) => return Content::Numbers,
            _ => return Content::Bytes,
        };
        Content::Message(message)
    }
}

/// Whether these bytes are a model, as far as lengths and numbers go.
pub(crate) fn check(model: &[u8]) -> Result<(), String> {
    let mut has_graph = false;
    walk(model, Message::Model, DEEPEST, &mut |field| has_graph |= field == 7)?;
    if has_graph { Ok(()) } else { Err("there is no graph in it".into()) }
}

fn walk(mut rest: &[u8], message: Message, depth: usize, see: &mut dyn FnMut(u64)) -> Result<(), String> {
    if depth == 0 {
        return Err(format!("it has more than {DEEPEST} messages within messages"));
    }
    while !rest.is_empty() {
        let tag = number(&mut rest)?;
        see(tag >> 3);
        match tag & 7 {
            0 => drop(number(&mut rest)?),
            1 => drop(take(&mut rest, 8)?),
            5 => drop(take(&mut rest, 4)?),
            2 => {
                let length = number(&mut rest)?;
                let mut part = take(&mut rest, length)?;
                match message.content(tag >> 3) {
                    Content::Bytes => {}
                    Content::Numbers => {
                        while !part.is_empty() {
                            number(&mut part)?;
                        }
                    }
                    Content::Message(inner) => walk(part, inner, depth - 1, &mut |_| {})?,
                }
            }
            _ => return Err("it is damaged, or of another format".into()),
        }
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
    let (part, after) = rest.split_at(length.ok_or("it breaks off in the middle, or is of another format")?);
    *rest = after;
    Ok(part)
}

/// A number in groups of seven bits.
fn number(rest: &mut &[u8]) -> Result<u64, String> {
    let last = rest.iter().take(LONGEST_NUMBER).position(|byte| byte & 128 == 0);
    let bytes = take(rest, last.ok_or("it is damaged, or of another format")? as u64 + 1)?;
    if bytes.len() == LONGEST_NUMBER && bytes[LONGEST_NUMBER - 1] > 1 {
        return Err("it is damaged, or of another format".into());
    }
    Ok(bytes.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 127)))
}
