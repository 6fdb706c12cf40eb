//! The codecs by name, and the arguments of ffmpeg that they stand for.

use std::fmt;
use std::str::FromStr;

use crate::bench::codec::BenchError;

/// What is asked of a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every sample as it was.
    Lossless,
    /// A constant quality, in the codec's own scale.
    Lossy(u32),
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lossless => f.write_str("lossless"),
            Self::Lossy(rate) => write!(f, "rate {rate}"),
        }
    }
}

/// Arguments for one mode; `{q}` stands for the rate.
type Arguments = &'static str;

struct Known {
    name: &'static str,
    lossless: Option<Arguments>,
    lossy: Option<Arguments>,
    /// The rates of its curve.
    rates: &'static [u32],
    /// How long encoding takes, against ffv1.
    effort: f64,
}

/// Constant rate factors of x264, x265 and libvpx.
const CRF: &[u32] = &[8, 14, 20, 26, 32, 38];

const X265: &str = "pools=none:frame-threads=1:info=0:log-level=none";

/// Every lossy codec starts with its one key frame and looks at no frame that is still to come.
const KNOWN: &[Known] = &[
    Known {
        name: "ffv1",
        lossless: Some("-c:v ffv1 -level 3 -coder 1 -context 1 -g 300 -slices 4"),
        lossy: None,
        rates: &[],
        effort: 1.0,
    },
    Known {
        name: "ffv1:intra",
        lossless: Some("-c:v ffv1 -level 3 -coder 1 -context 0 -g 1 -slices 4"),
        lossy: None,
        rates: &[],
        effort: 1.0,
    },
    Known {
        name: "ffvhuff",
        lossless: Some("-c:v ffvhuff -pred median"),
        lossy: None,
        rates: &[],
        effort: 0.2,
    },
    Known {
        name: "utvideo",
        lossless: Some("-c:v utvideo -pred median"),
        lossy: None,
        rates: &[],
        effort: 0.2,
    },
    Known {
        name: "x264",
        lossless: Some("-c:v libx264 -preset veryslow -qp 0"),
        lossy: Some("-c:v libx264 -preset medium -tune zerolatency -g 300 -crf {q}"),
        rates: CRF,
        effort: 6.0,
    },
    Known {
        name: "x264:medium",
        lossless: Some("-c:v libx264 -preset medium -qp 0"),
        lossy: Some("-c:v libx264 -preset medium -tune zerolatency -g 300 -crf {q}"),
        rates: CRF,
        effort: 2.0,
    },
    Known {
        name: "x264:ultrafast",
        lossless: Some("-c:v libx264 -preset ultrafast -tune zerolatency -qp 0"),
        lossy: Some("-c:v libx264 -preset ultrafast -tune zerolatency -g 300 -crf {q}"),
        rates: CRF,
        effort: 0.5,
    },
    Known {
        name: "x265",
        lossless: Some("-c:v libx265 -preset medium -x265-params lossless=1:{x265}"),
        lossy: Some(
            "-c:v libx265 -preset medium -tune zerolatency -g 300 -crf {q} -x265-params {x265}",
        ),
        rates: CRF,
        effort: 6.0,
    },
    Known {
        name: "vp9",
        lossless: Some("-c:v libvpx-vp9 -lossless 1 -cpu-used 4 -row-mt 0"),
        lossy: Some(
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 5 -lag-in-frames 0 -row-mt 0 -g 300 \
             -b:v 0 -crf {q}",
        ),
        rates: &[24, 34, 44, 54],
        effort: 4.0,
    },
    Known {
        name: "av1",
        lossless: Some(
            "-c:v libaom-av1 -cpu-used 6 -row-mt 0 -crf 0 -b:v 0 -aom-params lossless=1",
        ),
        lossy: Some("-c:v libsvtav1 -preset 10 -g 300 -crf {q} -svtav1-params pred-struct=1:lp=1"),
        rates: &[25, 35, 45, 55],
        effort: 14.0,
    },
];

/// A codec of ffmpeg with its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Codec {
    name: String,
    lossless: Option<String>,
    lossy: Option<String>,
    rates: Vec<u32>,
    effort: f64,
}

