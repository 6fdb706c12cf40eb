//! Writing graphs: the exporter's way to an ONNX file.
//!
//! The same calls give the same bytes: names are counted, nothing is hashed or dated.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{DType, Dim, TensorData, TensorView};
use super::{
    Attribute, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, ValueInfoProto,
};

/// Collects a graph and makes a model of it: operator set 17, IR version 8.
///
/// ```
/// use framecast::model::DType;
/// use framecast::model::onnx::GraphBuilder;
///
/// let mut g = GraphBuilder::new("double");
/// let shape = [1.into(), "N".into()];
/// g.input("x", DType::F32, &shape);
/// let two = g.constant("two", &[], vec![2.0f32]);
/// let y = g.node("Mul", &["x", &two], &[]);
/// g.output_as(&y, "y", DType::F32, &shape);
/// let model = g.finish().unwrap();
/// assert_eq!(model.graph.unwrap().node.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    graph: GraphProto,
    metadata: BTreeMap<String, String>,
    producer: (String, String),
    defined: BTreeSet<String>,
    counts: BTreeMap<String, usize>,
    wrong: Vec<String>,
    opset: i64,
}

impl GraphBuilder {
    /// The operator set written unless [`GraphBuilder::opset`] says otherwise.
    pub const OPSET: i64 = 17;
    /// The IR version written.
    pub const IR_VERSION: i64 = 8;

