//! What tells a stream from others.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::frame::Frame;

/// A number for the stream that begins with `first`: the same for the same frame of a file, so that
/// a file is always coded to the same bytes; another each time for one that was taken `now`.
#[must_use]
pub fn stream_id(first: &Frame, now: Option<SystemTime>) -> u64 {
    let meta = first.meta();
    let now = now.and_then(|now| now.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    let place = meta.position.map_or(0, |p| p.as_nanos());
    // A board without a clock of its own tells two starts apart by their frames at least.
    let samples = crc32c::crc32c(first.bytes());
    let times = crc32c::crc32c(&[now.to_le_bytes(), u128::from(place).to_le_bytes()].concat());
    u64::from(samples) << 32 | u64::from(crc32c::crc32c_append(times, &meta.seq.0.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameMeta, Layout, PixelFormat, PooledBuf, Size};
    use std::time::Duration;

    #[test]
    fn files_keep_their_number_and_recordings_have_one_each() {
        let frame = |value| {
            let layout = Layout::packed(PixelFormat::Grey, Size::new(4, 2)).unwrap();
            let bytes = PooledBuf::unpooled(vec![value; 8]);
            Frame::new(bytes, layout, FrameMeta::default()).unwrap()
        };
        assert_eq!(stream_id(&frame(1), None), stream_id(&frame(1), None));
        assert_ne!(stream_id(&frame(1), None), stream_id(&frame(2), None));
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let later = now + Duration::from_nanos(1);
        assert_ne!(stream_id(&frame(1), Some(now)), stream_id(&frame(1), Some(later)));
    }
}
