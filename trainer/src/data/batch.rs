//! Sequences side by side as tensors, and the changes that make more of them.

use burn::tensor::{Device, Tensor, TensorData};
use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;

/// Sequences of one length and size.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    sequences: Vec<Vec<RgbImage>>,
}

impl Batch {
    /// Adds a sequence of square pictures, mirrored, turned and played backwards by chance.
    pub fn push(&mut self, mut sequence: Vec<RgbImage>, random: &mut Pcg64) {
        let [mirror, transpose, reverse] = [(); 3].map(|()| random.random::<bool>());
        for picture in &mut sequence {
            if mirror {
                mirror_lines(picture);
            }
            if transpose {
                *picture = transposed(picture);
            }
        }
        if reverse {
            sequence.reverse();
        }
        self.sequences.push(sequence);
    }

    /// The sequences.
    #[must_use]
    pub fn sequences(&self) -> &[Vec<RgbImage>] {
        &self.sequences
    }

    /// Number of frames of each sequence.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.sequences.first().map_or(0, Vec::len)
    }

    /// Frame `t` of every sequence: `N x 3 x H x W` in 0..=1.
    #[must_use]
    pub fn tensor(&self, t: usize, device: &Device) -> Tensor<4> {
        let pictures: Vec<&RgbImage> = self.sequences.iter().filter_map(|s| s.get(t)).collect();
        frame_tensor(&pictures, device)
    }
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

fn mirror_lines(picture: &mut RgbImage) {
    let line = picture.size().w() * 3;
    for row in picture.data_mut().chunks_exact_mut(line) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

fn transposed(picture: &RgbImage) -> RgbImage {
    let size = picture.size();
    let side = size.w().min(size.h());
    let mut out = RgbImage::new(size);
    let from = picture.data().as_chunks::<3>().0;
    let to = out.data_mut().as_chunks_mut::<3>().0;
    for y in 0..side {
        for x in 0..side {
            to[x * side + y] = from[y * side + x];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

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
    fn mirroring_and_transposing_twice_is_nothing() {
        let picture = RgbImage::from_vec(Size::new(3, 3), (0..27).collect()).unwrap();
        let mut twice = picture.clone();
        mirror_lines(&mut twice);
        assert_eq!(twice.data()[..3], [6, 7, 8]);
        mirror_lines(&mut twice);
        assert_eq!(twice, picture);
        assert_eq!(transposed(&picture).data()[3..6], [9, 10, 11]);
        assert_eq!(transposed(&transposed(&picture)), picture);
    }
}
