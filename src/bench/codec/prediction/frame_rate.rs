//! Sending every n-th frame and predicting the others.

use serde::{Deserialize, Serialize};

use crate::bench::codec::measure::{Coder, Prepared};
use crate::bench::codec::{BenchError, Clip, Means, Mode};
use crate::frame::Rational;

use super::receiver::Receiver;
use super::{in_rgb, shown};

/// One way to show the clip at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// What shows the frames that were not sent.
    pub predictor: String,
    /// Every how manieth frame was sent.
    pub every: usize,
    /// The carrier's mode.
    pub mode: String,
    /// Bytes of the frames that were sent.
    pub bytes: u64,
    /// Bits a luma pixel of *all* frames.
    pub bpp: f64,
    /// PSNR in RGB over all frames.
    pub psnr_rgb: Option<f64>,
    /// Mean SSIM over all frames.
    pub ssim: Option<f64>,
    /// Mean MS-SSIM over all frames.
    pub ms_ssim: Option<f64>,
    /// Mean perceptual distance over all frames.
    pub pd: Option<f64>,
}

impl RatePoint {
    pub(super) fn new(
        predictor: &str,
        every: usize,
        mode: String,
        bits: f64,
        clip: &Clip,
        means: &Means,
    ) -> Self {
        Self {
            predictor: predictor.to_owned(),
            every,
            mode,
            bytes: (bits / 8.0).ceil() as u64,
            bpp: bits / clip.pixels().max(1) as f64,
            psnr_rgb: means.psnr(),
            ssim: means.ssim(),
            ms_ssim: means.ms_ssim(),
            pd: means.pd(),
        }
    }
}

/// A receiver and what it is called.
type Named<'a> = (&'a str, Box<dyn Receiver>);

/// Sends every `every`-th frame of `clip` by `carrier` and lets each of `receivers` show all of it.
///
/// # Errors
/// [`BenchError`].
pub(in crate::bench::codec) fn reduced(
    clip: &Prepared,
    carrier: &dyn Coder,
    mode: Mode,
    every: usize,
    receivers: &mut [Named<'_>],
    folder: &std::path::Path,
) -> Result<Vec<RatePoint>, BenchError> {
    let every = every.max(1);
    let mut sent = clip.clip.of_frames((0..clip.clip.frames.len()).step_by(every));
    sent.name = format!("{}-every-{every}", clip.clip.name);
    sent.rate = slower(sent.rate, every);
    let sent = Prepared::new(sent, folder)?;
    let coding = carrier.code(&sent, mode)?;
    let original = in_rgb(&clip.clip, &clip.clip.frames)?;
    let decoded = in_rgb(&clip.clip, &coding.decoded)?;
    let arrived: Vec<_> = decoded.iter().enumerate().map(|(i, f)| (i * every, f)).collect();
    let bits = 8.0 * (coding.bytes + coding.header_bytes) as f64;
    let mut points = Vec::new();
    for (name, receiver) in receivers {
        let means = shown(&original, &arrived, receiver.as_mut())?;
        let mode = carrier.mode_name(mode);
        points.push(RatePoint::new(name, every, mode, bits, &clip.clip, &means));
    }
    Ok(points)
}

/// `rate / every`, or the rate itself where that cannot be written.
fn slower(rate: Rational, every: usize) -> Rational {
    let den = u32::try_from(every).ok().and_then(|n| rate.den().checked_mul(n));
    den.and_then(|den| Rational::new(rate.num(), den).ok()).unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_divided() {
        assert_eq!(slower(Rational::whole(30), 4).as_f64(), 7.5);
        let odd = Rational::new(1, u32::MAX).unwrap();
        assert_eq!(slower(odd, 2), odd);
    }
}
