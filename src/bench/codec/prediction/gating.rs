//! Sending a frame only when the receiver's prediction of it is worse than a limit.
//!
//! Both sides hold the same predictor, so the sender knows what the receiver will show. The choice
//! is made on the original frames before they are coded; the quality is that of what the receiver
//! shows from the decoded ones. Each frame costs one bit besides: whether it was sent.

use serde::{Deserialize, Serialize};

use crate::bench::codec::BenchError;
use crate::bench::codec::Mode;
use crate::bench::codec::measure::{Coder, Prepared};
use crate::vision::RgbImage;
use crate::vision::metrics::{mse_rgb, psnr_of};

use super::frame_rate::RatePoint;
use super::receiver::Receiver;
use super::{in_rgb, shown};

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatePoint {
    /// A frame was sent when its prediction had a lower PSNR, in dB.
    pub limit_db: f64,
    /// Frames that were sent.
    pub sent: usize,
    /// Frames of the clip.
    pub frames: usize,
    /// Bits more than sending every frame takes at the same PSNR, in percent.
    #[serde(default)]
    pub vs_every_frame_percent: Option<f64>,
    /// Rate and quality.
    #[serde(flatten)]
    pub point: RatePoint,
}

/// Which of `original` are sent: the first, and those that `receiver` predicts worse than
/// `limit_db`.
///
/// # Errors
/// [`BenchError`] when the predictor fails.
fn decide(
    original: &[RgbImage],
    receiver: &mut dyn Receiver,
    limit_db: f64,
) -> Result<Vec<usize>, BenchError> {
    let mut sent = Vec::new();
    let mut predicted = RgbImage::default();
    for (index, frame) in original.iter().enumerate() {
        let surprising = if sent.is_empty() {
            true
        } else {
            receiver.predict(index, &mut predicted)?;
            mse_rgb(frame, &predicted).map_or(true, |mse| psnr_of(mse) < limit_db)
        };
        if surprising {
            receiver.receive(frame, index)?;
            sent.push(index);
        }
    }
    Ok(sent)
}

/// Sends the surprising frames of `clip` by `carrier`, for one limit. `make` gives a receiver that
/// has seen nothing, once for each side.
///
/// # Errors
/// [`BenchError`].
pub(in crate::bench::codec) fn gated(
    clip: &Prepared,
    carrier: &dyn Coder,
    mode: Mode,
    limit_db: f64,
    make: &mut dyn FnMut() -> Result<Box<dyn Receiver>, BenchError>,
    folder: &std::path::Path,
) -> Result<GatePoint, BenchError> {
    let original = in_rgb(&clip.clip, &clip.clip.frames)?;
    let sent = decide(&original, make()?.as_mut(), limit_db)?;
    let mut chosen = clip.clip.of_frames(sent.iter().copied());
    chosen.name = format!("{}-surprising", clip.clip.name);
    let coding = carrier.code(&Prepared::new(chosen, folder)?, mode)?;
    let decoded = in_rgb(&clip.clip, &coding.decoded)?;
    let arrived: Vec<_> = sent.iter().copied().zip(&decoded).collect();
    let mut receiver = make()?;
    let means = shown(&original, &arrived, receiver.as_mut())?;
    let frames = original.len();
    let bits = 8.0 * (coding.bytes + coding.header_bytes) as f64 + frames as f64;
    let name = carrier.mode_name(mode);
    let point = RatePoint::new(receiver.name(), 0, name, bits, &clip.clip, &means);
    Ok(GatePoint { limit_db, sent: sent.len(), frames, vs_every_frame_percent: None, point })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::bench::codec::prediction::{Hold, Moving};
    use crate::frame::Size;

    #[test]
    fn what_is_foreseen_is_not_sent() {
        let clip = moving(Size::new(96, 64), 12);
        let frames = in_rgb(&clip, &clip.frames).unwrap();
        let sent = |receiver: &mut dyn Receiver, limit| decide(&frames, receiver, limit).unwrap();
        assert_eq!(sent(&mut Hold::default(), 0.0), [0]);
        assert_eq!(sent(&mut Hold::default(), 99.0).len(), 12);
        let hold = sent(&mut Hold::default(), 26.0).len();
        let moving = sent(&mut Moving::default(), 26.0).len();
        assert!(moving < hold, "{moving} {hold}");
        let still = vec![frames[0].clone(); 5];
        assert_eq!(decide(&still, &mut Hold::default(), 99.0).unwrap(), [0], "exact is infinite");
    }
}
