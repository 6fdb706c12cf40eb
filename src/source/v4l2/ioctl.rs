//! The ioctls of V4L2 as safe functions over [`abi`](super::abi) structures.
//!
//! This file holds the `unsafe` calls into the driver; a call interrupted by a signal is repeated.

#![expect(unsafe_code, reason = "ioctls and the union of v4l2_format have no safe form")]

use std::os::fd::BorrowedFd;

use rustix::io::{Result, retry_on_intr};
use rustix::ioctl::{Opcode, Updater, opcode};

use super::abi::{
    Buffer, Capability, Control, ExtControl, ExtControls, FmtDesc, Format, FormatUnion,
    FrameIntervals, FrameSizes, PixFormat, PixFormatMplane, Plane, QueryExtCtrl, QueryMenu,
    RequestBuffers, StreamParm,
};

const QUERYCAP: Opcode = opcode::read::<Capability>(b'V', 0);
const ENUM_FMT: Opcode = opcode::read_write::<FmtDesc>(b'V', 2);
const G_FMT: Opcode = opcode::read_write::<Format>(b'V', 4);
const S_FMT: Opcode = opcode::read_write::<Format>(b'V', 5);
const REQBUFS: Opcode = opcode::read_write::<RequestBuffers>(b'V', 8);
const QUERYBUF: Opcode = opcode::read_write::<Buffer>(b'V', 9);
const QBUF: Opcode = opcode::read_write::<Buffer>(b'V', 15);
const DQBUF: Opcode = opcode::read_write::<Buffer>(b'V', 17);
const STREAMON: Opcode = opcode::write::<i32>(b'V', 18);
const STREAMOFF: Opcode = opcode::write::<i32>(b'V', 19);
const G_PARM: Opcode = opcode::read_write::<StreamParm>(b'V', 21);
const S_PARM: Opcode = opcode::read_write::<StreamParm>(b'V', 22);
const G_CTRL: Opcode = opcode::read_write::<Control>(b'V', 27);
const S_CTRL: Opcode = opcode::read_write::<Control>(b'V', 28);
const QUERYMENU: Opcode = opcode::read_write::<QueryMenu>(b'V', 37);
const TRY_FMT: Opcode = opcode::read_write::<Format>(b'V', 64);
const G_EXT_CTRLS: Opcode = opcode::read_write::<ExtControls>(b'V', 71);
const S_EXT_CTRLS: Opcode = opcode::read_write::<ExtControls>(b'V', 72);
const ENUM_FRAMESIZES: Opcode = opcode::read_write::<FrameSizes>(b'V', 74);
const ENUM_FRAMEINTERVALS: Opcode = opcode::read_write::<FrameIntervals>(b'V', 75);
const QUERY_EXT_CTRL: Opcode = opcode::read_write::<QueryExtCtrl>(b'V', 103);

/// A structure that holds no address: the kernel reads and writes its bytes and nothing else.
trait Flat {}
impl Flat for Capability {}
impl Flat for FmtDesc {}
impl Flat for FrameSizes {}
impl Flat for FrameIntervals {}
impl Flat for Format {}
impl Flat for StreamParm {}
impl Flat for RequestBuffers {}
impl Flat for QueryExtCtrl {}
impl Flat for Control {}
impl Flat for QueryMenu {}
impl Flat for i32 {}

fn flat<const OP: Opcode, T: Flat>(fd: BorrowedFd<'_>, value: &mut T) -> Result<()> {
    // SAFETY: every use below pairs the opcode with the structure its number was made from, the
    // structures match the kernel's (sizes asserted in `abi`) and hold no address, and all bit
    // patterns are valid for their integer fields.
    retry_on_intr(|| unsafe { rustix::ioctl::ioctl(fd, Updater::<OP, T>::new(value)) })
}

pub(super) fn query_cap(fd: BorrowedFd<'_>) -> Result<Capability> {
    let mut cap = Capability::default();
    flat::<QUERYCAP, _>(fd, &mut cap)?;
    Ok(cap)
}

pub(super) fn enum_format(fd: BorrowedFd<'_>, desc: &mut FmtDesc) -> Result<()> {
    flat::<ENUM_FMT, _>(fd, desc)
}

pub(super) fn enum_sizes(fd: BorrowedFd<'_>, sizes: &mut FrameSizes) -> Result<()> {
    flat::<ENUM_FRAMESIZES, _>(fd, sizes)
}

pub(super) fn enum_intervals(fd: BorrowedFd<'_>, intervals: &mut FrameIntervals) -> Result<()> {
    flat::<ENUM_FRAMEINTERVALS, _>(fd, intervals)
}

pub(super) fn get_format(fd: BorrowedFd<'_>, format: &mut Format) -> Result<()> {
    flat::<G_FMT, _>(fd, format)
}

pub(super) fn try_format(fd: BorrowedFd<'_>, format: &mut Format) -> Result<()> {
    flat::<TRY_FMT, _>(fd, format)
}

pub(super) fn set_format(fd: BorrowedFd<'_>, format: &mut Format) -> Result<()> {
    flat::<S_FMT, _>(fd, format)
}

