//! Finds the records of a stream, from the front and without seeking; after damage it goes on at
//! the next record.
//!
//! Memory: one record and what is read ahead. A record's bytes stay until the next one is found at
//! their end: if it is not there, bytes went missing or came in, and the search starts inside.
//!
//! Nothing is waited for that the next record does not need, so a frame that came through a pipe is
//! there at once.

use std::io::{self, Read};

use crate::codec::encoder::Packet;
use crate::codec::error::CodecError;

use super::bytes::Trouble;
use super::end::{self, EndRecord, MAX_END};
use super::frame_header::{self, FrameHeader, MAX_FRAME_HEADER};
use super::header::{MAGIC, MAX_HEADER, StreamHeader};

/// Bytes asked of the input at once.
const CHUNK: usize = 1 << 16;

/// Bytes that may stand before the first whole stream header when the first one is damaged.
const MAX_SEARCH: u64 = 1 << 30;

/// What was found next.
#[derive(Debug)]
pub enum Record<'a> {
    /// A frame.
    Frame(Packet<'a>),
    /// The end; nothing follows.
    End(EndRecord),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It goes on.
    #[default]
    NotYet,
    /// By its end record.
    Closed,
    /// By its end record, but other bytes follow it.
    Followed,
    /// Between two records: cut there, or never closed.
    Open,
    /// Inside of a record.
    Cut,
}

/// Reads the records of a stream.
#[derive(Debug)]
pub struct StreamReader<R> {
    input: R,
    header: StreamHeader,
    limits: Vec<usize>,
    buf: Vec<u8>,
    /// Where in `buf` the next record is looked for, should the current one end wrongly.
    pos: usize,
    /// Where in `buf` the next record should start.
    next: usize,
    eof: bool,
    frame: Option<FrameHeader>,
    skipped: u64,
    ending: Ending,
}

/// A record at a place in the buffer.
enum Found {
    Frame(FrameHeader, usize),
    End(EndRecord, usize),
    /// The stream header again.
    Header(usize),
    Nothing,
}

impl<R: Read> StreamReader<R> {
    /// Reads the stream header. When it is damaged, a copy of it further on is taken; the frames
    /// before that are lost.
    ///
    /// # Errors
    /// [`CodecError::Io`], and what [`StreamHeader::parse`] says when there is no whole header.
    pub fn new(input: R) -> Result<Self, CodecError> {
        let mut input = input;
        let mut buf = Vec::new();
        let mut eof = false;
        let mut skipped = 0u64;
        let mut pos = 0;
        let mut first_trouble = None;
        loop {
            let parsed = StreamHeader::parse(buf.get(pos..).unwrap_or_default());
            let trouble = match parsed {
                Ok(Some((header, length))) => {
                    let limits = header.slice_limits();
                    return Ok(Self {
                        input,
                        limits,
                        header,
                        buf,
                        pos: pos + length,
                        next: pos + length,
                        eof,
                        frame: None,
                        skipped,
                        ending: Ending::NotYet,
                    });
                }
                Ok(None) if !eof => {
                    let wanted = buf.len() + 1;
                    fill(&mut input, &mut buf, wanted, &mut eof)?;
                    continue;
                }
                Ok(None) => {
                    CodecError::Format { reason: "it ends inside of its header".to_owned() }
                }
                // What is whole but too large or too new is not looked for further on.
                Err(error @ CodecError::Limit { .. }) => return Err(error),
                Err(error) => error,
            };
            let trouble = first_trouble.get_or_insert(trouble);
            let rest = buf.get(pos + 1..).unwrap_or_default();
            let ahead = rest.iter().position(|&b| b == MAGIC[0]).unwrap_or(rest.len());
            skipped += ahead as u64 + 1;
            pos += ahead + 1;
            if (eof && pos >= buf.len()) || skipped > MAX_SEARCH {
                return Err(std::mem::replace(
                    trouble,
                    CodecError::Format { reason: String::new() },
                ));
            }
            if pos >= CHUNK {
                buf.drain(..pos);
                pos = 0;
            }
        }
    }

