//! From a source to a clip: which frames, at which size, in which format.
//!
//! The clip is prepared once and every codec gets the same samples. Frames that are planar already
//! are taken as they are; scaling and other formats are left to ffmpeg's scaler (`area`,
//! `accurate_rnd`), through which most published anchors have gone.

use std::time::Duration;

use crate::frame::{Frame, FramePool, Layout, MonoTime, PixelFormat, Rational, Size};
use crate::pipeline::Stop;
use crate::source::uri::redact;
use crate::source::{Read, Source, SourceOptions, open};

use super::BenchError;
use super::clip::{Clip, pix_fmt};
use super::ffmpeg::Ffmpeg;
use super::noise;

/// Memory that the frames of a clip may take, before scaling.
const MOST_BYTES: usize = 4 << 30;

/// How long a read lasts at most before the interrupt is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Noise to be added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Standard deviation in levels.
    pub sigma: f64,
    /// Seed of the generator.
    pub seed: u64,
}

/// Which frames of which source make a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipRequest {
    /// Its name in tables and files.
    pub name: String,
    /// The source.
    pub uri: String,
    /// Seconds of the source that are left out.
    pub start: f64,
    /// The most frames.
    pub frames: usize,
    /// Size it is scaled to.
    pub scale: Option<Size>,
    /// Planar format it is converted to; the nearest to its own when not given.
    pub format: Option<PixelFormat>,
    /// Noise added to its luma.
    pub noise: Option<Noise>,
    /// Size of raw video.
    pub size: Option<Size>,
    /// Frames a second of raw video and pictures.
    pub rate: Option<Rational>,
}

impl ClipRequest {
    /// The first 60 frames of `uri` as they are.
    #[must_use]
    pub fn new(name: &str, uri: &str) -> Self {
        Self {
            name: name.to_owned(),
            uri: uri.to_owned(),
            start: 0.0,
            frames: 60,
            scale: None,
            format: None,
            noise: None,
            size: None,
            rate: None,
        }
    }
}

/// The frames as the source gave them.
struct Raw {
    layout: Layout,
    rate: Rational,
    colour: crate::frame::Colour,
    frames: Vec<Vec<u8>>,
}

/// A clip and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The clip.
    pub clip: Clip,
    /// The pixel format of the source.
    pub from: PixelFormat,
}

/// Reads the clip that `request` describes.
///
/// # Errors
/// [`BenchError`] when the source cannot be read, has no such frames or changes its format, or
/// when ffmpeg is needed and missing.
pub fn load(
    request: &ClipRequest,
    options: &SourceOptions,
    ffmpeg: Option<&Ffmpeg>,
    stop: &Stop,
) -> Result<Loaded, BenchError> {
    let raw = read(request, options, stop)?;
    let from = raw.layout.format();
    let format = request.format.unwrap_or_else(|| planar(from));
    let size = request.scale.unwrap_or(raw.layout.size());
    let fail = |reason: String| BenchError::Clip { clip: request.name.clone(), reason };
    let packed = |format| Layout::packed(format, size).map_err(|e| fail(e.to_string()));
    // ffmpeg takes grey for full range and would stretch or shrink its levels, so that chroma is
    // added and left out here.
    let between = packed(match (from, format) {
        (PixelFormat::Grey, _) => PixelFormat::Grey,
        (_, PixelFormat::Grey) => planar(from),
        _ => format,
    })?;
    let mut colour = raw.colour;
    let mut frames = if between == raw.layout {
        raw.frames
    } else {
        let ffmpeg = ffmpeg.ok_or_else(|| {
            fail(format!(
                "{from} {} is to become {format} {size}, which needs ffmpeg; install it, or give a \
                 clip of planar YUV without --scale and --format",
                raw.layout.size()
            ))
        })?;
        if matches!(from, PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24) {
            // The scaler makes limited range of JPEG's and RGB's full, as everywhere in video.
            colour = crate::frame::Colour::default();
        }
        let filter = format!(
            "scale={}:{}:flags=area+accurate_rnd,format={}",
            size.width,
            size.height,
            pix_fmt(between.format())
        );
        let input = described(&raw);
        ffmpeg.convert(&request.name, &input, &filter, &raw.frames, between.len())?
    };
    let layout = packed(format)?;
    for frame in &mut frames {
        frame.resize(layout.len(), NO_COLOUR);
    }
    let mut clip = Clip { name: request.name.clone(), layout, colour, rate: raw.rate, frames };
    if let Some(Noise { sigma, seed }) = request.noise {
        noise::add(&mut clip, sigma, seed);
    }
    Ok(Loaded { clip, from })
}

