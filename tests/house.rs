//! Holds the structure of the house: who may use whom, where `unsafe` may stand, how files look.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(under: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(under), &mut found);
    found.sort();
    assert!(!found.is_empty(), "no Rust files under {under}");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The rank of each module of the library; a file may use modules of a lower rank and its own.
fn rank(module: &str) -> Option<u32> {
    Some(match module {
        "frame" => 0,
        "vision" => 1,
        "source" | "ring" | "codec" | "model" => 2,
        "engine" => 3,
        "task" => 4,
        "config" => 5,
        "pipeline" | "sink" => 6,
        "bench" => 7,
        _ => return None,
    })
}

/// Modules a line of code names through `crate::`, also inside `use crate::{a, b}`.
fn modules_named(line: &str) -> Vec<String> {
    let ident = |s: &str| -> String {
        s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut named = Vec::new();
    for part in line.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (i, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => {
                        named.push(ident(&list[start..i]));
                        break;
                    }
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        named.push(ident(&list[start..i]));
                        start = i + 1;
                    }
                    _ => {}
                }
            }
        } else {
            named.push(ident(part));
        }
    }
    named.retain(|n| !n.is_empty());
    named
}

#[test]
fn modules_use_only_lower_ranks() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in rust_files("src") {
        let name = relative(&path);
        let inner = name.trim_start_matches("src/");
        let module = inner.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if matches!(module, "lib" | "main" | "cli") {
            continue;
        }
        let Some(own) = rank(module) else {
            wrong.push(format!("{name}: module {module} has no rank in tests/house.rs"));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in modules_named(line) {
                seen += 1;
                let allowed = match rank(&used) {
                    // Macros and re-exports at the crate root have no rank.
                    None => true,
                    Some(other) => used == module || other < own || (own == 6 && other == 6),
                };
                if !allowed {
                    wrong.push(format!("{name}:{}: {module} may not use {used}", number + 1));
                }
            }
        }
    }
    assert!(seen > 0, "the check found no `crate::` lines at all");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that may hold `unsafe`, each for a reason the design names: V4L2 ioctls and mmap, SIMD
/// kernels, ONNX Runtime calls that `ort` does not wrap, the register of floating-point modes, and in
/// tests a counting allocator.
const UNSAFE_FILES: &[&str] = &[
    "src/codec/arithmetic.rs",
    "src/codec/band/covariance.rs",
    "src/codec/band/lanes.rs",
    "src/codec/band/mixing.rs",
    "src/codec/band/samples.rs",
    "src/engine/exact/kernel.rs",
    "src/engine/ort/backend.rs",
    "src/engine/ort/library.rs",
    "src/engine/ort/value.rs",
    "src/source/v4l2/ioctl.rs",
    "src/source/v4l2/mapping.rs",
    "src/task/search/dot.rs",
    "src/task/search/dot/avx2.rs",
    "src/task/search/dot/vnni.rs",
    "src/task/search/mapping.rs",
    "src/vision/blend/mixer.rs",
    "src/vision/blend/blocks.rs",
    "src/vision/blend/blocks/avx2.rs",
    "src/vision/dispatch.rs",
    "src/vision/motion/compensate.rs",
    "src/vision/motion/compensate/avx2.rs",
    "src/vision/motion/patch/avx2.rs",
    "src/vision/motion/search.rs",
    "tests/allocations.rs",
    "tests/codec-memory.rs",
];

/// `FRAMECAST_SIMD=off` must reach every kernel, so they ask `vision/simd.rs`; doctor only reports.
#[test]
fn features_of_the_processor_are_asked_for_in_one_place() {
    let mut asking: Vec<String> = Vec::new();
    for under in ["src", "trainer/src"] {
        for path in rust_files(under) {
            if fs::read_to_string(&path).unwrap().contains("_feature_detected!") {
                asking.push(relative(&path));
            }
        }
    }
    assert_eq!(asking, ["src/cli/doctor.rs", "src/vision/simd.rs"]);
}

