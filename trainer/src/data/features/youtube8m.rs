//! YouTube-8M: features of whole videos (`mean_rgb`, `mean_audio`) or of each second (`rgb`,
//! `audio`, a byte a number), with the labels of the video.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::Labelled;
use super::example::{Example, Feature, parse};
use super::tfrecord::Records;

/// Numbers of the visual and of the audio feature.
pub const VISUAL: usize = 1024;
/// Numbers of the audio feature.
pub const AUDIO: usize = 128;

/// The most frames of a video; the public set has one a second of at most 300.
const MOST_FRAMES: usize = 10_000;

/// The number that byte `q` stands for: `q * (4 / 255) + 4 / 512 - 2`.
#[must_use]
pub fn dequantise(q: u8) -> f32 {
    f32::from(q) * (4.0 / 255.0) + 4.0 / 512.0 - 2.0
}

pub(super) fn read(
    path: &Path,
    add: &mut dyn FnMut(Labelled) -> Result<(), String>,
) -> Result<(), String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut records = Records::new(BufReader::new(file));
    let mut bytes = Vec::new();
    while records.read(&mut bytes)? {
        let at = |reason: String| format!("record {}: {reason}", records.count() - 1);
        let one = parse(&bytes).and_then(|example| video(&example)).map_err(at)?;
        add(one).map_err(at)?;
    }
    Ok(())
}

/// The features of a video, 1024 visual and 128 audio ones; those of frames are averaged.
fn video(example: &Example) -> Result<Labelled, String> {
    let text = |name: &str| match example.features.get(name) {
        Some(Feature::Bytes(list)) => list.first().map(|b| String::from_utf8_lossy(b).into_owned()),
        _ => None,
    };
    // The set of 2017 calls it by another name.
    let id = text("id").or_else(|| text("video_id")).unwrap_or_default();
    let labels = match example.features.get("labels") {
        Some(Feature::Ints(list)) => list
            .iter()
            .map(|&l| u32::try_from(l).map_err(|_| format!("{l} is no label")))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
        Some(_) => return Err("labels are no whole numbers".to_owned()),
    };
    let mut features = part(example, "rgb", VISUAL)?;
    features.extend(part(example, "audio", AUDIO)?);
    Ok(Labelled { id, labels, features })
}

fn part(example: &Example, name: &str, dims: usize) -> Result<Vec<f32>, String> {
    let mean = format!("mean_{name}");
    match (example.features.get(&mean), example.lists.get(name)) {
        (Some(Feature::Floats(values)), _) if values.len() == dims => Ok(values.clone()),
        (Some(Feature::Floats(values)), _) => {
            Err(format!("{mean} has {} numbers instead of {dims}", values.len()))
        }
        (Some(_), _) => Err(format!("{mean} is no list of reals")),
        (None, Some(frames)) => average(frames, name, dims),
        (None, None) => Err(format!("it has neither {mean} nor a list {name}")),
    }
}

