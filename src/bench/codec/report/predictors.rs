//! Bits that each predictor saves on the same stream.

use serde::Serialize;

use super::{ClipInfo, Outcomes, geometric_mean};

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
    /// Bits saved against the same codec without a predictor, in percent; negative where it costs.
    pub saved_percent: Option<f64>,
    /// Frames of 640x360 encoded in a second of processor time.
    pub encode_fps: Option<f64>,
    /// Frames of 640x360 decoded in a second of processor time.
    pub decode_fps: Option<f64>,
    /// Every sample came back.
    pub exact: Option<bool>,
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
    /// Bits saved in the geometric mean over the clips, in percent.
    pub saved_percent: Option<f64>,
    /// The same over the clips with the noise of a sensor.
    pub saved_percent_noisy: Option<f64>,
    /// The least saved on any clip.
    pub least_percent: Option<f64>,
}

/// The predictor that is none: what the others are measured against.
pub const NONE: &str = "none";

/// The rows of `codec` with each of `outcomes`' predictors on `clips`.
#[must_use]
pub(in crate::bench::codec) fn predictors(
    clips: &[ClipInfo],
    codec: &str,
    outcomes: &[Outcomes],
) -> Vec<PredictorRow> {
    let base = outcomes.iter().find(|o| o.name == NONE);
    let base = |at: usize| Some(base?.clips.get(at)?.as_ref().ok()?.bytes);
    let row = |of: &Outcomes| {
        let entries: Vec<PredictorEntry> = clips
            .iter()
            .zip(&of.clips)
            .enumerate()
            .map(|(at, (clip, outcome))| match outcome {
                Ok(m) => PredictorEntry {
                    clip: clip.name.clone(),
                    error: None,
                    bytes: Some(m.bytes),
                    bpp: Some(clip.bpp(m.bytes)),
                    saved_percent: base(at).map(|base| saved(m.bytes as f64 / base as f64)),
                    encode_fps: clip.fps_of(m.encode_cpu_s),
                    decode_fps: clip.fps_of(m.decode_cpu_s),
                    exact: Some(m.quality.exact),
                },
                Err(why) => PredictorEntry {
                    clip: clip.name.clone(),
                    error: Some(why.clone()),
                    ..PredictorEntry::default()
                },
            })
            .collect();
        let mean = |noisy: bool| {
            let chosen = entries.iter().zip(clips).filter(|(_, clip)| clip.noisy || !noisy);
            let ratios: Option<Vec<f64>> =
                chosen.map(|(e, _)| Some(1.0 - e.saved_percent? / 100.0)).collect();
            ratios.and_then(|r| geometric_mean(r.into_iter())).map(saved)
        };
        PredictorRow {
            codec: codec.to_owned(),
            predictor: of.name.clone(),
            saved_percent: mean(false),
            saved_percent_noisy: mean(true),
            least_percent: entries.iter().filter_map(|e| e.saved_percent).min_by(f64::total_cmp),
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
        let rows = predictors(&clips, "fast", &[row("none", [1000, 2000]), row("m", [900, 2020])]);
        assert_eq!(rows[0].saved_percent, Some(0.0));
        let percent: Vec<f64> = rows[1].clips.iter().filter_map(|e| e.saved_percent).collect();
        assert!((percent[0] - 10.0).abs() < 1e-9 && (percent[1] + 1.0).abs() < 1e-9);
        let mean = (1.0 - (0.9f64 * 1.01).sqrt()) * 100.0;
        assert!((rows[1].saved_percent.unwrap() - mean).abs() < 1e-9);
        assert!((rows[1].saved_percent_noisy.unwrap() + 1.0).abs() < 1e-9);
        assert!((rows[1].least_percent.unwrap() + 1.0).abs() < 1e-9);
    }
}
