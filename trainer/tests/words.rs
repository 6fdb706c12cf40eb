//! Checkpoints and the files that their words come from, through the program.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;
use std::process::Command;

/// Runs the program in `folder`: its exit status and what it says on standard error.
fn run(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_framecast-train"));
    let told = program.current_dir(folder).args(arguments.split(' ')).output().unwrap();
    (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned())
}

#[test]
fn a_checkpoint_is_of_no_use_with_other_words_than_it_learned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let captions = |text: &str| std::fs::write(folder.join("captions.txt"), text).unwrap();
    let before = "a the dog runs\nb a kite flies\nc the dog flies\n";
    captions(before);
    let recipe = "task = \"words\"\nname = \"w\"\n[train]\nsteps = 2\nbatch = 4\n[words]\n\
                  captions = \"captions.txt\"\nhold_out = 1\nmin_count = 1\ndimension = 4\n";
    std::fs::write(folder.join("w.toml"), recipe).unwrap();
    let uses = [
        "export out/best.ckpt --out w.onnx",
        "test out/best.ckpt",
        "train w.toml --out out --resume",
    ];
    let (code, said) = run(folder, "train w.toml --out out");
    assert_eq!(code, Some(0), "{said}");
    for (changed, named) in [
        // As many words, one of them another; more words; the same words in more captions.
        (before.replace("kite", "plane"), "words or labels"),
        (format!("z of more words\n{before}"), "words or labels"),
        (format!("y the dog runs\nz a kite flies\n{before}"), "4 captions learned from"),
    ] {
        captions(&changed);
        for arguments in uses {
            let (code, said) = run(folder, arguments);
            assert_eq!(code, Some(3), "{arguments}: {said}");
            assert!(said.contains(named) && said.contains("put back"), "{arguments}: {said}");
        }
        assert!(!folder.join("w.onnx").exists());
    }
    captions(before);
    for arguments in uses {
        let (code, said) = run(folder, arguments);
        assert_eq!(code, Some(0), "{arguments}: {said}");
    }
}
