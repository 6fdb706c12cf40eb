//! The named benchmarks: fixed data, so that rows made on two machines can be compared.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::TrainError;
use crate::data::place;

/// A set of data with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Benchmark {
    /// The catz test sequences: all of them, and those without a near-duplicate in train
    Catz,
    /// 18 clips, scaled to a width of 320
    Clips,
    /// Three flights of the demo camera; needs no data
    Demo,
}

/// Where a benchmark's pictures are.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Sequences in an archive, and the names of those that training may have seen.
    Sequences {
        /// The archive.
        path: PathBuf,
        /// Names of sequences with a near-duplicate in the training set.
        duplicates: HashSet<String>,
    },
    /// Recordings.
    Clips(Vec<Clip>),
}

/// A recording of a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clip {
    /// What is opened.
    pub(crate) uri: String,
    /// Frames it has.
    pub(crate) frames: u64,
    /// The width its frames are scaled to.
    pub(crate) width: Option<u32>,
    /// The half of the recipes that did not see it: 0 for `-fold-a`, 1 for `-fold-b`.
    pub(crate) fold: usize,
    /// One of the six camera clips that gains are averaged over.
    pub(crate) study: bool,
}

impl Clip {
    /// The name in tables.
    pub(crate) fn title(&self) -> &str {
        self.uri.rsplit(['/', '\\']).next().unwrap_or_default()
    }
}

/// Above this correlation of thumbnails with a training sequence, a test sequence is not clean.
const DUPLICATE: f64 = 0.95;

/// Sequences of the catz test set.
const CATZ: u64 = 1_342;

/// The width that larger clips are scaled to.
const WIDTH: u32 = 320;

/// The clips: frames, whether they keep their size, the half of the recipes that did not see them
/// or anything of the same source, and whether the study used them.
const CLIPS: [(&str, u64, bool, usize, bool); 18] = [
    ("CiscoVT2people_160x96_6fps.yuv", 5, true, 0, false),
    ("CiscoVT2people_320x192_12fps.yuv", 9, true, 0, false),
    ("aerial_suburb_flyover.mp4", 810, false, 0, true),
    ("apply_eye_makeup.avi", 164, false, 1, false),
    ("arm_wrestling.mp4", 280, false, 0, false),
    ("bikes.mp4", 250, false, 0, false),
    ("bottle_conveyor.mp4", 1_189, false, 0, false),
    ("bridge_traffic.mp4", 917, false, 0, true),
    ("car_overhead.mp4", 377, false, 1, false),
    ("cockatoo.mp4", 280, false, 1, false),
    ("dashcam_solidWhiteRight.mp4", 221, false, 1, true),
    ("foreman_cif_BA1_FT_C.264", 299, true, 1, true),
    ("multi_scene_qcif_LS_SVA_D.264", 1_700, true, 1, false),
    ("pool_cleaning.mp4", 300, false, 1, false),
    ("tello_indoor_takeoff.mp4", 827, false, 1, true),
    ("two_people_320x192.264", 9, true, 0, false),
    ("uav123_wakeboard7.tar", 67, false, 1, false),
    ("vtest_480x360.avi", 795, false, 0, true),
];

/// Demo flights that no recipe trains on.
const DEMO: [u64; 3] = [1, 2, 3];
const DEMO_FRAMES: u64 = 120;

impl Benchmark {
    /// The tables it gives, the first over all targets, and what they hold.
    pub(super) const fn tables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Catz => &[
                ("catz", "catz test sequences: five frames in, the sixth is the target"),
                (
                    "catz-clean",
                    "the catz test sequences without a near-duplicate among the training \
                     sequences (thumbnail correlation at most 0.95)",
                ),
            ],
            Self::Clips => &[
                (
                    "clips",
                    "18 clips at a width of 320 (foreman and smaller ones at their own size), \
                     all targets pooled",
                ),
                (
                    "clips-six",
                    "six camera clips among them: aerial, tello, \
                     vtest, dashcam, bridge, foreman",
                ),
            ],
            Self::Demo => &[("demo", "three flights of the demo camera at 160x96, pooled")],
        }
    }

    /// Frames or sequences it has, of each source at most `limit`.
    pub(super) fn length(self, limit: Option<u64>) -> u64 {
        let cut = |n: u64| n.min(limit.unwrap_or(n));
        match self {
            Self::Catz => cut(CATZ),
            Self::Clips => CLIPS.iter().map(|(_, frames, ..)| cut(*frames)).sum(),
            Self::Demo => cut(DEMO_FRAMES) * DEMO.len() as u64,
        }
    }

    /// Finds its data.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming what is missing.
    pub(super) fn open(self) -> Result<Content, TrainError> {
        match self {
            Self::Catz => {
                let list = found("catz/test_nearest_train.tsv")?;
                let text = fs::read_to_string(&list).map_err(TrainError::io("read", &list))?;
                let duplicates = near_duplicates(&text).map_err(|reason| TrainError::Data {
                    uri: list.display().to_string(),
                    reason,
                })?;
                Ok(Content::Sequences { path: found("catz/catz-test.tar.gz")?, duplicates })
            }
            Self::Clips => Ok(Content::Clips(clips()?)),
            Self::Demo => {
                let clip = |seed| Clip {
                    uri: format!("demo:?seed={seed}&size=160x96"),
                    frames: DEMO_FRAMES,
                    width: None,
                    fold: 0,
                    study: false,
                };
                Ok(Content::Clips(DEMO.into_iter().map(clip).collect()))
            }
        }
    }
}

/// The 18 clips.
///
/// # Errors
/// [`TrainError::Data`] naming one that is missing.
pub(crate) fn clips() -> Result<Vec<Clip>, TrainError> {
    let clip = |&(name, frames, native, fold, study): &(&str, u64, bool, usize, bool)| {
        let uri = found(&format!("clips/{name}"))?.display().to_string();
        Ok(Clip { uri, frames, width: (!native).then_some(WIDTH), fold, study })
    };
    CLIPS.iter().map(clip).collect()
}

/// The path of a file in the folder of test data.
fn found(name: &str) -> Result<PathBuf, TrainError> {
    let path = PathBuf::from(place(&format!("data:{name}")));
    if path.exists() {
        return Ok(path);
    }
    Err(TrainError::Data {
        uri: path.display().to_string(),
        reason: "it is not there; set FRAMECAST_DATA to the folder of test data, or use \
                 --benchmark demo, which needs none"
            .to_owned(),
    })
}

/// The test sequences that are too much like a training sequence.
fn near_duplicates(text: &str) -> Result<HashSet<String>, String> {
    let mut names = HashSet::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
        let mut columns = line.split('\t');
        let name = columns.next().unwrap_or_default();
        let value = columns.nth(1).and_then(|v| v.trim().parse::<f64>().ok());
        let value = value.ok_or_else(|| {
            format!("line {}: a name, a name and a number are expected", number + 1)
        })?;
        if value > DUPLICATE {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_duplicates_are_those_above_the_limit() {
        let text = "test\ttrain\tcorrelation\na\tx\t0.95\nb\ty\t0.9501\nc\tz\t0.2\n";
        assert_eq!(near_duplicates(text).unwrap(), HashSet::from(["b".to_owned()]));
        assert!(near_duplicates("h\na\tx\n").unwrap_err().contains("line 2"));
    }
}