/// A chroma sample of grey.
const NO_COLOUR: u8 = 128;

/// The planar format that holds all of `format`, or of a picture of it.
const fn planar(format: PixelFormat) -> PixelFormat {
    match format {
        PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::I422 => PixelFormat::I422,
        PixelFormat::I444 => PixelFormat::I444,
        PixelFormat::Grey => PixelFormat::Grey,
        _ => PixelFormat::I420,
    }
}

/// ffmpeg's options for frames through a pipe.
fn described(raw: &Raw) -> Vec<String> {
    let format = match raw.layout.format() {
        PixelFormat::Yuyv => "yuyv422",
        PixelFormat::Uyvy => "uyvy422",
        PixelFormat::Nv12 => "nv12",
        PixelFormat::Nv21 => "nv21",
        PixelFormat::Rgb24 => "rgb24",
        PixelFormat::Bgr24 => "bgr24",
        other => pix_fmt(other),
    };
    let size = raw.layout.size().to_string();
    let rate = raw.rate.to_string();
    let words: &[&str] = if raw.layout.format() == PixelFormat::Mjpeg {
        &["-f", "mjpeg", "-framerate", &rate]
    } else {
        &["-f", "rawvideo", "-pixel_format", format, "-video_size", &size, "-framerate", &rate]
    };
    words.iter().map(ToString::to_string).collect()
}

fn read(request: &ClipRequest, options: &SourceOptions, stop: &Stop) -> Result<Raw, BenchError> {
    let mut options = options.clone();
    options.paced = false;
    options.size = request.size.or(options.size);
    options.rate = request.rate.or(options.rate);
    if request.size.is_some() {
        options.format = request.format.or(options.format);
    }
    let pool = FramePool::new(4 + options.buffers as usize);
    let mut source = open(&request.uri, &options, &pool)?;
    let fail = |reason: String| BenchError::Clip { clip: request.name.clone(), reason };
    let rate = source.info().rate.unwrap_or(Rational::whole(25));
    let mut raw: Option<Raw> = None;
    let mut skipped = 0u64;
    while raw.as_ref().is_none_or(|raw| raw.frames.len() < request.frames) {
        let Some(frame) = next(source.as_mut(), stop)? else { break };
        let seconds = frame
            .meta()
            .position
            .map_or_else(|| (skipped as f64) / rate.as_f64(), |at| at.as_nanos() as f64 / 1e9);
        // A time base rounds: a frame that is due at the start may come a little before it.
        if raw.is_none() && seconds < request.start - 1e-4 {
            skipped += 1;
            continue;
        }
        let layout = *frame.layout();
        let raw = raw.get_or_insert_with(|| Raw {
            layout,
            rate,
            colour: frame.meta().colour,
            frames: Vec::new(),
        });
        if layout != raw.layout {
            let (was, is) = (raw.layout.size(), layout.size());
            return Err(fail(format!(
                "frame {} is {} {is} after {} {was}; a clip has one format and size",
                raw.frames.len(),
                layout.format(),
                raw.layout.format()
            )));
        }
        if (raw.frames.len() + 1).saturating_mul(frame.bytes().len()) > MOST_BYTES {
            return Err(fail(format!(
                "{} frames of {} do not fit {} GiB; give fewer by --frames",
                request.frames,
                layout.size(),
                MOST_BYTES >> 30
            )));
        }
        raw.frames.push(frame.bytes().to_vec());
    }
    let damage = source.damage();
    if !damage.is_none() {
        tracing::warn!("{}: {damage}", redact(&request.uri));
    }
    raw.ok_or_else(|| {
        fail(format!("there is no frame from {} s on; it has {skipped} before", request.start))
    })
}

