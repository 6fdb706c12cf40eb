//! All horizons of a clip in one pass.

use std::collections::VecDeque;

use serde::Serialize;

use crate::frame::MonoTime;
use crate::model::ResetReason;
use crate::source::{Read, Source};
use crate::task::TaskError;
use crate::task::predict::MAX_HORIZON;
use crate::vision::resize::Resizer;
use crate::vision::scene::SceneChange;
use crate::vision::{FloatImage, FrameConverter, RgbImage, metrics};

use super::evaluator::{PATIENCE, scale};
use super::{EvalOptions, FrameScore, Maker, Means, Paired, Progress, Scores};

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

/// Scores predictions 1 to `most` frames ahead, made from every frame of `source` that has as many
/// frames after it. State is reset as in a run; structural similarity is left out.
///
/// # Errors
/// `E` when the predictor cannot be made or fails; [`TaskError::Source`] and others when the source
/// does.
pub fn sweep<E: From<TaskError>>(
    source: &mut dyn Source,
    options: &EvalOptions,
    most: u32,
    make: &mut Maker<'_, E>,
    progress: &mut Progress<'_>,
) -> Result<Vec<Reach>, E> {
    let most = most.clamp(1, MAX_HORIZON) as usize;
    let mut scores = vec![Scores::default(); most];
    let mut frames = Frames::new(options);
    let mut forecaster = None;
    let mut scene = SceneChange::new();
    let (mut fed, mut read) = (0_u64, 0);
    let mut ahead = FloatImage::default();
    // The frame that is fed, and those it is scored against.
    let mut window: VecDeque<RgbImage> = VecDeque::new();
    let mut spare = RgbImage::default();
    while options.frames.is_none_or(|limit| read < limit) {
        let Some(whole) = frames.next(source, &mut spare)? else { break };
        read += 1;
        if !whole {
            // What was predicted over a gap is compared with nothing.
            window.clear();
            forecaster = None;
            continue;
        }
        window.push_back(std::mem::take(&mut spare));
        if window.len() > most {
            if let Some(newest) = window.front() {
                let began = forecaster.is_none();
                let maker = match forecaster.take() {
                    Some(kept) => kept,
                    None => make(newest.size())?,
                };
                let forecaster = forecaster.insert(maker);
                let cut = scene.step(newest).is_some_and(|c| c.is_cut());
                if began || cut {
                    fed = 0;
                    forecaster.reset(if began {
                        ResetReason::Start
                    } else {
                        ResetReason::SceneCut
                    });
                }
                fed += 1;
                let targets = window.iter().skip(1).zip(&mut scores);
                for (at, (target, scores)) in targets.enumerate() {
                    let finite = match at {
                        0 => forecaster.observe(newest, &mut ahead)?,
                        _ => forecaster.extend(&mut ahead)?,
                    };
                    if !finite {
                        break;
                    }
                    let copied = FrameScore {
                        pd: metrics::pd_rgb(target, newest).map_err(TaskError::from)?,
                        mse: metrics::mse_rgb(target, newest).map_err(TaskError::from)?,
                        ssim: None,
                    };
                    // A single frame shows no motion.
                    let model = if fed < 2 { copied } else { score(target, &ahead)? };
                    scores.add(&model, &copied);
                }
                forecaster.settle();
            }
            spare = window.pop_front().unwrap_or_default();
        }
        if !progress(read, source.info().frames) {
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
    Ok((1..).zip(scores).map(reach).collect())
}

fn score(target: &RgbImage, prediction: &FloatImage) -> Result<FrameScore, TaskError> {
    let pd = metrics::pd(target, prediction)?;
    Ok(FrameScore { pd, mse: metrics::mse(target, prediction)?, ssim: None })
}

/// Reads, converts and scales.
struct Frames<'a> {
    options: &'a EvalOptions,
    converter: FrameConverter,
    resizer: Resizer,
    rgb: RgbImage,
}

impl<'a> Frames<'a> {
    fn new(options: &'a EvalOptions) -> Self {
        let (converter, resizer) = (FrameConverter::new(), Resizer::new());
        Self { options, converter, resizer, rgb: RgbImage::default() }
    }

    /// The next frame into `out`: true, or false for one that is lost; none at the end.
    fn next(
        &mut self,
        source: &mut dyn Source,
        out: &mut RgbImage,
    ) -> Result<Option<bool>, TaskError> {
        match source.read(MonoTime::now().after(PATIENCE))? {
            Read::Frame(frame) => {
                if self.converter.to_rgb(&frame, &mut self.rgb).is_err() {
                    return Ok(Some(false));
                }
                let scaled = scale(self.options, &mut self.resizer, &self.rgb, out)?.size();
                if self.options.width.is_none() {
                    out.reshape(scaled);
                    out.data_mut().copy_from_slice(self.rgb.data());
                }
                Ok(Some(true))
            }
            Read::Lost { .. } | Read::Reopened => Ok(Some(false)),
            Read::End | Read::Timeout => Ok(None),
        }
    }
}