pub(super) fn get_parm(fd: BorrowedFd<'_>, parm: &mut StreamParm) -> Result<()> {
    flat::<G_PARM, _>(fd, parm)
}

pub(super) fn set_parm(fd: BorrowedFd<'_>, parm: &mut StreamParm) -> Result<()> {
    flat::<S_PARM, _>(fd, parm)
}

pub(super) fn request_buffers(fd: BorrowedFd<'_>, request: &mut RequestBuffers) -> Result<()> {
    flat::<REQBUFS, _>(fd, request)
}

pub(super) fn stream_on(fd: BorrowedFd<'_>, kind: u32) -> Result<()> {
    flat::<STREAMON, _>(fd, &mut kind.cast_signed())
}

pub(super) fn stream_off(fd: BorrowedFd<'_>, kind: u32) -> Result<()> {
    flat::<STREAMOFF, _>(fd, &mut kind.cast_signed())
}

pub(super) fn query_control(fd: BorrowedFd<'_>, query: &mut QueryExtCtrl) -> Result<()> {
    flat::<QUERY_EXT_CTRL, _>(fd, query)
}

pub(super) fn query_menu(fd: BorrowedFd<'_>, menu: &mut QueryMenu) -> Result<()> {
    flat::<QUERYMENU, _>(fd, menu)
}

pub(super) fn get_control(fd: BorrowedFd<'_>, control: &mut Control) -> Result<()> {
    flat::<G_CTRL, _>(fd, control)
}

pub(super) fn set_control(fd: BorrowedFd<'_>, control: &mut Control) -> Result<()> {
    flat::<S_CTRL, _>(fd, control)
}

fn ext_control<const OP: Opcode>(fd: BorrowedFd<'_>, control: &mut ExtControl) -> Result<()> {
    let mut list = ExtControls {
        count: 1,
        controls: std::ptr::from_mut(control).expose_provenance() as u64,
        ..ExtControls::default()
    };
    // SAFETY: `controls` is the address of the one element announced by `count`, exclusively
    // borrowed for the call. The callers pass 64-bit integer controls, which carry their value in
    // place (`size` 0), so the kernel follows no further address.
    retry_on_intr(|| unsafe { rustix::ioctl::ioctl(fd, Updater::<OP, _>::new(&mut list)) })
}

/// Reads a 64-bit integer control.
pub(super) fn get_control64(fd: BorrowedFd<'_>, id: u32) -> Result<i64> {
    let mut control = ExtControl { id, ..ExtControl::default() };
    ext_control::<G_EXT_CTRLS>(fd, &mut control)?;
    Ok(control.value)
}

/// Writes a 64-bit integer control.
pub(super) fn set_control64(fd: BorrowedFd<'_>, id: u32, value: i64) -> Result<()> {
    ext_control::<S_EXT_CTRLS>(fd, &mut ExtControl { id, value, ..ExtControl::default() })
}

/// One of the buffer calls; with planes for the multi-planar API, without for the other.
fn buffer<const OP: Opcode>(
    fd: BorrowedFd<'_>,
    buffer: &mut Buffer,
    planes: Option<&mut [Plane]>,
) -> Result<()> {
    if let Some(planes) = planes {
        buffer.length = u32::try_from(planes.len()).unwrap_or(0);
        buffer.m = planes.as_mut_ptr().expose_provenance() as u64;
    }
    // SAFETY: `buffer` matches the kernel's structure. For multi-planar types `m` is the address
    // of `length` planes, exclusively borrowed for the call; for the others it is an offset. The
    // memory is MMAP everywhere, so the kernel follows no other address.
    retry_on_intr(|| unsafe { rustix::ioctl::ioctl(fd, Updater::<OP, _>::new(&mut *buffer)) })
}

pub(super) fn query_buffer(
    fd: BorrowedFd<'_>,
    buf: &mut Buffer,
    planes: Option<&mut [Plane]>,
) -> Result<()> {
    buffer::<QUERYBUF>(fd, buf, planes)
}

pub(super) fn queue(
    fd: BorrowedFd<'_>,
    buf: &mut Buffer,
    planes: Option<&mut [Plane]>,
) -> Result<()> {
    buffer::<QBUF>(fd, buf, planes)
}

pub(super) fn dequeue(
    fd: BorrowedFd<'_>,
    buf: &mut Buffer,
    planes: Option<&mut [Plane]>,
) -> Result<()> {
    buffer::<DQBUF>(fd, buf, planes)
}

impl Format {
    /// A zeroed format of buffer type `kind`.
    pub(super) const fn zeroed(kind: u32) -> Self {
        Self { kind, fmt: FormatUnion { raw: [0; 200] } }
    }

    /// The single-planar member.
    pub(super) const fn pix(&mut self) -> &mut PixFormat {
        // SAFETY: the union is initialised throughout, and any bytes are valid integers.
        unsafe { &mut self.fmt.pix }
    }

    /// The multi-planar member.
    pub(super) const fn mplane(&mut self) -> &mut PixFormatMplane {
        // SAFETY: as in `pix`; the member is packed, so it needs no alignment.
        unsafe { &mut self.fmt.mplane }
    }
}
