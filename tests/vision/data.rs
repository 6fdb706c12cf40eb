//! Where the test data lie, and what to do without them.

use std::path::PathBuf;

/// The file `name` of the test data; `None`, said on stderr, when it is absent. Absence is a
/// failure in CI, where a test that is skipped would go unnoticed.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FRAMECAST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(name);
    if path.is_file() {
        return Some(path);
    }
    skip(&format!("{} is absent; set FRAMECAST_DATA", path.display()));
    None
}

/// Says why a test is skipped; fails in CI.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{reason}");
    eprintln!("skipped: {reason}");
}
