//! The baseline of the labelled scenes: a linear map from pixels to labels.

use framecast::task::tag::metrics::{TagMetrics, TagScores};
use framecast::vision::RgbImage;

use crate::TrainError;
use crate::data::scenes::split::{ScenesRecipe, example};
use crate::data::scenes::{LABELS, SIDE};

const NUMBERS: usize = SIDE * SIDE * 3;

/// Scenes learned from, and how often each is seen.
const SCENES: u64 = 4000;
const ROUNDS: usize = 6;
/// The step of the adaptive descent (AdaGrad, Duchi et al., 2011).
const RATE: f32 = 0.01;

/// Logistic regression on all pixels of a picture, by label.
struct Linear {
    weights: Vec<f32>,
    bias: [f32; LABELS],
    /// Sums of squared gradients.
    past: Vec<f32>,
}

impl Linear {
    fn scores(&self, x: &[f32]) -> [f32; LABELS] {
        std::array::from_fn(|label| {
            let row = &self.weights[label * NUMBERS..(label + 1) * NUMBERS];
            let sum: f32 = row.iter().zip(x).map(|(w, x)| w * x).sum();
            1.0 / (1.0 + (-(sum + self.bias[label])).exp())
        })
    }

    fn learn(&mut self, x: &[f32], truth: &[bool; LABELS]) {
        let scores = self.scores(x);
        for (label, (score, truth)) in scores.iter().zip(truth).enumerate() {
            let slope = score - f32::from(u8::from(*truth));
            self.bias[label] -= RATE * slope;
            let span = label * NUMBERS..(label + 1) * NUMBERS;
            let rows = self.weights[span.clone()].iter_mut().zip(&mut self.past[span]);
            for ((weight, past), x) in rows.zip(x) {
                let gradient = slope * x;
                *past += gradient * gradient;
                *weight -= RATE * gradient / past.sqrt();
            }
        }
    }
}

fn values(picture: &RgbImage, out: &mut Vec<f32>) {
    out.clear();
    out.extend(picture.data().iter().map(|v| f32::from(*v) / 127.5 - 1.0));
}

/// The test scores of the linear map, of the round that is best on the validation scenes.
pub(super) fn linear_on_pixels(scenes: &ScenesRecipe) -> Result<TagScores, TrainError> {
    let mut linear = Linear {
        weights: vec![0.0; LABELS * NUMBERS],
        bias: [0.0; LABELS],
        past: vec![1e-3; LABELS * NUMBERS],
    };
    let mut x = Vec::with_capacity(NUMBERS);
    let judge = |linear: &Linear, span: crate::data::scenes::split::Span| {
        let mut metrics = TagMetrics::new(LABELS, TagMetrics::TOP_K);
        let mut x = Vec::with_capacity(NUMBERS);
        for (picture, truth) in span.examples() {
            values(&picture, &mut x);
            metrics.add(&linear.scores(&x), &truth).map_err(|e| TrainError::Data {
                uri: "scenes".to_owned(),
                reason: e.to_string(),
            })?;
        }
        Ok::<_, TrainError>(metrics.result())
    };
    let mut best: Option<(f64, TagScores)> = None;
    let count = scenes.train.count.min(SCENES);
    for round in 0..ROUNDS {
        for n in 0..count {
            let (picture, truth) = example(scenes.train.first + n, round as u64 * 5);
            values(&picture, &mut x);
            linear.learn(&x, &truth);
        }
        let found = judge(&linear, scenes.validate)?.map;
        if best.as_ref().is_none_or(|(map, _)| found > *map) {
            best = Some((found, judge(&linear, scenes.test)?));
        }
    }
    Ok(best.map(|(_, scores)| scores).unwrap_or_default())
}
