//! Scores during training: the network over demo flights it never saw, beside copy-last on the same
//! frames, by the runtime's own metrics.

use burn::tensor::{Device, Tensor};
use framecast::frame::{Rational, Size};
use framecast::source::demo::Scene;
use framecast::vision::blend::{Candidates, Features, Mixer, Observer, Weights};
use framecast::vision::motion::luma;
use framecast::vision::{FloatImage, RgbImage, metrics};

use super::Metric;
use crate::TrainError;
use crate::data::MovingMnist;
use crate::data::moving_mnist::{FRAMES, SIDE, Split, VALIDATION_SEED};
use crate::data::{
    Example as Observed, FourTwoZero, RecordingFootage, SequencesFootage, features_tensor,
    frame_tensor,
};
use crate::forecast::Means;
use crate::net::blend::Blend;
use crate::net::{Network, State};
use crate::recipe::Validation;

/// Means over all scored frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Perceptual distance; no number where only digits are scored.
    pub pd: f64,
    /// Mean squared error, 0..=1.
    pub mse: f64,
    /// Structural similarity; no number unless it decides which checkpoint is best.
    pub ssim: f64,
}

impl Scores {
    /// Signal-to-noise ratio of the mean error, in dB.
    #[must_use]
    pub fn psnr(&self) -> f64 {
        metrics::psnr_of(self.mse)
    }

    fn add(
        &mut self,
        target: &RgbImage,
        prediction: &FloatImage,
        ssim: bool,
    ) -> Result<(), String> {
        self.pd += metrics::pd(target, prediction).map_err(|e| e.to_string())?;
        self.mse += metrics::mse(target, prediction).map_err(|e| e.to_string())?;
        self.ssim += match ssim {
            true => metrics::ssim(target, prediction).map_err(|e| e.to_string())?,
            false => f64::NAN,
        };
        Ok(())
    }

    fn divide(&mut self, count: u64) {
        self.pd /= count.max(1) as f64;
        self.mse /= count.max(1) as f64;
        self.ssim /= count.max(1) as f64;
    }
}

/// The network beside copy-last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The network.
    pub model: Scores,
    /// Copy-last on the same frames.
    pub copy_last: Scores,
    /// Scored frames.
    pub frames: u64,
    /// Means over several coming frames of digits: the network's and those of copy-last. Their
    /// perceptual distance is not part of `model` and `copy_last`.
    pub forecast: Option<[Means; 2]>,
}

impl Report {
    /// PSNR over copy-last, in dB.
    #[must_use]
    pub fn gain(&self) -> f64 {
        self.model.psnr() - self.copy_last.psnr()
    }
}

/// Rendered validation flights, recordings, and sequences of which only the last frame is scored.
pub struct Validator {
    pub(super) flights: Vec<Vec<RgbImage>>,
    pub(super) sequences: Vec<Vec<RgbImage>>,
    pub(super) forecasts: Vec<Vec<RgbImage>>,
    pub(super) ssim: bool,
}

/// The last step of a flight, for the contact sheet.
pub struct Example {
    /// The frame the network saw last.
    pub input: RgbImage,
    /// The frame that came.
    pub target: RgbImage,
    /// What was predicted.
    pub prediction: RgbImage,
}

