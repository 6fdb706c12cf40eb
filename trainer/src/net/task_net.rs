//! What a network of a family other than prediction takes, gives and carries.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use framecast::model::{DType, Dim, Role};
use rand_pcg::Pcg64;

use super::layers::Layers;
use super::params::{Leaf, Params};
use super::tensors::Tensors;

/// The form of a tensor at the border of a network; inside all have four sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `1 x C x H x W`, f32.
    Picture([usize; 3]),
    /// `1 x C`, f32.
    Vector(usize),
    /// `1 x T`, i64.
    Tokens(usize),
}

impl Form {
    /// The element type.
    #[must_use]
    pub const fn dtype(self) -> DType {
        match self {
            Self::Tokens(_) => DType::I64,
            Self::Picture(_) | Self::Vector(_) => DType::F32,
        }
    }

    /// The shape at the border.
    #[must_use]
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Picture([c, h, w]) => vec![1, c, h, w],
            Self::Vector(n) | Self::Tokens(n) => vec![1, n],
        }
    }

    /// As the contract says it.
    #[must_use]
    pub fn shape(self) -> Vec<Dim> {
        self.dims().into_iter().map(Dim::from).collect()
    }

    /// The shape inside, for `n` samples.
    #[must_use]
    pub const fn inside(self, n: usize) -> [usize; 4] {
        match self {
            Self::Picture([c, h, w]) => [n, c, h, w],
            Self::Vector(c) => [n, c, 1, 1],
            Self::Tokens(time) => [n, 1, 1, time],
        }
    }
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name in the graph.
    pub name: String,
    /// What it carries.
    pub role: Role,
    /// Its form.
    pub form: Form,
}

impl Slot {
    /// The slot `name`.
    #[must_use]
    pub fn new(name: &str, role: Role, form: Form) -> Self {
        Self { name: name.to_owned(), role, form }
    }
}

/// A network, or the part of one that is a graph of its own.
pub trait TaskNet {
    /// What it takes, without state.
    fn inputs(&self) -> Vec<Slot>;

    /// What it gives, without state.
    fn outputs(&self) -> Vec<Slot>;

    /// What it carries from call to call, from zeros: the names of the state before (`NAME`) and
    /// after (`NAME_next`) a call.
    fn state(&self) -> Vec<(String, Form)> {
        Vec::new()
    }

    /// Outputs, then the next state, of inputs, then state.
    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value>;

    /// [`TaskNet::forward`] on tensors; `chance` makes dropout and noise, none of either without.
    fn compute(
        &self,
        leaves: &BTreeMap<String, Leaf>,
        inputs: &[Tensor<4>],
        chance: Option<&mut Pcg64>,
    ) -> Vec<Tensor<4>> {
        self.forward(&mut Tensors { leaves, chance }, inputs)
    }

    /// The state before the first call, for `n` samples.
    fn rest(&self, n: usize, device: &Device) -> Vec<Tensor<4>> {
        self.state().iter().map(|(_, form)| Tensor::zeros(form.inside(n), device)).collect()
    }
}

impl Params {
    /// The parameters on `device` by name.
    #[must_use]
    pub fn by_name(&self, device: &Device) -> BTreeMap<String, Leaf> {
        self.list().iter().map(|p| (p.name.clone(), Leaf::new(p, device))).collect()
    }
}