impl Codec {
    /// A codec of one's own, from `NAME=ARGUMENTS`: with `{q}` in the arguments it has a curve over
    /// the rates of x264, without it is lossless.
    ///
    /// # Errors
    /// [`BenchError::Request`] when the name or the arguments are missing.
    pub fn custom(text: &str) -> Result<Self, BenchError> {
        let (name, arguments) = text.split_once('=').unwrap_or(("", ""));
        if name.is_empty() || arguments.trim().is_empty() || KNOWN.iter().any(|k| k.name == name) {
            return Err(BenchError::Request(format!(
                "cannot read {text:?} as a codec; write a new name, = and ffmpeg's arguments, for \
                 example 'nvenc=-c:v hevc_nvenc -qp {{q}}'"
            )));
        }
        let arguments = Some(arguments.to_owned());
        let curve = text.contains("{q}");
        let (lossless, lossy) = if curve { (None, arguments) } else { (arguments, None) };
        let rates = if curve { CRF.to_vec() } else { Vec::new() };
        Ok(Self { name: name.to_owned(), lossless, lossy, rates, effort: 4.0 })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rates of its curve; none for a codec that is lossless alone.
    #[must_use]
    pub fn rates(&self) -> &[u32] {
        &self.rates
    }

    /// About how long encoding takes, against ffv1.
    #[must_use]
    pub const fn effort(&self) -> f64 {
        self.effort
    }

    /// True when it can code without loss.
    #[must_use]
    pub const fn is_lossless(&self) -> bool {
        self.lossless.is_some()
    }

    /// ffmpeg's arguments; `None` when the codec cannot do that.
    #[must_use]
    pub fn arguments(&self, mode: Mode) -> Option<Vec<String>> {
        let (text, rate) = match mode {
            Mode::Lossless => (self.lossless.as_deref()?, String::new()),
            Mode::Lossy(rate) => (self.lossy.as_deref()?, rate.to_string()),
        };
        let word = |w: &str| w.replace("{q}", &rate).replace("{x265}", X265);
        Some(text.split_whitespace().map(word).collect())
    }
}

/// The arguments without a number of slices. ffv1 cuts pictures of some odd sizes not into four; it
/// then chooses itself.
pub(in crate::bench::codec) fn without_slices(arguments: &[String]) -> Option<Vec<String>> {
    let at = arguments.iter().position(|word| word == "-slices")?;
    let (before, after) = (arguments.get(..at)?, arguments.get(at + 2..)?);
    Some([before, after].concat())
}

impl FromStr for Codec {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Self, BenchError> {
        let Some(known) = KNOWN.iter().find(|k| k.name == text) else {
            let names: Vec<&str> = KNOWN.iter().map(|k| k.name).collect();
            return Err(BenchError::Request(format!(
                "the codec {text:?} is unknown; known are framecast:light, framecast:fast, \
                 framecast:strong, {} and those given by --ffmpeg-codec",
                names.join(", ")
            )));
        };
        Ok(Self {
            name: known.name.to_owned(),
            lossless: known.lossless.map(str::to_owned),
            lossy: known.lossy.map(str::to_owned),
            rates: known.rates.to_vec(),
            effort: known.effort,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_stands_where_it_belongs() {
        let codec: Codec = "x265".parse().unwrap();
        let words = codec.arguments(Mode::Lossy(26)).unwrap();
        assert!(words.windows(2).any(|w| w == ["-crf", "26"]), "{words:?}");
        assert!(words.contains(&X265.to_owned()));
        assert!(codec.is_lossless());
        let ffv1: Codec = "ffv1".parse().unwrap();
        assert_eq!(ffv1.arguments(Mode::Lossy(26)), None);
        assert!(ffv1.rates().is_empty());
    }

    #[test]
    fn slices_can_be_left_to_the_codec() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let left = without_slices(&words("-c:v ffv1 -slices 4 -g 1")).unwrap();
        assert_eq!(left, words("-c:v ffv1 -g 1"));
        assert_eq!(without_slices(&words("-c:v libx264 -qp 0")), None);
    }

    #[test]
    fn unknown_codecs_are_named_with_the_known() {
        let error = "x266".parse::<Codec>().unwrap_err().to_string();
        assert!(error.contains("\"x266\"") && error.contains("ffv1"), "{error}");
    }

    #[test]
    fn codecs_of_ones_own() {
        let curve = Codec::custom("slow=-c:v libx264 -preset slow -crf {q}").unwrap();
        assert_eq!((curve.is_lossless(), curve.rates().len()), (false, 6));
        assert_eq!(curve.arguments(Mode::Lossy(7)).unwrap().last().unwrap(), "7");
        let exact = Codec::custom("magic=-c:v magicyuv").unwrap();
        assert_eq!(exact.arguments(Mode::Lossless).unwrap(), ["-c:v", "magicyuv"]);
        for bad in ["", "name", "=-c:v x", "name= ", "ffv1=-c:v ffv1"] {
            assert!(Codec::custom(bad).is_err(), "{bad}");
        }
    }
}
