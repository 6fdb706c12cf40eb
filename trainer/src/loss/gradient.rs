//! Gradient difference (Mathieu et al. 2016): edges must be as strong as those that came, so that
//! blur costs something.

use burn::tensor::Tensor;

/// Mean difference of the strengths of neighbouring samples' slopes, half of it across and half of
/// it down. Pictures of one column or one line have no slope that way.
#[must_use]
pub fn difference(prediction: &Tensor<4>, target: &Tensor<4>) -> Tensor<1> {
    let strength = |x: &Tensor<4>, along: usize| {
        let rest = x.dims()[along] - 1;
        (x.clone().narrow(along, 1, rest) - x.clone().narrow(along, 0, rest)).abs()
    };
    let [_, _, h, w] = target.dims();
    [(2, h), (3, w)]
        .into_iter()
        .filter(|&(_, samples)| samples > 1)
        .map(|(along, _)| (strength(prediction, along) - strength(target, along)).abs().mean())
        .fold(Tensor::zeros([1], &target.device()), |sum, part| sum + part)
        * 0.5
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    fn line(values: &[f32]) -> Tensor<4> {
        let shape = [1, 1, 1, values.len()];
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    #[test]
    fn strength_counts_and_direction_does_not() {
        let of = |a: &[f32], b: &[f32]| difference(&line(a), &line(b)).into_scalar::<f32>();
        // Slopes 0.2 and 0.4 against 0 and 0: (0.2 + 0.4) / 2, halved.
        assert!((of(&[0.0, 0.2, 0.6], &[0.5; 3]) - 0.15).abs() < 1e-6);
        assert!(of(&[0.0, 0.2, 0.6], &[0.6, 0.4, 0.0]).abs() < 1e-6);
        assert_eq!(of(&[0.3], &[0.9]), 0.0);
    }
}
