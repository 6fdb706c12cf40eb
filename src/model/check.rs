//! What must hold of a graph before anything else looks at it. Engines have their own rules about
//! operators; here is only what no engine could run.
#![warn(clippy::indexing_slicing)]

use std::collections::HashSet;

use super::ModelError;
use super::onnx::{GraphProto, ModelProto, NEWEST_OPSET, NodeProto, TensorProto, dims_of};

/// Checks operator sets, shapes of weights, and that every value is defined before it is used.
pub(super) fn check(model: &str, proto: &ModelProto) -> Result<(), ModelError> {
    let Some(graph) = &proto.graph else {
        return Err(ModelError::Format {
            model: model.to_owned(),
            reason: "it has no graph".to_owned(),
        });
    };
    if graph.output.is_empty() {
        return Err(ModelError::Format {
            model: model.to_owned(),
            reason: format!("its graph ({} nodes) has no output", graph.node.len()),
        });
    }
    opsets(model, proto)?;
    Checker { model, proto, scopes: Vec::new() }.graph(graph)
}

fn opsets(model: &str, proto: &ModelProto) -> Result<(), ModelError> {
    let wrong = |reason: String| Err(ModelError::Opset { model: model.to_owned(), reason });
    if proto.opset_import.is_empty() {
        return wrong(format!(
            "no operator set is named; export the model with one from 1 to {NEWEST_OPSET} (17 runs \
             everywhere)"
        ));
    }
    for set in &proto.opset_import {
        let default = matches!(set.domain.as_str(), "" | "ai.onnx");
        if set.version < 1 || (default && set.version > NEWEST_OPSET) {
            let domain = if default { "the default domain" } else { &set.domain };
            let known = if default { NEWEST_OPSET } else { i64::MAX };
            return wrong(format!(
                "operator set {} of {domain} is outside 1..={known}; export the model with operator \
                 set 17",
                set.version
            ));
        }
    }
    Ok(())
}

struct Checker<'a> {
    model: &'a str,
    proto: &'a ModelProto,
    /// Values defined so far, in this graph and in those around it.
    scopes: Vec<HashSet<&'a str>>,
}

impl<'a> Checker<'a> {
    fn wrong<T>(&self, place: String, reason: impl Into<String>) -> Result<T, ModelError> {
        Err(ModelError::Graph { model: self.model.to_owned(), place, reason: reason.into() })
    }

    fn tensor(&self, tensor: &TensorProto) -> Result<(), ModelError> {
        let place = || format!("tensor {:?}", tensor.name);
        let count = match dims_of(&tensor.dims) {
            Ok((_, count)) => count as u64,
            Err(reason) => return self.wrong(place(), reason),
        };
        let element = tensor.element();
        let stored = tensor.raw_data.len() as u64;
        if let Some(bits) = element.bits()
            && stored > 0
            && count.checked_mul(bits).map(|b| b.div_ceil(8)) != Some(stored)
        {
            return self.wrong(
                place(),
                format!(
                    "{stored} bytes are stored but {count} elements of {} are declared ({:?})",
                    element.name(),
                    tensor.dims
                ),
            );
        }
        if stored == 0 && count > 0 {
            let typed = match element.0 {
                1 => tensor.float_data.len(),
                14 => tensor.float_data.len() / 2,
                2..=6 | 9 | 10 | 16..=20 | 24 => tensor.int32_data.len(),
                7 => tensor.int64_data.len(),
                8 => tensor.string_data.len(),
                11 => tensor.double_data.len(),
                15 => tensor.double_data.len() / 2,
                12 | 13 => tensor.uint64_data.len(),
                // Several elements share one number.
                _ => return Ok(()),
            } as u64;
            if typed != count {
                return self.wrong(
                    place(),
                    format!(
                        "{typed} elements are stored but {count} of {} are declared ({:?})",
                        element.name(),
                        tensor.dims
                    ),
                );
            }
        }
        Ok(())
    }

    fn define(&mut self, names: impl Iterator<Item = &'a str>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(names);
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        self.scopes.iter().rev().any(|scope| scope.contains(name))
    }

