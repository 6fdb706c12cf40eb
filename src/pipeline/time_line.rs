//! The time of frames on the stream's own time line, the same for every task and command.

use std::time::Duration;

use crate::frame::{FrameSeq, MonoTime, Rational};
use crate::source::SourceInfo;

/// The rate of pictures that have none.
const RATE: u32 = 25;

/// Frames may be missing for this long before what was gathered of a stream counts as interrupted.
pub const GAP: Duration = Duration::from_secs(1);

/// Where a frame lies in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the beginning of the recording, or since the first frame of a live stream.
    pub time: MonoTime,
    /// It lies more than [`GAP`] behind the frame before.
    pub jumped: bool,
}

/// Places frames in time: a recording by its own positions however fast it is read, a live stream by
/// when it was filmed.
#[derive(Clone, Debug)]
pub struct TimeLine {
    live: bool,
    /// Between the frames of a recording without times.
    interval: Duration,
    begun: Option<MonoTime>,
    last: Option<MonoTime>,
}

impl TimeLine {
    /// The time line of a source.
    #[must_use]
    pub fn new(info: &SourceInfo) -> Self {
        let interval = info.rate.unwrap_or(Rational::whole(RATE)).interval();
        Self { live: info.live, interval, begun: None, last: None }
    }

    /// Places the next frame.
    pub fn place(
        &mut self,
        seq: FrameSeq,
        captured: MonoTime,
        position: Option<MonoTime>,
    ) -> Moment {
        let time = match position {
            _ if self.live => {
                MonoTime::ZERO.after(captured.since(*self.begun.get_or_insert(captured)))
            }
            Some(position) => position,
            None => {
                let nanos = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
                MonoTime::from_nanos(nanos.saturating_mul(seq.0))
            }
        };
        let last = self.last.replace(time);
        Moment { time, jumped: last.is_some_and(|last| time.since(last) > GAP) }
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::{PixelFormat, Size};

    use super::*;

    const fn ms(n: u64) -> MonoTime {
        MonoTime::from_nanos(n * 1_000_000)
    }

    fn line(live: bool, rate: Option<u32>) -> TimeLine {
        TimeLine::new(&SourceInfo {
            uri: "x:".to_owned(),
            description: String::new(),
            format: PixelFormat::Grey,
            size: Size::new(2, 2),
            rate: rate.map(Rational::whole),
            live,
            frames: None,
        })
    }

    #[test]
    fn a_recording_has_times_of_its_own_and_a_camera_the_clock() {
        let mut file = line(false, Some(10));
        let at = |line: &mut TimeLine, seq, captured, position: Option<u64>| {
            let moment = line.place(FrameSeq(seq), ms(captured), position.map(ms));
            (moment.time.as_nanos() / 1_000_000, moment.jumped)
        };
        assert_eq!(at(&mut file, 0, 9_000, Some(0)), (0, false));
        assert_eq!(at(&mut file, 1, 9_001, Some(500)), (500, false));
        assert_eq!(at(&mut file, 2, 9_002, Some(1_501)), (1_501, true));
        let mut pictures = line(false, None);
        assert_eq!(at(&mut pictures, 0, 9_000, None), (0, false));
        assert_eq!(at(&mut pictures, 5, 9_001, None), (200, false));
        // What a camera calls its rate says nothing of when its frames come.
        let mut camera = line(true, Some(10));
        assert_eq!(at(&mut camera, 7, 9_000, None), (0, false));
        assert_eq!(at(&mut camera, 8, 9_900, Some(100)), (900, false));
        assert_eq!(at(&mut camera, 9, 11_000, None), (2_000, true));
    }
}
