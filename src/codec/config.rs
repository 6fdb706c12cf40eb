//! What an encoder is asked for.

use std::fmt;
use std::str::FromStr;

use crate::frame::{Colour, PixelFormat, Rational, Size};

use super::band::Profile;
use super::convert::layout_of;
use super::error::CodecError;
use super::picture::SampleLayout;

/// The largest error bound.
pub const MAX_ERROR_LIMIT: u8 = 16;

/// The longest distance of key frames.
const MAX_KEY_INTERVAL: u32 = 100_000;

/// The most threads of one encoder or decoder.
pub(super) const MAX_THREADS: usize = 64;

/// The frames a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Format the frames come in, and go out in again.
    pub format: PixelFormat,
    /// Size in pixels.
    pub size: Size,
    /// Meaning of YUV samples.
    pub colour: Colour,
    /// Frames a second, when known.
    pub rate: Option<Rational>,
}

impl StreamSpec {
    /// Frames of usual colour and unknown rate.
    #[must_use]
    pub fn new(format: PixelFormat, size: Size) -> Self {
        Self { format, size, colour: Colour::default(), rate: None }
    }

    /// The planes coded; those of grey for a format that cannot be coded as it is.
    #[must_use]
    pub fn layout(&self) -> SampleLayout {
        layout_of(self.format).unwrap_or(SampleLayout::Grey)
    }
}

/// When a predictor's frame is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PredictorUse {
    /// Frames are coded both ways now and then, and the smaller way is kept up in between.
    #[default]
    WhenItPays,
    /// In every frame that has one.
    Always,
}

/// How to code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Work a sample.
    pub profile: Profile,
    /// Largest difference of a decoded sample, 0 for lossless, at most [`MAX_ERROR_LIMIT`].
    pub max_error: u8,
    /// Frames from one key frame to the next at most, 1..=100,000.
    pub key_interval: u32,
    /// Start anew where the scene changes.
    pub scene_cuts: bool,
    /// Number of bands coded apart; `None` for bands of about 192 rows, in profile light for two
    /// at least from 128 rows on.
    pub slices: Option<usize>,
    /// Threads that code bands at the same time; the bytes are the same for any number.
    pub threads: usize,
    /// Confine bands to themselves and refresh one after the other, all of them within so many
    /// frames: what is lost comes back without a key frame.
    pub refresh: Option<u32>,
    /// When the predictor's frame is used.
    pub predictor_use: PredictorUse,
    /// Tells the stream from others, see [`stream_id`](super::stream_id): what an older stream left
    /// on the disk is never taken for a part of it.
    pub id: u64,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            profile: Profile::Fast,
            max_error: 0,
            key_interval: 150,
            scene_cuts: true,
            slices: None,
            threads: 1,
            refresh: None,
            predictor_use: PredictorUse::default(),
            id: 0,
        }
    }
}

impl EncoderConfig {
    /// Checks every range that does not depend on the picture.
    ///
    /// # Errors
    /// [`CodecError::Config`] with the value and its range.
    pub fn check(&self) -> Result<(), CodecError> {
        let bad = |name, value: String, allowed: String| {
            Err(CodecError::Config { name, value, allowed: format!("allowed are {allowed}") })
        };
        if self.max_error > MAX_ERROR_LIMIT {
            let allowed = format!("0 (lossless) to {MAX_ERROR_LIMIT}");
            return bad("the largest error", self.max_error.to_string(), allowed);
        }
        if !(1..=MAX_KEY_INTERVAL).contains(&self.key_interval) {
            let allowed = format!("1 to {MAX_KEY_INTERVAL} frames");
            return bad("the key frame interval", self.key_interval.to_string(), allowed);
        }
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return bad("threads", self.threads.to_string(), format!("1 to {MAX_THREADS}"));
        }
        match self.refresh {
            Some(period) if !(2..=MAX_KEY_INTERVAL).contains(&period) => {
                bad("the refresh period", period.to_string(), format!("2 to {MAX_KEY_INTERVAL}"))
            }
            _ => Ok(()),
        }
    }
}

impl Profile {
    /// Every profile, from the quickest to the smallest.
    pub const ALL: [Self; 3] = [Self::Light, Self::Fast, Self::Strong];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Fast => "fast",
            Self::Strong => "strong",
        }
    }

    /// Reconstructed frames a frame is predicted from: 1 or 2.
    #[must_use]
    pub const fn references(self) -> usize {
        match self {
            Self::Light => 1,
            Self::Fast | Self::Strong => 2,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Self, CodecError> {
        let known = Self::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| CodecError::Config {
            name: "the profile",
            value: format!("{:?}", text.chars().take(40).collect::<String>()),
            allowed: "allowed are light, fast and strong".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_and_named() {
        let usual = EncoderConfig::default;
        usual().check().unwrap();
        for (config, part) in [
            (EncoderConfig { max_error: 17, ..usual() }, "largest error is 17; allowed are 0"),
            (EncoderConfig { key_interval: 0, ..usual() }, "1 to 100000 frames"),
            (EncoderConfig { threads: 0, ..usual() }, "threads is 0"),
            (EncoderConfig { threads: 65, ..usual() }, "1 to 64"),
            (EncoderConfig { refresh: Some(1), ..usual() }, "refresh period is 1"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn profiles_have_names() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().to_uppercase().parse::<Profile>().unwrap(), profile);
        }
        let error = "slow".parse::<Profile>().unwrap_err().to_string();
        assert!(error.contains("slow") && error.contains("light, fast and strong"), "{error}");
    }
}
