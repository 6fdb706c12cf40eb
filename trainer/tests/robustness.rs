//! What a run survives: being killed, and a full disk. Drives the built program as a user does.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use framecast_trainer::train::Checkpoint;

/// What else a recurrent network can be trained with.
const RECURRENT: &str = "[train.sampling]\nprobability = 0.5\nstart = 0.1\n\
                         [adversarial]\nchannels = 4\nstart = 6\n";

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("framecast-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn recipe(&self, network: &str, steps: u64) -> PathBuf {
        let text = format!(
            "name = \"r\"\nnetwork = \"{network}\"\n[data]\nside = 16\nframes = 4\n\
             [[data.demo]]\nworlds = 1\n[train]\nsteps = {steps}\nbatch = 3\nchunk = 2\nwarm_up = 2\n\
             floor = 1.0\nthreads = 2\n[validate]\nevery = 4\nseeds = [9901]\nframes = 3\n\
             size = [16, 16]\n{}",
            if network == "nano-direct" { RECURRENT } else { "" }
        );
        let path = self.0.join(format!("{network}-{steps}.toml"));
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.0.join(file)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn train(recipe: &Path, out: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framecast-train"));
    command.arg("train").arg(recipe).arg("--out").arg(out).args(flags);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn succeeds(mut command: Command) {
    let told = command.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

/// The steps that the log tells of.
fn steps(out: &Path) -> usize {
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap_or_default();
    log.lines().filter(|line| line.contains("\"gradient\"")).count()
}

/// Kills a run at some step after its first checkpoint, goes on, and compares it with `whole`.
fn killed_and_resumed(network: &str) {
    const STEPS: u64 = 60;
    let folder = Folder::new(&format!("kill-{network}"));
    let recipe = folder.recipe(network, STEPS);
    let (whole, parts) = (folder.0.join("whole"), folder.0.join("parts"));
    succeeds(train(&recipe, &whole, &[]));

    let mut run = train(&recipe, &parts, &[]).spawn().unwrap();
    let started = Instant::now();
    // Past the checkpoint of step 8, and not where one is written.
    while steps(&parts) < 9 && run.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(120), "it does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    run.kill().unwrap();
    assert!(!run.wait().unwrap().success(), "it ended before it was killed");
    assert!((9..STEPS as usize).contains(&steps(&parts)));

    succeeds(train(&recipe, &parts, &["--resume"]));
    for file in ["last.ckpt", "best.ckpt", "log.jsonl"] {
        let (whole, parts) = (fs::read(whole.join(file)), fs::read(parts.join(file)));
        assert!(whole.unwrap() == parts.unwrap(), "{file} differs after the kill");
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    killed_and_resumed("nano");
}

#[test]
fn a_killed_recurrent_run_goes_on_to_the_same_bytes() {
    killed_and_resumed("nano-direct");
}

/// A limit on the size of files stands for a disk without room: writing fails half-way.
#[cfg(unix)]
#[test]
fn without_room_on_the_disk_checkpoints_stay_and_the_run_goes_on_later() {
    let folder = Folder::new("full");
    let (short, long) = (folder.recipe("nano", 8), folder.recipe("nano", 16));
    let (whole, out) = (folder.0.join("whole"), folder.0.join("out"));
    succeeds(train(&short, &out, &[]));
    let before = (folder.read("out/last.ckpt"), folder.read("out/best.ckpt"));

    let resume = train(&long, &out, &["--resume"]);
    // Blocks of 512 or 1024 bytes, by the shell: the log has room, a checkpoint has not.
    let limited = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(limited).arg(resume.get_program()).args(resume.get_args());
    let told = shell.output().unwrap();
    let error = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(1), "{error}");
    assert!(error.contains("cannot write") && error.contains("ckpt: File too large"), "{error}");
    assert!(error.contains("make room, then go on with --resume"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    let after = (folder.read("out/last.ckpt"), folder.read("out/best.ckpt"));
    assert!(before == after, "a checkpoint changed");
    let mut left = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    assert!(left.all(|path| path.extension().is_none_or(|e| e != "part")), "half a file is left");

    succeeds(train(&long, &out, &["--resume"]));
    succeeds(train(&long, &whole, &[]));
    // The best may be of the first part, whose recipe has fewer steps.
    assert!(folder.read("out/last.ckpt") == folder.read("whole/last.ckpt"));
}

#[test]
fn a_loss_that_is_no_number_is_told_with_the_step_and_the_way_on() {
    let folder = Folder::new("nan");
    let recipe = folder.recipe("nano-direct", 8);
    let out = folder.0.join("out");
    succeeds(train(&recipe, &out, &[]));
    // A weight that ran away between two validations.
    let last = out.join("last.ckpt");
    let mut run = Checkpoint::read(&last).unwrap();
    run.optimiser.weights.list_mut()[0].values[0] = f32::INFINITY;
    run.write(&last).unwrap();
    let before = (folder.read("out/last.ckpt"), folder.read("out/best.ckpt"));
    let longer = folder.recipe("nano-direct", 16);
    let told = train(&longer, &out, &["--resume"]).output().unwrap();
    let error = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(1), "{error}");
    assert!(error.contains("at step 8") && error.contains("best.ckpt is intact"), "{error}");
    assert!(error.contains("lower `train.learning_rate`"), "{error}");
    let after = (folder.read("out/last.ckpt"), folder.read("out/best.ckpt"));
    assert!(before == after, "a checkpoint changed");
}