    /// What the stream says of itself.
    pub const fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Bytes that belong to no record: damage.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How the stream ended.
    pub const fn ending(&self) -> Ending {
        self.ending
    }

    /// The next record; `None` when there is none.
    ///
    /// # Errors
    /// [`CodecError::Io`].
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, CodecError> {
        if self.ending == Ending::Closed {
            fill(&mut self.input, &mut self.buf, self.next + 1, &mut self.eof)?;
            if self.buf.len() > self.next {
                self.ending = Ending::Followed;
            }
        }
        if self.ending != Ending::NotYet {
            return Ok(None);
        }
        loop {
            self.compact();
            match self.at(self.next)? {
                Found::Header(length) => {
                    self.next += length;
                    self.pos = self.next;
                }
                Found::End(end, length) => {
                    self.next += length;
                    self.ending = Ending::Closed;
                    return Ok(Some(Record::End(end)));
                }
                Found::Frame(header, length) => {
                    let start = self.next;
                    let end = start + length + header.payload_len();
                    fill(&mut self.input, &mut self.buf, end, &mut self.eof)?;
                    // Records inside of a frame that is cut can still be found.
                    self.pos = start + length;
                    if self.buf.len() < end {
                        if !self.search()? {
                            return Ok(None);
                        }
                        continue;
                    }
                    self.next = end;
                    let header = self.frame.insert(header);
                    let bytes = self.buf.get(start..end).unwrap_or_default();
                    return Ok(Some(Record::Frame(Packet { header, bytes, payload: length })));
                }
                Found::Nothing => {
                    let rest = self.buf.len() - self.next.min(self.buf.len());
                    if rest == 0 && self.eof {
                        self.ending = Ending::Open;
                        return Ok(None);
                    }
                    if !self.search()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Looks for the next record from `pos` on; false when the input ends before: it is cut there.
    fn search(&mut self) -> Result<bool, CodecError> {
        let skipped = self.skipped;
        loop {
            let rest = self.buf.get(self.pos..).unwrap_or_default();
            let starts = |b: &u8| *b == frame_header::MARKER[0] || *b == MAGIC[0];
            let ahead = rest.iter().position(starts).unwrap_or(rest.len());
            self.skipped += ahead as u64;
            self.pos += ahead;
            self.next = self.pos;
            self.compact();
            fill(&mut self.input, &mut self.buf, self.pos + 1, &mut self.eof)?;
            if self.pos >= self.buf.len() {
                // What is left of a record is missing rather than damaged.
                self.skipped = skipped;
                self.ending = Ending::Cut;
                return Ok(false);
            }
            if !matches!(self.at(self.pos)?, Found::Nothing) {
                self.next = self.pos;
                return Ok(true);
            }
            self.skipped += 1;
            self.pos += 1;
        }
    }

    /// The record that starts at `at`.
    fn at(&mut self, at: usize) -> Result<Found, CodecError> {
        fill(&mut self.input, &mut self.buf, at + 2, &mut self.eof)?;
        let start = self.buf.get(at..at + 2).unwrap_or_default();
        let longest = match start {
            start if start == frame_header::MARKER => MAX_FRAME_HEADER,
            start if start == end::MARKER => MAX_END,
            start if start == &MAGIC[..2] => MAX_HEADER,
            _ => return Ok(Found::Nothing),
        };
        loop {
            let bytes = self.buf.get(at..).unwrap_or_default();
            match self.parse(bytes, longest) {
                Ok(found) => return Ok(found),
                Err(Trouble::Wrong) => return Ok(Found::Nothing),
                Err(Trouble::Short) => {}
            }
            if bytes.len() >= longest || self.eof {
                return Ok(Found::Nothing);
            }
            // Not a byte more than a header needs; a long index is not tried for every byte of it.
            let more = if longest == MAX_END { bytes.len() / 4 } else { 0 };
            let wanted = at + bytes.len() + 1 + more;
            fill(&mut self.input, &mut self.buf, wanted, &mut self.eof)?;
        }
    }

    /// The record `bytes` begin with, of the kind that has up to `longest` bytes.
    fn parse(&self, bytes: &[u8], longest: usize) -> Result<Found, Trouble> {
        match longest {
            MAX_HEADER => match StreamHeader::parse(bytes) {
                Ok(Some((header, length))) if header == self.header => Ok(Found::Header(length)),
                Ok(None) => Err(Trouble::Short),
                _ => Err(Trouble::Wrong),
            },
            MAX_END => {
                let (end, length) = EndRecord::parse(bytes, self.header.seal())?;
                Ok(Found::End(end, length))
            }
            _ => {
                let (header, length) = FrameHeader::parse(bytes, &self.header, &self.limits)?;
                Ok(Found::Frame(header, length))
            }
        }
    }

    /// Forgets what was read and is not looked at again.
    fn compact(&mut self) {
        let done = self.pos.min(self.next);
        // Half of it at least, so that no byte is moved more than once on the average.
        if done == self.buf.len() || (done >= CHUNK && 2 * done >= self.buf.len()) {
            self.buf.drain(..done);
            self.pos -= done;
            self.next -= done;
        }
    }
}

/// Reads until `buf` holds `wanted` bytes or the input ends. What is not there takes no memory.
fn fill(
    input: &mut impl Read,
    buf: &mut Vec<u8>,
    wanted: usize,
    eof: &mut bool,
) -> Result<(), CodecError> {
    while buf.len() < wanted && !*eof {
        let have = buf.len();
        buf.resize(have + CHUNK, 0);
        let got = match input.read(buf.get_mut(have..).unwrap_or_default()) {
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                buf.truncate(have);
                continue;
            }
            Err(cause) => {
                buf.truncate(have);
                return Err(CodecError::Io { what: "reading the stream failed", cause });
            }
        };
        buf.truncate(have + got);
        *eof = got == 0;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::*;
    use crate::codec::stream::StreamWriter;
    use crate::codec::{Encoder, EncoderConfig, FrameInfo, Picture, StreamSpec};
    use crate::frame::{PixelFormat, Size};

    /// A pipe: a read gives what one write put in, and counts.
    #[derive(Debug, Default)]
    struct Pipe {
        writes: VecDeque<Vec<u8>>,
        reads: usize,
    }

    impl Read for Pipe {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.reads += 1;
            let Some(front) = self.writes.pop_front() else { return Ok(0) };
            bytes[..front.len()].copy_from_slice(&front);
            Ok(front.len())
        }
    }

    #[test]
    fn a_frame_is_there_as_soon_as_its_bytes_are() {
        let spec = StreamSpec::new(PixelFormat::Grey, Size::new(16, 16));
        let mut encoder = Encoder::new(&EncoderConfig::default(), &spec, None).unwrap();
        let mut written = StreamWriter::new(Vec::new(), encoder.header(), Duration::MAX).unwrap();
        let picture = Picture::new(spec.layout(), 16, 16);
        let mut ends = vec![written.position() as usize];
        for index in 0..6 {
            // All but the first are repeats of eight bytes.
            encoder.send_frame(&picture, &FrameInfo::numbered(index)).unwrap();
            written.write(encoder.receive_packet().unwrap()).unwrap();
            ends.push(written.position() as usize);
        }
        let bytes = written.finish().unwrap().0;
        ends.push(bytes.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let writes = starts.zip(&ends).map(|(from, to)| bytes[from..*to].to_vec()).collect();
        let mut reader = StreamReader::new(Pipe { writes, reads: 0 }).unwrap();
        assert_eq!(reader.input.reads, 1);
        for index in 0..6 {
            let record = reader.next_record().unwrap();
            assert!(matches!(record, Some(Record::Frame(p)) if p.header.index == index as u64));
            assert_eq!(
                reader.input.reads,
                index + 2,
                "nothing behind frame {index} was waited for"
            );
        }
        assert!(matches!(reader.next_record().unwrap(), Some(Record::End(_))));
        assert_eq!(reader.input.reads, 8);
        assert!(reader.next_record().unwrap().is_none());
        assert_eq!(reader.ending(), Ending::Closed);
    }
}
