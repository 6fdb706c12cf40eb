//! Where test data lie, and what to do without them.

use std::fs::File;
use std::path::{Path, PathBuf};

use framecast::engine::EngineChoice;

/// True in CI, where nothing may be skipped.
fn required() -> bool {
    std::env::var_os("CI").is_some_and(|v| v == "true")
}

/// Ends the test with a printed reason; in CI it fails.
pub(crate) fn skip(test: &str, reason: &str) {
    assert!(!required(), "{test}: {reason}, and CI requires it");
    println!("{test} is skipped: {reason}");
}

/// The folder of shared ONNX data.
pub(crate) fn onnx() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("FRAMECAST_DATA")
        .map_or_else(|| root.join("../shared/data"), |d| root.join(d));
    Some(data.join("onnx")).filter(|p| p.is_dir())
}

/// Unpacks an archive of the shared ONNX data.
pub(crate) fn unpacked(archive: &str) -> Option<tempfile::TempDir> {
    let file = File::open(onnx()?.join(archive)).ok()?;
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(folder.path()).unwrap();
    Some(folder)
}

/// The engines that are there.
pub(crate) fn engines(test: &str) -> Vec<EngineChoice> {
    let mut engines = Vec::new();
    if cfg!(feature = "tract") {
        engines.push(EngineChoice::Tract);
    }
    #[cfg(feature = "ort")]
    if framecast::engine::search(None).last().is_some_and(|t| t.outcome.is_ok()) {
        engines.push(EngineChoice::Ort);
        return engines;
    }
    skip(&format!("{test} on ort"), "no ONNX Runtime library is found");
    engines
}
