//! The container: `.fcv` streams, as `docs/bitstream.md` specifies them.
//!
//! A stream header, then a record a frame, then an end record with an index of key frames. Each of
//! them has its own CRC-32C, and each frame that of its reconstructed planes, slice by slice, so a
//! reader knows what is damaged and goes on behind it. Lengths are checked before memory is taken.

mod bytes;
mod end;
mod frame_header;
mod header;
mod reader;
mod seek;
mod writer;

pub use end::EndRecord;
pub use frame_header::{FrameHeader, FrameInfo, FrameKind, MAX_INDEX, SliceEntry};
pub(in crate::codec) use header::MAX_PINS;
pub use header::{MAGIC, MAX_PIXELS, MAX_SIDE, StreamHeader};
pub use reader::{Ending, Record, StreamReader};
pub use seek::read_end;
pub use writer::{StreamWriter, SyncTarget};

/// Version of the bitstream.
pub const VERSION: u16 = 1;
