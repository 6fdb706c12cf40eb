//! Convolution in the precision of its kernel: with a kernel of 16 bits the sums are made of numbers
//! of 16 bits, and everything between the convolutions stays in 32 (Micikevicius et al. 2018).

use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, FloatDType, Tensor, module};
use serde::{Deserialize, Serialize};

use super::Preset;

/// What convolutions compute with; weights, their optimiser and losses stay in 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of 32.
    Bf16,
    /// 16 bits with a small range: the loss is scaled up before its slope is taken.
    F16,
}

impl Precision {
    /// The type of kernels and biases.
    #[must_use]
    pub const fn kind(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// Fails for networks that do not convolve by this module.
    pub(crate) fn check(self, network: Preset) -> Result<(), String> {
        match network {
            _ if self == Self::F32 => Ok(()),
            Preset::Nano | Preset::Small | Preset::NanoDirect => Ok(()),
            _ => Err(format!("train.precision: {network} is trained in f32 only")),
        }
    }

    /// What the loss is multiplied by, so that small slopes do not vanish.
    #[must_use]
    pub const fn loss_scale(self) -> f32 {
        match self {
            Self::F32 | Self::Bf16 => 1.0,
            Self::F16 => 1024.0,
        }
    }
}

/// `conv2d` of `x` in 32 bits with kernel and bias of any precision; the result has 32 bits.
pub(crate) fn conv2d(
    x: Tensor<4>,
    kernel: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions<2>,
) -> Tensor<4> {
    let precision = match kernel.dtype() {
        DType::BF16 => Precision::Bf16,
        DType::F16 => Precision::F16,
        _ => return module::conv2d(x, kernel, bias, options),
    };
    module::conv2d(x.cast(precision.kind()), kernel, bias, options).cast(FloatDType::F32)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    #[test]
    fn sixteen_bits_are_near_thirty_two_and_slopes_come_through() {
        let device = Device::flex().autodiff();
        let spread = Distribution::Uniform(-1.0, 1.0);
        let x = Tensor::<4>::random([2, 6, 12, 10], spread, &device);
        let kernel = Tensor::<4>::random([4, 6, 3, 3], spread, &device);
        let options = || ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let exact = conv2d(x.clone(), kernel.clone(), None, options());
        for precision in [Precision::Bf16, Precision::F16] {
            let low = kernel.clone().cast(precision.kind()).detach().require_grad();
            let y = conv2d(x.clone(), low.clone(), None, options());
            assert_eq!(y.dtype(), DType::F32);
            let off = (y.clone() - exact.clone()).abs().max().into_scalar::<f32>();
            assert!(off > 0.0 && off < 0.1, "{precision:?} {off}");
            let grads = y.powf_scalar(2.0).mean().backward();
            let slope = low.grad(&grads).unwrap();
            assert!(slope.abs().max().into_scalar::<f32>() > 0.0);
        }
    }
}