impl Validator {
    /// Renders the flights and reads the rest, for a network whose frames have sides that are
    /// multiples of `multiple`.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for sizes that cannot be rendered, [`TrainError::Data`] for data that
    /// cannot be read or have other sides.
    pub fn new(recipe: &Validation, multiple: usize) -> Result<Self, TrainError> {
        let fail = |reason| TrainError::Recipe { path: "validate".to_owned(), reason };
        let [width, height] = recipe.size;
        let mut through = FourTwoZero::default();
        let mut flights = Vec::new();
        for &seed in &recipe.seeds {
            let mut scene = Scene::new(seed, Size::new(width, height), Rational::whole(30))
                .map_err(|e| fail(e.to_string()))?;
            let mut flight = Vec::new();
            for i in 0..recipe.frames {
                let mut picture = RgbImage::default();
                scene.render(i, &mut picture);
                through.pass(&mut picture).map_err(fail)?;
                flight.push(picture);
            }
            flights.push(flight);
        }
        for recording in &recipe.recording {
            let frames = RecordingFootage::read(recording, 8, 2)?.into_frames();
            fits(&recording.uri, &frames, multiple)?;
            flights.push(frames);
        }
        let mut sequences = Vec::new();
        for set in &recipe.sequences {
            let read = SequencesFootage::open(set, 0)?.read_all()?;
            read.iter().try_for_each(|sequence| fits(&set.uri, sequence, multiple))?;
            sequences.extend(read);
        }
        let mut forecasts = Vec::new();
        for digits in &recipe.moving_mnist {
            let made = MovingMnist::open(digits, Split::Validation, SIDE)?;
            let number = |n| made.sequence(VALIDATION_SEED, n as u64, FRAMES);
            forecasts.extend((0..digits.sequences).map(number));
        }
        if flights.is_empty() && sequences.is_empty() && forecasts.is_empty() {
            return Err(fail("nothing to validate on; give it seeds or sequences".to_owned()));
        }
        Ok(Self { flights, sequences, forecasts, ssim: recipe.metric == Metric::Ssim })
    }

    /// Scores the last frame of each of `sequences`.
    #[must_use]
    pub fn watching(sequences: Vec<Vec<RgbImage>>) -> Self {
        Self { flights: Vec::new(), sequences, forecasts: Vec::new(), ssim: false }
    }

    /// A part with about `most` of the frames that are scored, from all over the data; `None` when
    /// there are no more anyway.
    #[must_use]
    pub fn part(&self, most: u64) -> Option<Self> {
        let count = |flight: &Vec<RgbImage>| flight.len().saturating_sub(1);
        let all = self.flights.iter().map(count).sum::<usize>()
            + self.sequences.len()
            + self.forecasts.len();
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        if most >= all {
            return None;
        }
        let share = |of: usize| (of * most).div_ceil(all);
        let cut = |flight: &Vec<RgbImage>| flight[..=share(count(flight))].to_vec();
        let taken = share(self.sequences.len());
        let every = |i: usize| self.sequences[i * self.sequences.len() / taken.max(1)].clone();
        Some(Self {
            flights: self.flights.iter().filter(|f| f.len() > 1).map(cut).collect(),
            sequences: (0..taken).map(every).collect(),
            forecasts: self.forecasts[..share(self.forecasts.len())].to_vec(),
            ssim: self.ssim,
        })
    }

    /// Scores the network and gives one example a flight.
    ///
    /// # Errors
    /// [`TrainError::Network`] when predictions and frames do not fit.
    pub fn run(
        &self,
        net: &Network,
        device: &Device,
    ) -> Result<(Report, Vec<Example>), TrainError> {
        let fail = |reason| TrainError::Network { name: "validation".to_owned(), reason };
        let mut report = Report::default();
        let mut examples = Vec::new();
        for flight in &self.flights {
            let mut state: Option<State> = None;
            let mut last: Option<(&RgbImage, FloatImage)> = None;
            for picture in flight {
                if let Some((before, prediction)) = &last {
                    report.model.add(picture, prediction, self.ssim).map_err(fail)?;
                    let copy = FloatImage::from(*before);
                    report.copy_last.add(picture, &copy, self.ssim).map_err(fail)?;
                    report.frames += 1;
                }
                let frame = frame_tensor(&[picture], device);
                let before = state.take().unwrap_or_else(|| net.first(&frame));
                let (prediction, next) = net.step(&frame, &before, None);
                state = Some(next);
                if !std::ptr::eq(picture, flight.last().unwrap_or(picture)) {
                    last = Some((picture, float_image(prediction, picture.size()).map_err(fail)?));
                }
            }
            if let (Some((input, prediction)), Some(target)) = (last, flight.last()) {
                examples.push(example(input, target, &prediction));
            }
        }
        for sequence in &self.sequences {
            let [seen @ .., target] = sequence.as_slice() else { continue };
            let (Some(first), Some((input, before))) = (seen.first(), seen.split_last()) else {
                continue;
            };
            let mut state = net.first(&frame_tensor(&[first], device));
            for picture in before {
                state = net.watch(&frame_tensor(&[picture], device), &state, None);
            }
            let (prediction, _) = net.step(&frame_tensor(&[input], device), &state, None);
            let prediction = float_image(prediction, target.size()).map_err(fail)?;
            report.model.add(target, &prediction, self.ssim).map_err(fail)?;
            report.copy_last.add(target, &FloatImage::from(input), self.ssim).map_err(fail)?;
            report.frames += 1;
            if examples.len() < 8 {
                examples.push(example(input, target, &prediction));
            }
        }
        report.model.divide(report.frames);
        report.copy_last.divide(report.frames);
        Ok((report, examples))
    }
}

