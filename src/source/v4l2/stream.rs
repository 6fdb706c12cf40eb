//! Mapped driver buffers and the queue between the driver and us.

use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::abi::{self, MAX_PLANES};
use super::device::Device;
use super::format::Negotiated;
use super::mapping::Mapping;
use super::{errors, ioctl};
use crate::source::SourceError;

/// A buffer larger than this is a driver gone wrong (MAX_DIMENSION squared needs 1 GiB).
const MAX_BUFFER: usize = 1 << 30;

/// A streaming device. Dropping it stops the stream, unmaps the buffers and closes the device.
#[derive(Debug)]
pub(super) struct Stream {
    // Unmapped before the device below is closed.
    buffers: Vec<Vec<Mapping>>,
    device: Device,
    kind: u32,
    memory_planes: usize,
}

/// A buffer the driver filled; it must go back with [`Stream::requeue`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    pub index: u32,
    pub flags: u32,
    pub sequence: u32,
    pub seconds: i64,
    pub micros: i64,
    /// First byte and length of the payload in each memory plane.
    pub payload: [(usize, usize); MAX_PLANES],
}

impl Stream {
    /// Requests and maps `count` buffers, queues them all, and only then starts the stream.
    pub(super) fn start(
        device: Device,
        format: &Negotiated,
        count: u32,
    ) -> Result<Self, SourceError> {
        let mut stream = Self {
            buffers: Vec::new(),
            device,
            kind: format.kind,
            memory_planes: format.memory_planes,
        };
        let mut request = abi::RequestBuffers {
            count,
            kind: stream.kind,
            memory: abi::MEMORY_MMAP,
            ..abi::RequestBuffers::default()
        };
        let fd = stream.device.fd();
        let fail = |what, e| errors::call(stream.device.path(), what, e);
        ioctl::request_buffers(fd, &mut request).map_err(|e| fail("requesting buffers", e))?;
        // The driver may give fewer or more. With one, each frame would wait for us.
        if !(2..=32).contains(&request.count) {
            let reason = format!("gave {} buffers of the {count} asked for", request.count);
            return Err(errors::unsupported(stream.device.path(), reason));
        }
        for index in 0..request.count {
            let mappings = stream.map(index)?;
            stream.buffers.push(mappings);
        }
        for index in 0..request.count {
            stream.requeue(index)?;
        }
        ioctl::stream_on(stream.device.fd(), stream.kind)
            .map_err(|e| errors::call(stream.device.path(), "starting the stream", e))?;
        Ok(stream)
    }

    fn map(&self, index: u32) -> Result<Vec<Mapping>, SourceError> {
        let path = self.device.path();
        let mut planes = [abi::Plane::default(); MAX_PLANES];
        let mut buffer = self.buffer(index);
        let multi = self.multi_planar().then_some(planes.as_mut_slice());
        ioctl::query_buffer(self.device.fd(), &mut buffer, multi)
            .map_err(|e| errors::call(path, "asking for a buffer", e))?;
        if !self.multi_planar()
            && let Some(first) = planes.first_mut()
        {
            (first.length, first.m) = (buffer.length, buffer.m);
        }
        let mut mappings = Vec::with_capacity(self.memory_planes);
        for plane in planes.iter().take(self.memory_planes) {
            let len = plane.length as usize;
            if len == 0 || len > MAX_BUFFER {
                let reason =
                    format!("offers a buffer of {len} bytes; 1..={MAX_BUFFER} can be used");
                return Err(errors::unsupported(path, reason));
            }
            // The offset is 32 bits wide; the upper half of the union is not the driver's.
            let offset = plane.m & 0xffff_ffff;
            let mapping = Mapping::new(self.device.fd(), len, offset)
                .map_err(|e| errors::call(path, "mapping a buffer", e))?;
            mappings.push(mapping);
        }
        Ok(mappings)
    }

    fn buffer(&self, index: u32) -> abi::Buffer {
        abi::Buffer { index, kind: self.kind, memory: abi::MEMORY_MMAP, ..abi::Buffer::default() }
    }

    fn multi_planar(&self) -> bool {
        self.kind == abi::BUF_CAPTURE_MPLANE
    }

