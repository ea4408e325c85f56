//! [`named!`](crate::named): enums that are written and read by name.

/// Gives an enum without fields names, by which [`Display`](std::fmt::Display) writes it and [`FromStr`](std::str::FromStr) reads it, whose
/// error lists them.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($type:ty, $what:literal { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self {
                    $(<$type>::$variant => $name,)+
                })
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> ::std::result::Result<Self, String> {
                match text {
                    $($name => Ok(<$type>::$variant),)+
                    other => Err(format!("{other:?} is no {}, which is one of {}", $what, [$($name),+].join(", "))),
                }
            }
        }
    };
}
