//! Shapes of all values of a graph, in one pass over its nodes.
#![warn(clippy::indexing_slicing)]

use std::collections::{BTreeMap, HashMap};

use crate::model::onnx::{NodeProto, TensorProto};
use crate::model::{Dim, ModelFile};

use super::{fold, rules};

/// Most elements folded in one tensor: shape arithmetic is short, weights are not folded.
pub(super) const FOLDED: usize = 256;
/// Most elements folded altogether, and most dimensions of one value, so that a hostile graph ends.
const BUDGET: usize = 1 << 22;
const RANK: usize = 16;

/// Known shapes and known small whole-number tensors.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: HashMap<String, Vec<usize>>,
    values: HashMap<String, Vec<i64>>,
    opset: i64,
    folded: usize,
}

impl Shapes {
    pub(super) fn infer(model: &ModelFile, bind: &BTreeMap<String, usize>) -> Self {
        let mut shapes = Self { opset: model.opset(), ..Default::default() };
        for input in model.inputs() {
            let Some(dims) = &input.shape else { continue };
            let bound: Option<Vec<usize>> = dims
                .iter()
                .enumerate()
                .map(|(axis, dim)| match dim {
                    Dim::Fixed(n) => Some(*n),
                    Dim::Symbol(name) => bind.get(name).copied().or((axis == 0).then_some(1)),
                })
                .collect();
            if let Some(bound) = bound {
                shapes.shapes.insert(input.name, bound);
            }
        }
        let graph = model.graph();
        for tensor in &graph.initializer {
            shapes.constant(&tensor.name, tensor);
        }
        for node in &graph.node {
            shapes.node(node);
        }
        shapes
    }

    /// The shape of a value.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shapes.get(name).map(Vec::as_slice)
    }

    /// The elements of a small whole-number value.
    pub(super) fn value(&self, name: &str) -> Option<&[i64]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// The operator set of the default domain.
    pub(super) const fn opset(&self) -> i64 {
        self.opset
    }

    /// The shape of input `index` of `node`.
    pub(super) fn of(&self, node: &NodeProto, index: usize) -> Option<&[usize]> {
        self.shape(node.input.get(index).filter(|i| !i.is_empty())?)
    }

    /// The elements of input `index` of `node`.
    pub(super) fn elements(&self, node: &NodeProto, index: usize) -> Option<&[i64]> {
        self.value(node.input.get(index).filter(|i| !i.is_empty())?)
    }

    fn constant(&mut self, name: &str, tensor: &TensorProto) {
        let dims: Option<Vec<usize>> =
            tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
        let Some(dims) = dims else { return };
        // Reals are folded too where they are whole, for exporters that compute sizes in floats.
        let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
        if count <= FOLDED
            && let Ok(data) = tensor.to_tensor()
            && let Some(values) = fold::whole_numbers(data.data())
        {
            self.define(name, dims, Some(values));
        } else {
            self.define(name, dims, None);
        }
    }

    fn node(&mut self, node: &NodeProto) {
        if node.op_type == "Constant" {
            let Some(output) = node.output.first() else { return };
            if let Some(tensor) = node.attr_tensor("value") {
                self.constant(output, tensor);
            } else if let Some(value) = node.attr_int("value_int") {
                self.define(output, Vec::new(), Some(vec![value]));
            } else if let Some(values) = node.attr("value_ints").map(|a| a.ints.clone()) {
                self.define(output, vec![values.len()], Some(values));
            } else if node.attr("value_float").is_some() {
                self.define(output, Vec::new(), None);
            }
            return;
        }
        if let Some(shapes) = rules::outputs(node, self) {
            let values = fold::fold(node, self);
            for (index, (name, shape)) in node.output.iter().zip(shapes).enumerate() {
                if let (false, Some(shape)) = (name.is_empty(), shape) {
                    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
                    let values = values.as_ref().filter(|v| index == 0 && Some(v.len()) == count);
                    self.define(name, shape, values.cloned());
                }
            }
        }
    }

    fn define(&mut self, name: &str, shape: Vec<usize>, values: Option<Vec<i64>>) {
        if shape.len() > RANK {
            return;
        }
        self.shapes.insert(name.to_owned(), shape);
        if let Some(values) = values.filter(|v| v.len() <= FOLDED && self.folded <= BUDGET) {
            self.folded += values.len();
            self.values.insert(name.to_owned(), values);
        }
    }
}
