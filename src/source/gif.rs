//! GIF animations: each frame composited over the ones before it, as a viewer shows it, on black.
//! What of a frame lies outside the picture is not shown. The delays give the times. Read by one
//! thread.
#![warn(clippy::indexing_slicing)]

use std::io::Read;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, MemoryLimit};

use super::recording::{Next, Picture, Recording};
use super::y4m::check_pixels;
use super::{Limits, SourceError, SourceInfo, SourceOptions};
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
    /// The first frame's header, read already for its delay.
    ahead: Option<Part>,
    limits: Limits,
    /// Why the frame just counted as lost is the last.
    failure: Option<SourceError>,
}

/// Where a frame lies; it may reach beyond the canvas.
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
        let ahead = part(&mut decoder, name, &options.limits)?;
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
            ahead: Some(ahead),
            limits: options.limits,
            failure: None,
        })
    }

    /// Draws the next frame; `None` at the end.
    fn draw(&mut self) -> Result<Option<u16>, SourceError> {
        let name = &self.info.uri;
        let ahead = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => part(&mut self.decoder, name, &self.limits)?,
        };
        let Some(Part { area, delay, dispose }) = ahead else { return Ok(None) };
        // Cleared, so that indices outside the palette leave the canvas as it is.
        self.pixels.clear();
        self.pixels.resize(area.width * area.height * 4, 0);
        self.decoder.read_into_buffer(&mut self.pixels).map_err(|e| damaged(name, &e))?;
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

/// The header of the next frame, refused before any memory is taken for its pixels when it is too
/// large, shown or not. The decoder's own limit does not reach this far: it leaves the buffer to
/// its caller.
fn part<R: Read>(
    decoder: &mut Decoder<R>,
    name: &str,
    limits: &Limits,
) -> Result<Option<Part>, SourceError> {
    let Some(frame) = decoder.next_frame_info().map_err(|e| damaged(name, &e))? else {
        return Ok(None);
    };
    let size = Size::new(frame.width.into(), frame.height.into());
    check_pixels(name, size, limits)?;
    let area = Area {
        left: frame.left.into(),
        top: frame.top.into(),
        width: frame.width.into(),
        height: frame.height.into(),
    };
    let delay = if frame.delay == 0 { DEFAULT_DELAY } else { frame.delay };
    Ok(Some(Part { area, delay, dispose: frame.dispose }))
}

/// The lines of an area, as far as they lie on the canvas.
fn lines(canvas: &mut [u8], line_bytes: usize, area: Area) -> impl Iterator<Item = &mut [u8]> {
    let first = (area.left * 3).min(line_bytes);
    let last = ((area.left + area.width) * 3).min(line_bytes);
    canvas
        .chunks_exact_mut(line_bytes)
        .skip(area.top)
        .take(area.height)
        .filter_map(move |line| line.get_mut(first..last))
}

fn damaged(name: &str, error: &DecodingError) -> SourceError {
    let reason = format!("a frame is damaged: {}", said(error));
    SourceError::Format { name: name.to_owned(), reason }
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
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let delay = match self.draw() {
            Ok(Some(delay)) => delay,
            Ok(None) => return Ok(Next::End),
            Err(error) => {
                self.failure = Some(error);
                return Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt });
            }
        };
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
            (2, &[3], DisposalMethod::Keep, 1),
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
    fn frames_larger_than_the_limit_are_refused_before_they_take_memory() {
        let mut bytes =
            sample(&[(0, &[1, 1, 1], DisposalMethod::Keep, 5), (1, &[2], DisposalMethod::Keep, 5)]);
        // Left, top, width and height follow the separator, each in two bytes.
        let second = bytes.windows(9).rposition(|w| w == [0x2c, 1, 0, 0, 0, 1, 0, 1, 0]).unwrap();
        bytes[second + 5..second + 9].fill(0xff);
        let (frames, lost, error) = read(&bytes);
        assert_eq!((frames.len(), lost), (1, 1));
        let error = error.unwrap();
        assert!(error.contains("pixels of a frame is 4294836225, above the limit"), "{error}");
        let first = bytes.windows(9).position(|w| w == [0x2c, 0, 0, 0, 0, 3, 0, 1, 0]).unwrap();
        bytes[first + 5..first + 9].fill(0xff);
        let error = Gif::new(&bytes[..], "a.gif", &SourceOptions::default()).err().unwrap();
        assert!(matches!(error, SourceError::Limit { value: 4_294_836_225, .. }), "{error}");
    }

    #[test]
    fn frames_are_clipped_to_the_canvas() {
        use DisposalMethod::{Background, Keep, Previous};
        let (all, reaches, beyond) = (&[1, 1, 1][..], &[2, 3, 2][..], &[3][..]);
        let bytes = sample(&[
            (0, all, Keep, 5),
            (2, reaches, Previous, 5),
            (1, reaches, Background, 5),
            (3, beyond, Background, 5),
            (9, beyond, Keep, 5),
            (u16::MAX, reaches, Keep, 5),
            (0, &[3, 0, 3, 2, 2], Keep, 5),
        ]);
        let (frames, lost, error) = read(&bytes);
        let shown: Vec<_> = frames.iter().map(|f| f.1.as_str()).collect();
        assert_eq!(shown, ["rrr", "rrg", "rgb", "r..", "r..", "r..", "b.b"]);
        assert_eq!((lost, error), (0, None));
    }

    #[test]
    fn lines_below_the_canvas_are_left_out() {
        let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];
        let mut bytes = Vec::new();
        let mut encoder = gif::Encoder::new(&mut bytes, 3, 1, &palette).unwrap();
        for (top, width, pixels) in [(0, 1, &[1, 2][..]), (0, 2, &[2, 2, 3, 3]), (1, 1, &[3, 3])] {
            let height = pixels.len() as u16 / width;
            let buffer = Cow::Borrowed(pixels);
            let frame = gif::Frame { top, width, height, buffer, ..gif::Frame::default() };
            encoder.write_frame(&frame).unwrap();
        }
        drop(encoder);
        let (frames, lost, error) = read(&bytes);
        let shown: Vec<_> = frames.iter().map(|f| f.1.as_str()).collect();
        assert_eq!(shown, ["r..", "gg.", "gg."]);
        assert_eq!((lost, error), (0, None));
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
