//! Arrays as the bytes of a safetensors file, and such files read from a disc.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use fewshot_autodiff::{Array, Float};
use fewshot_episodes::tensor_file::sealed;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorView};

use crate::error::Error;

/// Bytes of the largest file that is read or written: far above any few-shot model.
pub(crate) const LARGEST: u64 = 1 << 30;
/// Bytes of the largest header; that of a network of a thousand layers has a tenth of it.
const LARGEST_HEADER: u64 = 4 << 20;
/// Bytes of the number before the header, its length.
const PREFIX: u64 = 8;

/// The bytes of a file with these arrays, metadata and a checksum.
pub(crate) fn serialize<F: Float>(
    arrays: &[(String, Array<F>)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, String> {
    let data: Vec<Vec<u8>> = arrays.iter().map(|(_, array)| to_bytes(array)).collect();
    let views: Result<Vec<_>, _> = arrays
        .iter()
        .zip(&data)
        .map(|((name, array), data)| Ok((name, TensorView::new(dtype::<F>(), array.shape().to_vec(), data)?)))
        .collect();
    let bytes =
        views.and_then(|views| safetensors::serialize(views, None)).map_err(|error| error.to_string())?;
    Ok(sealed(&bytes, metadata))
}

fn dtype<F: Float>() -> Dtype {
    if F::NAME == "f64" { Dtype::F64 } else { Dtype::F32 }
}

fn to_bytes<F: Float>(array: &Array<F>) -> Vec<u8> {
    match dtype::<F>() {
        Dtype::F64 => array.data().iter().flat_map(|x| x.as_f64().to_le_bytes()).collect(),
        _ => array.data().iter().flat_map(|x| (x.as_f64() as f32).to_le_bytes()).collect(),
    }
}

/// The array of a tensor, or what is wrong with it. Values of either width are taken.
pub(crate) fn array_of<F: Float>(tensor: &TensorView<'_>, shape: &[usize]) -> Result<Array<F>, String> {
    if tensor.shape() != shape {
        return Err(format!("has shape {:?}, the model needs {shape:?}", tensor.shape()));
    }
    let values: Vec<F> = match tensor.dtype() {
        Dtype::F32 => {
            tensor.data().as_chunks().0.iter().map(|&b| F::of(f32::from_le_bytes(b).into())).collect()
        }
        Dtype::F64 => tensor.data().as_chunks().0.iter().map(|&b| F::of(f64::from_le_bytes(b))).collect(),
        other => return Err(format!("has type {other:?}, the model needs F32 or F64")),
    };
    let array = Array::new(shape, values);
    if !array.all_finite() {
        return Err("holds a value that is not finite".into());
    }
    Ok(array)
}

/// All bytes of a safetensors file. What it is, its size and its header are looked at before anything else is read: a file that names no
/// model is refused whatever its size.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source: std::io::Error| Error::Read { path: path.to_owned(), source };
    let kind = |text: String| failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, text));
    let damaged = |cause: String| Error::Damaged { path: path.to_owned(), cause };
    // before it is opened, which for a pipe waits until somebody writes
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(kind("it is no file".into()));
    }
    let mut file = File::open(path).map_err(failed)?;
    let known = file.metadata().map_err(failed)?;
    if !known.is_file() {
        return Err(kind("it is no file".into()));
    }
    let size = known.len();
    if size > LARGEST {
        return Err(kind(format!(
            "it has {size} bytes, more than the {LARGEST} of the largest model that is read"
        )));
    }
    let foreign = |cause: &str| damaged(format!("damaged, cut short or no safetensors file ({cause})"));
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>, count: u64| {
        Read::by_ref(&mut file).take(count).read_to_end(bytes).map_err(failed)
    };
    more(&mut bytes, PREFIX)?;
    let length = bytes.first_chunk().map(|length| u64::from_le_bytes(*length));
    let length = length.ok_or_else(|| foreign("it is too short"))?;
    if length > LARGEST_HEADER || PREFIX + length > size {
        return Err(foreign("the length of its header is none"));
    }
    more(&mut bytes, length)?;
    let header = serde_json::from_slice::<Metadata>(&bytes[PREFIX as usize..]);
    let header = header.map_err(|error| foreign(&error.to_string()))?;
    if PREFIX + length + header.data_len() as u64 != size {
        return Err(foreign("its header tells of another number of bytes"));
    }
    more(&mut bytes, LARGEST)?;
    Ok(bytes)
}
