//! What every run is told, of whatever family: where its files go, and when it stops.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Standing;
use crate::TrainError;
use crate::device::DeviceChoice;
use crate::recipe::Training;

/// Where a run puts its files and how long it may take.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder of checkpoints, log and contact sheets.
    pub out: PathBuf,
    /// Go on from the last checkpoint in `out`.
    pub resume: bool,
    /// Start anew even where `out` holds a run, which is lost.
    pub overwrite: bool,
    /// Stop after this time; `--resume` goes on.
    pub time: Option<Duration>,
    /// What computes, each a share of every batch; the CPU when empty. Families other than
    /// prediction take the first.
    pub devices: Vec<DeviceChoice>,
}

impl Options {
    /// Makes the folder, and names its last and its best checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when it holds a run that is neither gone on with nor lost.
    pub(crate) fn checkpoints(&self) -> Result<[PathBuf; 2], TrainError> {
        let out = self.out.as_path();
        fs::create_dir_all(out).map_err(TrainError::io("create", out))?;
        let last = out.join("last.ckpt");
        if !self.resume && !self.overwrite && last.exists() {
            return Err(TrainError::Checkpoint {
                path: last,
                reason: "the folder holds a run already; go on with --resume, choose another \
                         --out, or let it be lost with --overwrite"
                    .to_owned(),
            });
        }
        Ok([last, out.join("best.ckpt")])
    }

    /// Begins to count the time a run of `training` may take.
    pub(crate) fn start(&self, training: &Training) -> Limits {
        let Training { steps, patience, .. } = *training;
        Limits { steps, patience, time: self.time, started: Instant::now() }
    }
}

/// What ends a run.
pub(crate) struct Limits {
    steps: u64,
    patience: u64,
    time: Option<Duration>,
    started: Instant,
}

impl Limits {
    /// Whether there is time left.
    pub(crate) fn in_time(&self) -> bool {
        self.time.is_none_or(|limit| self.started.elapsed() < limit)
    }

    /// Whether validations have not become better for as long as the recipe waits.
    pub(crate) const fn tired(&self, standing: &Standing) -> bool {
        self.patience > 0 && standing.stale >= self.patience
    }

    /// Whether a run of so many `steps` goes on.
    pub(crate) fn go_on(&self, steps: u64, standing: &Standing) -> bool {
        steps < self.steps && self.in_time() && !self.tired(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_run_is_left_alone_unless_told() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("a/b");
        let options = Options { out: out.clone(), ..Options::default() };
        let want = [out.join("last.ckpt"), out.join("best.ckpt")];
        assert_eq!(options.checkpoints().unwrap(), want);
        fs::write(&want[0], "a run").unwrap();
        let error = options.checkpoints().unwrap_err().to_string();
        assert!(error.contains("--resume") && error.contains("--overwrite"), "{error}");
        for options in
            [Options { resume: true, ..options.clone() }, Options { overwrite: true, ..options }]
        {
            assert_eq!(options.checkpoints().unwrap(), want);
        }
    }

    #[test]
    fn steps_time_and_patience_end_a_run() {
        let training = Training { steps: 10, patience: 3, ..Training::default() };
        let mut standing = Standing::default();
        let limits = Options::default().start(&training);
        assert!(limits.go_on(9, &standing) && !limits.go_on(10, &standing));
        standing.stale = 3;
        assert!(!limits.go_on(9, &standing));
        standing.stale = 2;
        assert!(limits.go_on(9, &standing));
        let none = Options { time: Some(Duration::ZERO), ..Options::default() }.start(&training);
        assert!(!none.in_time() && !none.go_on(0, &standing));
        let patient = Training { patience: 0, ..training };
        standing.stale = 99;
        assert!(!Options::default().start(&patient).tired(&standing));
    }
}