/// That each block has its own SAFETY comment is clippy's to say (`undocumented_unsafe_blocks`).
#[test]
fn unsafe_stands_only_where_it_is_listed() {
    let word = concat!("un", "safe");
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for under in ["src", "trainer/src", "tests"] {
        for path in rust_files(under) {
            let name = relative(&path);
            let text = fs::read_to_string(&path).unwrap();
            let code = |l: &&str| {
                !l.trim_start().starts_with("//") && !l.contains(&format!("{word}_code"))
            };
            let has = text
                .lines()
                .filter(code)
                .any(|l| l.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word));
            if has && name != "tests/house.rs" {
                if !UNSAFE_FILES.contains(&name.as_str()) {
                    wrong.push(format!("{name} holds {word} code and is not listed"));
                }
                used.push(name);
            }
        }
    }
    for listed in UNSAFE_FILES {
        if !used.iter().any(|u| u == listed) {
            wrong.push(format!("{listed} is listed but holds no {word} code"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What CI requires, every test requires by the same words.
/// A file that no module names is never compiled, and its tests never run.
#[test]
fn every_file_is_part_of_a_module() {
    let parts = |file: &Path| -> Option<(PathBuf, String)> {
        let name = file.file_stem()?.to_string_lossy().into_owned();
        let folder = file.parent()?;
        match name.as_str() {
            "mod" => Some((folder.parent()?.to_owned(), folder.file_name()?.to_str()?.to_owned())),
            _ => Some((folder.to_owned(), name)),
        }
    };
    for (under, roots) in [("src", ["lib.rs", "main.rs"]), ("trainer/src", ["lib.rs", "main.rs"])] {
        let top = root().join(under);
        for file in rust_files(under) {
            if roots.iter().any(|name| file == top.join(name)) {
                continue;
            }
            let (folder, name) = parts(&file).unwrap();
            let beside = folder.with_extension("rs");
            let places = roots.iter().map(|root| folder.join(root));
            let texts: String = places
                .chain([folder.join("mod.rs"), beside])
                .filter_map(|place| fs::read_to_string(place).ok())
                .collect();
            let named = format!("mod {name};");
            let quoted = format!("/{name}.rs\"]");
            assert!(
                texts.contains(&named) || texts.contains(&quoted),
                "no module names {}",
                relative(&file)
            );
        }
    }
}

#[test]
fn ci_is_asked_for_in_one_way() {
    let asked = concat!("var_os(\"", "CI\")");
    let ways = ["is_some_and(|v|v==\"true\")", "is_none_or(|v|v!=\"true\")"];
    let mut seen = 0;
    for under in ["src", "trainer/src", "tests", "benches"] {
        for path in rust_files(under) {
            let text: String =
                fs::read_to_string(&path).unwrap().chars().filter(|c| !c.is_whitespace()).collect();
            for (at, _) in text.match_indices(asked) {
                let rest = &text[at + asked.len() + 1..];
                assert!(ways.iter().any(|w| rest.starts_with(w)), "{}", relative(&path));
                seen += 1;
            }
        }
    }
    assert!(seen > 3, "the check found {seen} places");
}

#[test]
fn files_have_one_concept() {
    let mut lengths = Vec::new();
    let mut wrong = Vec::new();
    for under in ["src", "trainer/src"] {
        for path in rust_files(under) {
            let name = relative(&path);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if ["utils", "util", "helpers", "helper", "common", "misc", "impl"]
                .contains(&stem.as_str())
            {
                wrong.push(format!("{name}: the name says nothing"));
            }
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > 600 {
                wrong.push(format!("{name}: {lines} lines"));
            }
            lengths.push(lines);
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 200, "the median file has {median} lines");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each crate the manifests name, with the version where it is pinned exactly.
fn dependencies() -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    for manifest in ["Cargo.toml", "trainer/Cargo.toml", "fuzz/Cargo.toml"] {
        let text = fs::read_to_string(root().join(manifest)).unwrap();
        let manifest: toml::Table = toml::from_str(&text).unwrap();
        let mut sections = vec![&manifest];
        if let Some(targets) = manifest.get("target").and_then(|t| t.as_table()) {
            sections.extend(targets.values().filter_map(|t| t.as_table()));
        }
        for section in sections {
            for key in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let Some(crates) = section.get(key).and_then(|d| d.as_table()) else { continue };
                for (name, about) in crates.iter().filter(|(n, _)| !n.starts_with("framecast")) {
                    let version = about.get("version").unwrap_or(about).as_str().unwrap();
                    let pinned = version.starts_with('=').then(|| version.to_owned());
                    found.insert(name.clone(), pinned);
                }
            }
        }
    }
    found
}

#[test]
fn the_table_of_dependencies_is_that_of_the_manifests() {
    let text = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let mut documented = BTreeMap::new();
    for row in text.lines().filter(|l| l.starts_with("| `")) {
        let words: Vec<&str> =
            row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        // A version belongs to every crate of its row.
        let pinned = words.iter().find(|w| w.starts_with('=')).map(ToString::to_string);
        for name in words.iter().filter(|w| !w.starts_with('=')) {
            let again = documented.insert(name.to_string(), pinned.clone());
            assert!(again.is_none(), "{name} has two rows");
        }
    }
    assert!(documented.len() > 20, "the table was not read");
    assert_eq!(documented, dependencies(), "docs/dependencies.md (left) and the manifests (right)");
}
