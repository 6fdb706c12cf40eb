//! What the numbers of a YUV picture mean.

use std::fmt;
use std::str::FromStr;

use super::FrameError;

/// The matrix between RGB and YUV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourMatrix {
    /// ITU-R BT.601 (Kr 0.299, Kb 0.114): cameras, JPEG, untagged files.
    #[default]
    Bt601,
    /// ITU-R BT.709 (Kr 0.2126, Kb 0.0722).
    Bt709,
    /// ITU-R BT.2020 non-constant luminance (Kr 0.2627, Kb 0.0593).
    Bt2020,
}

impl ColourMatrix {
    /// The luma weights of red and blue.
    #[must_use]
    pub const fn kr_kb(self) -> (f64, f64) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// The excursion of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourRange {
    /// Luma 16..=235, chroma 16..=240.
    #[default]
    Limited,
    /// 0..=255 in all planes.
    Full,
}

/// Where a subsampled chroma sample sits between its luma samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChromaSiting {
    /// On the left luma column, halfway between the lines (MPEG-2, H.264 default).
    #[default]
    Left,
    /// In the middle of the luma samples (JPEG, MPEG-1).
    Centre,
}

/// Matrix, range and siting of a picture. The default, for untagged video, is BT.601 limited
/// with chroma sited left. Ignored by RGB formats; grey uses the range alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Matrix between RGB and YUV.
    pub matrix: ColourMatrix,
    /// Excursion of the samples.
    pub range: ColourRange,
    /// Place of the chroma samples.
    pub siting: ChromaSiting,
}

impl Colour {
    /// What JPEG (JFIF) and MJPEG carry: BT.601, full range, chroma in the centre.
    pub const JPEG: Self = Self {
        matrix: ColourMatrix::Bt601,
        range: ColourRange::Full,
        siting: ChromaSiting::Centre,
    };
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matrix = match self.matrix {
            ColourMatrix::Bt601 => "bt601",
            ColourMatrix::Bt709 => "bt709",
            ColourMatrix::Bt2020 => "bt2020",
        };
        let range = match self.range {
            ColourRange::Limited => "limited",
            ColourRange::Full => "full",
        };
        write!(f, "{matrix}-{range}")
    }
}

impl FromStr for Colour {
    type Err = FrameError;

    /// Reads `bt601`, `bt709-full` and so on, or `jpeg`; the range is limited when not given.
    fn from_str(text: &str) -> Result<Self, FrameError> {
        let bad = || FrameError::ColourText { text: text.chars().take(40).collect() };
        if text.eq_ignore_ascii_case("jpeg") {
            return Ok(Self::JPEG);
        }
        let lower = text.to_ascii_lowercase();
        let (matrix, range) = lower.split_once('-').unwrap_or((&lower, "limited"));
        let matrix = match matrix {
            "bt601" => ColourMatrix::Bt601,
            "bt709" => ColourMatrix::Bt709,
            "bt2020" => ColourMatrix::Bt2020,
            _ => return Err(bad()),
        };
        let range = match range {
            "limited" => ColourRange::Limited,
            "full" => ColourRange::Full,
            _ => return Err(bad()),
        };
        Ok(Self { matrix, range, siting: ChromaSiting::Left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_names_round_trip() {
        for name in ["bt601-limited", "bt709-full", "bt2020-limited"] {
            assert_eq!(name.parse::<Colour>().unwrap().to_string(), name);
        }
        assert_eq!("bt709".parse::<Colour>().unwrap().range, ColourRange::Limited);
        assert_eq!("jpeg".parse::<Colour>().unwrap(), Colour::JPEG);
        assert!("bt709-wide".parse::<Colour>().is_err());
    }
}
