//! A walk over the raw protobuf before it is decoded, so that a damaged or hostile file is refused
//! with its offset and before memory is spent on it.
//!
//! Two bytes on the wire can become a message of some hundred bytes in memory; the walk counts
//! messages and depth without allocating.
#![warn(clippy::indexing_slicing)]

/// Limits on what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelLimits {
    /// Bytes of the file together with its external data; protobuf itself ends at 2 GiB.
    pub bytes: u64,
    /// Messages of all kinds.
    pub messages: u64,
    /// Nesting of messages; a subgraph takes four levels. The decoder itself ends at 100.
    pub depth: u32,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self { bytes: i32::MAX as u64, messages: 4_000_000, depth: 96 }
    }
}

/// Why a scan ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The bytes are no ONNX protobuf.
    Damaged(String),
    /// A limit: what, value, limit.
    Limit(&'static str, u64, u64),
}

/// The messages the walk goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    ValueInfo,
    Type,
    /// `Sequence`, `Optional` and `Map`: a type in a type.
    Element,
    TensorType,
    Shape,
    Function,
    /// Counted, not entered.
    Leaf,
}

impl Kind {
    /// Name for messages.
    const fn name(self) -> &'static str {
        match self {
            Self::Model => "ModelProto",
            Self::Graph => "GraphProto",
            Self::Node => "NodeProto",
            Self::Attribute => "AttributeProto",
            Self::Tensor => "TensorProto",
            Self::Sparse => "SparseTensorProto",
            Self::ValueInfo => "ValueInfoProto",
            Self::Type | Self::Element => "TypeProto",
            Self::TensorType => "TypeProto.Tensor",
            Self::Shape => "TensorShapeProto",
            Self::Function => "FunctionProto",
            Self::Leaf => "message",
        }
    }

    /// The message in length-delimited field `number`; `None` for strings, bytes and packed numbers.
    const fn child(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::Sparse),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Some(Self::ValueInfo),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Attribute, 14 | 15) | (Self::ValueInfo, 2) | (Self::Element, 1 | 2) => {
                Some(Self::Type)
            }
            (Self::Type, 4 | 5 | 9) => Some(Self::Element),
            (Self::Type, 1 | 8) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            // Repeated strings and small messages: each costs an allocation, so each counts.
            (Self::Model, 8 | 14 | 20 | 26)
            | (Self::Graph, 14 | 16)
            | (Self::Node, 1 | 2 | 9 | 10)
            | (Self::Attribute, 9)
            | (Self::Tensor, 6 | 13 | 16)
            | (Self::ValueInfo, 4)
            | (Self::Shape, 1)
            | (Self::Function, 4..=6 | 9 | 14) => Some(Self::Leaf),
            _ => None,
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    limits: &'a ModelLimits,
    messages: u64,
}

/// Walks a `ModelProto`; returns the number of messages.
pub(crate) fn scan(bytes: &[u8], limits: &ModelLimits) -> Result<u64, ScanError> {
    let mut scan = Scan { bytes, limits, messages: 0 };
    scan.message(Kind::Model, 0, bytes.len(), 1)?;
    Ok(scan.messages)
}

impl Scan<'_> {
    fn varint(&self, kind: Kind, at: &mut usize, end: usize) -> Result<u64, ScanError> {
        let start = *at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(*at).filter(|_| *at < end) else {
                return Err(ScanError::Damaged(format!(
                    "{} ends inside a number at byte {start}; the file is cut off or damaged",
                    kind.name()
                )));
            };
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ScanError::Damaged(format!("a number at byte {start} has more than 10 bytes")))
    }

    fn message(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        depth: u32,
    ) -> Result<(), ScanError> {
        self.messages += 1;
        if self.messages > self.limits.messages {
            return Err(ScanError::Limit(
                "the number of parts",
                self.messages,
                self.limits.messages,
            ));
        }
        if depth > self.limits.depth {
            return Err(ScanError::Limit("nesting", depth.into(), self.limits.depth.into()));
        }
        let mut at = start;
        while at < end && kind != Kind::Leaf {
            let field_at = at;
            let key = self.varint(kind, &mut at, end)?;
            let (number, wire) = (key >> 3, key & 7);
            let length = match wire {
                0 => {
                    self.varint(kind, &mut at, end)?;
                    0
                }
                1 => 8,
                5 => 4,
                2 => self.varint(kind, &mut at, end)?,
                _ => {
                    return Err(ScanError::Damaged(format!(
                        "byte {field_at} is no field of {}: this is not an ONNX file",
                        kind.name()
                    )));
                }
            };
            if number == 0 {
                return Err(ScanError::Damaged(format!("field number 0 at byte {field_at}")));
            }
            let left = (end - at) as u64;
            if length > left {
                return Err(ScanError::Damaged(format!(
                    "field {number} of {} at byte {field_at} needs {length} bytes but {left} are \
                     left; the file is cut off or damaged",
                    kind.name()
                )));
            }
            // No loss: `length` is at most the length of a slice.
            let stop = at + length as usize;
            if wire == 2
                && let Some(child) = kind.child(number)
            {
                self.message(child, at, stop, depth + 1)?;
            }
            at = stop;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::super::{AttributeProto, GraphProto, ModelProto, NodeProto};
    use super::*;

    fn nested(depth: usize) -> ModelProto {
        let mut graph = GraphProto::default();
        for _ in 0..depth {
            let attribute = AttributeProto { g: Some(Box::new(graph)), ..Default::default() };
            let node = NodeProto { attribute: vec![attribute], ..Default::default() };
            graph = GraphProto { node: vec![node], ..Default::default() };
        }
        ModelProto { graph: Some(graph), ..Default::default() }
    }

    #[test]
    fn counts_messages_and_depth() {
        let bytes = nested(3).encode_to_vec();
        assert_eq!(scan(&bytes, &ModelLimits::default()), Ok(2 + 3 * 3));
        let few = ModelLimits { messages: 5, ..Default::default() };
        assert_eq!(scan(&bytes, &few), Err(ScanError::Limit("the number of parts", 6, 5)));
        let deep = nested(40).encode_to_vec();
        let error = scan(&deep, &ModelLimits::default());
        assert_eq!(error, Err(ScanError::Limit("nesting", 97, 96)));
    }

    #[test]
    fn whatever_passes_the_scan_is_within_the_decoders_recursion_limit() {
        for depth in 25..40 {
            let bytes = nested(depth).encode_to_vec();
            let passes = scan(&bytes, &ModelLimits::default()).is_ok();
            assert!(!passes || ModelProto::decode(bytes.as_slice()).is_ok(), "depth {depth}");
        }
    }

    #[test]
    fn every_cut_is_noticed_with_its_place() {
        let bytes = nested(2).encode_to_vec();
        for cut in 1..bytes.len() {
            let Err(ScanError::Damaged(text)) = scan(&bytes[..cut], &ModelLimits::default()) else {
                panic!("a cut at {cut} was not noticed");
            };
            assert!(text.contains("byte"), "{text}");
        }
    }

    #[test]
    fn text_is_no_model() {
        let error = scan(b"<!DOCTYPE html>\n<html>", &ModelLimits::default());
        assert!(matches!(error, Err(ScanError::Damaged(_))), "{error:?}");
    }
}