/// The next frame; `None` at the end.
fn next(source: &mut dyn Source, stop: &Stop) -> Result<Option<Frame>, BenchError> {
    loop {
        if stop.is_aborted() {
            return Err(BenchError::Stopped);
        }
        match source.read(MonoTime::now().after(POLL))? {
            Read::Frame(frame) => return Ok(Some(frame)),
            Read::End => return Ok(None),
            Read::Lost { frames, reason } => tracing::warn!("{frames} frames were lost: {reason}"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo(query: &str) -> Result<Clip, BenchError> {
        let request = ClipRequest {
            frames: 3,
            start: 0.5,
            noise: Some(Noise { sigma: 1.0, seed: 4 }),
            ..ClipRequest::new("demo", query)
        };
        load(&request, &SourceOptions::default(), None, &Stop::new()).map(|loaded| loaded.clip)
    }

    #[test]
    fn the_frames_from_the_start_on_are_taken() {
        let clip = demo("demo:?size=32x16&fps=10&format=I420").unwrap();
        assert_eq!((clip.frames.len(), clip.size()), (3, Size::new(32, 16)));
        assert_eq!(clip.rate, Rational::whole(10));
        let late = demo("demo:?size=32x16&fps=10&format=I420&frames=7").unwrap();
        assert_eq!(late.frames.len(), 2, "frames 5 and 6 of 0..7");
        assert_eq!(late.frames[..], clip.frames[..2]);
        let none = demo("demo:?size=32x16&fps=10&frames=4").unwrap_err().to_string();
        assert!(none.contains("no frame from 0.5 s on; it has 4 before"), "{none}");
    }

    #[test]
    fn other_formats_need_the_program() {
        let error = demo("demo:?size=32x16&format=NV12").unwrap_err().to_string();
        assert!(error.contains("NV12") && error.contains("needs ffmpeg"), "{error}");
        assert!(matches!(demo("no-such-file.y4m"), Err(BenchError::Source(_))));
    }

    #[test]
    fn grey_keeps_its_levels_and_needs_no_program() {
        let as_format = |uri: &str, format| {
            let request =
                ClipRequest { frames: 2, format: Some(format), ..ClipRequest::new("demo", uri) };
            load(&request, &SourceOptions::default(), None, &Stop::new()).unwrap()
        };
        let yuv = as_format("demo:?size=32x17&format=I420", PixelFormat::I420);
        let grey = as_format("demo:?size=32x17&format=I420", PixelFormat::Grey);
        assert_eq!((grey.from, grey.clip.colour), (PixelFormat::I420, yuv.clip.colour));
        assert_eq!(grey.clip.frames[1], yuv.clip.frames[1][..32 * 17]);
        let grey = as_format("demo:?size=32x17&format=GREY", PixelFormat::Grey).clip;
        let chroma = as_format("demo:?size=32x17&format=GREY", PixelFormat::I422).clip;
        let (luma, rest) = chroma.frames[1].split_at(32 * 17);
        assert_eq!(luma, grey.frames[1]);
        assert_eq!((rest.len(), rest.iter().all(|s| *s == 128)), (2 * 16 * 17, true));
    }

    #[test]
    fn packed_formats_keep_their_chroma() {
        assert_eq!(planar(PixelFormat::Yuyv), PixelFormat::I422);
        assert_eq!(planar(PixelFormat::Nv12), PixelFormat::I420);
        assert_eq!(planar(PixelFormat::Mjpeg), PixelFormat::I420);
    }
}
