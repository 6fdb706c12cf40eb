//! ONNX itself: the protobuf messages, reading with limits, and writing.
//!
//! Specification: <https://github.com/onnx/onnx/blob/main/docs/IR.md>.

mod attribute;
mod builder;
mod data;
mod proto;
mod scan;

pub use attribute::Attribute;
pub use builder::GraphBuilder;
pub use data::{DataType, dims_of};
pub use proto::*;
pub use scan::ModelLimits;
pub(crate) use scan::{ScanError, scan};

/// The newest operator set of the default domain there is (ONNX 1.23).
pub const NEWEST_OPSET: i64 = 28;
