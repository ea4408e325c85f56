//! Where elements lie: transposes, permutations of axes, rows picked along an axis.

pub(crate) mod gather;
pub(crate) mod permute;
pub(crate) mod transpose;
