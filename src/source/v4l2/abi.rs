//! The kernel's V4L2 structures and constants, after `linux/videodev2.h`.
//!
//! Written by hand so that no C header or libclang is needed. Sizes are asserted for 64-bit
//! little-endian Linux, where x86-64 and aarch64 agree; the module is built on no other target.

/// A four-character code as the kernel stores it.
pub(super) const fn fourcc(code: [u8; 4]) -> u32 {
    u32::from_le_bytes(code)
}

/// `enum v4l2_buf_type`.
pub(super) const BUF_CAPTURE: u32 = 1;
pub(super) const BUF_CAPTURE_MPLANE: u32 = 9;
/// `enum v4l2_memory`.
pub(super) const MEMORY_MMAP: u32 = 1;
/// `VIDEO_MAX_PLANES`.
pub(super) const MAX_PLANES: usize = 8;

pub(super) const CAP_CAPTURE: u32 = 0x0000_0001;
pub(super) const CAP_CAPTURE_MPLANE: u32 = 0x0000_1000;
pub(super) const CAP_STREAMING: u32 = 0x0400_0000;
pub(super) const CAP_DEVICE_CAPS: u32 = 0x8000_0000;

pub(super) const FIELD_ANY: u32 = 0;
pub(super) const FIELD_NONE: u32 = 1;
pub(super) const FIELD_INTERLACED: u32 = 4;
pub(super) const FIELD_INTERLACED_TB: u32 = 8;
pub(super) const FIELD_INTERLACED_BT: u32 = 9;

pub(super) const FLAG_ERROR: u32 = 0x40;
pub(super) const FLAG_TIMESTAMP_MASK: u32 = 0xe000;
pub(super) const FLAG_TIMESTAMP_MONOTONIC: u32 = 0x2000;

pub(super) const PARM_TIME_PER_FRAME: u32 = 0x1000;

pub(super) const SIZE_DISCRETE: u32 = 1;
pub(super) const INTERVAL_DISCRETE: u32 = 1;

pub(super) const CTRL_INTEGER: u32 = 1;
pub(super) const CTRL_BOOLEAN: u32 = 2;
pub(super) const CTRL_MENU: u32 = 3;
pub(super) const CTRL_BUTTON: u32 = 4;
pub(super) const CTRL_INTEGER64: u32 = 5;
pub(super) const CTRL_BITMASK: u32 = 8;
pub(super) const CTRL_INTEGER_MENU: u32 = 9;
pub(super) const CTRL_DISABLED: u32 = 0x01;
pub(super) const CTRL_READ_ONLY: u32 = 0x04;
pub(super) const CTRL_INACTIVE: u32 = 0x10;
pub(super) const CTRL_WRITE_ONLY: u32 = 0x40;
pub(super) const CTRL_NEXT: u32 = 0x8000_0000;

/// `struct v4l2_capability`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Capability {
    pub driver: [u8; 16],
    pub card: [u8; 32],
    pub bus_info: [u8; 32],
    pub version: u32,
    pub capabilities: u32,
    pub device_caps: u32,
    pub reserved: [u32; 3],
}

/// `struct v4l2_fmtdesc`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FmtDesc {
    pub index: u32,
    pub kind: u32,
    pub flags: u32,
    pub description: [u8; 32],
    pub pixel_format: u32,
    pub mbus_code: u32,
    pub reserved: [u32; 3],
}

/// `struct v4l2_frmsizeenum`; the union is `[width, height]` or
/// `[min_w, max_w, step_w, min_h, max_h, step_h]`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FrameSizes {
    pub index: u32,
    pub pixel_format: u32,
    pub kind: u32,
    pub size: [u32; 6],
    pub reserved: [u32; 2],
}

/// `struct v4l2_fract`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Fract {
    pub numerator: u32,
    pub denominator: u32,
}

/// `struct v4l2_frmivalenum`; the union is one interval or minimum, maximum and step.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FrameIntervals {
    pub index: u32,
    pub pixel_format: u32,
    pub width: u32,
    pub height: u32,
    pub kind: u32,
    pub interval: [Fract; 3],
    pub reserved: [u32; 2],
}

/// `struct v4l2_pix_format`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct PixFormat {
    pub width: u32,
    pub height: u32,
    pub pixel_format: u32,
    pub field: u32,
    pub bytes_per_line: u32,
    pub size_image: u32,
    pub colorspace: u32,
    pub private: u32,
    pub flags: u32,
    pub ycbcr_enc: u32,
    pub quantization: u32,
    pub xfer_func: u32,
}

/// `struct v4l2_plane_pix_format`.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct PlanePixFormat {
    pub size_image: u32,
    pub bytes_per_line: u32,
    pub reserved: [u16; 6],
}

/// `struct v4l2_pix_format_mplane`.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct PixFormatMplane {
    pub width: u32,
    pub height: u32,
    pub pixel_format: u32,
    pub field: u32,
    pub colorspace: u32,
    pub planes: [PlanePixFormat; MAX_PLANES],
    pub num_planes: u8,
    pub flags: u8,
    pub ycbcr_enc: u8,
    pub quantization: u8,
    pub xfer_func: u8,
    pub reserved: [u8; 7],
}

