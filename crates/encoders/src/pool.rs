//! What is made of an output that is no vector.

use rten_tensor::{AsView, Layout as _, TensorView};

use crate::wants::{Layout, Pool};

/// Most numbers of a feature vector.
const WIDEST: usize = 1 << 20;

/// One vector of an output for one picture.
pub(crate) fn pooled(
    output: TensorView<f32>,
    pool: Option<Pool>,
    layout: Layout,
) -> Result<Vec<f32>, String> {
    let shape = output.shape().to_vec();
    let said = || format!("its features of a picture are {shape:?}");
    let data = output.to_vec();
    if data.is_empty() || data.len() > WIDEST {
        return Err(format!("{}, no vector of 1 to {WIDEST} numbers; name another output", said()));
    }
    let numbers = |keep: fn(&[usize]) -> (usize, usize)| keep(&shape[1..]);
    match (shape.len(), pool) {
        (1, _) | (2, _) if shape.len() == 1 || shape[0] == 1 => Ok(data),
        (_, Some(Pool::Flatten)) if shape.first() == Some(&1) => Ok(data),
        (3, Some(Pool::Mean)) if shape[0] == 1 => Ok(means(&data, numbers(|s| (s[0], s[1])), true)),
        (3, Some(Pool::First)) if shape[0] == 1 => Ok(data[..shape[2]].to_vec()),
        (4, Some(Pool::Mean)) if shape[0] == 1 => Ok(match layout {
            Layout::Nchw => means(&data, numbers(|s| (s[1] * s[2], s[0])), false),
            Layout::Nhwc => means(&data, numbers(|s| (s[0] * s[1], s[2])), true),
        }),
        (3 | 4, None) => Err(format!(
            "{}, no vector; say pool = \"mean\", \"first\" or \"flatten\" in its description",
            said()
        )),
        _ => Err(format!(
            "{}, of which no vector is made; name another output or pool in its description",
            said()
        )),
    }
}

/// Means over `count` places of `width` numbers, which lie side by side (`last`) or `count` apart.
fn means(data: &[f32], (count, width): (usize, usize), last: bool) -> Vec<f32> {
    let at = |place: usize, number: usize| if last { place * width + number } else { number * count + place };
    let sum = |number: usize| (0..count).map(|place| f64::from(data[at(place, number)])).sum::<f64>();
    (0..width).map(|number| (sum(number) / count as f64) as f32).collect()
}