    fn graph(&mut self, graph: &'a GraphProto) -> Result<(), ModelError> {
        self.scopes.push(HashSet::new());
        self.define(graph.input.iter().map(|v| v.name.as_str()));
        for tensor in &graph.initializer {
            self.tensor(tensor)?;
        }
        self.define(graph.initializer.iter().map(|t| t.name.as_str()));
        for sparse in &graph.sparse_initializer {
            for tensor in sparse.values.iter().chain(&sparse.indices) {
                self.tensor(tensor)?;
            }
            self.define(sparse.values.iter().map(|t| t.name.as_str()));
        }
        for node in &graph.node {
            self.node(node)?;
        }
        for output in &graph.output {
            if !self.is_defined(&output.name) {
                return self.wrong(
                    format!("output {:?}", output.name),
                    "no node, input or weight gives it a value",
                );
            }
        }
        self.scopes.pop();
        Ok(())
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), ModelError> {
        let place = || format!("node {:?} ({})", node.label(), node.operator());
        if node.op_type.is_empty() {
            return self.wrong(place(), "it names no operator");
        }
        if self.proto.opset_of(&node.domain) == 0 {
            return Err(ModelError::Opset {
                model: self.model.to_owned(),
                reason: format!(
                    "{} uses domain {:?}, but the model imports no operator set of it (it imports \
                     {}); the exporter must name one",
                    place(),
                    node.domain,
                    self.imported()
                ),
            });
        }
        for input in node.input.iter().filter(|i| !i.is_empty()) {
            if !self.is_defined(input) {
                return self
                    .wrong(place(), format!("its input {input:?} is given by nothing before it"));
            }
        }
        for attribute in &node.attribute {
            for tensor in attribute.t.as_deref().into_iter().chain(&attribute.tensors) {
                self.tensor(tensor)?;
            }
        }
        for (_, graph) in node.subgraphs() {
            self.graph(graph)?;
        }
        self.define(node.output.iter().map(String::as_str));
        Ok(())
    }

    fn imported(&self) -> String {
        let names: Vec<String> = self
            .proto
            .opset_import
            .iter()
            .map(|o| {
                format!(
                    "{:?} {}",
                    if o.domain.is_empty() { "ai.onnx" } else { &o.domain },
                    o.version
                )
            })
            .collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::{GraphBuilder, OperatorSetIdProto};
    use crate::model::{DType, ModelFile};

    fn good() -> ModelProto {
        let mut g = GraphBuilder::new("g");
        let x = g.input("x", DType::F32, &[2.into()]);
        let w = g.constant("w", &[2], vec![0.0f32; 2]);
        let y = g.node("Add", &[&x, &w], &[]);
        g.output(&y, DType::F32, &[2.into()]);
        g.finish().unwrap()
    }

    fn refused(change: impl FnOnce(&mut ModelProto)) -> String {
        let mut proto = good();
        change(&mut proto);
        ModelFile::from_proto("m", &proto).unwrap_err().to_string()
    }

    fn graph(proto: &mut ModelProto) -> &mut GraphProto {
        proto.graph.as_mut().unwrap()
    }

    #[test]
    fn operator_sets_must_be_named_and_known() {
        assert!(ModelFile::from_proto("m", &good()).is_ok());
        assert!(refused(|p| p.opset_import.clear()).contains("no operator set is named"));
        let error = refused(|p| p.opset_import[0].version = 99);
        assert!(
            error.contains("99") && error.contains("1..=28") && error.contains("17"),
            "{error}"
        );
        let error = refused(|p| p.opset_import[0].domain = "x.y".into());
        assert!(error.contains("imports") && error.contains("Add"), "{error}");
        let error = refused(|p| {
            p.opset_import.push(OperatorSetIdProto { domain: "com.microsoft".into(), version: 0 });
        });
        assert!(error.contains("com.microsoft"), "{error}");
    }

    #[test]
    fn graphs_must_be_whole() {
        assert!(refused(|p| p.graph = None).contains("no graph"));
        assert!(refused(|p| graph(p).output.clear()).contains("no output"));
        assert!(refused(|p| graph(p).node.clear()).contains("gives it a value"));
        assert!(refused(|p| graph(p).node[0].input[1] = "v".into()).contains("\"v\""));
        assert!(refused(|p| graph(p).node[0].op_type.clear()).contains("names no operator"));
    }

    #[test]
    fn weights_must_have_their_shape() {
        assert!(refused(|p| graph(p).initializer[0].dims[0] = -2).contains("dimension -2"));
        assert!(refused(|p| graph(p).initializer[0].dims[0] = 3).contains("8 bytes are stored"));
        assert!(refused(|p| graph(p).initializer[0].dims = vec![i64::MAX; 3]).contains("elements"));
        assert!(refused(|p| graph(p).initializer[0].raw_data.clear()).contains("0 elements"));
    }
}
