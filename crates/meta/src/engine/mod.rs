//! What runs learners and measures them; none of it knows an algorithm by name.

pub(crate) mod by_instance;
pub(crate) mod eager;
pub(crate) mod evaluate;
pub(crate) mod exactness;
pub(crate) mod meta_gradient;
pub(crate) mod ordered_sum;
pub(crate) mod programs;
pub(crate) mod runner;
pub(crate) mod slopes;
pub(crate) mod trainer;
pub(crate) mod unknown;
pub(crate) mod verification;
