//! The layers with weights or multiply-accumulates, and how much memory the values between them
//! need.
#![warn(clippy::indexing_slicing)]

use std::collections::{HashMap, HashSet};

use crate::model::onnx::{GraphProto, NodeProto};

use super::cost::{macs, product};
use super::shapes::Shapes;
use super::weights;

/// A node with weights or multiply-accumulates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Name of the node, or of its output where it has none.
    pub name: String,
    /// Operator.
    pub operator: String,
    /// Shape of its first output; `None` where a rule is missing.
    pub output: Option<Vec<usize>>,
    /// Elements of the weights that it reads; weights of two layers count in both.
    pub parameters: u64,
    /// Multiply-accumulates of one run.
    pub macs: u64,
}

pub(super) fn layers(graph: &GraphProto, shapes: &Shapes) -> Vec<Layer> {
    let weights: HashMap<&str, u64> =
        graph.initializer.iter().map(|t| (t.name.as_str(), weights(t))).collect();
    let layer = |node: &NodeProto| {
        let parameters = node.input.iter().filter_map(|name| weights.get(name.as_str())).sum();
        let macs = macs(node, shapes).unwrap_or(0);
        (parameters > 0 || macs > 0).then(|| Layer {
            name: node.label().to_owned(),
            operator: node.op_type.clone(),
            output: node.output.first().and_then(|o| shapes.shape(o)).map(<[usize]>::to_vec),
            parameters,
            macs,
        })
    };
    graph.node.iter().filter_map(layer).collect()
}

/// The most elements of inputs and values between nodes that are needed at the same time when the
/// nodes run in the order of the file and each value is dropped after its last reader. Weights are
/// left out, and so are values of unknown shape.
pub(super) fn peak(graph: &GraphProto, shapes: &Shapes) -> u64 {
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let size = |name: &str| shapes.shape(name).and_then(product).unwrap_or(0);
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (at, node) in graph.node.iter().enumerate() {
        // A value that nobody reads is there while it is made.
        for name in node.output.iter().chain(&node.input) {
            last.insert(name, at);
        }
        // What a branch or loop reads of the graph around it.
        for (_, inner) in node.subgraphs() {
            for name in inner.node.iter().flat_map(|n| &n.input) {
                last.entry(name).and_modify(|l| *l = at);
            }
        }
    }
    for output in &graph.output {
        last.insert(&output.name, usize::MAX);
    }
    let mut ends: HashMap<usize, u64> = HashMap::new();
    let mut live = 0u64;
    let begin = |name: &str, live: &mut u64, ends: &mut HashMap<usize, u64>| {
        if let Some(end) = last.get(name) {
            let elements = size(name);
            *live = live.saturating_add(elements);
            let entry = ends.entry(*end).or_default();
            *entry = entry.saturating_add(elements);
        }
    };
    for input in graph.input.iter().filter(|i| !weights.contains(i.name.as_str())) {
        begin(&input.name, &mut live, &mut ends);
    }
    let mut peak = live;
    for (at, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|n| !n.is_empty()) {
            begin(name, &mut live, &mut ends);
        }
        peak = peak.max(live);
        live = live.saturating_sub(ends.remove(&at).unwrap_or(0));
    }
    peak
}
