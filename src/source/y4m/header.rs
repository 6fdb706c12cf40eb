//! The header line of a Y4M stream (`YUV4MPEG2 W640 H360 F30:1 Ip A1:1 C420mpeg2 XCOLORRANGE=FULL`).
//!
//! The format is that of the mjpegtools `yuv4mpeg(5)` manual; the `X` tags are ffmpeg's.
#![warn(clippy::indexing_slicing)]

use crate::frame::{ChromaSiting, Colour, ColourRange, Layout, PixelFormat, Rational, Size};

/// The first bytes of every Y4M stream.
pub const MAGIC: &[u8] = b"YUV4MPEG2";

/// The longest header or frame line read.
pub(super) const MAX_LINE: usize = 1024;

/// How the lines of a picture were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interlace {
    /// All lines at once, or not said.
    #[default]
    Progressive,
    /// Two fields, the top one first.
    TopFirst,
    /// Two fields, the bottom one first.
    BottomFirst,
    /// Said frame by frame.
    Mixed,
}

impl Interlace {
    /// In words, for descriptions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Progressive => "progressive",
            Self::TopFirst => "interlaced, top field first",
            Self::BottomFirst => "interlaced, bottom field first",
            Self::Mixed => "mixed interlace",
        }
    }
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Planes of one frame.
    pub layout: Layout,
    /// Frames a second; unknown when `F` is absent or `0:0`.
    pub rate: Option<Rational>,
    /// Range and siting as tagged; the matrix is BT.601, which the format cannot say.
    pub colour: Colour,
    /// Field order.
    pub interlace: Interlace,
    /// Width to height of one pixel; unknown when `A` is absent or `0:0`.
    pub aspect: Option<Rational>,
}

impl Header {
    /// Reads a header line, without its newline.
    ///
    /// # Errors
    /// A sentence that names the field, its value and what is allowed.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let rest = line.strip_prefix(MAGIC).ok_or("it does not start with YUV4MPEG2")?;
        let text = std::str::from_utf8(rest).map_err(|_| "its header is not text")?;
        let (mut width, mut height) = (None, None);
        let (mut rate, mut aspect) = (None, None);
        let mut interlace = Interlace::default();
        let mut chroma: Option<&str> = None;
        let mut range = None;
        for field in text.split(' ').filter(|f| !f.is_empty()) {
            let mut letters = field.chars();
            let letter = letters.next();
            let value = letters.as_str();
            match letter {
                Some('W') => width = Some(side("width", value)?),
                Some('H') => height = Some(side("height", value)?),
                Some('F') => rate = ratio("rate F", value)?,
                Some('A') => aspect = ratio("aspect A", value)?,
                Some('I') => {
                    interlace = match value {
                        "p" | "?" => Interlace::Progressive,
                        "t" => Interlace::TopFirst,
                        "b" => Interlace::BottomFirst,
                        "m" => Interlace::Mixed,
                        _ => {
                            return Err(format!(
                                "interlacing I{value:.20} is none of p, t, b, m, ?"
                            ));
                        }
                    };
                }
                Some('C') => chroma = Some(value),
                Some('X') => match value {
                    "COLORRANGE=FULL" => range = Some(ColourRange::Full),
                    "COLORRANGE=LIMITED" => range = Some(ColourRange::Limited),
                    // Older ffmpeg and mplayer repeat the chroma format here; C goes first.
                    _ => chroma = chroma.or(value.strip_prefix("YSCSS=")),
                },
                // Unknown fields are to be ignored, says the manual.
                _ => {}
            }
        }
        let width = width.ok_or("its header has no width (W)")?;
        let height = height.ok_or("its header has no height (H)")?;
        let (format, siting) =
            chroma.map_or(Ok((PixelFormat::I420, ChromaSiting::Left)), sampling)?;
        let layout = Layout::packed(format, Size::new(width, height)).map_err(|e| e.to_string())?;
        let colour = Colour { range: range.unwrap_or_default(), siting, ..Colour::default() };
        Ok(Self { layout, rate, colour, interlace, aspect })
    }
}

fn side(what: &str, value: &str) -> Result<u32, String> {
    let max = crate::frame::MAX_DIMENSION;
    value
        .parse()
        .ok()
        .filter(|n| (1..=max).contains(n))
        .ok_or_else(|| format!("its {what} {value:.20} is not a number from 1 to {max}"))
}

