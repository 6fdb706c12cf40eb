//! How far ahead to predict, in frames, as a time, or up to the moment of display.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::task::TaskError;

/// The most frames a prediction may look ahead. Each step costs one run of the model, and each
/// frame waiting for its comparison costs 15 bytes a pixel.
pub const MAX_HORIZON: u32 = 32;

/// How far ahead to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// This many frames, 1..=[`MAX_HORIZON`].
    Frames(u32),
    /// This long; the number of frames follows the running median of the frame intervals.
    Time(Duration),
    /// As long as a result is old when it is displayed.
    Auto,
}

impl Default for Horizon {
    fn default() -> Self {
        Self::Frames(1)
    }
}

impl Horizon {
    /// The number of frames: `max(1, round(time / interval))`, at most [`MAX_HORIZON`].
    ///
    /// Without a known `interval` (or, for [`Horizon::Auto`], a known `age`) it is 1.
    #[must_use]
    pub fn frames(self, interval: Option<Duration>, age: Option<Duration>) -> u32 {
        let time = match self {
            Self::Frames(frames) => return frames.clamp(1, MAX_HORIZON),
            Self::Time(time) => Some(time),
            Self::Auto => age,
        };
        match (time, interval) {
            (Some(time), Some(interval)) if !interval.is_zero() => {
                let frames = (time.as_secs_f64() / interval.as_secs_f64()).round();
                // The value is clamped first, so the cast is exact.
                frames.clamp(1.0, f64::from(MAX_HORIZON)) as u32
            }
            _ => 1,
        }
    }

    /// The most frames this horizon can become, for reserving memory.
    #[must_use]
    pub fn most(self) -> u32 {
        match self {
            Self::Frames(frames) => frames.clamp(1, MAX_HORIZON),
            Self::Time(_) | Self::Auto => MAX_HORIZON,
        }
    }
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames(frames) => write!(f, "{frames}"),
            Self::Time(time) => write!(f, "{}ms", time.as_millis()),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for Horizon {
    type Err = TaskError;

    /// Reads `3` (frames), `100ms`, `0.5s` or `auto`.
    fn from_str(text: &str) -> Result<Self, TaskError> {
        let bad = || TaskError::Horizon { text: text.chars().take(40).collect() };
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        if let Ok(frames) = text.parse::<u32>() {
            return if (1..=MAX_HORIZON).contains(&frames) {
                Ok(Self::Frames(frames))
            } else {
                Err(bad())
            };
        }
        let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(number), _) => (number, 1e-3),
            (None, Some(number)) => (number, 1.0),
            (None, None) => return Err(bad()),
        };
        let seconds = number.trim().parse::<f64>().map_err(|_| bad())? * unit;
        if seconds > 0.0 && seconds <= 10.0 {
            Ok(Self::Time(Duration::from_secs_f64(seconds)))
        } else {
            Err(bad())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let read = |t: &str| t.parse::<Horizon>();
        assert_eq!(read("3").unwrap(), Horizon::Frames(3));
        assert_eq!(read("100ms").unwrap(), Horizon::Time(Duration::from_millis(100)));
        assert_eq!(read("0.5s").unwrap(), Horizon::Time(Duration::from_millis(500)));
        assert_eq!(read("AUTO").unwrap(), Horizon::Auto);
        for bad in ["0", "33", "-1", "", "ms", "0ms", "nans", "infs", "1e9s", "3 frames"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("1..=32") && error.contains("auto"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn time_becomes_frames_by_the_interval() {
        let at = |ms, fps: f64| {
            let interval = Duration::from_secs_f64(1.0 / fps);
            Horizon::Time(Duration::from_millis(ms)).frames(Some(interval), None)
        };
        assert_eq!(at(100, 30.0), 3);
        assert_eq!(at(100, 24.0), 2);
        assert_eq!(at(100, 25.0), 3, "2.5 rounds half up");
        assert_eq!(at(5, 30.0), 1, "never below one frame");
        assert_eq!(at(10_000, 60.0), MAX_HORIZON);
    }

    #[test]
    fn auto_follows_the_age() {
        let interval = Some(Duration::from_millis(20));
        let frames = |age| Horizon::Auto.frames(interval, age);
        assert_eq!(frames(None), 1);
        assert_eq!(frames(Some(Duration::from_millis(62))), 3);
        assert_eq!(Horizon::Auto.frames(None, Some(Duration::from_secs(1))), 1);
    }
}
