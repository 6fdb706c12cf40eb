//! Whether a frame's nearest neighbour comes from its own clip: the test of a backbone that needs no
//! labels, beside colour histograms on the same frames.

use std::fs;
use std::path::Path;
use std::time::Duration;

use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::frame::{FramePool, MonoTime};
use framecast::model::ModelFile;
use framecast::source::{self, Read, SourceOptions};
use framecast::task::FrameInput;
use framecast::task::embed::FrameEmbedder;
use framecast::vision::{FrameConverter, RgbImage};
use serde::Serialize;

use crate::TrainError;
use crate::data::place;
use crate::evaluate::contract;

/// Frames this much apart are taken of each clip.
const STEP: Duration = Duration::from_millis(250);
/// Frames of one clip that are nearer to each other than this are no neighbours.
const APART: Duration = Duration::from_secs(2);
/// Levels of each colour of a histogram.
const LEVELS: usize = 4;

/// What was found of a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NeighbourRow {
    /// Its file.
    pub clip: String,
    /// Frames whose nearest neighbour was looked for: those with another of the clip far enough away.
    pub frames: usize,
    /// Frames whose neighbour by the embedding is of the clip.
    pub same: usize,
    /// The same by colour histograms.
    pub histogram: usize,
    /// As `same` and `histogram`, where a clip that shares footage with it counts as it.
    pub alike: [usize; 2],
    /// The model was trained on the clip.
    pub seen: bool,
}

/// Test clips that share footage: the first is a part of the second at twice the size.
const SHARED: [[&str; 2]; 1] = [["foreman_cif_BA1_FT_C.264", "multi_scene_qcif_LS_SVA_D.264"]];

/// What was found of all clips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbours {
    /// Name of the model.
    pub model: String,
    /// A row a clip.
    pub clips: Vec<NeighbourRow>,
}

impl Neighbours {
    /// Frames, and those whose neighbour is of their clip by the embedding and by histograms, of all
    /// clips or of those the model was not trained on.
    #[must_use]
    pub fn total(&self, unseen: bool) -> [usize; 3] {
        let rows = self.clips.iter().filter(|r| !(unseen && r.seen));
        rows.fold([0; 3], |[a, b, c], r| [a + r.frames, b + r.same, c + r.histogram])
    }

    /// As [`Neighbours::total`] of all clips, those that share footage counted as one.
    #[must_use]
    pub fn alike(&self) -> [usize; 3] {
        let rows = self.clips.iter();
        rows.fold([0; 3], |[a, b, c], r| [a + r.frames, b + r.alike[0], c + r.alike[1]])
    }

    /// A table, and the totals.
    #[must_use]
    pub fn text(&self) -> String {
        let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        let mut text = String::from(
            "| clip | frames | embedding | histogram | trained on |\n|---|---|---|---|---|\n",
        );
        let mut row = |name: &str, [frames, same, histogram]: [usize; 3], seen: &str| {
            text.push_str(&format!(
                "| {name} | {frames} | {:.1} % | {:.1} % | {seen} |\n",
                share(same, frames),
                share(histogram, frames)
            ));
        };
        for r in self.clips.iter().filter(|r| r.frames > 0) {
            row(&r.clip, [r.frames, r.same, r.histogram], if r.seen { "yes" } else { "no" });
        }
        row("all", self.total(false), "");
        row("all that were not trained on", self.total(true), "");
        if self.clips.iter().any(|r| r.alike != [r.same, r.histogram]) {
            row("all, clips that share footage as one", self.alike(), "");
        }
        for r in self.clips.iter().filter(|r| r.frames == 0) {
            text.push_str(&format!("{}: shorter than {APART:?}, so never looked for\n", r.clip));
        }
        text
    }
}

/// One frame of a clip.
struct Point {
    clip: usize,
    at: MonoTime,
    embedding: Vec<f32>,
    histogram: Vec<f32>,
}