    /// An empty graph.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            graph: GraphProto { name: name.to_owned(), ..Default::default() },
            metadata: BTreeMap::new(),
            producer: ("framecast".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            defined: BTreeSet::new(),
            counts: BTreeMap::new(),
            wrong: Vec::new(),
            opset: Self::OPSET,
        }
    }

    /// Writes another operator set.
    pub const fn opset(&mut self, version: i64) -> &mut Self {
        self.opset = version;
        self
    }

    /// The program and version that made the model.
    pub fn producer(&mut self, name: &str, version: &str) -> &mut Self {
        self.producer = (name.to_owned(), version.to_owned());
        self
    }

    /// A text about the graph.
    pub fn doc(&mut self, text: &str) -> &mut Self {
        text.clone_into(&mut self.graph.doc_string);
        self
    }

    /// An entry of `metadata_props`.
    pub fn metadata(&mut self, key: &str, value: &str) -> &mut Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    fn define(&mut self, name: &str) {
        if name.is_empty() {
            self.wrong.push("a value without a name".to_owned());
        } else if !self.defined.insert(name.to_owned()) {
            self.wrong.push(format!("{name:?} is defined twice"));
        }
    }

    fn check_used(&mut self, name: &str, by: &str) {
        if !name.is_empty() && !self.defined.contains(name) {
            self.wrong.push(format!("{by} uses {name:?}, which is not defined before it"));
        }
    }

    /// A fresh name that starts with `stem`.
    pub fn fresh(&mut self, stem: &str) -> String {
        let count = self.counts.entry(stem.to_owned()).or_default();
        loop {
            let name = if *count == 0 { stem.to_owned() } else { format!("{stem}_{count}") };
            *count += 1;
            if !self.defined.contains(&name) {
                return name;
            }
        }
    }

    /// A graph input.
    pub fn input(&mut self, name: &str, dtype: DType, shape: &[Dim]) -> String {
        self.define(name);
        self.graph.input.push(ValueInfoProto::tensor(name, dtype, shape));
        name.to_owned()
    }

    /// Makes the value `name` a graph output.
    pub fn output(&mut self, name: &str, dtype: DType, shape: &[Dim]) {
        self.check_used(name, "an output");
        self.graph.output.push(ValueInfoProto::tensor(name, dtype, shape));
    }

    /// Makes `value` a graph output called `name`, through an `Identity`.
    pub fn output_as(&mut self, value: &str, name: &str, dtype: DType, shape: &[Dim]) {
        self.node_named("Identity", "", &[value], &[name], &[]);
        self.output(name, dtype, shape);
    }

    /// A weight or constant; the name gets a number when it is taken. Returns the name.
    pub fn constant(&mut self, name: &str, shape: &[usize], data: impl Into<TensorData>) -> String {
        let data = data.into();
        match TensorView::new(shape, data.as_slice()) {
            Ok(view) => self.constant_view(name, &view),
            Err(error) => {
                self.wrong.push(format!("constant {name:?}: {error}"));
                name.to_owned()
            }
        }
    }

    /// A weight or constant with the elements of `view`. Returns the name.
    pub fn constant_view(&mut self, name: &str, view: &TensorView<'_>) -> String {
        let name = self.fresh(name);
        self.define(&name);
        self.graph.initializer.push(TensorProto::from_view(&name, view));
        name
    }

    /// A node of the default domain with one output. Returns the output's name, made of the
    /// operator's. An empty input name leaves an optional input out.
    pub fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let output = self.fresh(&operator.to_lowercase());
        self.node_named(operator, "", inputs, &[&output], attributes);
        output
    }

    /// A node with given output names, in the given domain.
    pub fn node_named(
        &mut self,
        operator: &str,
        domain: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) {
        for input in inputs {
            self.check_used(input, operator);
        }
        for output in outputs.iter().filter(|o| !o.is_empty()) {
            self.define(output);
        }
        self.graph.node.push(NodeProto {
            name: outputs.first().map(|o| (*o).to_owned()).unwrap_or_default(),
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|&i| i.to_owned()).collect(),
            output: outputs.iter().map(|&o| o.to_owned()).collect(),
            attribute: attributes.iter().map(|(n, a)| a.clone().named(n)).collect(),
            ..Default::default()
        });
    }

    /// The graph alone, for an attribute such as a loop's body.
    ///
    /// # Errors
    /// A sentence for every value used before it is defined, defined twice or of wrong size.
    pub fn finish_graph(self) -> Result<GraphProto, String> {
        if self.wrong.is_empty() { Ok(self.graph) } else { Err(self.wrong.join("; ")) }
    }

    /// The model.
    ///
    /// # Errors
    /// As [`GraphBuilder::finish_graph`].
    pub fn finish(self) -> Result<ModelProto, String> {
        let domains: BTreeSet<String> =
            self.graph.node.iter().map(|n| n.domain.clone()).filter(|d| !d.is_empty()).collect();
        let mut opset_import =
            vec![OperatorSetIdProto { domain: String::new(), version: self.opset }];
        opset_import
            .extend(domains.into_iter().map(|domain| OperatorSetIdProto { domain, version: 1 }));
        let metadata_props = self
            .metadata
            .iter()
            .map(|(k, v)| StringStringEntryProto { key: k.clone(), value: v.clone() })
            .collect();
        let (producer_name, producer_version) = self.producer.clone();
        Ok(ModelProto {
            ir_version: Some(Self::IR_VERSION),
            producer_name,
            producer_version,
            opset_import,
            metadata_props,
            graph: Some(self.finish_graph()?),
            ..Default::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn build() -> GraphBuilder {
        let mut g = GraphBuilder::new("g");
        let x = g.input("x", DType::F32, &[1.into(), 3.into(), "H".into(), "W".into()]);
        let w = g.constant("w", &[4, 3, 3, 3], vec![0.5f32; 108]);
        let y = g.node("Conv", &[&x, &w], &[("pads", [1i64, 1, 1, 1].into())]);
        let y = g.node("Relu", &[&y], &[]);
        let y = g.node("Relu", &[&y], &[]);
        g.output(&y, DType::F32, &[1.into(), 4.into(), "H".into(), "W".into()]);
        g.metadata("b", "2").metadata("a", "1");
        g
    }

    #[test]
    fn the_same_calls_give_the_same_bytes() {
        let bytes = build().finish().unwrap().encode_to_vec();
        assert_eq!(bytes, build().finish().unwrap().encode_to_vec());
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        assert_eq!(model, build().finish().unwrap());
        let names: Vec<_> = model.graph.unwrap().node.iter().map(|n| n.name.clone()).collect();
        assert_eq!(names, ["conv", "relu", "relu_1"]);
    }

    #[test]
    fn mistakes_are_collected() {
        let mut g = GraphBuilder::new("g");
        g.node("Relu", &["nothing"], &[]);
        g.constant("w", &[2], vec![1.0f32]);
        let error = g.finish().unwrap_err();
        assert!(error.contains("\"nothing\"") && error.contains("2 elements"), "{error}");
    }
}
