//! How well several coming frames are predicted, as tables of Moving MNIST give it: errors summed
//! over the pixels of a frame, means over all coming frames, beside copy-last on the same frames.

pub mod board;
mod predictor;
mod similarity;
mod strip;

use framecast::vision::metrics::{self, Metrics};
use framecast::vision::{FloatImage, RgbImage};
use serde::Serialize;

pub(crate) use predictor::pictures;
pub use predictor::{CLIP, Manner, OnnxPredictor};

use similarity::similarity;

/// A frame that is predicted exactly counts with this PSNR, in dB.
const PSNR_CAP: f64 = 60.0;

/// Means over frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Means {
    /// Squared error of values in 0..=1, summed over the pixels of a frame; the mean of R, G and B.
    pub mse: f64,
    /// Absolute error likewise.
    pub mae: f64,
    /// Structural similarity of eval/1: Gaussian window of 11x11.
    pub ssim: f64,
    /// Structural similarity with a uniform window of 7x7 and a range of 2, which is what
    /// scikit-image computed for the published tables.
    pub ssim_uniform: f64,
    /// Mean of the signal-to-noise ratios of the frames, in dB, each at most 60.
    pub psnr: f64,
}

impl Means {
    fn add(&mut self, other: &Self, share: f64) {
        self.mse += other.mse * share;
        self.mae += other.mae * share;
        self.ssim += other.ssim * share;
        self.ssim_uniform += other.ssim_uniform * share;
        self.psnr += other.psnr * share;
    }
}

/// A predictor beside copy-last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Sequences scored.
    pub sequences: usize,
    /// Means over all coming frames of all sequences.
    pub model: Means,
    /// Copy-last on the same frames.
    pub copy_last: Means,
    /// The same for the first, second, ... coming frame.
    pub model_by_frame: Vec<Means>,
    /// Copy-last likewise.
    pub copy_last_by_frame: Vec<Means>,
}

/// What takes the given frames, oldest first, and gives the coming ones, the next first: 0..=255,
/// clamped, not rounded.
pub type Predict<'a> = dyn FnMut(&[RgbImage]) -> Result<Vec<FloatImage>, String> + 'a;

/// Scores `predict` on sequences whose first `given` frames are seen and whose others are to be
/// predicted.
///
/// # Errors
/// A sentence when a prediction fails, or has another size or number of frames than what came.
pub fn score<S: AsRef<[RgbImage]>>(
    sequences: impl IntoIterator<Item = S>,
    given: usize,
    predict: &mut Predict<'_>,
) -> Result<Forecast, String> {
    let mut forecast = Forecast::default();
    let mut judge = Metrics::new();
    for (number, sequence) in sequences.into_iter().enumerate() {
        let sequence = sequence.as_ref();
        let Some((seen, coming)) = sequence.split_at_checked(given) else {
            return Err(format!("sequence {number} has {} frames", sequence.len()));
        };
        let Some(last) = seen.last() else { return Err("no frames are given".to_owned()) };
        let predictions = predict(seen)?;
        if predictions.len() < coming.len() {
            return Err(format!(
                "{} frames were predicted where {} came",
                predictions.len(),
                coming.len()
            ));
        }
        forecast.model_by_frame.resize(coming.len(), Means::default());
        forecast.copy_last_by_frame.resize(coming.len(), Means::default());
        let last = FloatImage::from(last);
        let slots = forecast.model_by_frame.iter_mut().zip(&mut forecast.copy_last_by_frame);
        for ((frame, prediction), (model, copy)) in coming.iter().zip(&predictions).zip(slots) {
            model.add(&judged(&mut judge, frame, prediction)?, 1.0);
            copy.add(&judged(&mut judge, frame, &last)?, 1.0);
        }
        forecast.sequences += 1;
    }
    let share = 1.0 / forecast.sequences.max(1) as f64;
    let each = 1.0 / forecast.model_by_frame.len().max(1) as f64;
    for (list, total) in [
        (&mut forecast.model_by_frame, &mut forecast.model),
        (&mut forecast.copy_last_by_frame, &mut forecast.copy_last),
    ] {
        for frame in list {
            let mut mean = Means::default();
            mean.add(frame, share);
            *frame = mean;
            total.add(frame, each);
        }
    }
    Ok(forecast)
}

fn judged(judge: &mut Metrics, frame: &RgbImage, prediction: &FloatImage) -> Result<Means, String> {
    let mse = metrics::mse(frame, prediction).map_err(|e| e.to_string())?;
    let ssim = judge.ssim(frame, prediction).map_err(|e| e.to_string())?;
    let pixels = frame.size().pixels() as f64;
    let target = FloatImage::from(frame);
    let pairs = target.data.iter().zip(&prediction.data);
    let absolute: f64 = pairs.map(|(a, b)| f64::from((a - b).abs())).sum();
    Ok(Means {
        mse: mse * pixels,
        mae: absolute / (3.0 * 255.0),
        ssim,
        ssim_uniform: similarity(&target, prediction),
        psnr: metrics::psnr_of(mse).min(PSNR_CAP),
    })
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

    use super::*;

    fn flat(level: u8) -> RgbImage {
        RgbImage::from_vec(Size::new(16, 16), vec![level; 768]).unwrap()
    }

    #[test]
    fn errors_are_summed_over_a_frame_and_averaged_over_frames() {
        let sequences = [vec![flat(0), flat(51), flat(102)], vec![flat(0), flat(51), flat(102)]];
        let mut exact =
            |_: &[RgbImage]| Ok(vec![FloatImage::from(&flat(51)), FloatImage::from(&flat(51))]);
        let found = score(&sequences, 1, &mut exact).unwrap();
        assert_eq!(found.sequences, 2);
        // Errors of 0 and 0.2 over 256 pixels.
        assert!((found.model.mse - 0.04 * 256.0 / 2.0).abs() < 1e-6, "{found:?}");
        assert!((found.model.mae - 0.2 * 256.0 / 2.0).abs() < 1e-4, "{found:?}");
        assert!((found.copy_last_by_frame[1].mse - 0.16 * 256.0).abs() < 1e-5);
        assert!((found.model_by_frame[0].psnr - 60.0).abs() < 1e-9);
        assert!(found.model_by_frame[0].ssim > 0.999);
    }

    #[test]
    fn too_few_predictions_are_told() {
        let sequence = vec![flat(0), flat(1), flat(2)];
        let mut one = |_: &[RgbImage]| Ok(vec![FloatImage::from(&flat(1))]);
        let error = score([&sequence], 1, &mut one).unwrap_err();
        assert!(error.contains("1 frames were predicted where 2 came"), "{error}");
    }
}
