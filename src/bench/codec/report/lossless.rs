//! The table of lossless codecs.

use serde::Serialize;

use super::{ClipInfo, Outcomes, Speeds, geometric_mean};

/// The codecs of which the smallest, on each clip, is the best anchor: ffv1 with its range coder
/// and large context over 300 frames, x264 at qp 0 and veryslow, x265 lossless and medium.
pub const ANCHORS: [&str; 3] = ["ffv1", "x264", "x265"];

/// The codec whose encoder measures the machine.
const YARDSTICK: &str = "ffv1";

/// A codec on a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// The clip.
    pub clip: String,
    /// Why there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Bytes: the whole file for framecast, the packets alone for others.
    pub bytes: Option<u64>,
    /// Bytes of headers that are not counted.
    pub header_bytes: Option<u64>,
    /// Bits a luma pixel.
    pub bpp: Option<f64>,
    /// Against ffv1.
    pub vs_ffv1: Option<f64>,
    /// Against the best anchor of the clip.
    pub vs_best: Option<f64>,
    /// Processor time of encoding, in seconds.
    pub encode_cpu_s: Option<f64>,
    /// Processor time of decoding, in seconds.
    pub decode_cpu_s: Option<f64>,
    /// From these times.
    #[serde(flatten)]
    pub speeds: Speeds,
    /// How often it was timed; the least counts.
    pub rounds: Option<u32>,
    /// Every sample came back.
    pub exact: Option<bool>,
    /// How to encode by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A codec on all clips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LosslessRow {
    /// The codec.
    pub codec: String,
    /// In the order of the clips.
    pub clips: Vec<Entry>,
    /// Geometric mean over the clips of the ratio to ffv1.
    pub vs_ffv1: Option<f64>,
    /// Geometric mean over the clips of the ratio to the best anchor.
    pub vs_best: Option<f64>,
    /// The same over the clips with the noise of a sensor.
    pub vs_best_noisy: Option<f64>,
    /// The largest ratio to the best anchor.
    pub worst_vs_best: Option<f64>,
    /// Over all clips; nothing unless every one came back exactly.
    #[serde(flatten)]
    pub speeds: Speeds,
    /// Every sample of every clip came back.
    pub exact: bool,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LosslessTable {
    /// The smallest anchor of each clip, and its bits a luma pixel.
    pub best: Vec<Option<(String, f64)>>,
    /// Why clips have no best anchor: a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// One codec each.
    pub rows: Vec<LosslessRow>,
}

/// Makes the table of `codecs` on `clips`.
#[must_use]
pub(in crate::bench::codec) fn lossless(clips: &[ClipInfo], codecs: &[Outcomes]) -> LosslessTable {
    let bytes = |name: &str, at: usize| {
        let outcome = codecs.iter().find(|c| c.name == name)?.clips.get(at)?;
        outcome.as_ref().ok().filter(|m| m.quality.exact).map(|m| m.bytes)
    };
    let best: Vec<Option<(String, u64)>> = (0..clips.len())
        .map(|at| {
            // With one of them missing, the smallest of the others would flatter.
            let all: Option<Vec<_>> =
                ANCHORS.iter().map(|name| Some((name.to_string(), bytes(name, at)?))).collect();
            all?.into_iter().min_by_key(|(_, bytes)| *bytes)
        })
        .collect();
    let rows = codecs.iter().map(|codec| {
        let entries = clips.iter().zip(&codec.clips).zip(&best).enumerate();
        let entries: Vec<Entry> = entries
            .map(|(at, ((clip, outcome), best))| {
                let best = best.as_ref().map(|(_, bytes)| *bytes);
                match outcome {
                    Ok(m) => entry(clip, m, bytes(YARDSTICK, at), best),
                    Err(why) => Entry {
                        clip: clip.name.clone(),
                        error: Some(why.clone()),
                        ..Entry::default()
                    },
                }
            })
            .collect();
        row(clips, codec, entries)
    });
    let rows = rows.collect();
    let missing =
        clips.iter().enumerate().filter(|(at, _)| best.get(*at).is_some_and(Option::is_none));
    let missing = missing.filter_map(|(at, clip)| why_none(&clip.name, at, codecs)).collect();
    let best = best.into_iter().zip(clips);
    let best = best.map(|(best, clip)| best.map(|(name, bytes)| (name, clip.bpp(bytes)))).collect();
    LosslessTable { best, missing, rows }
}

/// Why the clip at `at` has no best anchor; nothing where none of them was asked for.
fn why_none(clip: &str, at: usize, codecs: &[Outcomes]) -> Option<String> {
    let anchors = ANCHORS.iter().filter_map(|name| codecs.iter().find(|c| c.name == *name));
    let failed = anchors.filter_map(|codec| match codec.clips.get(at)? {
        Ok(m) if m.quality.exact => None,
        Ok(_) => Some(format!("{} is not exact", codec.name)),
        Err(_) => Some(format!("{} failed", codec.name)),
    });
    let failed: Vec<String> = failed.collect();
    (!failed.is_empty()).then(|| {
        format!("{clip} has no best anchor, and so nothing a mean over it: {}.", failed.join(", "))
    })
}

