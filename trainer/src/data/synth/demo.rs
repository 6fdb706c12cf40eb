//! Flights of the demo camera with the motion of the ground from frame to frame.

use std::ops::RangeInclusive;

use framecast::frame::{Rational, Size};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use serde_json::json;

use super::super::KEPT_SEEDS;
use super::super::store::{Store, Stored};
use super::Cadence;
use crate::TrainError;

/// Which flights are made.
#[derive(Clone, Debug)]
pub struct DemoScenes {
    /// Seed of the first world.
    pub seed: u64,
    /// Allow worlds of [`KEPT_SEEDS`].
    pub kept: bool,
    /// Number of flights, each over a world of its own.
    pub scenes: u64,
    /// Frames of each flight, repeated ones too.
    pub length: u64,
    /// Size of the pictures.
    pub size: Size,
    /// Frames of the camera a second.
    pub rate: Rational,
    /// Standard deviation of the sensor noise at mid grey, in levels.
    pub noise: f32,
    /// How often each frame is shown.
    pub cadence: Cadence,
}

/// Makes the flights; `progress` is told the number of frames so far. For each frame the truth
/// says: number of flight, frame and frame of the camera, whether it repeats the one before, the
/// matrix that takes places of the frame before to it (see
/// [`GroundMotion`](framecast::source::demo::GroundMotion)), the displacement of the middle of the
/// picture in pixels, and the exposure over that of the frame before.
///
/// # Errors
/// [`TrainError::Recipe`] for values out of range, and the errors of [`Store`].
pub fn demo(
    scenes: &DemoScenes,
    mut store: Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Stored, TrainError> {
    let wrong = |reason: String| TrainError::Recipe { path: "data synth demo".to_owned(), reason };
    if !(0.0..=64.0).contains(&scenes.noise) {
        return Err(wrong(format!("noise = {} is outside 0 to 64", scenes.noise)));
    }
    let last = scenes.seed.saturating_add(scenes.scenes.saturating_sub(1));
    let meets = |kept: &RangeInclusive<u64>| scenes.seed <= *kept.end() && *kept.start() <= last;
    if !scenes.kept && KEPT_SEEDS.iter().any(meets) {
        return Err(wrong(format!(
            "seeds {} to {last} are asked for; 1 to 99 are kept for tests and 9000 to 9999 for \
             validation, and must not be learned; take seeds from 1000 to 8999, or say \
             --test-worlds for data that nothing is trained on",
            scenes.seed
        )));
    }
    let mut picture = RgbImage::default();
    let mut done = 0;
    for number in 0..scenes.scenes {
        let seed = scenes.seed.saturating_add(number);
        let scene = Scene::new(seed, scenes.size, scenes.rate);
        let mut scene = scene.map_err(|e| wrong(e.to_string()))?.with_noise(scenes.noise);
        store.begin();
        let (mut distinct, mut shown) = (0, 0);
        let middle =
            [f64::from(scenes.size.width) / 2.0 - 0.5, f64::from(scenes.size.height) / 2.0 - 0.5];
        for frame in 0..scenes.length {
            if shown == scenes.cadence.shown(distinct) {
                (distinct, shown) = (distinct + 1, 0);
            }
            if shown == 0 {
                scene.render(distinct, &mut picture);
            }
            shown += 1;
            store.push(&picture)?;
            let before = if shown > 1 { distinct } else { distinct.saturating_sub(1) };
            let motion = scene.ground_motion(before, distinct);
            let [x, y] = motion.apply(middle);
            let mut line = json!({
                "scene": number, "seed": seed, "frame": frame, "camera_frame": distinct,
                "repeat": shown > 1,
            });
            if frame > 0 {
                line["ground"] = json!(motion.matrix);
                line["middle"] = json!([x - middle[0], y - middle[1]]);
                line["gain"] = json!(motion.gain);
            }
            store.truth(&line)?;
            done += 1;
            progress(done);
        }
    }
    store.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use framecast::source::Limits;
    use framecast::task::evaluate::SequenceSet;
    use serde_json::Value;

    use super::super::super::store::{StoreOptions, TRUTH, beside};
    use super::*;

    fn scenes(cadence: &str) -> DemoScenes {
        DemoScenes {
            seed: 1_004,
            kept: false,
            scenes: 2,
            length: 6,
            size: Size::new(32, 24),
            rate: Rational::whole(15),
            noise: 0.0,
            cadence: cadence.parse().unwrap(),
        }
    }

    fn store(out: &Path) -> Store {
        let rate = Rational::whole(15);
        let out = out.to_owned();
        Store::create(StoreOptions { out, inputs: 5, step: 6, rate, force: false }).unwrap()
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn repeats_are_where_the_cadence_has_them_and_nothing_moves_in_them() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("set");
        let stored = demo(&scenes("2,1"), store(&out), &mut |_| {}).unwrap();
        assert_eq!(stored, Stored { frames: 12, sequences: 2 });
        let truth = lines(&out.join(TRUTH));
        let repeats: Vec<bool> = truth.iter().map(|l| l["repeat"].as_bool().unwrap()).collect();
        assert_eq!(repeats[..6], [false, true, false, false, true, false]);
        assert_eq!(repeats[6..], repeats[..6]);
        let mut set = SequenceSet::open(&out, &Limits::default()).unwrap();
        let frames = set.read(1).unwrap();
        for (at, line) in truth[6..].iter().enumerate().skip(1) {
            let still = frames[at] == frames[at - 1];
            assert_eq!(still, line["repeat"] == true, "frame {at}");
            assert_eq!(still, line["middle"] == json!([0.0, 0.0]), "{line}");
        }
        assert!(truth[0].get("ground").is_none());
    }

    #[test]
    fn a_clip_has_its_truth_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("flight.y4m");
        demo(&DemoScenes { scenes: 1, ..scenes("1") }, store(&out), &mut |_| {}).unwrap();
        assert_eq!(lines(&beside(&out)).len(), 6);
        let noisy = DemoScenes { noise: 65.0, ..scenes("1") };
        let error = demo(&noisy, store(&place.path().join("x")), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("noise = 65 is outside 0 to 64"), "{error}");
    }

    #[test]
    fn worlds_of_tests_are_made_only_when_they_are_asked_for() {
        let place = tempfile::tempdir().unwrap();
        for (seed, scenes) in [(1, 1), (0, 2), (99, 1), (8_999, 2), (500, 8_600)] {
            let wanted = DemoScenes { seed, scenes, ..self::scenes("1") };
            let error = demo(&wanted, store(&place.path().join("x")), &mut |_| {}).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("kept for tests") && error.contains("--test-worlds"), "{error}");
        }
        let wanted = DemoScenes { seed: 1, kept: true, ..scenes("1") };
        demo(&wanted, store(&place.path().join("test")), &mut |_| {}).unwrap();
    }
}
