//! Attributes of nodes: reading them by name and type, and making them.

use super::{AttributeProto, AttributeType, GraphProto, NodeProto, TensorProto};

/// The value of an attribute to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Int(i64),
    /// A real number.
    Float(f32),
    /// A text.
    String(String),
    /// Numbers.
    Ints(Vec<i64>),
    /// Real numbers.
    Floats(Vec<f32>),
    /// Texts.
    Strings(Vec<String>),
    /// A tensor.
    Tensor(TensorProto),
    /// A subgraph.
    Graph(GraphProto),
}

impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f32> for Attribute {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Attribute {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<&[i64]> for Attribute {
    fn from(value: &[i64]) -> Self {
        Self::Ints(value.to_vec())
    }
}

impl<const N: usize> From<[i64; N]> for Attribute {
    fn from(value: [i64; N]) -> Self {
        Self::Ints(value.to_vec())
    }
}

impl<const N: usize> From<[f32; N]> for Attribute {
    fn from(value: [f32; N]) -> Self {
        Self::Floats(value.to_vec())
    }
}

impl From<TensorProto> for Attribute {
    fn from(value: TensorProto) -> Self {
        Self::Tensor(value)
    }
}

impl From<GraphProto> for Attribute {
    fn from(value: GraphProto) -> Self {
        Self::Graph(value)
    }
}

impl Attribute {
    /// The message for an attribute called `name`.
    #[must_use]
    pub fn named(self, name: &str) -> AttributeProto {
        let mut proto = AttributeProto { name: name.to_owned(), ..Default::default() };
        let kind = match self {
            Self::Int(i) => {
                proto.i = Some(i);
                AttributeType::Int
            }
            Self::Float(f) => {
                proto.f = Some(f);
                AttributeType::Float
            }
            Self::String(s) => {
                proto.s = Some(s.into_bytes());
                AttributeType::String
            }
            Self::Ints(v) => {
                proto.ints = v;
                AttributeType::Ints
            }
            Self::Floats(v) => {
                proto.floats = v;
                AttributeType::Floats
            }
            Self::Strings(v) => {
                proto.strings = v.into_iter().map(String::into_bytes).collect();
                AttributeType::Strings
            }
            Self::Tensor(t) => {
                proto.t = Some(Box::new(t));
                AttributeType::Tensor
            }
            Self::Graph(g) => {
                proto.g = Some(Box::new(g));
                AttributeType::Graph
            }
        };
        proto.r#type = Some(kind as i32);
        proto
    }
}

impl NodeProto {
    /// The attribute called `name`.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|a| a.name == name)
    }

    /// The number `name`; `None` when absent.
    #[must_use]
    pub fn attr_int(&self, name: &str) -> Option<i64> {
        self.attr(name).and_then(|a| a.i)
    }

    /// The real number `name`; `None` when absent.
    #[must_use]
    pub fn attr_float(&self, name: &str) -> Option<f32> {
        self.attr(name).and_then(|a| a.f)
    }

    /// The text `name`; `None` when absent or not UTF-8.
    #[must_use]
    pub fn attr_str(&self, name: &str) -> Option<&str> {
        self.attr(name).and_then(|a| a.s.as_deref()).and_then(|s| std::str::from_utf8(s).ok())
    }

    /// The numbers `name`; `None` when absent.
    #[must_use]
    pub fn attr_ints(&self, name: &str) -> Option<&[i64]> {
        self.attr(name).map(|a| a.ints.as_slice())
    }

    /// The tensor `name`; `None` when absent.
    #[must_use]
    pub fn attr_tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attr(name).and_then(|a| a.t.as_deref())
    }

    /// The subgraphs of this node, with the names of their attributes.
    pub fn subgraphs(&self) -> impl Iterator<Item = (&str, &GraphProto)> {
        self.attribute.iter().flat_map(|a| {
            a.g.as_deref().into_iter().chain(&a.graphs).map(move |g| (a.name.as_str(), g))
        })
    }

    /// The name of the node, or of its first output when it has none: how messages call it.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.name.is_empty() {
            self.output.first().map_or("", String::as_str)
        } else {
            &self.name
        }
    }

    /// The operator with its domain: `Conv`, `com.microsoft.QLinearAdd`.
    #[must_use]
    pub fn operator(&self) -> String {
        match self.domain.as_str() {
            "" | "ai.onnx" => self.op_type.clone(),
            domain => format!("{domain}.{}", self.op_type),
        }
    }
}