fn entry(
    clip: &ClipInfo,
    measured: &super::Measured,
    ffv1: Option<u64>,
    best: Option<u64>,
) -> Entry {
    let ratio = |other: Option<u64>| other.map(|other| measured.bytes as f64 / other as f64);
    Entry {
        clip: clip.name.clone(),
        error: None,
        bytes: Some(measured.bytes),
        header_bytes: Some(measured.header_bytes),
        bpp: Some(clip.bpp(measured.bytes)),
        vs_ffv1: ratio(ffv1),
        vs_best: ratio(best),
        encode_cpu_s: Some(measured.encode_cpu_s),
        decode_cpu_s: Some(measured.decode_cpu_s),
        speeds: Speeds::of(std::iter::once((clip, measured))),
        rounds: Some(measured.rounds),
        exact: Some(measured.quality.exact),
        command: Some(measured.command.clone()),
    }
}

fn row(clips: &[ClipInfo], codec: &Outcomes, entries: Vec<Entry>) -> LosslessRow {
    let whole = entries.iter().all(|e| e.exact == Some(true)) && !entries.is_empty();
    // A mean over some of the clips would not be comparable.
    let mean = |of: fn(&Entry) -> Option<f64>, noisy: bool| {
        let chosen = entries.iter().zip(clips).filter(|(_, clip)| clip.noisy || !noisy);
        let values: Option<Vec<f64>> = chosen.map(|(e, _)| of(e)).collect();
        values.filter(|_| whole).and_then(|v| geometric_mean(v.into_iter()))
    };
    let worst = entries.iter().filter_map(|e| e.vs_best).max_by(f64::total_cmp);
    let measured = clips.iter().zip(&codec.clips).filter_map(|(c, m)| Some((c, m.as_ref().ok()?)));
    LosslessRow {
        codec: codec.name.clone(),
        vs_ffv1: mean(|e| e.vs_ffv1, false),
        vs_best: mean(|e| e.vs_best, false),
        vs_best_noisy: mean(|e| e.vs_best, true),
        worst_vs_best: worst.filter(|_| whole),
        speeds: if whole { Speeds::of(measured) } else { Speeds::default() },
        exact: whole,
        clips: entries,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{clip, coded};
    use super::*;

    fn outcomes(name: &str, bytes: [u64; 2], cpu: f64) -> Outcomes {
        let clips = bytes.map(|b| Ok(coded(b, cpu))).to_vec();
        Outcomes { name: name.to_owned(), clips }
    }

    #[test]
    fn the_best_anchor_is_chosen_clip_by_clip() {
        let clips = [clip("a", false), clip("b", true)];
        let table = lossless(
            &clips,
            &[
                outcomes("ours", [800, 450], 2.0),
                outcomes("ffv1", [1000, 900], 1.0),
                outcomes("x264", [1600, 500], 4.0),
                outcomes("x265", [1700, 600], 4.0),
            ],
        );
        let names: Vec<_> = table.best.iter().map(|b| b.as_ref().unwrap().0.as_str()).collect();
        assert_eq!(names, ["ffv1", "x264"]);
        let ours = &table.rows[0];
        assert_eq!((ours.clips[0].vs_best, ours.clips[1].vs_best), (Some(0.8), Some(0.9)));
        assert_eq!((ours.clips[0].vs_ffv1, ours.clips[1].vs_ffv1), (Some(0.8), Some(0.5)));
        assert!((ours.vs_best.unwrap() - 0.72f64.sqrt()).abs() < 1e-12);
        assert!((ours.vs_best_noisy.unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(ours.worst_vs_best, Some(0.9));
        // Half as fast as ffv1 in encoding, as fast in decoding.
        let speeds = ours.speeds;
        assert_eq!((speeds.encode_speed, speeds.decode_speed), (Some(20.5), Some(41.0)));
        assert_eq!((speeds.encode_fps, speeds.decode_fps), (Some(5.0), Some(10.0)));
    }

    #[test]
    fn what_is_not_whole_has_no_mean() {
        let clips = [clip("a", false), clip("b", false)];
        let mut ours = outcomes("ours", [800, 450], 2.0);
        ours.clips[1] = Err("it failed".to_owned());
        let mut inexact = outcomes("x265", [10, 10], 1.0);
        if let Ok(measured) = &mut inexact.clips[0] {
            measured.quality.exact = false;
        }
        let others = [outcomes("ffv1", [1000, 900], 1.0), outcomes("x264", [900, 900], 1.0)];
        let [ffv1, x264] = others;
        let table = lossless(&clips, &[ours, ffv1, x264, inexact]);
        let row = &table.rows[0];
        assert_eq!((row.vs_ffv1, row.exact, row.speeds), (None, false, Speeds::default()));
        assert_eq!(row.worst_vs_best, None, "the worst may be the one that is missing");
        assert_eq!(row.clips[1].error.as_deref(), Some("it failed"));
        assert_eq!(row.clips[0].vs_ffv1, Some(0.8));
        assert_eq!(
            table.missing,
            ["a has no best anchor, and so nothing a mean over it: x265 is not exact."]
        );
        assert_eq!(table.best[0], None, "an anchor that lost a sample is none");
        assert_eq!(row.clips[0].vs_best, None);
        assert!(!table.rows[3].exact);
    }
}
