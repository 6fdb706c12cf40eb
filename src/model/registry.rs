//! From what a user writes to a model file: a path, or the name of an installed model.

use std::path::{Path, PathBuf};

use super::ModelError;

/// Folders in which names of models are looked for: those of the caller first, then `models` in the
/// working directory, beside the program, one and two levels above it (a build folder), and
/// `share/framecast/models` of its installation.
#[must_use]
pub fn search_path(first: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders = first.to_vec();
    folders.push(PathBuf::from("models"));
    if let Some(program) = std::env::current_exe().ok().and_then(|p| p.canonicalize().ok()) {
        let above: Vec<&Path> = program.ancestors().skip(1).take(4).collect();
        folders.extend(above.iter().map(|folder| folder.join("models")));
        folders.extend(above.iter().skip(1).take(1).map(|f| f.join("share/framecast/models")));
    }
    folders.dedup();
    folders
}

/// The file `name` stands for: a path as it is or relative to a folder of `first`, or the name of a
/// file in [`search_path`], with or without `.onnx`.
///
/// # Errors
/// [`ModelError::NotFound`] with every place that was looked at.
pub fn resolve(name: &str, first: &[PathBuf]) -> Result<PathBuf, ModelError> {
    let given = Path::new(name);
    let mut candidates = vec![given.to_owned()];
    if given.is_relative() {
        candidates.extend(first.iter().map(|folder| folder.join(given)));
        let mut names = vec![given.to_owned()];
        if !name.ends_with(".onnx") {
            names.push(PathBuf::from(format!("{name}.onnx")));
        }
        // `models/x.onnx` is found in a folder called models too.
        if let Ok(rest) = given.strip_prefix("models") {
            names.push(rest.to_owned());
        }
        for folder in search_path(first) {
            candidates.extend(names.iter().map(|n| folder.join(n)));
        }
    }
    match candidates.iter().find(|c| c.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(ModelError::NotFound {
            name: name.to_owned(),
            searched: candidates.iter().map(|c| c.display().to_string()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tiny.onnx");
        std::fs::write(&file, b"x").unwrap();
        let first = [dir.path().to_owned()];
        for name in ["tiny", "tiny.onnx", "models/tiny.onnx", file.to_str().unwrap()] {
            assert_eq!(resolve(name, &first).unwrap(), file, "{name}");
        }
        let error = resolve("tiny2", &first).unwrap_err().to_string();
        assert!(error.contains("tiny2.onnx") && error.contains("models/tiny2"), "{error}");
    }
}
