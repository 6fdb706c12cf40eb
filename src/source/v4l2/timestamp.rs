//! When a frame was captured, if the driver says so believably.

use std::time::Duration;

use super::abi;
use crate::frame::MonoTime;

/// A frame older than this when it is dequeued has a wrong stamp: the driver holds at most eight
/// buffers, and the watchdog reopens a camera that stalls for less.
const MAX_AGE: Duration = Duration::from_secs(10);

/// The capture time and whether it is the driver's; otherwise it is `now`, the time of dequeueing.
///
/// Only `CLOCK_MONOTONIC` stamps can be compared with our clock. A stamp slightly ahead is taken
/// as `now`, one far off (a wrapped or uninitialised counter) is not believed.
pub(super) fn capture_time(
    flags: u32,
    seconds: i64,
    micros: i64,
    now: MonoTime,
) -> (MonoTime, bool) {
    let monotonic = flags & abi::FLAG_TIMESTAMP_MASK == abi::FLAG_TIMESTAMP_MONOTONIC;
    let nanos = u64::try_from(seconds)
        .ok()
        .and_then(|s| s.checked_mul(1_000_000_000))
        .zip(u64::try_from(micros).ok().filter(|&us| us < 1_000_000))
        .and_then(|(s, us)| s.checked_add(us * 1_000));
    let Some(stamp) = nanos.map(MonoTime::from_nanos).filter(|_| monotonic) else {
        return (now, false);
    };
    let ahead = stamp.since(now);
    let age = now.since(stamp);
    if ahead > Duration::from_millis(100) || age > MAX_AGE {
        return (now, false);
    }
    (stamp.min(now), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONOTONIC: u32 = abi::FLAG_TIMESTAMP_MONOTONIC;

    #[test]
    fn a_monotonic_stamp_is_used() {
        let now = MonoTime::from_nanos(100_500_000_000);
        let (time, driver) = capture_time(MONOTONIC, 100, 467_000, now);
        assert_eq!((time.as_nanos(), driver), (100_467_000_000, true));
    }

    #[test]
    fn other_clocks_and_wrapped_stamps_fall_back_to_now() {
        let now = MonoTime::from_nanos(100_500_000_000);
        for (flags, seconds, micros) in [
            (0, 100, 467_000),
            (0x4000, 100, 467_000),
            (MONOTONIC, 0, 0),
            (MONOTONIC, -3, 5),
            (MONOTONIC, i64::MAX, 0),
            (MONOTONIC, 2_147_483_640, 0),
            (MONOTONIC, 100, 1_000_000),
        ] {
            assert_eq!(
                capture_time(flags, seconds, micros, now),
                (now, false),
                "{seconds}.{micros}"
            );
        }
        let (time, driver) = capture_time(MONOTONIC, 100, 500_100, now);
        assert_eq!((time, driver), (now, true));
    }
}
