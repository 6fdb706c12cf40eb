//! What a `blend` network learns from: features and candidates made by the runtime, and the target.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::vision::RgbImage;
use framecast::vision::blend::{CANDIDATES, Candidates, FEATURES, Features, Observer};
use framecast::vision::motion::luma;
use rayon::prelude::*;

use super::Batch;

/// One prediction to be made.
#[derive(Clone, Debug)]
pub struct Example {
    /// What the network sees.
    pub features: Features,
    /// What it chooses from.
    pub candidates: Candidates,
    /// The frame that came.
    pub target: RgbImage,
}

impl Example {
    /// Runs the runtime's observer over all frames but the last, which is the target; `None` for
    /// fewer than two frames.
    #[must_use]
    pub fn last_of(sequence: &[RgbImage]) -> Option<Self> {
        let (target, seen) = sequence.split_last()?;
        Self::after(seen, target)
    }

    /// As [`Example::last_of`], of frames `seen` and the one that came; `None` without frames.
    fn after(seen: &[RgbImage], target: &RgbImage) -> Option<Self> {
        let mut observer = Observer::new();
        let mut candidates = Candidates::default();
        let mut plane = Vec::new();
        for frame in seen {
            luma(frame, &mut plane);
            observer.observe(&plane, frame.size());
            candidates.build(frame, &observer, 1);
        }
        let features = observer.features().clone();
        (!seen.is_empty()).then(|| Self { features, candidates, target: target.clone() })
    }
}

/// Examples of one size side by side.
#[derive(Clone, Debug)]
pub struct Examples {
    list: Vec<Example>,
}

impl Examples {
    /// The last frame of each sequence.
    #[must_use]
    pub fn last_of(sequences: &[Vec<RgbImage>]) -> Self {
        Self { list: sequences.par_iter().filter_map(|s| Example::last_of(s)).collect() }
    }

    /// The last frame of each sequence of a batch, after its inputs.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let pairs = batch.inputs().par_iter().zip(batch.sequences());
        let example = |(inputs, sequence): (&Vec<RgbImage>, &Vec<RgbImage>)| {
            Example::after(inputs.split_last()?.1, sequence.last()?)
        };
        Self { list: pairs.filter_map(example).collect() }
    }

    /// The examples.
    #[must_use]
    pub fn list(&self) -> &[Example] {
        &self.list
    }

    /// `N x 40 x h x w` in 0..=1.
    #[must_use]
    pub fn features(&self, device: &Device) -> Tensor<4> {
        let list: Vec<&Features> = self.list.iter().map(|e| &e.features).collect();
        features_tensor(&list, device)
    }

    /// The candidates in their order, each `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn candidates(&self, device: &Device) -> Vec<Tensor<4>> {
        (0..CANDIDATES)
            .map(|k| {
                let pictures: Vec<&[u8]> =
                    self.list.iter().map(|e| e.candidates.images()[k].as_slice()).collect();
                self.planes(&pictures, device)
            })
            .collect()
    }

    /// The frames that came, `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn targets(&self, device: &Device) -> Tensor<4> {
        let pictures: Vec<&[u8]> = self.list.iter().map(|e| e.target.data()).collect();
        self.planes(&pictures, device)
    }

    fn planes(&self, pictures: &[&[u8]], device: &Device) -> Tensor<4> {
        let size = self.list.first().map(|e| e.target.size()).unwrap_or_default();
        let mut values = Vec::with_capacity(pictures.len() * size.pixels() * 3);
        for picture in pictures {
            for channel in 0..3 {
                let samples = picture.iter().skip(channel).step_by(3);
                values.extend(samples.map(|&s| f32::from(s) / 255.0));
            }
        }
        Tensor::from_data(TensorData::new(values, [pictures.len(), 3, size.h(), size.w()]), device)
    }
}

/// Features of one size as `N x 40 x h x w` in 0..=1.
#[must_use]
pub fn features_tensor(list: &[&Features], device: &Device) -> Tensor<4> {
    let (h, w) = list.first().map_or((0, 0), |f| (f.rows(), f.columns()));
    let bytes = list.iter().flat_map(|f| f.data());
    let values: Vec<f32> = bytes.map(|&v| f32::from(v) / 255.0).collect();
    Tensor::from_data(TensorData::new(values, [list.len(), FEATURES, h, w]), device)
}
