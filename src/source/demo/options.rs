//! The query of a `demo:` URI.
#![warn(clippy::indexing_slicing)]

use crate::frame::{PixelFormat, Rational, Size};
use crate::source::SourceOptions;

use super::DEFAULT_NOISE;

/// What the demo renders. From `demo:?seed=7&size=320x180&fps=60&format=NV12&noise=4&frames=300`;
/// what the query leaves out comes from [`SourceOptions`], then from the defaults.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DemoOptions {
    /// Seed of the world.
    pub seed: u64,
    /// Size of the pictures; 640x360 by default.
    pub size: Size,
    /// Frames a second; 30 by default.
    pub rate: Rational,
    /// Format of the frames, any but MJPEG; I420 by default.
    pub format: PixelFormat,
    /// Standard deviation of the sensor noise at mid grey, 0..=64 levels.
    pub noise: f32,
    /// Where the recording ends; never by default.
    pub frames: Option<u64>,
    /// The first frame rendered; 0 by default.
    pub start: u64,
    /// Real time rather than as fast as the frames are read.
    pub paced: bool,
}

/// The keys a query may hold.
const KEYS: &str = "seed, size, fps, format, noise, frames, start, paced";

impl DemoOptions {
    /// Reads the part of the URI after `demo:`.
    ///
    /// # Errors
    /// A sentence that names the key or value and what is allowed.
    pub fn parse(query: &str, options: &SourceOptions) -> Result<Self, String> {
        let mut demo = Self {
            seed: options.seed,
            size: options.size.unwrap_or(Size::new(640, 360)),
            rate: options.rate.unwrap_or(Rational::whole(30)),
            format: options.format.unwrap_or(PixelFormat::I420),
            noise: DEFAULT_NOISE,
            frames: None,
            start: 0,
            paced: options.paced,
        };
        let query = query.strip_prefix('?').unwrap_or(query);
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            demo.set(key, value)?;
        }
        demo.size.checked().map_err(|e| e.to_string())?;
        if demo.format.is_compressed() {
            return Err("the demo renders raw formats only; use for example format=I420".into());
        }
        Ok(demo)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let whole = |what: &str| {
            value.parse::<u64>().map_err(|_| {
                format!("{what}={value:?} is not a whole number from 0 to {}", u64::MAX)
            })
        };
        match key {
            "seed" => self.seed = whole(key)?,
            "frames" => self.frames = Some(whole(key)?),
            "start" => self.start = whole(key)?,
            "size" => self.size = value.parse::<Size>().map_err(|e| e.to_string())?,
            "fps" => self.rate = value.parse::<Rational>().map_err(|e| e.to_string())?,
            "format" => self.format = value.parse::<PixelFormat>().map_err(|e| e.to_string())?,
            "noise" => {
                self.noise = value
                    .parse()
                    .ok()
                    .filter(|n| (0.0..=64.0).contains(n))
                    .ok_or_else(|| format!("noise={value:?} is not a number from 0 to 64"))?;
            }
            "paced" => {
                self.paced = match value {
                    "" | "1" | "true" | "yes" => true,
                    "0" | "false" | "no" => false,
                    _ => return Err(format!("paced={value:?} is neither true nor false")),
                };
            }
            _ => return Err(format!("unknown key {key:?}; known are {KEYS}")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_and_the_uri_goes_first() {
        let mut options = SourceOptions { seed: 9, paced: true, ..SourceOptions::default() };
        options.size = Some(Size::new(8, 6));
        let demo =
            DemoOptions::parse("?size=32x18&fps=29.97&format=nv12&noise=2", &options).unwrap();
        assert_eq!((demo.seed, demo.size, demo.paced), (9, Size::new(32, 18), true));
        assert_eq!((demo.rate.den(), demo.format), (1001, PixelFormat::Nv12));
        let plain = DemoOptions::parse("", &options).unwrap();
        assert_eq!((plain.size, plain.frames), (Size::new(8, 6), None));
    }

    #[test]
    fn mistakes_are_named() {
        for (query, part) in [
            ("?sead=1", "known are seed, size"),
            ("?seed=-1", "seed=\"-1\""),
            ("?size=0x5", "0x5"),
            ("?fps=0", "0/1"),
            ("?noise=NaN", "0 to 64"),
            ("?format=MJPEG", "raw formats only"),
            ("?paced=maybe", "neither"),
        ] {
            let error = DemoOptions::parse(query, &SourceOptions::default()).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
    }
}
