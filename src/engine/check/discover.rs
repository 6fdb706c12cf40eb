//! Finding models and their references in files and folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A model to check, with what it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Short name for tables: that of the file, or of the folder of an operator test.
    pub name: String,
    /// The ONNX file.
    pub model: PathBuf,
    /// Folders `test_data_set_*` of an operator test.
    pub data_sets: Vec<PathBuf>,
    /// `*_output_0.pb` beside a light model.
    pub light_output: Option<PathBuf>,
    /// `golden.json` beside the model.
    pub golden: Option<PathBuf>,
}

/// Depth of folders looked into.
const DEPTH: usize = 8;

/// The cases at `path`: one for a file, all below it for a folder, in natural order.
///
/// # Errors
/// When `path` cannot be read.
pub fn discover(path: &Path) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    if fs::metadata(path)?.is_dir() {
        walk(path, DEPTH, &mut cases)?;
    } else {
        cases.push(case(path)?);
    }
    Ok(cases)
}

fn walk(folder: &Path, depth: usize, cases: &mut Vec<Case>) -> io::Result<()> {
    for entry in sorted(folder)? {
        if entry.is_dir() && depth > 0 {
            walk(&entry, depth - 1, cases)?;
        } else if entry.extension().is_some_and(|e| e == "onnx") {
            cases.push(case(&entry)?);
        }
    }
    Ok(())
}

pub(super) fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<io::Result<_>>()?;
    entries.sort_by(|a, b| natord::compare(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(entries)
}

fn case(model: &Path) -> io::Result<Case> {
    let folder = model.parent().unwrap_or(Path::new(""));
    let file = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut data_sets = Vec::new();
    if file == "model.onnx" {
        let entries = sorted(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        data_sets = entries
            .into_iter()
            .filter(|p| {
                p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("test_data_set_"))
            })
            .collect();
    }
    let name = match folder.file_name() {
        Some(name) if !data_sets.is_empty() => name.to_string_lossy().into_owned(),
        _ => file.clone(),
    };
    let light = folder.join(format!("{}_output_0.pb", file.trim_end_matches(".onnx")));
    let golden = folder.join("golden.json");
    Ok(Case {
        name,
        model: model.to_owned(),
        data_sets,
        light_output: Some(light).filter(|p| p.is_file()),
        golden: Some(golden).filter(|p| p.is_file()),
    })
}
