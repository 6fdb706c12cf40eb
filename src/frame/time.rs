//! Time and order of frames as types.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::FrameError;

/// A point on the monotonic clock, in nanoseconds.
///
/// On Linux this is `CLOCK_MONOTONIC`, the clock V4L2 stamps buffers with, so a capture time and
/// [`MonoTime::now`] can be subtracted. Elsewhere it counts from the first use in the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(u64);

impl MonoTime {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// The time now.
    #[must_use]
    pub fn now() -> Self {
        #[cfg(target_os = "linux")]
        {
            let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let secs = u64::try_from(t.tv_sec).unwrap_or(0);
            let nanos = u64::try_from(t.tv_nsec).unwrap_or(0);
            Self(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
        }
        #[cfg(not(target_os = "linux"))]
        {
            use std::sync::OnceLock;
            use std::time::Instant;
            static ORIGIN: OnceLock<Instant> = OnceLock::new();
            let since = ORIGIN.get_or_init(Instant::now).elapsed();
            Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
        }
    }

    /// The time that lies `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long `earlier` lies back; zero when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `wait`, saturating.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for MonoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

/// The number a source gives a frame. It rises by one a frame; a jump shows lost frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameSeq(pub u64);

impl FrameSeq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for FrameSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A positive rational number: frames a second, or a pixel aspect ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    num: u32,
    den: u32,
}

impl Rational {
    /// `num / den`; both must be at least 1.
    ///
    /// # Errors
    /// [`FrameError::Rate`] when either is zero.
    pub const fn new(num: u32, den: u32) -> Result<Self, FrameError> {
        if num == 0 || den == 0 {
            Err(FrameError::Rate { num, den })
        } else {
            Ok(Self { num, den })
        }
    }

    /// `fps / 1`, with 0 taken as 1.
    #[must_use]
    pub const fn whole(fps: u32) -> Self {
        Self { num: if fps == 0 { 1 } else { fps }, den: 1 }
    }

    /// Numerator.
    #[must_use]
    pub const fn num(self) -> u32 {
        self.num
    }

    /// Denominator.
    #[must_use]
    pub const fn den(self) -> u32 {
        self.den
    }

    /// The value as a float.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The duration of one frame at this rate.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_nanos(u64::from(self.den) * 1_000_000_000 / u64::from(self.num))
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

impl FromStr for Rational {
    type Err = FrameError;

    /// Reads `30`, `30000/1001`, `30000:1001` or `29.97`.
    fn from_str(text: &str) -> Result<Self, FrameError> {
        let bad = || FrameError::RateText { text: text.chars().take(40).collect() };
        if let Some((num, den)) = text.split_once(['/', ':']) {
            let num = num.trim().parse().map_err(|_| bad())?;
            let den = den.trim().parse().map_err(|_| bad())?;
            return Self::new(num, den);
        }
        if let Ok(whole) = text.trim().parse::<u32>() {
            return Self::new(whole, 1);
        }
        let value: f64 = text.trim().parse().map_err(|_| bad())?;
        if !(value.is_finite() && value > 0.0 && value <= 1_000_000.0) {
            return Err(bad());
        }
        // NTSC rates are written with two or three decimals by convention.
        let ntsc = (value * 1.001).round();
        if (value - ntsc / 1.001).abs() < 0.005 && (value - value.round()).abs() > 1e-9 {
            return Self::new((ntsc * 1000.0) as u32, 1001);
        }
        Self::new((value * 1000.0).round() as u32, 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        let rate = |t: &str| t.parse::<Rational>().map(|r| (r.num(), r.den()));
        assert_eq!(rate("30").unwrap(), (30, 1));
        assert_eq!(rate("30000/1001").unwrap(), (30000, 1001));
        assert_eq!(rate("30000:1001").unwrap(), (30000, 1001));
        assert_eq!(rate("29.97").unwrap(), (30000, 1001));
        assert_eq!(rate("7.5").unwrap(), (7500, 1000));
        for bad in ["0", "", "1/0", "-3", "nan", "abc", "1e99"] {
            assert!(rate(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn monotonic_time_never_goes_back() {
        let a = MonoTime::now();
        let b = MonoTime::now();
        assert!(b >= a);
        assert_eq!(a.since(b.after(Duration::from_secs(1))), Duration::ZERO);
    }

    #[test]
    fn interval_of_a_rate() {
        assert_eq!(Rational::whole(25).interval(), Duration::from_millis(40));
    }
}
