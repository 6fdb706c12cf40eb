//! Where training computes: the CPU, or a GPU of a build with its backend.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::str::FromStr;

use burn::tensor::{Device, Tensor};

use crate::TrainError;

/// A device by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// The CPU, with the backend that is always there (`cpu`).
    Cpu,
    /// LibTorch on the CPU (`tch`).
    Torch,
    /// LibTorch on an NVIDIA GPU (`tch:0`).
    TorchCuda(usize),
    /// An NVIDIA GPU (`cuda:0`).
    Cuda(usize),
    /// The GPU that the driver prefers (`wgpu`).
    Wgpu,
    /// A graphics card by its number (`wgpu:0`).
    WgpuCard(usize),
}

/// The names [`DeviceChoice`] understands, with the feature of the build that each needs.
pub const KINDS: [(&str, Option<&str>, bool); 4] = [
    ("cpu", None, true),
    ("tch, tch:N", Some("tch"), cfg!(feature = "tch")),
    ("cuda, cuda:N", Some("cuda"), cfg!(feature = "cuda")),
    ("wgpu, wgpu:N", Some("wgpu"), cfg!(feature = "wgpu")),
];

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown =
            || format!("{text:?} is no device; cpu, tch, tch:N, cuda, cuda:N, wgpu and wgpu:N are");
        let (kind, index) = match text.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().map_err(|_| unknown())?)),
            None => (text, None),
        };
        match (kind, index) {
            ("cpu", None) => Ok(Self::Cpu),
            ("tch", None) => Ok(Self::Torch),
            ("tch", Some(index)) => Ok(Self::TorchCuda(index)),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            ("wgpu", None) => Ok(Self::Wgpu),
            ("wgpu", Some(index)) => Ok(Self::WgpuCard(index)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Torch => f.write_str("tch"),
            Self::TorchCuda(index) => write!(f, "tch:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Wgpu => f.write_str("wgpu"),
            Self::WgpuCard(index) => write!(f, "wgpu:{index}"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device, and computes a sum on it to see that it works.
    ///
    /// # Errors
    /// [`TrainError::Device`] when the build has no such backend, or the machine no such device.
    pub fn open(self) -> Result<Device, TrainError> {
        if self == Self::Cpu {
            return Ok(Device::flex());
        }
        let wrong = |reason| TrainError::Device { name: self.to_string(), reason };
        // Backends panic where a driver is missing; what they say goes into the error.
        let hook = take_hook();
        set_hook(Box::new(|_| ()));
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let device = self.backend()?;
            let sum = Tensor::<1>::from_floats([1.0, 2.0], &device).sum().into_scalar::<f32>();
            Some((device, sum))
        }));
        set_hook(hook);
        match tried {
            Ok(Some((device, 3.0))) => Ok(device),
            Ok(Some((_, sum))) => Err(wrong(format!("it computes 1 + 2 = {sum}; do not use it"))),
            Ok(None) => Err(wrong(format!(
                "this build has no such backend; build framecast-trainer with `--features {}`",
                self.feature()
            ))),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                let cause = said.unwrap_or("its backend gives no reason").trim();
                Err(wrong(format!("it cannot be used ({cause}); check its driver, or use cpu")))
            }
        }
    }

    const fn feature(self) -> &'static str {
        match self {
            Self::Cpu => "",
            Self::Torch | Self::TorchCuda(_) => "tch",
            Self::Cuda(_) => "cuda",
            Self::Wgpu | Self::WgpuCard(_) => "wgpu",
        }
    }

    /// The device, when its backend is built in.
    fn backend(self) -> Option<Device> {
        match self {
            Self::Cpu => Some(Device::flex()),
            #[cfg(feature = "tch")]
            #[expect(deprecated, reason = "burn says so; it is the reference for speed")]
            Self::Torch => Some(Device::libtorch()),
            #[cfg(feature = "tch")]
            #[expect(deprecated, reason = "burn says so; it is the reference for speed")]
            Self::TorchCuda(index) => Some(Device::libtorch_cuda(index)),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Some(Device::cuda(index)),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Some(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "wgpu")]
            Self::WgpuCard(index) => {
                Some(Device::wgpu(burn::tensor::DeviceKind::DiscreteGpu(index)))
            }
            #[cfg(not(all(feature = "tch", feature = "cuda", feature = "wgpu")))]
            _ => None,
        }
    }
}

/// Opens `choices`, each with gradients; the CPU once for each of `threads`.
///
/// # Errors
/// [`TrainError::Device`].
pub fn open_all(choices: &[DeviceChoice], threads: usize) -> Result<Vec<Device>, TrainError> {
    let choices = if choices.is_empty() { &[DeviceChoice::Cpu] } else { choices };
    let mut devices = Vec::new();
    for choice in choices {
        let device = choice.open()?.autodiff();
        let shares = if *choice == DeviceChoice::Cpu { threads.max(1) } else { 1 };
        devices.extend(std::iter::repeat_n(device, shares));
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_refused() {
        for name in ["cpu", "tch", "tch:1", "cuda:0", "wgpu", "wgpu:2"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        for name in ["", "gpu", "cpu:1", "cuda:x", "cuda:-1"] {
            assert!(name.parse::<DeviceChoice>().unwrap_err().contains("cuda:N"), "{name}");
        }
    }

    #[test]
    fn the_cpu_is_there_once_a_thread() {
        assert_eq!(open_all(&[], 3).unwrap().len(), 3);
        assert!(open_all(&[DeviceChoice::Cpu], 1).unwrap()[0].is_autodiff());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_is_not_built_in_says_which_build_has_it() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
        assert!(error.contains("cuda:0") && error.contains("--features cuda"), "{error}");
    }
}