/// The mean of the frames' features.
fn average(frames: &[Feature], name: &str, dims: usize) -> Result<Vec<f32>, String> {
    if frames.is_empty() || frames.len() > MOST_FRAMES {
        return Err(format!("{name} has {} frames; 1 to {MOST_FRAMES} are taken", frames.len()));
    }
    let mut sums = vec![0u64; dims];
    for (at, frame) in frames.iter().enumerate() {
        let bytes = match frame {
            Feature::Bytes(list) => list.first().filter(|b| b.len() == dims),
            _ => None,
        };
        let Some(bytes) = bytes else {
            return Err(format!("frame {at} of {name} is not {dims} bytes"));
        };
        for (sum, byte) in sums.iter_mut().zip(bytes) {
            *sum += u64::from(*byte);
        }
    }
    // The mapping is linear, so that the mean may be taken of the bytes.
    let count = frames.len() as f64;
    let real = |sum: &u64| (*sum as f64 / count * (4.0 / 255.0) + 4.0 / 512.0 - 2.0) as f32;
    Ok(sums.iter().map(real).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::FeatureSet;
    use super::super::example::write;
    use super::super::tfrecord::framed;
    use super::*;

    fn video_level(id: &str, labels: &[i64], level: f32) -> Example {
        let mut example = Example::default();
        let mut add = |name: &str, feature| example.features.insert(name.to_owned(), feature);
        add("id", Feature::Bytes(vec![id.as_bytes().to_vec()]));
        add("labels", Feature::Ints(labels.to_vec()));
        add("mean_rgb", Feature::Floats(vec![level; VISUAL]));
        add("mean_audio", Feature::Floats(vec![-level; AUDIO]));
        example
    }

    fn frame_level(frames: &[u8]) -> Example {
        let mut example = Example::default();
        example.features.insert("id".into(), Feature::Bytes(vec![b"vid".to_vec()]));
        example.features.insert("labels".into(), Feature::Ints(vec![3]));
        for (name, dims) in [("rgb", VISUAL), ("audio", AUDIO)] {
            let list = frames.iter().map(|&q| Feature::Bytes(vec![vec![q; dims]])).collect();
            example.lists.insert(name.to_owned(), list);
        }
        example
    }

    fn file(examples: &[Example]) -> (tempfile::TempDir, std::path::PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("train00.tfrecord");
        let bytes: Vec<u8> = examples.iter().flat_map(|e| framed(&write(e))).collect();
        fs::write(&path, bytes).unwrap();
        (place, path)
    }

    #[test]
    fn videos_and_frames_are_read() {
        let examples = [video_level("abcd", &[7, 0], 0.25), frame_level(&[0, 255, 51])];
        let (_place, path) = file(&examples);
        let set = FeatureSet::read(&path, VISUAL + AUDIO, 3862).unwrap();
        assert_eq!((set.len(), set.id(0), set.labels(0)), (2, "abcd", &[0, 7][..]));
        assert_eq!((set.features(0)[1023], set.features(0)[1024]), (0.25, -0.25));
        assert_eq!((set.id(1), set.labels(1)), ("vid", &[3][..]));
        let mean = [0, 255, 51].map(dequantise).iter().sum::<f32>() / 3.0;
        assert!((set.features(1)[5] - mean).abs() < 1e-6, "{}", set.features(1)[5]);
        // The public rule: 0 is -2 and half a step, 255 is 2 and half a step.
        assert_eq!((dequantise(0), dequantise(255)), (-1.992_187_5, 2.007_812_5));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_with_its_record() {
        let refused = |change: &dyn Fn(&mut Example)| {
            let mut bad = video_level("x", &[1], 0.0);
            change(&mut bad);
            let (_place, path) = file(&[video_level("ok", &[1], 0.0), bad]);
            FeatureSet::read(&path, VISUAL + AUDIO, 10).unwrap_err().to_string()
        };
        let set = |name: &'static str, feature: Feature| {
            move |e: &mut Example| {
                e.features.insert(name.to_owned(), feature.clone());
            }
        };
        let text = refused(&set("mean_rgb", Feature::Floats(vec![0.0; 5])));
        assert!(text.contains("record 1") && text.contains("5 numbers instead of 1024"), "{text}");
        assert!(refused(&set("labels", Feature::Ints(vec![-4]))).contains("-4 is no label"));
        assert!(refused(&set("labels", Feature::Ints(vec![10]))).contains("0 to 9"));
        let nan = set("mean_audio", Feature::Floats(vec![f32::NAN; AUDIO]));
        assert!(refused(&nan).contains("is NaN"));
        assert!(refused(&|e| drop(e.features.remove("mean_rgb"))).contains("neither mean_rgb"));
        let uneven = |e: &mut Example| {
            *e = frame_level(&[1, 2]);
            e.lists.insert("rgb".into(), vec![Feature::Bytes(vec![vec![0; 7]])]);
        };
        assert!(refused(&uneven).contains("frame 0 of rgb"));
    }
}
