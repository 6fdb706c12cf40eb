//! What a graph consists of and what it costs: operators, parameters, shapes and
//! multiply-accumulates, without an engine.
//!
//! Shapes are inferred with our own rules and with small whole-number tensors folded, so that
//! shape arithmetic of exporters is followed. What a rule does not cover is counted as unknown,
//! never guessed.
#![warn(clippy::indexing_slicing)]

mod cost;
mod fold;
mod layers;
mod rules;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use super::ModelFile;
use super::onnx::{GraphProto, TensorProto, dims_of};

pub use layers::Layer;

/// Nodes of one operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorCount {
    /// Domain; `ai.onnx` for the default one.
    pub domain: String,
    /// Operator.
    pub operator: String,
    /// Number of nodes, subgraphs included.
    pub nodes: usize,
}

/// Multiply-accumulates of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of the nodes whose shapes are known. Only convolutions, matrix products
    /// and recurrent layers have any.
    pub macs: u64,
    /// Nodes with multiply-accumulates whose shapes are unknown, by name; not in `macs`.
    pub unknown: Vec<String>,
    /// Nodes inside loops and branches, which run any number of times; not in `macs`.
    pub in_subgraphs: usize,
}

/// What [`analyse`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Operators, most frequent first within a domain.
    pub operators: Vec<OperatorCount>,
    /// Nodes, subgraphs included.
    pub nodes: usize,
    /// Elements of all real-valued and quantised weights, subgraphs included; whole-number tensors
    /// of shape arithmetic are left out.
    pub parameters: u64,
    /// Cost of one run at the given sizes.
    pub cost: Cost,
    /// Nodes with weights or multiply-accumulates in the order of the file, subgraphs left out.
    pub layers: Vec<Layer>,
    /// The most elements of inputs and values between nodes that are needed at the same time;
    /// values of unknown shape are left out.
    pub peak_elements: u64,
    /// Inferred shape of each graph output; `None` where a rule is missing.
    pub outputs: Vec<(String, Option<Vec<usize>>)>,
}

/// Looks through `model` with symbolic dimensions bound by `bind`; unbound ones are 1 where they
/// are a batch (axis 0) and unknown elsewhere.
#[must_use]
pub fn analyse(model: &ModelFile, bind: &BTreeMap<String, usize>) -> Analysis {
    let graph = model.graph();
    let mut tally = Tally::default();
    tally.graph(graph);
    for function in &model.proto().functions {
        tally.nodes(&function.node);
    }
    let mut operators: Vec<OperatorCount> = tally
        .counts
        .into_iter()
        .map(|((domain, operator), nodes)| OperatorCount { domain, operator, nodes })
        .collect();
    operators.sort_by(|a, b| {
        a.domain.cmp(&b.domain).then(b.nodes.cmp(&a.nodes)).then(a.operator.cmp(&b.operator))
    });
    let shapes = shapes::Shapes::infer(model, bind);
    let cost = cost::cost(graph, &shapes);
    let outputs =
        graph.output.iter().map(|o| (o.name.clone(), shapes.shape(&o.name).map(<[usize]>::to_vec)));
    Analysis {
        operators,
        nodes: tally.nodes,
        parameters: tally.parameters,
        cost,
        layers: layers::layers(graph, &shapes),
        peak_elements: layers::peak(graph, &shapes),
        outputs: outputs.collect(),
    }
}

#[derive(Default)]
struct Tally {
    counts: BTreeMap<(String, String), usize>,
    nodes: usize,
    parameters: u64,
}

impl Tally {
    fn graph(&mut self, graph: &GraphProto) {
        // Weights that stand as graph inputs too are one tensor.
        let mut seen = HashSet::new();
        for tensor in &graph.initializer {
            if seen.insert(&tensor.name) {
                self.tensor(tensor);
            }
        }
        self.nodes(&graph.node);
    }

    fn tensor(&mut self, tensor: &TensorProto) {
        self.parameters = self.parameters.saturating_add(weights(tensor));
    }

    fn nodes(&mut self, nodes: &[super::onnx::NodeProto]) {
        for node in nodes {
            self.nodes += 1;
            let domain = match node.domain.as_str() {
                "" => "ai.onnx",
                domain => domain,
            };
            *self.counts.entry((domain.to_owned(), node.op_type.clone())).or_default() += 1;
            if node.op_type == "Constant"
                && let Some(tensor) = node.attr_tensor("value")
            {
                self.tensor(tensor);
            }
            for (_, graph) in node.subgraphs() {
                self.graph(graph);
            }
        }
    }
}

/// Elements of a tensor of weights; 0 for whole numbers of shape arithmetic.
fn weights(tensor: &TensorProto) -> u64 {
    // int32 and int64 hold shapes, axes and indices; int32 biases of quantised layers are few.
    let arithmetic = matches!(tensor.element().0, 6 | 7 | 8 | 9 | 12 | 13);
    match dims_of(&tensor.dims) {
        Ok((_, count)) if !arithmetic => count as u64,
        _ => 0,
    }
}
