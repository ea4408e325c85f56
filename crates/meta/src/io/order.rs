//! The order of arrays in a file, which sorts them by name, as text of the file's metadata.

use fewshot_autodiff::{Array, Float};
use fewshot_nn::Params;

/// For each array, in order, the place of its name among all names sorted, which is how they stand in a file.
pub(crate) fn order<F: Float>(groups: &[(String, &Params<Array<F>>)]) -> Vec<usize> {
    let names =
        groups.iter().flat_map(|(group, params)| params.names().iter().map(move |n| format!("{group}.{n}")));
    let names: Vec<String> = names.collect();
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    names.iter().map(|name| sorted.binary_search(&name).expect("it is one of them")).collect()
}

/// Numbers as text.
pub(crate) fn numbers(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Numbers from text; nothing where it is other text.
pub(crate) fn read_numbers(text: &str) -> Option<Vec<usize>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|number| number.parse().ok()).collect()
}

/// Values whose sorted names have these places, in the order of the places; nothing where these are no permutation.
pub(crate) fn in_order<T>(sorted: Vec<T>, order: &[usize]) -> Option<Vec<T>> {
    let mut sorted: Vec<Option<T>> = sorted.into_iter().map(Some).collect();
    let ordered: Option<Vec<T>> = order.iter().map(|&place| sorted.get_mut(place)?.take()).collect();
    ordered.filter(|ordered| ordered.len() == sorted.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_bring_sorted_values_into_their_order() {
        let list = |names: &[&str]| {
            Params::new(names.iter().map(|n| ((*n).to_owned(), Array::<f32>::zeros(&[1]))).collect())
        };
        let (first, second) = (list(&["z", "b"]), list(&["a"]));
        let order = order(&[("m".to_owned(), &first), ("a".to_owned(), &second)]);
        assert_eq!(order, [2, 1, 0]); // of a.a, m.b, m.z
        assert_eq!(in_order(vec!["a.a", "m.b", "m.z"], &order), Some(vec!["m.z", "m.b", "a.a"]));
        assert_eq!(read_numbers(&numbers(&order)), Some(order));
        for wrong in [&[0, 0, 1][..], &[0, 1], &[0, 1, 3], &[0, 1, 2, 2]] {
            assert_eq!(in_order(vec![1, 2, 3], wrong), None, "{wrong:?}");
        }
        assert_eq!((read_numbers(""), read_numbers("1,x")), (Some(Vec::new()), None));
    }
}
