//! The pixel formats cameras and files deliver.

use std::fmt;
use std::str::FromStr;

use super::FrameError;

/// How the samples of a picture lie in memory. All samples are 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// 4:2:2 packed, bytes Y0 U Y1 V.
    Yuyv,
    /// 4:2:2 packed, bytes U Y0 V Y1.
    Uyvy,
    /// 4:2:0, a Y plane and a plane of interleaved U V.
    Nv12,
    /// 4:2:0, a Y plane and a plane of interleaved V U.
    Nv21,
    /// 4:2:0 planar Y, U, V.
    I420,
    /// 4:2:0 planar Y, V, U.
    Yv12,
    /// 4:2:2 planar Y, U, V.
    I422,
    /// 4:4:4 planar Y, U, V.
    I444,
    /// One luma plane.
    Grey,
    /// Packed R G B.
    Rgb24,
    /// Packed B G R.
    Bgr24,
    /// One JPEG picture a frame; the buffer holds the compressed bytes.
    Mjpeg,
}

impl PixelFormat {
    /// Every format, in the order they are listed in help texts.
    pub const ALL: [Self; 12] = [
        Self::Yuyv,
        Self::Uyvy,
        Self::Nv12,
        Self::Nv21,
        Self::I420,
        Self::Yv12,
        Self::I422,
        Self::I444,
        Self::Grey,
        Self::Rgb24,
        Self::Bgr24,
        Self::Mjpeg,
    ];

    /// The name used in configuration, reports and errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Uyvy => "UYVY",
            Self::Nv12 => "NV12",
            Self::Nv21 => "NV21",
            Self::I420 => "I420",
            Self::Yv12 => "YV12",
            Self::I422 => "I422",
            Self::I444 => "I444",
            Self::Grey => "GREY",
            Self::Rgb24 => "RGB24",
            Self::Bgr24 => "BGR24",
            Self::Mjpeg => "MJPEG",
        }
    }

    /// All names, separated by commas.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// True when the buffer holds a compressed picture whose length varies.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        matches!(self, Self::Mjpeg)
    }

    /// True when the samples are RGB rather than YUV.
    #[must_use]
    pub const fn is_rgb(self) -> bool {
        matches!(self, Self::Rgb24 | Self::Bgr24)
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PixelFormat {
    type Err = FrameError;

    /// Reads a name in any case, with the usual synonyms (`YUY2`, `GRAY`, `YU12`, `yuv420p`, `JPEG`).
    fn from_str(text: &str) -> Result<Self, FrameError> {
        let upper = text.to_ascii_uppercase();
        let synonym = match upper.as_str() {
            "YUY2" | "YUYV422" => Some(Self::Yuyv),
            "UYVY422" => Some(Self::Uyvy),
            "YU12" | "YUV420P" | "IYUV" => Some(Self::I420),
            "YUV422P" => Some(Self::I422),
            "YUV444P" => Some(Self::I444),
            "GRAY" | "GRAY8" | "Y8" | "Y800" => Some(Self::Grey),
            "RGB" | "RGB3" => Some(Self::Rgb24),
            "BGR" | "BGR3" => Some(Self::Bgr24),
            "MJPG" | "JPEG" | "JPG" => Some(Self::Mjpeg),
            _ => None,
        };
        synonym
            .or_else(|| Self::ALL.into_iter().find(|f| f.name() == upper))
            .ok_or_else(|| FrameError::FormatText { text: text.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in PixelFormat::ALL {
            assert_eq!(format.name().to_lowercase().parse::<PixelFormat>().unwrap(), format);
        }
        assert_eq!("yuv420p".parse::<PixelFormat>().unwrap(), PixelFormat::I420);
        let error = "P010".parse::<PixelFormat>().unwrap_err().to_string();
        assert!(error.contains("P010") && error.contains("NV12"), "{error}");
    }
}
