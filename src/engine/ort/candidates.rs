//! Where an ONNX Runtime library may lie, in the order it is looked for.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Why a place is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The configuration names it.
    Config,
    /// The environment variable `ORT_DYLIB_PATH` names it.
    Environment,
    /// Beside the program, or in `lib` beside it.
    Executable,
    /// A directory of the system's loader.
    System,
    /// The `onnxruntime` package of a Python installation.
    Python,
}

impl Origin {
    /// The origin in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "configuration",
            Self::Environment => "ORT_DYLIB_PATH",
            Self::Executable => "beside the program",
            Self::System => "system",
            Self::Python => "Python package",
        }
    }

    /// A place the user named: if it fails, nothing else is used behind his back.
    pub(super) const fn explicit(self) -> bool {
        matches!(self, Self::Config | Self::Environment)
    }
}

/// A place and the library files found there; the file itself if the user named one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) origin: Origin,
    pub(super) path: PathBuf,
    pub(super) files: Vec<PathBuf>,
}

/// All places in order.
pub(super) fn places(config: Option<&Path>) -> Vec<Place> {
    let mut places = Vec::new();
    let named = |origin, path: &Path| {
        // A directory stands for the library in it.
        let files = if path.is_dir() { library_files(path) } else { vec![path.to_path_buf()] };
        Place { origin, path: path.to_path_buf(), files }
    };
    if let Some(path) = config {
        places.push(named(Origin::Config, path));
        return places;
    }
    if let Some(path) = env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()) {
        places.push(named(Origin::Environment, Path::new(&path)));
        return places;
    }
    let mut add = |origin, path: PathBuf| {
        if !places.iter().any(|p: &Place| p.path == path) {
            let files = library_files(&path);
            places.push(Place { origin, path, files });
        }
    };
    if let Some(folder) = env::current_exe().ok().and_then(|e| e.parent().map(Path::to_path_buf)) {
        add(Origin::Executable, folder.join("lib"));
        if let Some(parent) = folder.parent() {
            add(Origin::Executable, parent.join("lib"));
        }
        add(Origin::Executable, folder);
    }
    for folder in system_folders() {
        add(Origin::System, folder);
    }
    for folder in python_folders() {
        // Of Python only those that are there: the list of those that are not says nothing.
        let capi = folder.join("onnxruntime").join("capi");
        if capi.is_dir() {
            add(Origin::Python, capi);
        }
    }
    places
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.22.0`, `libonnxruntime.dylib`, `onnxruntime.dll`.
fn is_library_name(name: &str) -> bool {
    let stem = format!("{}onnxruntime", env::consts::DLL_PREFIX);
    let suffix = env::consts::DLL_SUFFIX;
    let Some(rest) = name.strip_prefix(&stem) else { return false };
    rest == suffix
        || rest.strip_prefix(suffix).is_some_and(|v| v.starts_with('.'))
        || (rest.ends_with(suffix) && rest.starts_with('.'))
}

/// Library files of a folder: the plain name first, then the newest version.
fn library_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| is_library_name(name))
        .collect();
    names.sort_by(|a, b| natord::compare(b, a));
    names.sort_by_key(String::len);
    let plain = format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    names.sort_by_key(|name| *name != plain);
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn system_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
        .iter()
        .filter_map(env::var_os)
        .flat_map(|v| env::split_paths(&v).collect::<Vec<_>>())
        .filter(|p| p.is_absolute())
        .collect();
    if cfg!(unix) {
        let triple = format!("{}-linux-gnu", env::consts::ARCH);
        folders.extend(
            ["/usr/local/lib", "/usr/local/onnxruntime/lib", "/opt/onnxruntime/lib"]
                .map(PathBuf::from),
        );
        folders.push(Path::new("/usr/lib").join(&triple));
        folders.extend(["/usr/lib", "/usr/lib64", "/opt/homebrew/lib"].map(PathBuf::from));
        folders.retain(|f| f.is_dir());
    }
    folders
}

/// `site-packages` of the active environment first, then of every Python that is found.
fn python_folders() -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = Vec::new();
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    prefixes.extend(variable("VIRTUAL_ENV"));
    prefixes.extend(variable("CONDA_PREFIX"));
    let home = variable("HOME");
    let pyenv = variable("PYENV_ROOT").or_else(|| home.as_ref().map(|h| h.join(".pyenv")));
    if let Some(versions) = pyenv.as_ref().map(|p| p.join("versions")) {
        let chosen = variable("PYENV_VERSION").or_else(|| {
            let file = pyenv.as_ref()?.join("version");
            Some(PathBuf::from(fs::read_to_string(file).ok()?.lines().next()?.trim()))
        });
        prefixes.extend(chosen.map(|v| versions.join(v)));
        prefixes.extend(sorted_entries(&versions, |_| true));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    for folder in env::split_paths(&path) {
        if let (true, Some(prefix)) = (folder.join("python3").exists(), folder.parent()) {
            prefixes.push(prefix.to_path_buf());
        }
    }
    prefixes.extend(home.map(|h| h.join(".local")));
    prefixes.extend(["/usr/local", "/usr"].map(PathBuf::from));

    let mut folders = Vec::new();
    for prefix in prefixes {
        for lib in sorted_entries(&prefix.join("lib"), |name| name.starts_with("python3")) {
            for packages in ["site-packages", "dist-packages"] {
                folders.push(lib.join(packages));
            }
        }
        folders.push(prefix.join("Lib").join("site-packages"));
    }
    folders
}

/// Entries whose name passes, newest version first.
fn sorted_entries(folder: &Path, keep: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.file_name().and_then(OsStr::to_str).is_some_and(&keep))
        .collect();
    paths.sort_by(|a, b| natord::compare(&b.to_string_lossy(), &a.to_string_lossy()));
    paths
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn library_names_and_their_order() {
        assert!(
            is_library_name("libonnxruntime.so") && is_library_name("libonnxruntime.so.1.22.0")
        );
        assert!(!is_library_name("libonnxruntime_providers_shared.so"));
        assert!(!is_library_name("libonnxruntime4j_jni.so"));
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.22.0", "libonnxruntime.so"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let names: Vec<_> = library_files(folder.path())
            .iter()
            .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names[0], "libonnxruntime.so");
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn a_named_library_is_the_only_place() {
        let places = places(Some(Path::new("/nowhere/libonnxruntime.so")));
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].files, [Path::new("/nowhere/libonnxruntime.so")]);
    }
}