/// The union of `struct v4l2_format`, 200 bytes. Its largest alignment comes from the overlay
/// member, which holds pointers.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) union FormatUnion {
    pub pix: PixFormat,
    pub mplane: PixFormatMplane,
    pub raw: [u8; 200],
}

/// `struct v4l2_format`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub kind: u32,
    pub fmt: FormatUnion,
}

/// `struct v4l2_streamparm` with its capture member.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct StreamParm {
    pub kind: u32,
    pub capability: u32,
    pub capture_mode: u32,
    pub time_per_frame: Fract,
    pub extended_mode: u32,
    pub read_buffers: u32,
    pub rest: [u8; 176],
}

/// `struct v4l2_requestbuffers`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct RequestBuffers {
    pub count: u32,
    pub kind: u32,
    pub memory: u32,
    pub capabilities: u32,
    pub flags: u8,
    pub reserved: [u8; 3],
}

/// `struct v4l2_plane`; `m` is the mmap offset.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Plane {
    pub bytes_used: u32,
    pub length: u32,
    pub m: u64,
    pub data_offset: u32,
    pub reserved: [u32; 11],
}

/// `struct v4l2_buffer`; `m` is the mmap offset, or the address of an array of [`Plane`].
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Buffer {
    pub index: u32,
    pub kind: u32,
    pub bytes_used: u32,
    pub flags: u32,
    pub field: u32,
    pub seconds: i64,
    pub micros: i64,
    pub timecode: [u32; 4],
    pub sequence: u32,
    pub memory: u32,
    pub m: u64,
    pub length: u32,
    pub reserved: [u32; 2],
}

/// `struct v4l2_query_ext_ctrl`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct QueryExtCtrl {
    pub id: u32,
    pub kind: u32,
    pub name: [u8; 32],
    pub minimum: i64,
    pub maximum: i64,
    pub step: u64,
    pub default: i64,
    pub flags: u32,
    pub elem_size: u32,
    pub elems: u32,
    pub nr_of_dims: u32,
    pub dims: [u32; 4],
    pub reserved: [u32; 32],
}

/// `struct v4l2_control`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Control {
    pub id: u32,
    pub value: i32,
}

/// `struct v4l2_ext_control` with its 64-bit value.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct ExtControl {
    pub id: u32,
    pub size: u32,
    pub reserved: u32,
    pub value: i64,
}

/// `struct v4l2_ext_controls`; `controls` is the address of an array of [`ExtControl`].
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct ExtControls {
    pub which: u32,
    pub count: u32,
    pub error_idx: u32,
    pub request_fd: i32,
    pub reserved: u32,
    pub controls: u64,
}

/// `struct v4l2_querymenu`.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct QueryMenu {
    pub id: u32,
    pub index: u32,
    pub name: [u8; 32],
    pub reserved: u32,
}

// A wrong size would also change the ioctl number, so the kernel would refuse the call.
const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<FmtDesc>() == 64);
    assert!(size_of::<FrameSizes>() == 44);
    assert!(size_of::<FrameIntervals>() == 52);
    assert!(size_of::<PixFormat>() == 48);
    assert!(size_of::<PlanePixFormat>() == 20);
    assert!(size_of::<PixFormatMplane>() == 192);
    assert!(size_of::<Format>() == 208);
    assert!(std::mem::offset_of!(Format, fmt) == 8);
    assert!(size_of::<StreamParm>() == 204);
    assert!(size_of::<RequestBuffers>() == 20);
    assert!(size_of::<Plane>() == 64);
    assert!(std::mem::offset_of!(Plane, data_offset) == 16);
    assert!(size_of::<Buffer>() == 88);
    assert!(std::mem::offset_of!(Buffer, seconds) == 24);
    assert!(std::mem::offset_of!(Buffer, sequence) == 56);
    assert!(std::mem::offset_of!(Buffer, m) == 64);
    assert!(size_of::<QueryExtCtrl>() == 232);
    assert!(size_of::<Control>() == 8);
    assert!(size_of::<ExtControl>() == 20);
    assert!(size_of::<ExtControls>() == 32);
    assert!(std::mem::offset_of!(ExtControls, controls) == 24);
    assert!(size_of::<QueryMenu>() == 44);
};

/// Text of a fixed field that ends at the first NUL, without control characters.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let raw = bytes.get(..end).unwrap_or_default();
    String::from_utf8_lossy(raw).trim().replace(|c: char| c.is_control(), "?")
}

/// A four-character code in print, for example `YUYV`.
pub(super) fn code_text(code: u32) -> String {
    code.to_le_bytes()
        .iter()
        .map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '?' })
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_text() {
        assert_eq!(fourcc(*b"YUYV"), 0x5659_5559);
        assert_eq!(code_text(fourcc(*b"Y8  ")), "Y8");
        assert_eq!(text(b"uvcvideo\0junk"), "uvcvideo");
        assert_eq!(text(b"no end"), "no end");
    }
}
