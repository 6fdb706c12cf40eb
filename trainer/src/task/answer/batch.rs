//! Pictures, token ids and answers as tensors.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::scene::SIDE;

/// Packed RGB pictures as `N x 3 x H x W`, 0..=1.
pub(super) fn pictures<'p>(
    pictures: impl ExactSizeIterator<Item = &'p [u8]>,
    device: &Device,
) -> Tensor<4> {
    let n = pictures.len();
    let mut values = Vec::with_capacity(n * 3 * SIDE * SIDE);
    for picture in pictures {
        let pixels = picture.as_chunks::<3>().0;
        for channel in 0..3 {
            values.extend(pixels.iter().map(|pixel| f32::from(pixel[channel]) / 255.0));
        }
    }
    Tensor::from_data(TensorData::new(values, [n, 3, SIDE, SIDE]), device)
}

/// Token ids as a sequence each.
pub(super) fn tokens(ids: &[Vec<u32>], device: &Device) -> Tensor<4> {
    let length = ids.first().map_or(0, Vec::len);
    let values: Vec<f32> = ids.iter().flatten().map(|&id| id as f32).collect();
    Tensor::from_data(TensorData::new(values, [ids.len(), 1, 1, length]), device)
}

/// The rows of `x` that `rows` say, for samples that have several questions.
pub(super) fn rows(x: &Tensor<4>, rows: &[usize]) -> Tensor<4> {
    let rows: Vec<i64> = rows.iter().map(|&r| r as i64).collect();
    let len = rows.len();
    let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [len]), &x.device());
    x.clone().select(0, rows)
}

/// Mean negative logarithm of the probability of the right answers; logits are `N x C x 1 x 1`.
pub(super) fn surprise(logits: &Tensor<4>, right: &[usize]) -> Tensor<1> {
    let [n, classes, _, _] = logits.dims();
    let mut own = vec![0.0f32; n * classes];
    for (row, &answer) in right.iter().enumerate() {
        own[row * classes + answer.min(classes - 1)] = -1.0 / n as f32;
    }
    let own = Tensor::from_data(TensorData::new(own, [n, classes]), &logits.device());
    let logits: Tensor<2> = logits.clone().reshape([n, classes]);
    (log_softmax(logits, 1) * own).sum()
}

/// Mean negative logarithm of the probabilities of all answers: least when none is likelier than
/// another, as where there is no right one.
pub(super) fn doubt(logits: &Tensor<4>) -> Tensor<1> {
    let [n, classes, _, _] = logits.dims();
    let logits: Tensor<2> = logits.clone().reshape([n, classes]);
    log_softmax(logits, 1).mean().neg()
}

/// Binary cross-entropy of logits against shares from 0 to 1, summed over each sample and averaged
/// over them.
pub(super) fn maps_loss(logits: &Tensor<4>, wanted: Vec<f32>) -> Tensor<1> {
    let dims = logits.dims();
    let wanted = Tensor::<4>::from_data(TensorData::new(wanted, dims), &logits.device());
    // max(x, 0) - x y + ln(1 + exp(-|x|)).
    let positive = logits.clone().clamp_min(0.0);
    let tail = (logits.clone().abs().neg().exp() + 1.0).log();
    (positive - logits.clone() * wanted + tail).sum() / dims[0] as f32
}

/// The numbers of a tensor, sample by sample.
pub(super) fn numbers(x: Tensor<4>) -> Vec<Vec<f32>> {
    let n = x.dims()[0].max(1);
    let all = x.into_data().try_to_vec::<f32>().unwrap_or_default();
    all.chunks((all.len() / n).max(1)).map(<[f32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_their_values() {
        let device = Device::flex();
        let tensor = |v: Vec<f32>, dims: [usize; 4]| {
            Tensor::<4>::from_data(TensorData::new(v, dims), &device)
        };
        let value = |t: Tensor<1>| t.into_data().try_to_vec::<f32>().unwrap()[0];
        let logits = tensor(vec![0.0, 9.0_f32.ln(), 1.0, 1.0], [2, 2, 1, 1]);
        // -ln 0.9 and -ln 0.5.
        let found = value(surprise(&logits, &[1, 0]));
        assert!((found - (0.105_360_5 + std::f32::consts::LN_2) / 2.0).abs() < 1e-6, "{found}");
        let even = value(doubt(&tensor(vec![3.0; 4], [1, 4, 1, 1])));
        assert!((even - 4.0_f32.ln()).abs() < 1e-6, "{even}");
        let found = value(maps_loss(
            &tensor(vec![9.0_f32.ln(), -9.0_f32.ln()], [1, 2, 1, 1]),
            vec![1.0, 0.0],
        ));
        assert!((found - 2.0 * 0.105_360_5).abs() < 1e-6, "{found}");
        let chosen = numbers(rows(&logits, &[1, 1, 0]));
        assert_eq!(chosen[0], [1.0, 1.0]);
        assert_eq!(chosen[2][0], 0.0);
    }
}
