//! GIF animations: each frame composited over the ones before it, as a viewer shows it, on black.
//! The delays give the times. Read by one thread.
#![warn(clippy::indexing_slicing)]

use std::io::Read;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, MemoryLimit};

use super::recording::{Next, Picture, Recording};
use super::y4m::check_pixels;
use super::{SourceError, SourceInfo, SourceOptions};
use crate::frame::{Colour, DropReason, Layout, MonoTime, PixelFormat, PooledBuf, Rational, Size};

/// What a delay of zero is taken for, in hundredths of a second, as browsers do.
const DEFAULT_DELAY: u16 = 10;

/// A GIF animation, played once.
pub struct Gif<R: Read> {
    decoder: Decoder<R>,
    info: SourceInfo,
    layout: Layout,
    /// What is shown, packed RGB.
    canvas: Vec<u8>,
    /// What was shown before a frame that is to be taken back.
    saved: Vec<u8>,
    /// The frame's own pixels, RGBA.
    pixels: Vec<u8>,
    /// What happens to the last frame before the next is drawn.
    disposal: Option<(DisposalMethod, Area)>,
    /// When the next frame is shown, in hundredths of a second.
    time: u64,
    frame: u64,
    /// The delay of the frame whose header has been read already.
    ahead: Option<Part>,
    truncated: Option<String>,
}

/// A part of the canvas.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// A frame's header.
#[derive(Clone, Copy, Debug)]
struct Part {
    area: Area,
    delay: u16,
    dispose: DisposalMethod,
}

impl<R: Read + Send> Gif<R> {
    /// Opens an animation; `name` stands in messages.
    ///
    /// # Errors
    /// [`SourceError::Format`] or [`SourceError::Limit`].
    pub fn new(input: R, name: &str, options: &SourceOptions) -> Result<Self, SourceError> {
        let bad = |reason: String| SourceError::Format { name: name.to_owned(), reason };
        let mut decode = DecodeOptions::new();
        decode.set_color_output(ColorOutput::RGBA);
        let memory = options.limits.pixels.saturating_mul(4);
        decode.set_memory_limit(MemoryLimit::Bytes(
            NonZeroU64::new(memory).unwrap_or(NonZeroU64::MIN),
        ));
        let mut decoder = decode
            .read_info(input)
            .map_err(|e| bad(format!("not a GIF we can read: {}", said(&e))))?;
        let size = Size::new(u32::from(decoder.width()), u32::from(decoder.height()));
        let layout = Layout::packed(PixelFormat::Rgb24, size)
            .map_err(|e| bad(format!("not a GIF we can read: {e}")))?;
        check_pixels(name, size, &options.limits)?;
        let ahead = part(&mut decoder).map_err(|e| bad(said(&e)))?;
        let Some(ahead) = ahead else { return Err(bad("it holds no picture".into())) };
        let rate = Rational::new(100, u32::from(ahead.delay)).ok();
        let info = SourceInfo {
            uri: name.to_owned(),
            description: "GIF animation".into(),
            format: PixelFormat::Rgb24,
            size,
            rate: options.rate.or(rate),
            live: false,
            frames: None,
        };
        Ok(Self {
            decoder,
            info,
            layout,
            canvas: vec![0; layout.len()],
            saved: Vec::new(),
            pixels: Vec::new(),
            disposal: None,
            time: 0,
            frame: 0,
            ahead: Some(ahead),
            truncated: None,
        })
    }

    /// Draws the next frame; `None` at the end.
    fn draw(&mut self) -> Result<Option<u16>, DecodingError> {
        let ahead = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => part(&mut self.decoder)?,
        };
        let Some(Part { area, delay, dispose }) = ahead else { return Ok(None) };
        let len = self.decoder.buffer_size();
        self.pixels.resize(len, 0);
        self.decoder.read_into_buffer(&mut self.pixels)?;
        let line_bytes = self.info.size.w() * 3;
        match self.disposal.take() {
            Some((DisposalMethod::Background, area)) => {
                for line in lines(&mut self.canvas, line_bytes, area) {
                    line.fill(0);
                }
            }
            Some((DisposalMethod::Previous, _)) if self.saved.len() == self.canvas.len() => {
                self.canvas.copy_from_slice(&self.saved);
            }
            _ => {}
        }
        if dispose == DisposalMethod::Previous {
            self.saved.clone_from(&self.canvas);
        }
        let source = self.pixels.chunks_exact((area.width * 4).max(1));
        for (line, source) in lines(&mut self.canvas, line_bytes, area).zip(source) {
            for (to, from) in line.chunks_exact_mut(3).zip(source.chunks_exact(4)) {
                // GIF transparency is all or nothing.
                if let [r, g, b, alpha] = *from
                    && alpha > 0
                {
                    to.copy_from_slice(&[r, g, b]);
                }
            }
        }
        self.disposal = Some((dispose, area));
        Ok(Some(delay))
    }
}

/// The header of the next frame.
fn part<R: Read>(decoder: &mut Decoder<R>) -> Result<Option<Part>, DecodingError> {
    Ok(decoder.next_frame_info()?.map(|frame| Part {
        area: Area {
            left: frame.left.into(),
            top: frame.top.into(),
            width: frame.width.into(),
            height: frame.height.into(),
        },
        delay: if frame.delay == 0 { DEFAULT_DELAY } else { frame.delay },
        dispose: frame.dispose,
    }))
}

