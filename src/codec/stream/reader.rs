//! Finds the records of a stream, from the front and without seeking; after damage it goes on at
//! the next record.
//!
//! Memory: one record and what is read ahead. A record's bytes stay until the next one is found at
//! their end: if it is not there, bytes went missing or came in, and the search starts inside.

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
    End(EndRecord),
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
            fill(&mut input, &mut buf, pos + MAX_HEADER, &mut eof)?;
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
                Found::End(end) => {
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
        // Most records are far shorter than the longest one: more is read only when it is needed.
        let mut wanted = CHUNK.min(longest);
        loop {
            fill(&mut self.input, &mut self.buf, at + wanted, &mut self.eof)?;
            let bytes = self.buf.get(at..).unwrap_or_default();
            let trouble = if longest == MAX_HEADER {
                match StreamHeader::parse(bytes) {
                    Ok(Some((header, length))) if header == self.header => {
                        return Ok(Found::Header(length));
                    }
                    Ok(None) => Trouble::Short,
                    _ => Trouble::Wrong,
                }
            } else if longest == MAX_END {
                match EndRecord::parse(bytes) {
                    Ok((end, _)) => return Ok(Found::End(end)),
                    Err(trouble) => trouble,
                }
            } else {
                match FrameHeader::parse(bytes, &self.header, &self.limits) {
                    Ok((header, length)) => return Ok(Found::Frame(header, length)),
                    Err(trouble) => trouble,
                }
            };
            if trouble == Trouble::Wrong || wanted >= longest || self.eof {
                return Ok(Found::Nothing);
            }
            wanted = (wanted * 4).min(longest);
        }
    }

    /// Forgets what was read and is not looked at again.
    fn compact(&mut self) {
        let done = self.pos.min(self.next);
        if done >= CHUNK || done == self.buf.len() {
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
