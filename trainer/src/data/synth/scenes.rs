//! Labelled scenes one after the other, with their labels.

use framecast::frame::Size;
use framecast::vision::RgbImage;
use serde_json::json;

use super::super::scenes::{LabelledScene, SIDE, labels};
use super::super::store::{Store, Stored};
use crate::TrainError;

/// Which scenes are made.
#[derive(Clone, Copy, Debug)]
pub struct Labelled {
    /// Seed of the first scene; each has the next.
    pub seed: u64,
    /// Number of scenes.
    pub scenes: u64,
    /// Frames of each.
    pub length: u64,
}

/// Makes the scenes; `progress` is told the number of frames so far. For each the truth says its
/// seed and its labels.
///
/// # Errors
/// Those of [`Store`].
pub fn scenes(
    wanted: &Labelled,
    mut store: Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Stored, TrainError> {
    let names = labels();
    let mut picture = RgbImage::new(Size::new(SIDE as u32, SIDE as u32));
    let mut done = 0;
    for seed in (wanted.seed..).take(usize::try_from(wanted.scenes).unwrap_or(usize::MAX)) {
        store.begin();
        let scene = LabelledScene::new(seed);
        for frame in 0..wanted.length {
            scene.render(frame, picture.data_mut());
            store.push(&picture)?;
            done += 1;
            progress(done);
        }
        let held = names.iter().zip(scene.truth()).filter(|(_, t)| *t);
        let held: Vec<&String> = held.map(|(name, _)| name).collect();
        store.truth(&json!({ "seed": seed, "frames": wanted.length, "labels": held }))?;
    }
    store.finish()
}
