//! Sums and places along axes, softmax and its relatives, squared distances, and scales that keep squares in range.

pub(crate) mod axes;
pub(crate) mod distances;
pub(crate) mod scale;
pub(crate) mod softmax;
