//! The driver's 100 % colour bars and how a frame is held against them.

use framecast::frame::{ColourRange, Frame, PixelFormat};
use framecast::vision::{FrameConverter, RgbImage};

/// White, yellow, cyan, green, magenta, red, blue, black.
const BARS: [[u8; 3]; 8] = [
    [255, 255, 255],
    [255, 255, 0],
    [0, 255, 255],
    [0, 255, 0],
    [255, 0, 255],
    [255, 0, 0],
    [0, 0, 255],
    [0, 0, 0],
];

/// Levels a channel may be off: 8-bit YUV of limited range and back costs up to 2, the driver's own
/// fixed-point conversion 1 more.
const TOLERANCE: i32 = 3;

/// In full range the driver keeps off the bytes 0 and 255, which mark synchronisation on a bus; one
/// step of chroma is almost two levels of blue.
const TOLERANCE_FULL: i32 = 5;

/// Pixels left out at each side of a border between bars, where chroma is a mixture.
const BORDER: usize = 4;

/// Converts frames and compares them with the bars.
pub(crate) struct Bars {
    converter: FrameConverter,
    rgb: RgbImage,
    /// The largest difference seen.
    pub(crate) worst: i32,
}

impl Bars {
    pub(crate) fn new(frame: &Frame) -> Self {
        Self { converter: FrameConverter::new(), rgb: RgbImage::new(frame.size()), worst: 0 }
    }

    /// Compares every pixel of every `step`-th line away from the borders.
    pub(crate) fn compare(&mut self, frame: &Frame, step: usize) -> Result<(), String> {
        self.converter.to_rgb(frame, &mut self.rgb).map_err(|e| e.to_string())?;
        let (width, height) = (frame.size().w(), frame.size().h());
        let full = frame.meta().colour.range == ColourRange::Full;
        let tolerance = if full { TOLERANCE_FULL } else { TOLERANCE };
        for y in (0..height).step_by(step) {
            for (bar, colour) in BARS.iter().enumerate() {
                let expected = match frame.format() {
                    PixelFormat::Grey => [luma(colour); 3],
                    _ => *colour,
                };
                let from = bar * width / 8 + BORDER;
                let to = (bar + 1) * width / 8 - BORDER;
                for x in from..to {
                    let at = (y * width + x) * 3;
                    let got = &self.rgb.data()[at..at + 3];
                    for (g, e) in got.iter().zip(expected) {
                        let off = (i32::from(*g) - i32::from(e)).abs();
                        self.worst = self.worst.max(off);
                        if off > tolerance {
                            return Err(format!(
                                "pixel {x},{y} of frame {} is {got:?} where {expected:?} was filmed",
                                frame.seq()
                            ));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The driver's grey of a colour: luma of BT.709, full range.
fn luma([r, g, b]: &[u8; 3]) -> u8 {
    let y = 0.2126 * f64::from(*r) + 0.7152 * f64::from(*g) + 0.0722 * f64::from(*b);
    y.round() as u8
}