    pub(super) fn path(&self) -> &Path {
        self.device.path()
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Buffers shared with the driver.
    pub(super) fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// Gives buffer `index` to the driver.
    pub(super) fn requeue(&self, index: u32) -> Result<(), SourceError> {
        let mut planes = [abi::Plane::default(); MAX_PLANES];
        let mut buffer = self.buffer(index);
        let multi = self.multi_planar().then(|| planes.get_mut(..self.memory_planes)).flatten();
        ioctl::queue(self.device.fd(), &mut buffer, multi)
            .map_err(|e| errors::call(self.path(), "queueing a buffer", e))
    }

    /// Takes a filled buffer when there is one; never waits.
    pub(super) fn dequeue(&self) -> Result<Option<Filled>, SourceError> {
        let mut planes = [abi::Plane::default(); MAX_PLANES];
        let mut buffer = self.buffer(0);
        let multi = self.multi_planar().then_some(planes.as_mut_slice());
        match ioctl::dequeue(self.device.fd(), &mut buffer, multi) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::IO | Errno::PIPE) => {
                return Err(self.gone("the stream failed in the driver"));
            }
            Err(e) => return Err(errors::call(self.path(), "taking a frame", e)),
        }
        if buffer.index as usize >= self.buffers.len() {
            return Err(self.gone("the driver returned a buffer it was never given"));
        }
        if !self.multi_planar()
            && let Some(first) = planes.first_mut()
        {
            first.bytes_used = buffer.bytes_used;
        }
        let mut payload = [(0, 0); MAX_PLANES];
        for (to, plane) in payload.iter_mut().zip(&planes) {
            // `bytes_used` counts the bytes before `data_offset` too.
            *to = (
                plane.data_offset as usize,
                plane.bytes_used.saturating_sub(plane.data_offset) as usize,
            );
        }
        Ok(Some(Filled {
            index: buffer.index,
            flags: buffer.flags,
            sequence: buffer.sequence,
            seconds: buffer.seconds,
            micros: buffer.micros,
            payload,
        }))
    }

    /// Waits up to `timeout` for a filled buffer; false when there was none.
    pub(super) fn wait(&self, timeout: Duration) -> Result<bool, SourceError> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let fd = self.device.fd();
        let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) => {}
            // A signal: the caller looks at its deadline and comes back.
            Err(Errno::INTR) => return Ok(false),
            Err(e) => return Err(errors::call(self.path(), "waiting for a frame", e)),
        }
        let ready = polled.first().map_or(PollFlags::empty(), PollFd::revents);
        if ready.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            return Err(self.gone("the driver reports an error on the stream (POLLERR)"));
        }
        Ok(ready.contains(PollFlags::IN))
    }

    /// Copies the first `to.len()` payload bytes of memory plane `plane`; false when there are
    /// fewer.
    #[must_use]
    pub(super) fn copy(&self, filled: &Filled, plane: usize, to: &mut [u8]) -> bool {
        let mapping = self.buffers.get(filled.index as usize).and_then(|b| b.get(plane));
        let (Some(mapping), Some(&(start, len))) = (mapping, filled.payload.get(plane)) else {
            return false;
        };
        to.len() <= len && mapping.copy_to(start, to)
    }

    /// Payload bytes of memory plane `plane` that lie inside the buffer.
    pub(super) fn payload_len(&self, filled: &Filled, plane: usize) -> usize {
        let mapping = self.buffers.get(filled.index as usize).and_then(|b| b.get(plane));
        let (Some(mapping), Some(&(start, len))) = (mapping, filled.payload.get(plane)) else {
            return 0;
        };
        len.min(mapping.len().saturating_sub(start))
    }

    fn gone(&self, reason: &str) -> SourceError {
        SourceError::Gone { name: self.path().display().to_string(), reason: reason.to_owned() }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Both fail when the device is gone; closing it is all that is left to do then.
        let _ = ioctl::stream_off(self.device.fd(), self.kind);
        self.buffers.clear();
        let mut none = abi::RequestBuffers {
            kind: self.kind,
            memory: abi::MEMORY_MMAP,
            ..abi::RequestBuffers::default()
        };
        let _ = ioctl::request_buffers(self.device.fd(), &mut none);
    }
}
