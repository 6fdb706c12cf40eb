//! Finds, probes and loads the ONNX Runtime library.
//!
//! `ort` panics when its functions are used without a library, and a load is process-wide and
//! final. So every candidate is probed here first: a missing, foreign, truncated or too old library
//! is a line in the search report, never a panic. The environment is kept for the life of the
//! process.

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;

use super::candidates::{self, Origin};
use super::elf;

/// The oldest library taken, 1.N; the `api-N` feature of `ort` in `Cargo.toml` must agree.
pub const OLDEST_MINOR: u32 = ort::MINOR_VERSION;

/// One line of the search.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tried {
    /// Why this place was looked at.
    pub origin: Origin,
    /// The file, or the folder that has none.
    pub path: PathBuf,
    /// The version when it can be used, or why it cannot.
    pub outcome: Result<String, String>,
}

/// The library in use.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) environment: Environment,
    pub(super) path: PathBuf,
    pub(super) version: String,
}

static RUNTIME: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);

/// Looks through all places; ends at the first library that can be used, or after a place that
/// was named explicitly.
#[must_use]
pub fn search(config: Option<&Path>) -> Vec<Tried> {
    let mut tried = Vec::new();
    for place in candidates::places(config) {
        if place.files.is_empty() {
            let outcome = Err("no ONNX Runtime library there".to_owned());
            tried.push(Tried { origin: place.origin, path: place.path.clone(), outcome });
        }
        for file in place.files {
            let outcome = probe(&file);
            let found = outcome.is_ok();
            tried.push(Tried { origin: place.origin, path: file, outcome });
            if found {
                return tried;
            }
        }
        if place.origin.explicit() {
            break;
        }
    }
    tried
}

/// Opens a library and asks for its version, without handing it to `ort`.
fn probe(path: &Path) -> Result<String, String> {
    if !path.exists() {
        return Err("does not exist".to_owned());
    }
    #[cfg(target_os = "linux")]
    elf::check(path)?;
    let (library, version) = open(path)?;
    let minor = version.split('.').nth(1).and_then(|m| m.parse::<u32>().ok());
    let outcome = match minor {
        Some(minor) if minor >= OLDEST_MINOR => Ok(version),
        Some(_) => Err(format!(
            "is version {version}; 1.{OLDEST_MINOR} or newer is needed, install a newer one"
        )),
        None => Err(format!("gives {version:?} as its version")),
    };
    // Closing a library with threads and statics of its own is not safe; it stays open.
    std::mem::forget(library);
    outcome
}

