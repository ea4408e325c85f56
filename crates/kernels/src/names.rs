//! [`names`](crate::names): what operators are called.

/// What messages call each variant of an enum of operators, and all of these names.
#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ($($variant:pat => $name:literal,)+) => {
        /// What messages call it.
        pub fn name(&self) -> &'static str {
            match self {
                $($variant => $name,)+
            }
        }

        /// The names of all variants.
        pub const NAMES: &[&'static str] = &[$($name),+];
    };
}
