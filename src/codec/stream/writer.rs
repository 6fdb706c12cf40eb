//! Writes a stream: one write a frame, so that whatever stops the program costs the frame being
//! written at most, and what was written reaches the disk at an interval.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::codec::encoder::Packet;
use crate::codec::error::CodecError;

use super::end::{EndRecord, MAX_ENTRIES};
use super::frame_header::FrameKind;
use super::header::StreamHeader;

/// Something written to that can be told to keep what it has.
pub trait SyncTarget: Write {
    /// Brings what was written to where a power cut cannot take it.
    ///
    /// # Errors
    /// That of the system.
    fn sync(&mut self) -> io::Result<()>;
}

impl SyncTarget for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl SyncTarget for Vec<u8> {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncTarget for io::Stdout {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl<T: SyncTarget + ?Sized> SyncTarget for Box<T> {
    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }
}

/// Writes the records of a stream.
#[derive(Debug)]
pub struct StreamWriter<W> {
    out: W,
    /// The stream header as written, again before each key frame but the first.
    header: Vec<u8>,
    seal: u32,
    end: EndRecord,
    /// Every n-th key frame goes into the index.
    stride: u64,
    keys: u64,
    position: u64,
    interval: Duration,
    synced: Instant,
}

impl<W: SyncTarget> StreamWriter<W> {
    /// Writes the stream header to `out`, which is synced at least every `interval` from then on.
    ///
    /// # Errors
    /// [`CodecError::Io`].
    pub fn new(out: W, header: &StreamHeader, interval: Duration) -> Result<Self, CodecError> {
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        let mut writer = Self {
            out,
            header: bytes,
            seal: header.seal(),
            end: EndRecord::default(),
            stride: 1,
            keys: 0,
            position: 0,
            interval,
            synced: Instant::now(),
        };
        let header = std::mem::take(&mut writer.header);
        writer.put(&header)?;
        writer.header = header;
        writer.sync()?;
        Ok(writer)
    }

    /// Bytes written.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Frames written.
    pub const fn frames(&self) -> u64 {
        self.end.frames
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// [`CodecError::Io`]; nothing more can be written then.
    pub fn write(&mut self, packet: Packet<'_>) -> Result<(), CodecError> {
        if packet.header.kind == FrameKind::Key {
            if self.keys > 0 {
                let header = std::mem::take(&mut self.header);
                self.put(&header)?;
                self.header = header;
            }
            self.note_key(packet.header.index);
        }
        self.put(packet.bytes)?;
        // What reads a pipe is to have the frame now and whole.
        self.out.flush().map_err(failed)?;
        self.end.frames = packet.header.index + 1;
        if self.synced.elapsed() >= self.interval {
            self.sync()?;
        }
        Ok(())
    }

    /// Brings everything written to the disk.
    ///
    /// # Errors
    /// [`CodecError::Io`].
    pub fn sync(&mut self) -> Result<(), CodecError> {
        self.out
            .sync()
            .map_err(|cause| CodecError::Io { what: "syncing the stream failed", cause })?;
        self.synced = Instant::now();
        Ok(())
    }

    /// Closes the stream with its end record; gives back what was written to, and the bytes of the
    /// whole stream.
    ///
    /// # Errors
    /// [`CodecError::Io`].
    pub fn finish(mut self) -> Result<(W, u64), CodecError> {
        let mut record = Vec::new();
        self.end.write(self.seal, &mut record);
        self.put(&record)?;
        self.sync()?;
        Ok((self.out, self.position))
    }

    fn note_key(&mut self, index: u64) {
        if self.keys.is_multiple_of(self.stride) {
            if self.end.keys.len() == MAX_ENTRIES {
                // Half of them suffice to find the others.
                let mut at = 0;
                self.end.keys.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride *= 2;
            }
            if self.keys.is_multiple_of(self.stride) {
                self.end.keys.push((index, self.position));
            }
        }
        self.keys += 1;
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        self.out.write_all(bytes).map_err(failed)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

const fn failed(cause: io::Error) -> CodecError {
    CodecError::Io { what: "writing the stream failed", cause }
}
