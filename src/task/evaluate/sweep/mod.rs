//! All horizons of a clip in one pass.

mod feed;
mod frames;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::Serialize;

use crate::frame::Size;
use crate::model::ResetReason;
use crate::source::Source;
use crate::task::TaskError;
use crate::task::predict::MAX_HORIZON;
use crate::vision::RgbImage;

use super::{EvalOptions, Maker, Means, Paired, Progress, Scores};
use feed::Feed;
use frames::{Frames, Next};

/// One horizon of a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// Frames ahead.
    pub frames: u32,
    /// The same as a time, by the nominal rate of the source.
    pub ms: Option<f64>,
    /// Targets scored.
    pub targets: u64,
    /// Means of the model.
    pub model: Means,
    /// Means of copy-last of the same age.
    pub copy_last: Means,
    /// Target by target.
    pub paired: Paired,
}

impl Reach {
    /// PSNR of frames over that of copy-last, in dB.
    #[must_use]
    pub fn gain(&self) -> Option<f64> {
        Some(self.model.psnr_frames? - self.copy_last.psnr_frames?)
    }
}

/// All horizons of a clip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sweep {
    /// One frame ahead first.
    pub horizons: Vec<Reach>,
    /// Frames the source lost or that could not be decoded.
    pub lost: u64,
    /// Why the source ended early; the horizons have what came before.
    pub error: Option<String>,
}

/// Scores predictions 1 to `most` frames ahead, made from every frame of `source` that has as many
/// frames after it. State is reset as in a run, and a source that fails ends there as in
/// [`Evaluator::clip`](super::Evaluator::clip); structural similarity is left out. Where a
/// prediction is not finite, it and those further ahead are copy-last, and the state begins anew.
///
/// # Errors
/// `E` when the predictor cannot be made or fails.
pub fn sweep<E: From<TaskError>>(
    source: &mut dyn Source,
    options: &EvalOptions,
    most: u32,
    make: &mut Maker<'_, E>,
    progress: &mut Progress<'_>,
) -> Result<Sweep, E> {
    let most = most.clamp(1, MAX_HORIZON) as usize;
    let mut frames = Frames::new(options);
    let mut feed: Option<(Size, Feed)> = None;
    let mut scores = vec![Scores::default(); most];
    // The frame that is fed, and those it is scored against.
    let mut window: VecDeque<RgbImage> = VecDeque::new();
    let mut spare = RgbImage::default();
    let (mut read, mut error) = (0, None);
    let total = source.info().frames.map(|n| n.min(options.frames.unwrap_or(n)));
    while options.frames.is_none_or(|limit| read < limit) {
        let gap = match frames.next(source, &mut spare)? {
            Next::Frame { gap } => gap,
            Next::Reopened => Some(ResetReason::Reconnect),
            Next::End(reason) => {
                error = reason;
                break;
            }
        };
        if let Some(reason) = gap {
            // What was predicted over a gap is compared with nothing.
            window.clear();
            if let Some((_, feed)) = &mut feed {
                feed.restart(reason);
            }
            if reason == ResetReason::Reconnect {
                continue;
            }
        }
        read += 1;
        let size = spare.size();
        let (expected, feed) = match &mut feed {
            Some((expected, feed)) => (*expected, feed),
            none => (size, &mut none.insert((size, Feed::new(make(size)?))).1),
        };
        if size != expected {
            error = Some(TaskError::FrameSize { expected, got: size }.to_string());
            break;
        }
        window.push_back(std::mem::take(&mut spare));
        if window.len() > most {
            feed.step(&window, &mut scores)?;
            spare = window.pop_front().unwrap_or_default();
        }
        if !progress(read, total) {
            break;
        }
    }
    let rate = source.info().rate;
    let reach = |(frames, scores): (u32, Scores)| Reach {
        frames,
        ms: rate.map(|r| r.interval().as_secs_f64() * 1e3 * f64::from(frames)),
        targets: scores.frames(),
        model: scores.model(),
        copy_last: scores.copy_last(),
        paired: scores.paired(),
    };
    Ok(Sweep { horizons: (1..).zip(scores).map(reach).collect(), lost: frames.lost, error })
}