#[expect(unsafe_code, reason = "a shared library is loaded and its two entry functions are called")]
fn open(path: &Path) -> Result<(libloading::Library, String), String> {
    // SAFETY: loading runs the library's initialisers. The file is one that the user installed as
    // ONNX Runtime, and it was checked to be whole and for this processor.
    let library = unsafe { libloading::Library::new(path) }
        .map_err(|e| format!("cannot be loaded: {}", first_line(&e.to_string())))?;
    // SAFETY: the signature is that of `onnxruntime_c_api.h`, unchanged since 1.0.
    let base = unsafe {
        library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
    }
    .map_err(|_| "is no ONNX Runtime: it has no OrtGetApiBase".to_owned())?;
    // SAFETY: the function takes nothing and returns a static structure.
    let base = unsafe { base() };
    if base.is_null() {
        return Err("gives no API".to_owned());
    }
    // SAFETY: not null, and the structure is static in the library, which is still open.
    let version: *const c_char = unsafe { ((*base).GetVersionString)() };
    if version.is_null() {
        return Err("gives no version".to_owned());
    }
    // SAFETY: a static, NUL-terminated string.
    let version = unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned();
    Ok((library, version))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The library in use, loaded on the first call. A failure is not final: a later call searches
/// again.
pub(super) fn runtime(config: Option<&Path>) -> Result<Arc<Runtime>, String> {
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = slot.as_ref() {
        let same = |path: &Path| same_file(path, &runtime.path);
        return match config {
            Some(path) if !path.is_dir() && !same(path) => Err(format!(
                "{} is already loaded and a library cannot be changed in a running program",
                runtime.path.display()
            )),
            _ => Ok(Arc::clone(runtime)),
        };
    }
    let tried = search(config);
    let Some(Tried { path, outcome: Ok(version), .. }) = tried.last() else {
        return Err(explain(&tried));
    };
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let environment = ort::init_from(path)
        .map_err(|e| failed(&e))?
        .with_name("framecast")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|e| failed(&e))?;
    let runtime = Arc::new(Runtime { environment, path: path.clone(), version: version.clone() });
    Ok(Arc::clone(slot.insert(runtime)))
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// The search in one sentence; `framecast doctor` prints it line by line.
fn explain(tried: &[Tried]) -> String {
    let rejected: Vec<String> = tried
        .iter()
        .filter_map(|t| match &t.outcome {
            // Folders without a library are many and say little.
            Err(reason) if t.origin.explicit() || t.path.is_file() => {
                Some(format!("{} ({}) {reason}", t.path.display(), t.origin.name()))
            }
            _ => None,
        })
        .collect();
    if rejected.is_empty() {
        return "no ONNX Runtime library was found; install one (for example `pip install \
                onnxruntime`) or name it in ORT_DYLIB_PATH; `framecast doctor` shows where it was \
                looked for"
            .to_owned();
    }
    format!("no usable ONNX Runtime library: {}", rejected.join("; "))
}

fn log(level: ort::logging::LogLevel, category: &str, _id: &str, _location: &str, message: &str) {
    use ort::logging::LogLevel;
    // The library warns about every model it does not know by heart; that is for -v.
    match level {
        LogLevel::Fatal | LogLevel::Error => {
            tracing::debug!(target: "ort", category, "error: {message}");
        }
        LogLevel::Warning => tracing::debug!(target: "ort", category, "{message}"),
        LogLevel::Info | LogLevel::Verbose => tracing::trace!(target: "ort", category, "{message}"),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

    /// A library that only knows its version.
    fn fake(folder: &Path, name: &str, source: &str) -> PathBuf {
        let c = folder.join("fake.c");
        let library = folder.join(name);
        std::fs::write(&c, source).unwrap();
        let status =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&c).status();
        assert!(status.unwrap().success());
        library
    }

    fn with_version(version: &str) -> String {
        format!(
            "struct base {{ const void* (*api)(unsigned); const char* (*version)(void); }};\n\
             static const void* api(unsigned v) {{ (void)v; return 0; }}\n\
             static const char* version(void) {{ return \"{version}\"; }}\n\
             static struct base b = {{ api, version }};\n\
             const struct base* OrtGetApiBase(void) {{ return &b; }}\n"
        )
    }

    fn only(path: &Path) -> Tried {
        let mut tried = search(Some(path));
        assert_eq!(tried.len(), 1, "a named library is the only place");
        tried.remove(0)
    }

    #[test]
    fn libraries_that_cannot_be_used_are_rejected_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let rejected = |path: &Path, word: &str| {
            let reason = only(path).outcome.unwrap_err();
            assert!(reason.contains(word), "{reason}");
        };
        let old = fake(folder.path(), "libonnxruntime.so.1.10.0", &with_version("1.10.0"));
        rejected(&old, "1.10.0");
        rejected(&old, "newer");
        let odd = fake(folder.path(), "odd.so", &with_version("nightly"));
        rejected(&odd, "nightly");
        let other = fake(folder.path(), "other.so", "int answer(void) { return 42; }\n");
        rejected(&other, "OrtGetApiBase");
        let mut cut = std::fs::read(&old).unwrap();
        cut.truncate(cut.len() / 3);
        let path = folder.path().join("cut.so");
        std::fs::write(&path, cut).unwrap();
        rejected(&path, "truncated");
        rejected(Path::new("/nowhere/libonnxruntime.so"), "does not exist");
        // The folder stands for the library in it.
        assert!(only(folder.path()).outcome.unwrap_err().contains("1.10.0"));
        let error = runtime(Some(&old)).unwrap_err();
        assert!(error.contains("1.10.0") || error.contains("already loaded"), "{error}");
    }
}