/// `30000:1001`; `0:0` means unknown.
fn ratio(what: &str, value: &str) -> Result<Option<Rational>, String> {
    let bad = || format!("its {what}{value:.30} is not two numbers such as 30:1");
    let (num, den) = value.split_once(':').ok_or_else(bad)?;
    let (num, den): (u32, u32) = (num.parse().map_err(|_| bad())?, den.parse().map_err(|_| bad())?);
    if (num, den) == (0, 0) {
        return Ok(None);
    }
    Rational::new(num, den).map(Some).map_err(|_| bad())
}

/// The chroma format, with the siting mjpegtools and ffmpeg give it.
fn sampling(name: &str) -> Result<(PixelFormat, ChromaSiting), String> {
    let lower = name.to_ascii_lowercase();
    Ok(match lower.as_str() {
        "420" | "420jpeg" => (PixelFormat::I420, ChromaSiting::Centre),
        // PAL-DV sites its two chroma planes differently, both on the left column; left is nearest.
        "420mpeg2" | "420paldv" => (PixelFormat::I420, ChromaSiting::Left),
        "422" => (PixelFormat::I422, ChromaSiting::Left),
        "444" => (PixelFormat::I444, ChromaSiting::Left),
        "mono" => (PixelFormat::Grey, ChromaSiting::Left),
        _ => {
            let deep = ["p9", "p10", "p12", "p14", "p16", "mono9", "mono10", "mono12", "mono16"];
            let reason = if deep.iter().any(|d| lower.ends_with(d)) {
                "more than 8 bits a sample are not supported; convert with ffmpeg -pix_fmt yuv420p"
            } else {
                "supported are 420, 420jpeg, 420mpeg2, 420paldv, 422, 444 and mono"
            };
            return Err(format!("its chroma format C{name:.20} cannot be read: {reason}"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &str) -> Result<Header, String> {
        Header::parse(format!("YUV4MPEG2 {fields}").as_bytes())
    }

    #[test]
    fn every_field_is_understood() {
        let h = parse("W5 H3 F30000:1001 It A128:117 C420jpeg XCOLORRANGE=FULL XFOO=1 Zq").unwrap();
        assert_eq!(h.layout.size(), Size::new(5, 3));
        assert_eq!(h.rate, Some(Rational::new(30000, 1001).unwrap()));
        assert_eq!(h.aspect.map(Rational::num), Some(128));
        assert_eq!(h.colour, Colour::JPEG);
        assert_eq!(h.interlace, Interlace::TopFirst);
        assert_eq!(parse("W5 H3 F0:0").unwrap().rate, None);
    }

    #[test]
    fn chroma_formats_and_their_siting() {
        for (name, format, siting) in [
            ("C420", PixelFormat::I420, ChromaSiting::Centre),
            ("C420mpeg2", PixelFormat::I420, ChromaSiting::Left),
            ("C420paldv", PixelFormat::I420, ChromaSiting::Left),
            ("C422", PixelFormat::I422, ChromaSiting::Left),
            ("C444", PixelFormat::I444, ChromaSiting::Left),
            ("Cmono", PixelFormat::Grey, ChromaSiting::Left),
            ("XYSCSS=420JPEG", PixelFormat::I420, ChromaSiting::Centre),
            ("Ip", PixelFormat::I420, ChromaSiting::Left),
        ] {
            let header = parse(&format!("W4 H4 {name}")).unwrap();
            assert_eq!((header.layout.format(), header.colour.siting), (format, siting), "{name}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (fields, part) in [
            ("H3", "no width"),
            ("W3", "no height"),
            ("W0 H3", "width 0"),
            ("W16385 H3", "1 to 16384"),
            ("W5 H3 F30", "rate F30"),
            ("W5 H3 F30:0", "rate F30:0"),
            ("W5 H3 C420p10", "more than 8 bits"),
            ("W5 H3 Cmono16", "more than 8 bits"),
            ("W5 H3 C411", "supported are 420"),
            ("W5 H3 C444alpha", "supported are 420"),
            ("W5 H3 Ix", "interlacing Ix"),
        ] {
            let error = parse(fields).unwrap_err();
            assert!(error.contains(part), "{fields}: {error}");
        }
        assert!(Header::parse(b"RIFF").is_err());
        assert!(Header::parse(b"YUV4MPEG2 W\xff H1").is_err());
    }
}