/// The lines of an area, cut off at the canvas's edges.
fn lines(canvas: &mut [u8], line_bytes: usize, area: Area) -> impl Iterator<Item = &mut [u8]> {
    let first = area.left * 3;
    let last = (first + area.width * 3).min(line_bytes);
    canvas
        .chunks_exact_mut(line_bytes)
        .skip(area.top)
        .take(area.height)
        .filter_map(move |line| line.get_mut(first..last))
}

/// The decoder's answer in one line.
fn said(error: &DecodingError) -> String {
    match error {
        DecodingError::UnexpectedEof => "the file ends inside a picture".into(),
        DecodingError::MemoryLimit => "its pictures have more pixels than the limit allows".into(),
        other => other.to_string(),
    }
}

impl<R: Read + Send> Recording for Gif<R> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.layout.len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if let Some(reason) = self.truncated.take() {
            return Err(SourceError::Format { name: self.info.uri.clone(), reason });
        }
        let delay = match self.draw() {
            Ok(Some(delay)) => delay,
            Ok(None) => return Ok(Next::End),
            Err(error) => {
                self.truncated = Some(format!("frame {} is damaged: {}", self.frame, said(&error)));
                return Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt });
            }
        };
        self.frame += 1;
        buf.as_vec().clone_from(&self.canvas);
        let position = MonoTime::from_nanos(self.time.saturating_mul(10_000_000));
        self.time += u64::from(delay);
        let colour = Colour::default();
        Ok(Next::Picture(Picture { layout: self.layout, colour, position: Some(position) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    /// Frames of a 3x1 canvas with the palette black, red, green, blue; 0 is transparent.
    fn sample(frames: &[(u16, &[u8], DisposalMethod, u16)]) -> Vec<u8> {
        let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];
        let mut bytes = Vec::new();
        let mut encoder = gif::Encoder::new(&mut bytes, 3, 1, &palette).unwrap();
        for &(left, pixels, dispose, delay) in frames {
            let frame = gif::Frame {
                left,
                width: pixels.len() as u16,
                height: 1,
                delay,
                dispose,
                transparent: Some(0),
                buffer: Cow::Borrowed(pixels),
                ..gif::Frame::default()
            };
            encoder.write_frame(&frame).unwrap();
        }
        drop(encoder);
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<(u64, String)>, u64, Option<String>) {
        let mut gif = Gif::new(bytes, "a.gif", &SourceOptions::default()).unwrap();
        let mut buf = PooledBuf::unpooled(Vec::new());
        let (mut frames, mut lost) = (Vec::new(), 0);
        loop {
            match gif.next(&mut buf) {
                Ok(Next::Picture(p)) => {
                    let colours = buf.chunks(3).map(|p| match p {
                        [255, 0, 0] => 'r',
                        [0, 255, 0] => 'g',
                        [0, 0, 255] => 'b',
                        _ => '.',
                    });
                    let ms = p.position.unwrap().as_nanos() / 1_000_000;
                    frames.push((ms, colours.collect()));
                }
                Ok(Next::Lost { frames, .. }) => lost += frames,
                Ok(Next::End) => return (frames, lost, None),
                Err(error) => return (frames, lost, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn frames_are_composited_by_their_disposal() {
        let bytes = sample(&[
            (0, &[1, 1, 1], DisposalMethod::Keep, 5),
            (1, &[2], DisposalMethod::Previous, 0),
            (2, &[3], DisposalMethod::Background, 7),
            (0, &[0, 2, 0], DisposalMethod::Any, 1),
            (2, &[3, 3, 3], DisposalMethod::Keep, 1),
        ]);
        let (frames, lost, error) = read(&bytes);
        let shown: Vec<_> = frames.iter().map(|f| f.1.as_str()).collect();
        assert_eq!(shown, ["rrr", "rgr", "rrb", "rg.", "rgb"]);
        assert_eq!(frames.iter().map(|f| f.0).collect::<Vec<_>>(), [0, 50, 150, 220, 230]);
        assert_eq!((lost, error), (0, None));
    }

    #[test]
    fn every_cut_is_told() {
        let bytes = sample(&[
            (0, &[1, 1, 1], DisposalMethod::Keep, 5),
            (0, &[2, 2, 2], DisposalMethod::Keep, 5),
        ]);
        let options = SourceOptions::default();
        for cut in 0..bytes.len() - 1 {
            let Ok(_) = Gif::new(&bytes[..cut], "a", &options) else { continue };
            let (frames, lost, error) = read(&bytes[..cut]);
            assert!(frames.len() <= 2 && lost == 1, "cut at {cut}: {frames:?} {lost}");
            assert!(error.unwrap().contains("is damaged"), "cut at {cut}");
        }
    }

    #[test]
    fn bad_beginnings_are_named() {
        let error = |bytes: &[u8]| {
            Gif::new(bytes, "a.gif", &SourceOptions::default()).err().unwrap().to_string()
        };
        assert!(error(b"GIF89a").contains("a.gif"));
        assert!(error(b"RIFF").contains("not a GIF"));
        let mut sized = sample(&[(0, &[1], DisposalMethod::Keep, 5)]);
        for (side, part) in [(0xff, "65535x65535"), (0, "a.gif")] {
            sized[6..10].fill(side);
            let error = error(&sized);
            assert!(error.contains(part), "{error}");
        }
        assert!(error(&sample(&[])).starts_with("a.gif"));
    }
}
