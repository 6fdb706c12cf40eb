//! Multiply-accumulates of the operators that have any.
#![warn(clippy::indexing_slicing)]

use crate::model::onnx::{GraphProto, NodeProto};

use super::Cost;
use super::shapes::Shapes;

pub(super) fn product(dims: &[usize]) -> Option<u64> {
    dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64))
}

/// Operators of foreign domains that only move or map elements.
const FREE: &[&str] = &[
    "QLinearAdd",
    "QLinearMul",
    "QLinearSigmoid",
    "QLinearLeakyRelu",
    "QLinearSoftmax",
    "QLinearConcat",
    "QLinearAveragePool",
    "QLinearGlobalAveragePool",
    "QuantizeLinear",
    "DequantizeLinear",
    "Gelu",
];

fn has_macs(node: &NodeProto) -> bool {
    match node.op_type.as_str() {
        "Conv" | "ConvInteger" | "QLinearConv" | "ConvTranspose" | "MatMul" | "MatMulInteger"
        | "QLinearMatMul" | "Gemm" | "QGemm" | "LSTM" | "GRU" | "RNN" => true,
        // No rule counts these yet.
        "Einsum" | "DeformConv" | "Attention" => true,
        other => !matches!(node.domain.as_str(), "" | "ai.onnx") && !FREE.contains(&other),
    }
}

pub(super) fn cost(graph: &GraphProto, shapes: &Shapes) -> Cost {
    let mut cost = Cost::default();
    for node in &graph.node {
        if has_macs(node) {
            match macs(node, shapes) {
                Some(macs) => cost.macs = cost.macs.saturating_add(macs),
                None => cost.unknown.push(node.label().to_owned()),
            }
        }
        for (_, inner) in node.subgraphs() {
            cost.in_subgraphs += heavy_nodes(inner);
        }
    }
    cost
}

fn heavy_nodes(graph: &GraphProto) -> usize {
    graph
        .node
        .iter()
        .map(|n| {
            usize::from(has_macs(n)) + n.subgraphs().map(|(_, g)| heavy_nodes(g)).sum::<usize>()
        })
        .sum()
}

pub(super) fn macs(node: &NodeProto, shapes: &Shapes) -> Option<u64> {
    let output = || shapes.shape(node.output.first()?);
    match node.op_type.as_str() {
        // Each output element sums over the kernel and the channels of its group.
        "Conv" | "ConvInteger" => {
            product(output()?)?.checked_mul(product(shapes.of(node, 1)?.get(1..)?)?)
        }
        "QLinearConv" => product(output()?)?.checked_mul(product(shapes.of(node, 3)?.get(1..)?)?),
        // Each input element is spread over the kernel and the channels of its group.
        "ConvTranspose" => {
            output()?;
            product(shapes.of(node, 0)?)?.checked_mul(product(shapes.of(node, 1)?.get(1..)?)?)
        }
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
            product(output()?)?.checked_mul(*shapes.of(node, 0)?.last()? as u64)
        }
        "Gemm" | "QGemm" => {
            let depth = usize::from(node.attr_int("transA").unwrap_or(0) == 0);
            product(output()?)?.checked_mul(*shapes.of(node, 0)?.get(depth)? as u64)
        }
        "LSTM" | "GRU" | "RNN" => {
            // Gates times (input + hidden) for each step, sample and direction.
            let (&[a, b, _], w, r) =
                (shapes.of(node, 0)?, shapes.of(node, 1)?, shapes.of(node, 2)?)
            else {
                return None;
            };
            let weights = product(w)?.checked_add(product(r)?)?;
            (a as u64).checked_mul(b as u64)?.checked_mul(weights)
        }
        _ => None,
    }
}
