//! JSON objects and nothing else: serde's own reading of a struct takes a list of its values, too, whose order nobody has promised.

use std::ops::Deref;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};

/// A value that was written as an object.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::<String, Value>::deserialize(deserializer)?;
        T::deserialize(Value::Object(map)).map(Self).map_err(D::Error::custom)
    }
}

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Point {
        x: i32,
        y: i32,
    }

    #[test]
    fn a_list_of_the_values_is_no_object() {
        let read = |text| serde_json::from_str::<Object<Point>>(text).map(|it| (it.x, it.y));
        assert_eq!(read(r#"{"y": 2, "x": 1}"#).unwrap(), (1, 2));
        assert!(read("[1, 2]").unwrap_err().to_string().contains("expected a map"));
        assert!(read(r#"{"x": 1}"#).unwrap_err().to_string().contains("missing field `y`"));
    }
}
