//! Arrays as the bytes of a safetensors file, and such files read from a disc.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use fewshot_autodiff::{Array, Float};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::header;

/// Far above any few-shot model; guards against reading a device or a disc image into memory.
const LARGEST: u64 = 4 << 30;

/// The bytes of a file with these arrays and metadata.
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
    Ok(header::with_metadata(&bytes, metadata))
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

/// All bytes of a file, which may not be too many.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let kind = |text: String| std::io::Error::new(std::io::ErrorKind::InvalidInput, text);
    if !file.metadata()?.is_file() {
        return Err(kind("it is no file".into()));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(kind(format!("it is larger than {LARGEST} bytes, no few-shot model")));
    }
    Ok(bytes)
}
