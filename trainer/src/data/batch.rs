//! Sequences side by side as tensors.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::vision::RgbImage;
use rand_pcg::Pcg64;

use super::AugmentRecipe;
use super::augment::{Augmented, augment};

/// Sequences of one length and size.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    sequences: Vec<Vec<RgbImage>>,
    /// The same with noise; empty when the recipe has none.
    noisy: Vec<Vec<RgbImage>>,
}

impl Batch {
    /// Adds a sequence of square pictures, changed by chance as `recipe` says.
    pub fn push(&mut self, frames: Vec<RgbImage>, recipe: &AugmentRecipe, random: &mut Pcg64) {
        let Augmented { frames, noisy } = augment(recipe, frames, random);
        self.sequences.push(frames);
        self.noisy.extend(noisy);
    }

    /// The sequences as they are to be predicted.
    #[must_use]
    pub fn sequences(&self) -> &[Vec<RgbImage>] {
        &self.sequences
    }

    /// The sequences as a network sees them.
    #[must_use]
    pub fn inputs(&self) -> &[Vec<RgbImage>] {
        if self.noisy.is_empty() { &self.sequences } else { &self.noisy }
    }

    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// True without sequences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// The sequences in their order in up to `parts` batches, the first ones larger by one where
    /// they do not divide; never an empty one.
    #[must_use]
    pub fn split(mut self, parts: usize) -> Vec<Self> {
        let parts = parts.clamp(1, self.len().max(1));
        let (share, more) = (self.len() / parts, self.len() % parts);
        let mut take = |i| {
            let count = share + usize::from(i < more);
            let sequences = self.sequences.drain(..count).collect();
            let noisy = self.noisy.drain(..count.min(self.noisy.len())).collect();
            Self { sequences, noisy }
        };
        (0..parts).map(&mut take).collect()
    }

    /// Number of frames of each sequence.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.sequences.first().map_or(0, Vec::len)
    }

    /// Frame `t` of every sequence as it is to be predicted: `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn target(&self, t: usize, device: &Device) -> Tensor<4> {
        frames_at(&self.sequences, t, device)
    }

    /// Frame `t` of every sequence as a network sees it; `target`, the same frame as it is to be
    /// predicted, where there is no noise.
    #[must_use]
    pub fn input(&self, t: usize, target: &Tensor<4>, device: &Device) -> Tensor<4> {
        if self.noisy.is_empty() { target.clone() } else { frames_at(&self.noisy, t, device) }
    }
}

fn frames_at(sequences: &[Vec<RgbImage>], t: usize, device: &Device) -> Tensor<4> {
    let pictures: Vec<&RgbImage> = sequences.iter().filter_map(|s| s.get(t)).collect();
    frame_tensor(&pictures, device)
}

/// Pictures of one size as `N x 3 x H x W` in 0..=1.
#[must_use]
pub fn frame_tensor(pictures: &[&RgbImage], device: &Device) -> Tensor<4> {
    let size = pictures.first().map(|p| p.size()).unwrap_or_default();
    let mut values = Vec::with_capacity(pictures.len() * size.pixels() * 3);
    for picture in pictures {
        for channel in 0..3 {
            let samples = picture.data().iter().skip(channel).step_by(3);
            values.extend(samples.map(|&s| f32::from(s) / 255.0));
        }
    }
    Tensor::from_data(TensorData::new(values, [pictures.len(), 3, size.h(), size.w()]), device)
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn tensors_hold_planes_in_zero_to_one() {
        let picture = RgbImage::from_vec(Size::new(2, 1), vec![0, 51, 255, 102, 0, 0]).unwrap();
        let tensor = frame_tensor(&[&picture], &Device::flex());
        assert_eq!(tensor.dims(), [1, 3, 1, 2]);
        let values = tensor.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(values, [0.0, 0.4, 0.2, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn parts_hold_every_sequence_once_and_in_order() {
        let still = |level| vec![RgbImage::from_vec(Size::new(4, 4), vec![level; 48]).unwrap(); 2];
        let recipe = AugmentRecipe { gaussian_noise: 30.0, ..AugmentRecipe::default() };
        let mut random = Pcg64::seed_from_u64(1);
        let mut batch = Batch::default();
        for level in [10, 20, 30, 40, 50] {
            batch.push(still(level), &recipe, &mut random);
        }
        let parts = batch.clone().split(2);
        assert_eq!(parts.iter().map(Batch::len).collect::<Vec<_>>(), [3, 2]);
        let joined: Vec<_> = parts.iter().flat_map(|p| p.sequences().to_vec()).collect();
        assert_eq!(joined, batch.sequences());
        let joined: Vec<_> = parts.iter().flat_map(|p| p.inputs().to_vec()).collect();
        assert_eq!(joined, batch.inputs());
        assert_eq!(batch.split(9).len(), 5);
        assert_eq!(Batch::default().split(2).len(), 1);
    }

    #[test]
    fn noise_is_on_inputs_only() {
        let still = vec![RgbImage::from_vec(Size::new(4, 4), vec![90; 48]).unwrap(); 2];
        let recipe = AugmentRecipe { gaussian_noise: 30.0, ..AugmentRecipe::default() };
        let mut batch = Batch::default();
        batch.push(still.clone(), &recipe, &mut Pcg64::seed_from_u64(1));
        assert_eq!(batch.sequences(), std::slice::from_ref(&still));
        assert_ne!(batch.inputs(), batch.sequences());
        let device = Device::flex();
        let values = |tensor: Tensor<4>| tensor.into_data().try_to_vec::<f32>().unwrap();
        let target = batch.target(1, &device);
        assert_ne!(values(batch.input(1, &target, &device)), values(target));
        let mut batch = Batch::default();
        batch.push(still, &AugmentRecipe::default(), &mut Pcg64::seed_from_u64(1));
        assert_eq!(batch.inputs(), batch.sequences());
    }
}
