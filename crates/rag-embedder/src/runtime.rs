//! Finding and starting ONNX Runtime, once per process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;

use crate::error::OpenError;

static STARTED: Mutex<Option<Environment>> = Mutex::new(None);

/// The process's ONNX Runtime. The library is the one `ORT_DYLIB_PATH` names, else the newest
/// `libonnxruntime.so*` in `onnxruntime/` beside the model's folder or in the model cache.
pub(crate) fn environment(places: &[PathBuf]) -> Result<Environment, OpenError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = started.as_ref() {
        return Ok(environment.clone());
    }
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let library = match named {
        Some(path) => PathBuf::from(path),
        None => places.iter().find_map(|place| newest(place)).ok_or_else(|| {
            let looked: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
            OpenError::Runtime { cause: format!("no libonnxruntime.so in {}", looked.join(" or ")) }
        })?,
    };
    let failed =
        |cause: String| OpenError::Runtime { cause: format!("{}: {cause}", library.display()) };
    if !library.is_file() {
        return Err(failed("no such file".to_owned()));
    }
    let environment = ort::init_from(&library)
        .map_err(|e| failed(e.to_string()))?
        .with_name("switchyard")
        .with_telemetry(false)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    *started = Some(environment.clone());
    Ok(environment)
}

/// The library with the highest version in `folder`.
fn newest(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("libonnxruntime.so")?;
            let version: Vec<u32> = version.split('.').filter_map(|n| n.parse().ok()).collect();
            Some((version, entry.path()))
        })
        .max()
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_taken_not_the_last_in_the_alphabet() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.32.0", "readme.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("libonnxruntime.so.1.32.0")));
        assert_eq!(newest(Path::new("/nowhere")), None);
    }
}