impl Validator {
    /// Scores a `blend` network as the runtime runs it: the runtime's features and mixer around the
    /// network's logits.
    ///
    /// # Errors
    /// [`TrainError::Network`] when predictions and frames do not fit.
    pub fn run_blend(
        &self,
        net: &Blend,
        device: &Device,
    ) -> Result<(Report, Vec<Example>), TrainError> {
        let fail = |reason| TrainError::Network { name: "validation".to_owned(), reason };
        let mut report = Report::default();
        let mut examples = Vec::new();
        let mut mixing = Mixing::default();
        for flight in &self.flights {
            let mut observer = Observer::new();
            let mut candidates = Candidates::default();
            let mut plane = Vec::new();
            for pair in flight.windows(2) {
                let [frame, target] = pair else { continue };
                luma(frame, &mut plane);
                observer.observe(&plane, frame.size());
                candidates.build(frame, &observer, 1);
                mixing.predict(net, observer.features(), &candidates, device).map_err(fail)?;
                report.score(frame, target, &mixing.prediction, self.ssim).map_err(fail)?;
            }
            if let [.., input, target] = flight.as_slice() {
                examples.push(mixing.example(input, target));
            }
        }
        for sequence in &self.sequences {
            let Some(observed) = Observed::last_of(sequence) else { continue };
            let Observed { features, candidates, target } = &observed;
            mixing.predict(net, features, candidates, device).map_err(fail)?;
            let input = &sequence[sequence.len() - 2];
            report.score(input, target, &mixing.prediction, self.ssim).map_err(fail)?;
            if examples.len() < 8 {
                examples.push(mixing.example(input, target));
            }
        }
        report.model.divide(report.frames);
        report.copy_last.divide(report.frames);
        Ok((report, examples))
    }
}

/// Refuses frames a network cannot take.
fn fits(uri: &str, frames: &[RgbImage], multiple: usize) -> Result<(), TrainError> {
    let size = frames.first().map(RgbImage::size).unwrap_or_default();
    if size.w().is_multiple_of(multiple) && size.h().is_multiple_of(multiple) {
        return Ok(());
    }
    Err(TrainError::Data {
        uri: uri.to_owned(),
        reason: format!(
            "its pictures are {size}, but the network takes sides that are multiples of \
             {multiple}; validate on others, or set the width of a recording"
        ),
    })
}

/// What turns a network's logits into a picture.
#[derive(Default)]
struct Mixing {
    weights: Weights,
    mixer: Mixer,
    scratch: Vec<i32>,
    prediction: RgbImage,
}

