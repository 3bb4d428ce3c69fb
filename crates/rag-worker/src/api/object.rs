//! JSON objects and nothing else: serde's own reading of a struct takes a list of its values, too, whose order nobody has promised.
//!
//! As a request's body, one that cannot be read is refused with the name of the field that is wrong.

use std::fmt::Display;
use std::ops::Deref;

use axum::Json;
use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};

use super::error::ApiError;

/// A value that was written as an object.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

/// Why an object is not what was expected.
#[derive(Debug)]
struct Wrong {
    /// The field in question, such as `messages[0].role`; empty when it is none in particular.
    path: String,
    cause: serde_json::Error,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.cause)
    }
}

impl<T: DeserializeOwned> Object<T> {
    fn read(map: Map<String, Value>) -> Result<Self, Wrong> {
        let read = serde_path_to_error::deserialize(Value::Object(map));
        read.map(Self).map_err(|error| {
            let path = error.path().to_string();
            // What serde_path_to_error calls the object itself.
            let path = if path == "." { String::new() } else { path };
            Wrong { path, cause: error.into_inner() }
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Object<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(map) = Json::<Map<String, Value>>::from_request(request, state).await?;
        Self::read(map).map_err(|wrong| {
            let error = ApiError::invalid(wrong.to_string());
            match wrong.path.split(['.', '[']).next() {
                Some(field) if !field.is_empty() => error.with_param(field.to_owned()),
                Some(_) | None => error,
            }
        })
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
    #[serde(deny_unknown_fields)]
    struct Point {
        x: i32,
        y: i32,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        points: Vec<Object<Point>>,
    }

    #[test]
    fn a_list_of_the_values_is_no_object() {
        let read = |text| serde_json::from_str::<Object<Point>>(text).map(|it| (it.x, it.y));
        assert_eq!(read(r#"{"y": 2, "x": 1}"#).unwrap(), (1, 2));
        assert!(read("[1, 2]").unwrap_err().to_string().contains("expected a map"));
        assert!(read(r#"{"x": 1}"#).unwrap_err().to_string().contains("missing field `y`"));
    }

    async fn refused<T: DeserializeOwned + std::fmt::Debug>(body: &'static str) -> Value {
        let request = Request::post("/").header("content-type", "application/json");
        let request = request.body(body.into()).unwrap();
        Object::<T>::from_request(request, &()).await.unwrap_err().body()["error"].clone()
    }

    #[tokio::test]
    async fn the_field_that_is_wrong_is_named() {
        for (body, param, message) in [
            (r#"{"x": "one", "y": 2}"#, "x", "x: invalid type: string \"one\", expected i32"),
            (r#"{"x": 1, "y": 2.5}"#, "y", "y: invalid type: floating point `2.5`, expected i32"),
        ] {
            let error = refused::<Point>(body).await;
            assert_eq!((&error["param"], &error["message"]), (&param.into(), &message.into()));
        }
        let line: Object<Line> = serde_json::from_str(r#"{"points": [{"x": 1, "y": 2}]}"#).unwrap();
        assert_eq!(line.points.len(), 1);
        let error = refused::<Line>(r#"{"points": [{"x": 1, "y": 2}, {"x": [], "y": 2}]}"#).await;
        assert_eq!(error["param"], "points", "{error}");
        let message = "points[1]: x: invalid type: sequence, expected i32";
        assert_eq!(error["message"], message);
        let error = refused::<Point>(r#"{"x": 1, "y": 2, "z": 3}"#).await;
        assert!(error["message"].as_str().unwrap().contains("unknown field `z`"), "{error}");
        let error = refused::<Point>(r#"{"x": 1}"#).await;
        assert!(error["message"].as_str().unwrap().contains("missing field `y`"), "{error}");
    }
}
