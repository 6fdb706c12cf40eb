//! What predictors draw, for a few fixed targets of each benchmark.

use std::io::Cursor;

use framecast::frame::{FramePool, MonoTime, Size};
use framecast::source::{self, Limits, Read, SourceOptions};
use framecast::task::evaluate::SequenceSet;
use framecast::task::predict::View;
use framecast::vision::resize::{area, to_width};
use framecast::vision::{FloatImage, FrameConverter, RgbImage};

use super::benchmark::{Clip, Content};
use super::entrant::{Entrant, Way};
use super::score::load_options;
use crate::evaluate::Failure;

/// Places of sequences that are shown, of a hundred.
const SEQUENCES: [usize; 3] = [7, 30, 55];

/// Clips that are shown at most, and the frame of each.
const CLIPS: usize = 3;
const FRAME: usize = 24;

/// One target and what a predictor made of it; pictures are `data:` URIs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Which target it is.
    pub(super) target_name: String,
    /// Name of the predictor.
    pub(super) predictor: String,
    /// The frame before the target.
    pub(super) input: String,
    /// The target.
    pub(super) target: String,
    /// What was predicted.
    pub(super) prediction: String,
    /// Its error in false colour.
    pub(super) error: String,
}

/// The pictures of `entrant` on a benchmark; an oracle has none.
pub(super) fn samples(entrant: &Entrant, content: &Content) -> Result<Vec<Sample>, Failure> {
    if entrant.hindsight().is_some() {
        return Ok(Vec::new());
    }
    let mut list = Vec::new();
    match content {
        Content::Sequences { .. } if matches!(entrant.way, Way::Folds(_)) => {}
        Content::Sequences { path, .. } => {
            let mut set = SequenceSet::open(path, &Limits::default())?;
            for place in SEQUENCES {
                let at = set.len() * place / 100;
                let frames = set.read(at)?;
                list.push(sample(entrant, &format!("sequence {at}"), &frames, 0)?);
            }
        }
        Content::Clips(clips) => {
            let study = clips.iter().any(|c| c.study);
            for clip in clips.iter().filter(|c| c.study || !study).take(CLIPS) {
                let frames = frames(clip)?;
                let name = format!("{} frame {}", clip.title(), frames.len().saturating_sub(1));
                list.push(sample(entrant, &name, &frames, clip.fold)?);
            }
        }
    }
    Ok(list)
}

/// The first frames of a clip.
fn frames(clip: &Clip) -> Result<Vec<RgbImage>, Failure> {
    let words = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", clip.title()));
    let mut source = source::open(&clip.uri, &SourceOptions::default(), &FramePool::new(4))
        .map_err(|e| words(&e))?;
    let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
    let mut frames = Vec::new();
    while frames.len() <= FRAME {
        let wait = MonoTime::now().after(std::time::Duration::from_secs(10));
        let Read::Frame(frame) = source.read(wait).map_err(|e| words(&e))? else { break };
        converter.to_rgb(&frame, &mut rgb).map_err(|e| words(&e))?;
        let size = clip.width.map_or(rgb.size(), |w| to_width(rgb.size(), w));
        let mut scaled = RgbImage::new(size);
        if size == rgb.size() {
            scaled.clone_from(&rgb);
        } else {
            area(&rgb, &mut scaled).map_err(|e| words(&e))?;
        }
        frames.push(scaled);
    }
    Ok(frames)
}

/// What `entrant` predicts for the last of `frames`.
fn sample(
    entrant: &Entrant,
    name: &str,
    frames: &[RgbImage],
    fold: usize,
) -> Result<Sample, Failure> {
    let [.., input, target] = frames else {
        return Err(Failure(format!("{name}: two frames are needed")));
    };
    let size: Size = target.size();
    let mut forecaster = entrant.make(&load_options(), size, fold)?;
    let mut prediction = FloatImage::default();
    for frame in &frames[..frames.len() - 1] {
        forecaster.observe(frame, &mut prediction)?;
    }
    let (mut drawn, mut error) = (RgbImage::default(), RgbImage::default());
    prediction.round_to_rgb(&mut drawn);
    View::ErrorMap.render(target, Some(&prediction), &mut error);
    Ok(Sample {
        target_name: name.to_owned(),
        predictor: entrant.facts.name.clone(),
        input: uri(input)?,
        target: uri(target)?,
        prediction: uri(&drawn)?,
        error: uri(&error)?,
    })
}

/// A picture as a `data:` URI.
fn uri(picture: &RgbImage) -> Result<String, Failure> {
    let size = picture.size();
    let mut bytes = Cursor::new(Vec::new());
    image::RgbImage::from_raw(size.width, size.height, picture.data().to_vec())
        .ok_or_else(|| Failure("a picture without pixels".to_owned()))?
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| Failure(e.to_string()))?;
    Ok(format!("data:image/png;base64,{}", base64(bytes.get_ref())))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let three = [0, 1, 2].map(|i| u32::from(part.get(i).copied().unwrap_or(0)));
        let bits = three[0] << 16 | three[1] << 8 | three[2];
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= part.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0x00]), "+/8A");
    }
}