impl Mixing {
    fn predict(
        &mut self,
        net: &Blend,
        features: &Features,
        candidates: &Candidates,
        device: &Device,
    ) -> Result<(), String> {
        let logits = net.logits(&features_tensor(&[features], device));
        let logits = logits.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))?;
        let (columns, rows) = (features.columns(), features.rows());
        self.weights.from_floats(&logits, columns, rows, &mut self.scratch);
        self.mixer.mix(candidates, &self.weights, &mut self.prediction);
        Ok(())
    }

    fn example(&self, input: &RgbImage, target: &RgbImage) -> Example {
        let prediction = self.prediction.clone();
        Example { input: input.clone(), target: target.clone(), prediction }
    }
}

impl Report {
    /// Adds the next frame of a network that gives it unrounded.
    pub(super) fn compare(
        &mut self,
        last: &RgbImage,
        target: &RgbImage,
        prediction: &FloatImage,
        ssim: bool,
    ) -> Result<(), String> {
        self.model.add(target, prediction, ssim)?;
        self.copy_last.add(target, &FloatImage::from(last), ssim)?;
        self.frames += 1;
        Ok(())
    }

    /// Joins the means of `frames` frames more, of which only the squared error is known.
    pub(super) fn join(&mut self, model: f64, copy_last: f64, frames: u64) {
        let share = frames as f64 / (self.frames + frames).max(1) as f64;
        for (scores, mse) in [(&mut self.model, model), (&mut self.copy_last, copy_last)] {
            if self.frames == 0 {
                *scores = Scores { pd: f64::NAN, mse: 0.0, ssim: f64::NAN };
            }
            scores.mse += (mse - scores.mse) * share;
        }
        self.frames += frames;
    }

    /// Makes means of the sums.
    pub(super) fn finish(&mut self) {
        self.model.divide(self.frames);
        self.copy_last.divide(self.frames);
    }

    fn score(
        &mut self,
        last: &RgbImage,
        target: &RgbImage,
        prediction: &RgbImage,
        ssim: bool,
    ) -> Result<(), String> {
        self.model.add(target, &FloatImage::from(prediction), ssim)?;
        self.copy_last.add(target, &FloatImage::from(last), ssim)?;
        self.frames += 1;
        Ok(())
    }
}

fn example(input: &RgbImage, target: &RgbImage, prediction: &FloatImage) -> Example {
    let mut rounded = RgbImage::default();
    prediction.round_to_rgb(&mut rounded);
    Example { input: input.clone(), target: target.clone(), prediction: rounded }
}

/// `1 x 3 x H x W` in 0..=1 as a picture in levels, clamped as the runtime does.
fn float_image(prediction: Tensor<4>, size: Size) -> Result<FloatImage, String> {
    let values = prediction.into_data().try_to_vec::<f32>().map_err(|e| format!("{e:?}"))?;
    Ok(FloatImage { size, data: values.into_iter().map(|v| v.clamp(0.0, 1.0) * 255.0).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_change_the_squared_error_alone() {
        let scores = |pd, mse| Scores { pd, mse, ssim: f64::NAN };
        let mut report = Report { model: scores(8.0, 0.01), frames: 10, ..Report::default() };
        report.copy_last = scores(9.0, 0.02);
        report.join(0.04, 0.05, 30);
        assert_eq!((report.frames, report.model.pd, report.copy_last.pd), (40, 8.0, 9.0));
        assert!((report.model.mse - 0.0325).abs() < 1e-12, "{report:?}");
        assert!((report.copy_last.mse - 0.0425).abs() < 1e-12, "{report:?}");

        let mut alone = Report::default();
        alone.join(0.04, 0.05, 30);
        assert!(alone.model.pd.is_nan() && alone.copy_last.pd.is_nan());
        assert_eq!((alone.model.mse, alone.copy_last.mse, alone.frames), (0.04, 0.05, 30));
    }

    #[test]
    fn sides_a_network_cannot_take_name_the_source() {
        let frames = [RgbImage::new(Size::new(24, 20))];
        fits("a.mp4", &frames, 4).unwrap();
        let error = fits("a.mp4", &frames, 8).unwrap_err().to_string();
        assert!(error.contains("a.mp4") && error.contains("24x20"), "{error}");
    }
}