/// Looks for the nearest neighbour of each frame of `clips` (of the folder of test clips when none are
/// given) among all others, frames of its own clip nearer than two seconds left out.
///
/// # Errors
/// [`TrainError::Export`] for a model that makes no embedding, [`TrainError::Data`] for a clip that
/// cannot be read.
pub fn neighbours(model: &Path, clips: &[String]) -> Result<Neighbours, TrainError> {
    let fail = |reason: String| TrainError::Export { name: model.display().to_string(), reason };
    let file = ModelFile::open(model).map_err(|e| fail(e.to_string()))?;
    let contract = contract(&file)?;
    let clips = if clips.is_empty() { all_clips()? } else { clips.to_vec() };
    let (mut points, mut rows) = (Vec::new(), Vec::new());
    for (clip, uri) in clips.iter().enumerate() {
        let name = uri.rsplit(['/', '\\']).next().unwrap_or(uri).to_owned();
        let seen = contract.provenance.data.iter().any(|d| d.starts_with(&name));
        rows.push(NeighbourRow {
            clip: name,
            frames: 0,
            same: 0,
            histogram: 0,
            alike: [0; 2],
            seen,
        });
        points_of(&file, clip, uri, &mut points)?;
    }
    for (i, point) in points.iter().enumerate() {
        let far = |other: &Point| {
            other.clip != point.clip
                || other.at.since(point.at).max(point.at.since(other.at)) >= APART
        };
        if !points.iter().any(|other| other.clip == point.clip && far(other)) {
            continue;
        }
        let nearest = |of: fn(&Point) -> &[f32]| {
            let others = points.iter().enumerate().filter(|(j, other)| *j != i && far(other));
            let cosines = others.map(|(j, other)| (j, dot(of(point), of(other))));
            cosines.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(j, _)| points[j].clip)
        };
        let found = [nearest(|p| &p.embedding), nearest(|p| &p.histogram)];
        let name = |clip: usize| rows.get(clip).map_or("", |r| r.clip.as_str());
        let shares = |other: usize| {
            let both = [name(point.clip), name(other)];
            SHARED.iter().any(|[a, b]| both == [*a, *b] || both == [*b, *a])
        };
        let same = found.map(|f| f == Some(point.clip));
        let alike = found.map(|f| f.is_some_and(|f| f == point.clip || shares(f)));
        let Some(row) = rows.get_mut(point.clip) else { continue };
        row.frames += 1;
        row.same += usize::from(same[0]);
        row.histogram += usize::from(same[1]);
        row.alike[0] += usize::from(alike[0]);
        row.alike[1] += usize::from(alike[1]);
    }
    Ok(Neighbours { model: contract.name, clips: rows })
}

/// The files of the folder of test clips.
fn all_clips() -> Result<Vec<String>, TrainError> {
    let folder = place("data:clips");
    let entries = fs::read_dir(&folder).map_err(TrainError::io("read", &folder))?;
    let mut clips: Vec<String> =
        entries.flatten().map(|e| e.path().display().to_string()).collect();
    clips.sort();
    Ok(clips)
}

fn points_of(
    file: &ModelFile,
    clip: usize,
    uri: &str,
    points: &mut Vec<Point>,
) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let pool = FramePool::new(4);
    let mut source = source::open(&place(uri), &SourceOptions::default(), &pool)
        .map_err(|e| fail(e.to_string()))?;
    let info = source.info().clone();
    let contract = contract(file)?;
    let mut options = LoadOptions::default();
    (options.engine, options.threads) = (EngineChoice::Tract, 1);
    options.bind = FrameInput::binding(&contract, info.size).map_err(|e| fail(e.to_string()))?;
    let loaded = load(file, &options).map_err(|e| fail(e.to_string()))?;
    let mut embedder = FrameEmbedder::new(loaded.session, &contract, info.size)
        .map_err(|e| fail(e.to_string()))?;
    let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
    let rate = info.rate.map_or(25.0, |r| r.as_f64());
    let (mut count, mut next) = (0u64, MonoTime::ZERO);
    loop {
        match source.read(MonoTime::now().after(Duration::from_secs(10))) {
            Ok(Read::Frame(frame)) => {
                let by_rate = MonoTime::from_nanos((count as f64 / rate * 1e9) as u64);
                let at = frame.meta().position.unwrap_or(by_rate);
                count += 1;
                if at < next {
                    continue;
                }
                next = at.after(STEP);
                converter.to_rgb(&frame, &mut rgb).map_err(|e| fail(e.to_string()))?;
                let embedding = embedder.embed(&rgb).map_err(|e| fail(e.to_string()))?;
                let embedding = unit(embedding.to_vec());
                points.push(Point { clip, at, embedding, histogram: histogram(&rgb) });
            }
            Ok(Read::End) => return Ok(()),
            Ok(Read::Timeout) => return Err(fail("no frame came within 10 s".to_owned())),
            Ok(_) => {}
            Err(error) => return Err(fail(error.to_string())),
        }
    }
}

