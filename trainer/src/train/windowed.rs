//! Training and validation of networks that see a window of frames and predict several in one call.

use burn::tensor::{Device, Tensor};
use framecast::vision::{FloatImage, RgbImage};

use super::validate::{Example, Report, Validator};
use crate::TrainError;
use crate::data::{Batch, frame_tensor};
use crate::forecast::{self, pictures};
use crate::net::base::Base;

/// The most lines of the contact sheet.
const LINES: usize = 8;

/// What the network sees of each sequence of `batch`, and what is to come: `N x 3 window x H x W`
/// and `N ahead x 3 x H x W` in 0..=1.
pub(super) fn parts(batch: &Batch, seen: usize, device: &Device) -> (Tensor<4>, Tensor<4>) {
    let frame = |t: usize| batch.input(t, &batch.target(t, device), device);
    let window = Tensor::cat((0..seen).map(frame).collect(), 1);
    let coming = (seen..batch.frames()).map(|t| batch.target(t, device)).collect::<Vec<_>>();
    let ahead = coming.len();
    let clip = Tensor::cat(coming, 1);
    let [n, _, h, w] = clip.dims();
    (window, clip.reshape([n * ahead, 3, h, w]))
}

/// The coming frames of every window as single pictures, `N ahead x 3 x H x W`.
pub(super) fn predictions(net: &Base, window: &Tensor<4>) -> Tensor<4> {
    let clip = net.clip(window);
    let [n, channels, h, w] = clip.dims();
    clip.reshape([n * channels / 3, 3, h, w])
}

/// The coming frames after `seen`, of which the newest fill the window; the oldest is repeated
/// where there are too few.
fn after(net: &Base, seen: &[&RgbImage], device: &Device) -> Result<Vec<FloatImage>, String> {
    let window = net.sizes().window;
    let oldest = seen.first().ok_or("no frame is given")?;
    let missing = window.saturating_sub(seen.len());
    let newest = seen.iter().skip(seen.len().saturating_sub(window));
    let frames = std::iter::repeat_n(oldest, missing).chain(newest);
    let tensors = frames.map(|frame| frame_tensor(&[frame], device)).collect();
    let clip = net.clip(&Tensor::cat(tensors, 1));
    let values = clip.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))?;
    Ok(pictures(&values, oldest.size()))
}

impl Validator {
    /// Scores a windowed network: on flights and recordings every next frame, of sequences the
    /// last, of digits all coming frames.
    ///
    /// # Errors
    /// [`TrainError::Network`] when predictions and frames do not fit.
    pub fn run_windowed(
        &self,
        net: &Base,
        device: &Device,
    ) -> Result<(Report, Vec<Example>), TrainError> {
        let fail = |reason| TrainError::Network { name: "validation".to_owned(), reason };
        let mut report = Report::default();
        let mut examples = Vec::new();
        let sequences = self.sequences.iter().filter(|s| s.len() > 1);
        let tails = sequences.map(|s| (s, s.len() - 1));
        let flights = self.flights.iter().flat_map(|f| (1..f.len()).map(move |t| (f, t)));
        for (frames, t) in flights.chain(tails) {
            let seen: Vec<&RgbImage> = frames[..t].iter().collect();
            let next = after(net, &seen, device).map_err(fail)?;
            let Some(next) = next.first() else { continue };
            report.compare(seen[t - 1], &frames[t], next, self.ssim).map_err(fail)?;
            if t + 1 == frames.len() && examples.len() < LINES {
                examples.push(example(seen[t - 1], &frames[t], next));
            }
        }
        let given = net.sizes().window;
        if !self.forecasts.is_empty() {
            let mut sheet = Vec::new();
            let mut predict = |seen: &[RgbImage]| {
                let list = after(net, &seen.iter().collect::<Vec<_>>(), device)?;
                if sheet.len() < LINES {
                    sheet.extend(list.last().cloned());
                }
                Ok(list)
            };
            let found = forecast::score(&self.forecasts, given, &mut predict).map_err(fail)?;
            for (frames, made) in self.forecasts.iter().zip(&sheet) {
                if let (Some(last), Some(target)) = (frames.get(given - 1), frames.last()) {
                    examples.push(example(last, target, made));
                }
            }
            let pixels = self.forecasts[0][0].size().pixels() as f64;
            let frames = (found.sequences * found.model_by_frame.len()) as u64;
            report.finish();
            let [mse, copy] = [found.model.mse, found.copy_last.mse].map(|mse| mse / pixels);
            report.join(mse, copy, frames);
            report.forecast = Some([found.model, found.copy_last]);
        } else {
            report.finish();
        }
        Ok((report, examples))
    }
}

fn example(input: &RgbImage, target: &RgbImage, prediction: &FloatImage) -> Example {
    let mut rounded = RgbImage::default();
    prediction.round_to_rgb(&mut rounded);
    Example { input: input.clone(), target: target.clone(), prediction: rounded }
}
