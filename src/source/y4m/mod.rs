//! Y4M (YUV4MPEG2), from a file or stdin: raw 4:2:0, 4:2:2, 4:4:4 or grey frames after one line of
//! text. Read by one thread; limits are checked before memory is taken.
#![warn(clippy::indexing_slicing)]

mod header;

pub use header::{Header, Interlace, MAGIC};

use std::io::{self, BufRead};

use header::MAX_LINE;

use super::playback::at_rate;
use super::recording::{Next, Picture, Recording};
use super::{Limits, SourceError, SourceInfo, SourceOptions};
use crate::frame::{DropReason, PooledBuf};

/// A Y4M stream.
pub struct Y4m<R> {
    input: R,
    info: SourceInfo,
    header: Header,
    frame: u64,
    line: Vec<u8>,
    /// Set when a frame was cut short: said once it has been counted.
    truncated: Option<String>,
}

impl<R: BufRead + Send> Y4m<R> {
    /// Reads the header of `input`; `name` stands in messages and as the URI.
    ///
    /// # Errors
    /// [`SourceError::Format`], [`SourceError::Limit`] or [`SourceError::Io`].
    pub fn new(mut input: R, name: &str, options: &SourceOptions) -> Result<Self, SourceError> {
        let bad = |reason: String| SourceError::Format { name: name.to_owned(), reason };
        let mut line = Vec::with_capacity(MAX_LINE + 1);
        match read_line(&mut input, &mut line).map_err(|e| io_error(name, e))? {
            Line::Complete => {}
            Line::Empty => return Err(bad("it is empty; expected a Y4M header".into())),
            Line::Cut if line.starts_with(MAGIC) => {
                return Err(bad("it ends inside the Y4M header".into()));
            }
            Line::Cut | Line::TooLong => {
                return Err(bad(format!(
                    "it does not start with a YUV4MPEG2 line of at most {MAX_LINE} bytes"
                )));
            }
        }
        let mut header = Header::parse(&line)
            .map_err(|reason| bad(format!("not a Y4M file we can read: {reason}")))?;
        check_pixels(name, header.layout.size(), &options.limits)?;
        header.rate = options.rate.or(header.rate);
        header.colour = options.colour.unwrap_or(header.colour);
        let info = SourceInfo {
            uri: name.to_owned(),
            description: format!("Y4M, {}, {}", header.colour, header.interlace.name()),
            format: header.layout.format(),
            size: header.layout.size(),
            rate: header.rate,
            live: false,
            frames: None,
        };
        Ok(Self { input, info, header, frame: 0, line, truncated: None })
    }

    /// What the header says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    fn bad(&self, reason: String) -> SourceError {
        SourceError::Format { name: self.info.uri.clone(), reason }
    }
}

impl<R: BufRead + Send> Recording for Y4m<R> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn frame_len(&self) -> usize {
        self.header.layout.len()
    }

    fn next(&mut self, buf: &mut PooledBuf) -> Result<Next, SourceError> {
        if let Some(reason) = self.truncated.take() {
            return Err(self.bad(reason));
        }
        let index = self.frame;
        let line = read_line(&mut self.input, &mut self.line);
        let cut = match line.map_err(|e| io_error(&self.info.uri, e))? {
            Line::Empty => return Ok(Next::End),
            Line::Complete if is_frame_line(&self.line) => None,
            Line::Cut if b"FRAME".starts_with(&self.line) || is_frame_line(&self.line) => {
                Some(format!("frame {index} is cut short inside its FRAME line"))
            }
            _ => return Err(self.bad(format!("frame {index} does not start with a FRAME line"))),
        };
        let len = self.frame_len();
        buf.as_vec().resize(len, 0);
        let cut = match cut {
            Some(cut) => Some(cut),
            None => {
                let got =
                    read_full(&mut self.input, buf).map_err(|e| io_error(&self.info.uri, e))?;
                (got < len).then(|| format!("frame {index} is cut short: {got} of {len} bytes"))
            }
        };
        self.frame += 1;
        if let Some(cut) = cut {
            self.truncated = Some(format!("{cut}; the file is truncated"));
            return Ok(Next::Lost { frames: 1, reason: DropReason::Corrupt });
        }
        Ok(Next::Picture(Picture {
            layout: self.header.layout,
            colour: self.header.colour,
            position: self.header.rate.map(|rate| at_rate(index, rate)),
        }))
    }
}

/// `FRAME`, alone or followed by parameters, which change nothing for us.
fn is_frame_line(line: &[u8]) -> bool {
    line.strip_prefix(b"FRAME").is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
}

/// How the reading of one line of text ended.
enum Line {
    Complete,
    /// The input ended before the newline.
    Cut,
    /// The input had ended already.
    Empty,
    TooLong,
}

/// Reads into `line`, without the newline, at most one byte above [`MAX_LINE`].
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    io::Read::take(&mut *input, MAX_LINE as u64 + 1).read_until(b'\n', line)?;
    Ok(match line.last() {
        None => Line::Empty,
        Some(b'\n') => {
            line.pop();
            Line::Complete
        }
        Some(_) if line.len() > MAX_LINE => Line::TooLong,
        Some(_) => Line::Cut,
    })
}

