//! Bits that each predictor saves on the same stream.

use serde::Serialize;

use super::{ClipInfo, Outcomes, Speeds, geometric_mean};

/// A predictor on a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PredictorEntry {
    /// The clip.
    pub clip: String,
    /// Why there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Bytes of the whole file.
    pub bytes: Option<u64>,
    /// Bits a luma pixel.
    pub bpp: Option<f64>,
    /// What it saves.
    #[serde(flatten)]
    pub saved: Saved,
    /// With the predictor's own work.
    #[serde(flatten)]
    pub speeds: Speeds,
    /// Every sample came back.
    pub exact: Option<bool>,
    /// How to encode by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Bits saved in percent of those of the same codec on the same clip; negative where it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Saved {
    /// Against no predictor.
    pub saved_percent: Option<f64>,
    /// Against the last frame as predictor.
    pub saved_percent_vs_copy_last: Option<f64>,
    /// Against motion as predictor.
    pub saved_percent_vs_motion: Option<f64>,
}

impl Saved {
    /// The same of each base.
    fn each(of: impl Fn(&str) -> Option<f64>) -> Self {
        Self {
            saved_percent: of(NONE),
            saved_percent_vs_copy_last: of(BASES[0]),
            saved_percent_vs_motion: of(BASES[1]),
        }
    }
}

/// A predictor on all clips.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictorRow {
    /// The codec it was put into.
    pub codec: String,
    /// The predictor.
    pub predictor: String,
    /// In the order of the clips.
    pub clips: Vec<PredictorEntry>,
    /// In the geometric mean over the clips.
    #[serde(flatten)]
    pub saved: Saved,
    /// Bits saved against no predictor in the mean over the clips with the noise of a sensor, in
    /// percent.
    pub saved_percent_noisy: Option<f64>,
    /// The least saved against no predictor on any clip, in percent.
    pub least_percent: Option<f64>,
    /// Over all clips.
    #[serde(flatten)]
    pub speeds: Speeds,
}

/// The predictor that is none.
pub const NONE: &str = "none";

/// The predictors that the others are measured against besides none.
pub const BASES: [&str; 2] = ["copy-last", "motion"];

/// The rows of `codec` with each of `outcomes`' predictors on `clips`.
#[must_use]
pub(in crate::bench::codec) fn predictors(
    clips: &[ClipInfo],
    codec: &str,
    outcomes: &[Outcomes],
) -> Vec<PredictorRow> {
    let bytes = |name: &str, at: usize| {
        let base = outcomes.iter().find(|o| o.name == name)?;
        Some(base.clips.get(at)?.as_ref().ok()?.bytes)
    };
    let row = |of: &Outcomes| {
        // Bytes against those with the predictor `base`.
        let ratio = |base: &str, at: usize| {
            let own = of.clips.get(at)?.as_ref().ok()?.bytes;
            Some(own as f64 / bytes(base, at)? as f64)
        };
        let entries = clips.iter().zip(&of.clips).enumerate().map(|(at, (clip, outcome))| {
            let clip_name = clip.name.clone();
            match outcome {
                Ok(m) => PredictorEntry {
                    clip: clip_name,
                    error: None,
                    bytes: Some(m.bytes),
                    bpp: Some(clip.bpp(m.bytes)),
                    saved: Saved::each(|base| ratio(base, at).map(saved)),
                    speeds: Speeds::of(std::iter::once((clip, m))),
                    exact: Some(m.quality.exact),
                    command: Some(m.command.clone()),
                },
                Err(why) => PredictorEntry {
                    clip: clip_name,
                    error: Some(why.clone()),
                    ..PredictorEntry::default()
                },
            }
        });
        let entries: Vec<PredictorEntry> = entries.collect();
        // A mean over some of the clips would not be comparable.
        let mean = |base: &str, noisy: bool| {
            let chosen = clips.iter().enumerate().filter(|(_, clip)| clip.noisy || !noisy);
            let ratios: Option<Vec<f64>> = chosen.map(|(at, _)| ratio(base, at)).collect();
            ratios.and_then(|r| geometric_mean(r.into_iter())).map(saved)
        };
        let least = entries.iter().filter_map(|e| e.saved.saved_percent);
        let done = clips.iter().zip(&of.clips).filter_map(|(c, m)| Some((c, m.as_ref().ok()?)));
        let whole = of.clips.iter().all(Result::is_ok);
        PredictorRow {
            codec: codec.to_owned(),
            predictor: of.name.clone(),
            saved: Saved::each(|base| mean(base, false)),
            saved_percent_noisy: mean(NONE, true),
            least_percent: least.min_by(f64::total_cmp),
            speeds: if whole { Speeds::of(done) } else { Speeds::default() },
            clips: entries,
        }
    };
    outcomes.iter().map(row).collect()
}

/// A ratio of sizes as the percentage that is saved.
fn saved(ratio: f64) -> f64 {
    (1.0 - ratio) * 100.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{clip, coded};
    use super::*;

    #[test]
    fn savings_are_against_no_predictor() {
        let clips = [clip("a", false), clip("b", true)];
        let row = |name: &str, bytes: [u64; 2]| Outcomes {
            name: name.to_owned(),
            clips: bytes.map(|b| Ok(coded(b, 1.0))).to_vec(),
        };
        let all = [row("none", [1000, 2000]), row("m", [900, 2020]), row("motion", [900, 1980])];
        let rows = predictors(&clips, "fast", &all);
        assert_eq!(rows[0].saved.saved_percent, Some(0.0));
        let percent: Vec<f64> =
            rows[1].clips.iter().filter_map(|e| e.saved.saved_percent).collect();
        assert!((percent[0] - 10.0).abs() < 1e-9 && (percent[1] + 1.0).abs() < 1e-9);
        let mean = (1.0 - (0.9f64 * 1.01).sqrt()) * 100.0;
        assert!((rows[1].saved.saved_percent.unwrap() - mean).abs() < 1e-9);
        assert!((rows[1].saved_percent_noisy.unwrap() + 1.0).abs() < 1e-9);
        assert!((rows[1].least_percent.unwrap() + 1.0).abs() < 1e-9);
        let saved = rows[1].clips[0].saved;
        assert_eq!(
            (saved.saved_percent_vs_motion, saved.saved_percent_vs_copy_last),
            (Some(0.0), None)
        );
        let motion = (1.0 - (2020.0f64 / 1980.0).sqrt()) * 100.0;
        assert!((rows[1].saved.saved_percent_vs_motion.unwrap() - motion).abs() < 1e-9);
        assert_eq!(rows[1].speeds.encode_fps, Some(10.0));
    }
}
