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

        $crate::named_serde!($type);
    };
}

/// With the feature `serde`, the same names in files.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! named_serde {
    ($type:ty) => {
        impl $crate::serde::Serialize for $type {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $type {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let name = <::std::string::String as $crate::serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err($crate::serde::de::Error::custom)
            }
        }
    };
}

/// Without it nothing.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! named_serde {
    ($type:ty) => {};
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use crate::Downsample;

    #[test]
    fn files_have_the_names_that_are_printed() {
        for kind in [Downsample::Stride, Downsample::MaxPool] {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<Downsample>(&text).unwrap(), kind);
        }
        let error = serde_json::from_str::<Downsample>("\"pool\"").unwrap_err().to_string();
        assert!(
            error.starts_with("\"pool\" is no downsampling, which is one of stride, max-pool"),
            "{error}"
        );
    }
}