/// Fills `buf`; the count is short only at the end of the input.
pub(super) fn read_full(input: &mut impl io::Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

pub(super) fn io_error(name: &str, cause: io::Error) -> SourceError {
    SourceError::Io { name: name.to_owned(), cause }
}

/// Refuses frames above the limit of pixels.
pub(super) fn check_pixels(
    name: &str,
    size: crate::frame::Size,
    limits: &Limits,
) -> Result<(), SourceError> {
    let value = size.pixels() as u64;
    if value > limits.pixels {
        let name = name.to_owned();
        return Err(SourceError::Limit {
            name,
            what: "pixels of a frame",
            value,
            limit: limits.pixels,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: &[u8]) -> Result<Y4m<&[u8]>, SourceError> {
        Y4m::new(bytes, "a.y4m", &SourceOptions::default())
    }

    fn file(header: &str, frames: usize, len: usize) -> Vec<u8> {
        let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
        for i in 0..frames {
            bytes.extend_from_slice(if i % 2 == 0 { b"FRAME\n" } else { b"FRAME Ip\n" });
            bytes.extend(std::iter::repeat_n(i as u8 + 1, len));
        }
        bytes
    }

    fn all(bytes: &[u8]) -> (Vec<u8>, u64, Option<String>) {
        let mut y4m = open(bytes).unwrap();
        let mut buf = PooledBuf::unpooled(Vec::new());
        let (mut firsts, mut lost) = (Vec::new(), 0);
        loop {
            match y4m.next(&mut buf) {
                Ok(Next::Picture(p)) => {
                    assert_eq!(buf.len(), p.layout.len());
                    firsts.push(buf[0]);
                }
                Ok(Next::Lost { frames, .. }) => lost += frames,
                Ok(Next::End) => return (firsts, lost, None),
                Err(e) => return (firsts, lost, Some(e.to_string())),
            }
        }
    }

    #[test]
    fn frames_of_every_sampling_and_odd_sizes() {
        for (chroma, len) in [
            ("C420jpeg", 15 + 12),
            ("C420mpeg2", 27),
            ("C422", 15 + 18),
            ("C444", 45),
            ("Cmono", 15),
        ] {
            let bytes = file(&format!("W5 H3 F25:1 {chroma}"), 3, len);
            assert_eq!(all(&bytes), (vec![1, 2, 3], 0, None), "{chroma}");
        }
    }

    #[test]
    fn a_cut_file_gives_its_frames_one_loss_and_an_error() {
        let bytes = file("W4 H4 F25:1", 3, 24);
        let (frames, lost, error) = all(&bytes[..bytes.len() - 5]);
        assert_eq!((frames, lost), (vec![1, 2], 1));
        let error = error.unwrap();
        assert!(error.contains("frame 2 is cut short: 19 of 24 bytes"), "{error}");
        // Every cut is noticed, wherever it lies, except between frames.
        let header = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
        let ends = [header, header + 30, header + 63, header + 93];
        for cut in header..bytes.len() {
            let (_, lost, error) = all(&bytes[..cut]);
            assert_eq!(error.is_none(), ends.contains(&cut), "cut at {cut}: {error:?}");
            assert_eq!(lost, u64::from(!ends.contains(&cut)));
        }
    }

    #[test]
    fn bad_beginnings_are_named() {
        for (bytes, part) in [
            (&b""[..], "it is empty"),
            (b"YUV4MPEG2 W4 H", "ends inside the Y4M header"),
            (b"RIFFxxxx", "does not start with a YUV4MPEG2 line"),
            (b"RIFF\n", "does not start with YUV4MPEG2"),
            (b"YUV4MPEG2 W0 H4\n", "width 0 is not a number from 1"),
            (b"YUV4MPEG2 W16384 H16384\n", "above the limit of 67108864"),
        ] {
            let error = open(bytes).err().unwrap().to_string();
            assert!(error.contains(part) && error.starts_with("a.y4m"), "{error}");
        }
        let long = [b"YUV4MPEG2 ".to_vec(), vec![b'X'; 5000]].concat();
        assert!(open(&long).err().unwrap().to_string().contains("at most 1024 bytes"));
        let (frames, lost, error) = all(b"YUV4MPEG2 W1 H1 Cmono\nFRAMES\nx");
        assert_eq!((frames.len(), lost), (0, 0));
        assert!(error.unwrap().contains("frame 0 does not start with a FRAME line"));
    }

    #[test]
    fn reading_in_small_pieces_changes_nothing() {
        let bytes = file("W6 H2 F30:1", 4, 18);
        let reader = io::BufReader::with_capacity(3, &bytes[..]);
        let mut y4m = Y4m::new(reader, "a", &SourceOptions::default()).unwrap();
        let mut buf = PooledBuf::unpooled(Vec::new());
        let mut count = 0;
        while let Next::Picture(p) = y4m.next(&mut buf).unwrap() {
            count += 1;
            assert!(buf.iter().all(|&b| b == count));
            assert_eq!(
                p.position,
                Some(at_rate(u64::from(count) - 1, crate::frame::Rational::whole(30)))
            );
        }
        assert_eq!(count, 4);
    }
}
