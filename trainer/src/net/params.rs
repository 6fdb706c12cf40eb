//! Named parameters, kept as plain numbers between the steps.
//!
//! The optimiser, the checkpoints and the exporter work on these vectors; tensors exist only while
//! a step runs. So a checkpoint is exact, and the same seed gives the same bytes.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::{Precision, Preset};
use crate::TrainError;

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Zeros.
    Zeros,
    /// Uniform with the variance `gain / fan_in` (He, 2015: gain 2 in front of a ReLU).
    Uniform {
        /// Number of inputs of one output.
        fan_in: usize,
        /// Gain on the variance.
        gain: f32,
    },
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Name, for example `stem.weight`.
    pub name: String,
    /// Shape; four sides of a kernel or one of a bias.
    pub shape: Vec<usize>,
    /// Elements, row-major.
    pub values: Vec<f32>,
}

/// All parameters of a network, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    list: Vec<Param>,
    /// What they are put on a device with.
    precision: Precision,
}

impl Params {
    /// Adds a parameter.
    pub fn add(&mut self, name: &str, shape: &[usize], start: Start, random: &mut Pcg64) {
        let len = shape.iter().product();
        let values = match start {
            Start::Zeros => vec![0.0; len],
            Start::Uniform { fan_in, gain } => {
                let bound = (3.0 * gain / fan_in.max(1) as f32).sqrt();
                (0..len).map(|_| random.random_range(-bound..bound)).collect()
            }
        };
        self.list.push(Param { name: name.to_owned(), shape: shape.to_vec(), values });
    }

    /// Adds a parameter with its numbers.
    pub fn add_values(&mut self, name: &str, shape: &[usize], values: Vec<f32>) {
        self.list.push(Param { name: name.to_owned(), shape: shape.to_vec(), values });
    }

    /// The same numbers, to be put on a device with `precision`.
    #[must_use]
    pub fn at(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Adds the kernel `name.weight` and the zero bias `name.bias` of a convolution.
    pub fn add_conv(&mut self, name: &str, shape: [usize; 4], gain: f32, random: &mut Pcg64) {
        let fan_in = shape[1] * shape[2] * shape[3];
        let start = if gain > 0.0 { Start::Uniform { fan_in, gain } } else { Start::Zeros };
        self.add(&format!("{name}.weight"), &shape, start, random);
        self.add(&format!("{name}.bias"), &shape[..1], Start::Zeros, random);
    }

    /// The parameters in order.
    #[must_use]
    pub fn list(&self) -> &[Param] {
        &self.list
    }

    /// The parameters in order, to be changed.
    pub fn list_mut(&mut self) -> &mut [Param] {
        &mut self.list
    }

    /// The parameter called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.list.iter().find(|p| p.name == name)
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.iter().map(|p| p.values.len()).sum()
    }

    /// True without parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The same names and shapes with zeros.
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        let mut zeros = self.clone();
        zeros.list.iter_mut().for_each(|p| p.values.fill(0.0));
        zeros
    }
}

impl Params {
    /// The parameters on `device`, when names and shapes are those of `want`.
    ///
    /// # Errors
    /// [`TrainError::Network`] naming `network` otherwise.
    pub fn leaves(
        &self,
        want: &Outline,
        network: Preset,
        device: &Device,
    ) -> Result<Vec<Leaf>, TrainError> {
        if want.fits(self) {
            return Ok(self.list.iter().map(|p| Leaf::cast(p, self.precision, device)).collect());
        }
        Err(TrainError::Network {
            name: network.to_string(),
            reason: format!(
                "the {} parameters given do not fit; {} are wanted",
                self.len(),
                want.elements()
            ),
        })
    }
}

/// Names and shapes of a network's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline(Vec<(String, Vec<usize>)>);

impl Outline {
    /// Those of `params`.
    #[must_use]
    pub fn of(params: &Params) -> Self {
        Self(params.list.iter().map(|p| (p.name.clone(), p.shape.clone())).collect())
    }

    fn fits(&self, params: &Params) -> bool {
        self.0.len() == params.list.len()
            && self.0.iter().zip(&params.list).all(|((name, shape), p)| {
                *name == p.name
                    && *shape == p.shape
                    && p.values.len() == shape.iter().product::<usize>()
            })
    }

    fn elements(&self) -> usize {
        self.0.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

/// A parameter as a tensor: kernels have four sides, biases one.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// A kernel.
    Kernel(Tensor<4>),
    /// A bias.
    Bias(Tensor<1>),
}

impl Leaf {
    /// Puts `param` on `device`; with autodiff its gradient is kept.
    #[must_use]
    pub fn new(param: &Param, device: &Device) -> Self {
        Self::cast(param, Precision::F32, device)
    }

    /// As [`Leaf::new`], with `precision`.
    #[must_use]
    pub fn cast(param: &Param, precision: Precision, device: &Device) -> Self {
        let data = TensorData::new(param.values.clone(), param.shape.clone());
        let grad = device.is_autodiff();
        if param.shape.len() == 4 {
            let tensor = Tensor::<4>::from_data(data, device).cast(precision.kind()).detach();
            Self::Kernel(if grad { tensor.require_grad() } else { tensor })
        } else {
            let tensor = Tensor::<1>::from_data(data, device).cast(precision.kind()).detach();
            Self::Bias(if grad { tensor.require_grad() } else { tensor })
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_seed_decides_the_numbers() {
        let make = |seed| {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut params = Params::default();
            params.add_conv("a", [4, 3, 2, 2], 2.0, &mut random);
            params.add_conv("b", [2, 4, 1, 1], 0.0, &mut random);
            params
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        let params = make(1);
        assert_eq!(params.len(), 48 + 4 + 8 + 2);
        assert!(params.get("b.weight").unwrap().values.iter().all(|v| *v == 0.0));
        let bound = (6.0f32 / 12.0).sqrt();
        assert!(params.get("a.weight").unwrap().values.iter().all(|v| v.abs() <= bound));
    }
}