/// The roots of the shares of each colour of 4 x 4 x 4: their dot product is the coefficient of
/// Bhattacharyya.
fn histogram(image: &RgbImage) -> Vec<f32> {
    let mut counts = vec![0u32; LEVELS * LEVELS * LEVELS];
    for pixel in image.data().as_chunks::<3>().0 {
        let place = pixel.iter().fold(0, |p, v| p * LEVELS + usize::from(*v) * LEVELS / 256);
        counts[place] += 1;
    }
    let total = image.size().pixels().max(1) as f32;
    counts.iter().map(|c| (*c as f32 / total).sqrt()).collect()
}

fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let length = dot(&values, &values).sqrt().max(1e-12);
    values.iter_mut().for_each(|v| *v /= length);
    values
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;
    use framecast::model::onnx::GraphBuilder;
    use framecast::model::{Contract, DType, Port, Role, Task};

    use super::*;

    #[test]
    fn histograms_have_length_one() {
        let image = RgbImage::from_vec(Size::new(2, 1), vec![255, 0, 64, 0, 0, 0]).unwrap();
        let values = histogram(&image);
        assert!((dot(&values, &values) - 1.0).abs() < 1e-6);
        assert_eq!(values.iter().filter(|v| **v > 0.0).count(), 2);
        assert!(values[3 * 16 + 1] > 0.7 && values[0] > 0.7);
    }

    /// A folder of `frames` pictures of one hue that gets lighter.
    fn clip(at: &Path, name: &str, hue: [u8; 3], frames: u8) -> String {
        let folder = at.join(name);
        fs::create_dir(&folder).unwrap();
        for frame in 0..frames {
            let colour = hue.map(|v| v + frame / 4);
            let picture = image::RgbImage::from_pixel(8, 8, image::Rgb(colour));
            picture.save(folder.join(format!("{frame:03}.png"))).unwrap();
        }
        folder.display().to_string()
    }

    /// The mean colour as an embedding tells red, green and blue apart, not two reds.
    #[test]
    fn neighbours_are_of_the_clip_or_not() {
        let place = tempfile::tempdir().unwrap();
        let mut g = GraphBuilder::new("mean");
        let shape = [1.into(), 3.into(), 8.into(), 8.into()];
        let x = g.input("frame", DType::F32, &shape);
        let y = g.node("GlobalAveragePool", &[&x], &[]);
        let y = g.node("Flatten", &[&y], &[]);
        g.output_as(&y, "embedding", DType::F32, &[1.into(), 3.into()]);
        let mut contract = Contract::new("mean", Task::Embed);
        contract.inputs = vec![Port::new("frame", Role::Frame, DType::F32, &shape)];
        contract.outputs =
            vec![Port::new("embedding", Role::Embedding, DType::F32, &[1.into(), 3.into()])];
        contract.provenance.data = vec!["red, whole".to_owned()];
        let mut proto = g.finish().unwrap();
        contract.write(&mut proto).unwrap();
        let file = ModelFile::from_proto("mean", &proto).unwrap();
        let path = place.path().join("mean.onnx");
        fs::write(&path, file.bytes()).unwrap();
        let at = place.path();
        let red = clip(at, "red", [200, 20, 20], 100);
        let blue = clip(at, "blue", [20, 20, 200], 100);
        let short = clip(at, "short", [20, 200, 20], 25);
        let found = neighbours(&path, &[red.clone(), blue, short]).unwrap();
        let seen: Vec<_> = found.clips.iter().map(|r| (r.frames, r.seen)).collect();
        // Every seventh of 25 a second; the one in the middle has none two seconds away.
        assert_eq!(seen, [(14, true), (14, false), (0, false)]);
        assert_eq!(found.total(false), [28, 28, 28], "{found:?}");
        assert_eq!(found.total(true)[0], 14);
        // The same pictures under another name are as near as those of the clip, and nearer in time.
        let again = clip(at, "again", [200, 20, 20], 100);
        let mixed = neighbours(&path, &[red, again]).unwrap();
        assert!(mixed.total(false)[1] < 14, "{mixed:?}");
        let text = found.text();
        assert!(text.contains("| all | 28 |") && text.contains("never looked for"), "{text}");
    }
}
