//! What prediction saves when not every frame is sent.

mod fed;
mod frame_rate;
mod gating;
mod receiver;

pub use fed::Fed;
pub use frame_rate::RatePoint;
pub(super) use frame_rate::reduced;
pub use gating::GatePoint;
pub(super) use gating::gated;
pub use receiver::Receiver;
pub(super) use receiver::{Hold, Linear, Moving};

use crate::vision::metrics::Metrics;
use crate::vision::{FrameConverter, RgbImage};

use super::BenchError;
use super::clip::Clip;
use super::quality::Means;

/// The frames of a clip in RGB.
fn in_rgb(clip: &Clip, frames: &[Vec<u8>]) -> Result<Vec<RgbImage>, BenchError> {
    let mut converter = FrameConverter::new();
    let convert = |frame: &Vec<u8>| {
        let mut out = RgbImage::default();
        clip.to_rgb(frame, &mut converter, &mut out)?;
        Ok(out)
    };
    frames.iter().map(convert).collect()
}

/// Shows a clip of which `arrived` came, as (index, picture) in order, the others being predicted
/// by `receiver`, and scores all of it against `original`.
fn shown(
    original: &[RgbImage],
    arrived: &[(usize, &RgbImage)],
    receiver: &mut dyn Receiver,
) -> Result<Means, BenchError> {
    let (mut metrics, mut means) = (Metrics::new(), Means::default());
    let mut arrived = arrived.iter().peekable();
    let mut predicted = RgbImage::default();
    for (index, target) in original.iter().enumerate() {
        match arrived.next_if(|(at, _)| *at == index) {
            Some((_, picture)) => {
                receiver.receive(picture, index)?;
                means.add(&mut metrics, target, picture);
            }
            None => {
                receiver.predict(index, &mut predicted)?;
                means.add(&mut metrics, target, &predicted);
            }
        }
    }
    Ok(means)
}
