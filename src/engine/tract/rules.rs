//! What tract would compute wrongly or cannot run, by operator, attribute and type.
//!
//! Each rule was found by running the ONNX project's operator tests on the pinned version, or by
//! reading its sources; `docs/operator-support.md` has the outcome of every test.

use std::collections::HashMap;

use super::ENGINE;
use crate::engine::EngineError;
use crate::model::DType;
use crate::model::onnx::{DataType, GraphProto, NodeProto};

/// Refuses the first node that breaks a rule.
pub(super) fn check(graph: &GraphProto) -> Result<(), EngineError> {
    let known = tract_onnx::onnx().op_register.0;
    walk(graph, &|node| match known.contains_key(&node.op_type) {
        true => None,
        false => Some("tract does not have this operator".to_owned()),
    })
}

fn walk(
    graph: &GraphProto,
    missing: &dyn Fn(&NodeProto) -> Option<String>,
) -> Result<(), EngineError> {
    let types = types(graph);
    let inputs: Vec<&str> = graph
        .input
        .iter()
        .map(|i| i.name.as_str())
        .filter(|name| !graph.initializer.iter().any(|t| t.name == *name))
        .collect();
    for node in &graph.node {
        let rule = missing(node)
            .or_else(|| foreign(node))
            .or_else(|| recurrent(node))
            .or_else(|| integer_product(node, &types))
            .or_else(|| slice(node, &inputs));
        if let Some(reason) = rule {
            let output = node.output.iter().find(|o| !o.is_empty());
            let name = if node.name.is_empty() { output } else { Some(&node.name) };
            return Err(EngineError::Refused {
                engine: ENGINE.to_owned(),
                node: name.cloned().unwrap_or_default(),
                operator: node.operator(),
                reason,
            });
        }
        for (_, subgraph) in node.subgraphs() {
            walk(subgraph, missing)?;
        }
    }
    Ok(())
}

/// tract looks operators up by type alone, so one of another domain would get ONNX's meaning.
fn foreign(node: &NodeProto) -> Option<String> {
    match node.domain.as_str() {
        "" | "ai.onnx" => None,
        domain => Some(format!(
            "it belongs to {domain:?}; tract would take it for ONNX's own {}",
            node.op_type
        )),
    }
}

/// tract reads neither the activations nor the clipping of recurrent operators.
fn recurrent(node: &NodeProto) -> Option<String> {
    let default: &[&str] = match node.op_type.as_str() {
        "LSTM" => &["Sigmoid", "Tanh", "Tanh"],
        "GRU" => &["Sigmoid", "Tanh"],
        "RNN" => &["Tanh"],
        _ => return None,
    };
    if node.attr("clip").is_some() {
        return Some("tract ignores the attribute `clip`".to_owned());
    }
    if node.attr_int("input_forget").unwrap_or(0) != 0 {
        return Some("tract ignores the attribute `input_forget`".to_owned());
    }
    let given = &node.attr("activations")?.strings;
    let usual = given.iter().zip(default.iter().cycle()).all(|(g, d)| g == d.as_bytes());
    (!usual).then(|| "tract ignores the attribute `activations` and uses the default".to_owned())
}

/// Signed products saturate in tract; the published results of the operator tests differ.
fn integer_product(node: &NodeProto, types: &HashMap<&str, DType>) -> Option<String> {
    let signed = |i: usize| {
        let name = node.input.get(i)?;
        types.get(name.as_str()).filter(|t| **t == DType::I8)
    };
    // Operands and their zero points: a, a_zero_point, b, b_zero_point.
    let any = [0, 2, 3, 5].into_iter().any(|i| signed(i).is_some());
    (node.op_type == "QLinearMatMul" && any)
        .then(|| "its i8 results differ from the published ones".to_owned())
}

/// tract needs to know what is cut out when it plans the graph.
fn slice(node: &NodeProto, inputs: &[&str]) -> Option<String> {
    let late = |name: &&String| inputs.contains(&name.as_str());
    let late = node.input.iter().skip(1).find(late)?;
    (node.op_type == "Slice").then(|| format!("its parameter {late:?} is known only at run time"))
}

/// Types of inputs, initializers and values the graph declares.
fn types(graph: &GraphProto) -> HashMap<&str, DType> {
    let values = graph.input.iter().chain(&graph.value_info).chain(&graph.output);
    let declared = values
        .filter_map(|v| Some((v.name.as_str(), DataType(v.tensor_type()?.elem_type).dtype()?)));
    let stored = graph.initializer.iter();
    declared.chain(stored.filter_map(|t| Some((t.name.as_str(), t.element().dtype()?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::{Attribute, GraphBuilder};

    fn refused(operator: &str, domain: &str, attributes: &[(&str, Attribute)]) -> String {
        let mut g = GraphBuilder::new("g");
        g.input("x", DType::F32, &[1.into()]);
        g.node_named(operator, domain, &["x"], &["y"], attributes);
        g.output("y", DType::F32, &[1.into()]);
        check(&g.finish_graph().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn rules_name_node_operator_and_reason() {
        let error = refused("Col2Im", "", &[]);
        assert!(error.contains("\"y\" (Col2Im)"), "{error}");
        let error = refused("Conv", "my.ops", &[]);
        assert!(error.contains("my.ops.Conv") && error.contains("belongs to"), "{error}");
        let error = refused("LSTM", "", &[("clip", Attribute::Float(1.0))]);
        assert!(error.contains("clip"), "{error}");
    }
}
