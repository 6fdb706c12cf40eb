//! Pictures of a prediction beside what came: for `framecast predict` and previews.

use std::str::FromStr;

use crate::frame::Size;
use crate::vision::{FloatImage, RgbImage};

/// What is shown of a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The prediction.
    #[default]
    Predicted,
    /// The frame that came on the left, its prediction on the right.
    SideBySide,
    /// The perceptual distance of each pixel in false colour; see [`View::render`].
    ErrorMap,
}

/// The distance that is shown white: that of a grey error of 64 levels.
const WHITE: f32 = 192.0;

impl View {
    /// The names, as [`FromStr`] reads them.
    pub const NAMES: &'static str = "predicted, side-by-side or error-map";

    /// Size of the picture for frames of `frame`.
    #[must_use]
    pub const fn size(self, frame: Size) -> Size {
        match self {
            Self::SideBySide => Size::new(frame.width * 2, frame.height),
            Self::Predicted | Self::ErrorMap => frame,
        }
    }

    /// Draws `prediction` for `actual` into `out`. Without a prediction the frame itself stands
    /// for it, so that a stream of pictures keeps its length.
    ///
    /// The error map goes from black (exact) over red and yellow to white, a perceptual distance
    /// of 192 or more: with `t = distance / 192` the colours are `3 t`, `3 t - 1` and `3 t - 2`
    /// in red, green and blue, clamped to 0..=1.
    pub fn render(self, actual: &RgbImage, prediction: Option<&FloatImage>, out: &mut RgbImage) {
        let prediction = prediction.filter(|p| p.size == actual.size());
        match (self, prediction) {
            (Self::Predicted, Some(prediction)) => prediction.round_to_rgb(out),
            (Self::Predicted, None) => out.clone_from(actual),
            (Self::SideBySide, prediction) => side_by_side(actual, prediction, out),
            (Self::ErrorMap, prediction) => error_map(actual, prediction, out),
        }
    }
}

fn side_by_side(actual: &RgbImage, prediction: Option<&FloatImage>, out: &mut RgbImage) {
    let size = actual.size();
    let mut right = RgbImage::default();
    let right = match prediction {
        Some(prediction) => {
            prediction.round_to_rgb(&mut right);
            &right
        }
        None => actual,
    };
    out.reshape(View::SideBySide.size(size));
    let line = (size.w() * 3).max(1);
    let lines = actual.data().chunks_exact(line).zip(right.data().chunks_exact(line));
    for ((left, right), out) in lines.zip(out.data_mut().chunks_exact_mut(line * 2)) {
        let (out_left, out_right) = out.split_at_mut(line);
        out_left.copy_from_slice(left);
        out_right.copy_from_slice(right);
    }
}

fn error_map(actual: &RgbImage, prediction: Option<&FloatImage>, out: &mut RgbImage) {
    out.reshape(actual.size());
    let Some(prediction) = prediction else { return out.data_mut().fill(0) };
    let [r, g, b] = prediction.planes();
    let predicted = r.iter().zip(g).zip(b);
    let pixels = actual.data().as_chunks::<3>().0.iter().zip(predicted);
    for (out, (actual, ((&r, &g), &b))) in
        out.data_mut().as_chunks_mut::<3>().0.iter_mut().zip(pixels)
    {
        let [ar, ag, ab] = actual.map(f32::from);
        let mean = (ar + r) / 2.0;
        let (dr, dg, db) = (ar - r, ag - g, ab - b);
        let square =
            (512.0 + mean) * dr * dr / 256.0 + 4.0 * dg * dg + (767.0 - mean) * db * db / 256.0;
        let t = 3.0 * square.sqrt() / WHITE;
        // `as` clamps.
        *out = [t, t - 1.0, t - 2.0].map(|v| (v * 255.0 + 0.5) as u8);
    }
}

impl FromStr for View {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "predicted" => Ok(Self::Predicted),
            "side-by-side" => Ok(Self::SideBySide),
            "error-map" => Ok(Self::ErrorMap),
            _ => Err(format!("write {}", Self::NAMES)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_of_one_pixel() {
        let size = Size::new(1, 1);
        let actual = RgbImage::from_vec(size, vec![100, 100, 100]).unwrap();
        let prediction = FloatImage { size, data: vec![132.0, 132.0, 132.4] };
        let far = FloatImage { size, data: vec![255.0, 0.0, 255.0] };
        let draw = |view: &str, prediction| {
            let view: View = view.parse().unwrap();
            let mut out = RgbImage::default();
            view.render(&actual, prediction, &mut out);
            assert_eq!(out.size(), view.size(size));
            out.data().to_vec()
        };
        assert_eq!(draw("predicted", Some(&prediction)), [132, 132, 132]);
        assert_eq!(draw("side-by-side", Some(&prediction)), [100, 100, 100, 132, 132, 132]);
        // 32 levels are a distance of about 96: half way, so red is full and green half.
        assert!(matches!(draw("error-map", Some(&prediction))[..], [255, 126..=130, 0]));
        assert_eq!(draw("error-map", None), [0; 3]);
        assert_eq!(draw("side-by-side", None), [100; 6]);
        assert_eq!(draw("error-map", Some(&far)), [255; 3]);
        assert!("heat".parse::<View>().unwrap_err().contains("error-map"));
    }
}
