//! Pictures of a source one by one, with what is missing between them.

use crate::frame::{FrameSeq, MonoTime};
use crate::model::ResetReason;
use crate::source::{Read, Source};
use crate::task::TaskError;
use crate::task::evaluate::EvalOptions;
use crate::task::evaluate::evaluator::{PATIENCE, scale};
use crate::vision::resize::Resizer;
use crate::vision::{FrameConverter, RgbImage, VisionError};

/// What a source gives next.
pub(super) enum Next {
    /// A picture, perhaps after some that are missing.
    Frame { gap: Option<ResetReason> },
    /// Frames to come have nothing to do with those before.
    Reopened,
    /// Nothing, with the reason unless it is the regular end.
    End(Option<String>),
}

/// Reads, converts and scales.
pub(super) struct Frames<'a> {
    options: &'a EvalOptions,
    converter: FrameConverter,
    resizer: Resizer,
    rgb: RgbImage,
    last: Option<FrameSeq>,
    /// Frames that are missing or could not be decoded.
    pub(super) lost: u64,
}

impl<'a> Frames<'a> {
    pub(super) fn new(options: &'a EvalOptions) -> Self {
        let (converter, resizer) = (FrameConverter::new(), Resizer::new());
        Self { options, converter, resizer, rgb: RgbImage::default(), last: None, lost: 0 }
    }

    /// The next picture into `out`.
    pub(super) fn next(
        &mut self,
        source: &mut dyn Source,
        out: &mut RgbImage,
    ) -> Result<Next, TaskError> {
        let frame = loop {
            let frame = match source.read(MonoTime::now().after(PATIENCE)) {
                Ok(Read::Frame(frame)) => frame,
                Ok(Read::Lost { frames, .. }) => {
                    self.lost += frames;
                    continue;
                }
                Ok(Read::Reopened) => {
                    self.last = None;
                    return Ok(Next::Reopened);
                }
                Ok(Read::End) => return Ok(Next::End(None)),
                Ok(Read::Timeout) if !source.info().live => continue,
                Ok(Read::Timeout) => {
                    let reason = format!("no frame came for {} s", PATIENCE.as_secs());
                    return Ok(Next::End(Some(reason)));
                }
                Err(error) => return Ok(Next::End(Some(error.to_string()))),
            };
            match self.converter.to_rgb(&frame, &mut self.rgb) {
                Ok(()) => break frame,
                Err(VisionError::Decode { .. }) => self.lost += 1,
                Err(error) => return Ok(Next::End(Some(error.to_string()))),
            }
        };
        if self.options.width.is_some() {
            scale(self.options, &mut self.resizer, &self.rgb, out)?;
        } else {
            std::mem::swap(&mut self.rgb, out);
        }
        let seq = frame.seq();
        let gap = self.last.is_some_and(|last| seq.0 != last.0.wrapping_add(1));
        self.last = Some(seq);
        Ok(Next::Frame { gap: gap.then_some(ResetReason::Gap) })
    }
}
