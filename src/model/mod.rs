//! The model contract carried inside each ONNX file, and reading and writing ONNX itself.

mod contract;
mod tensor;

pub use contract::{
    ColourOrder, Contract, Dim, Golden, GoldenOutput, Layout, Port, PredictKind, Provenance, Range,
    ResetReason, Role, Score, SizeRule, StateInit, StatePair, Task, Tokenizer, Window,
    WindowLayout,
};
pub use tensor::{DType, TensorBuf, TensorData, TensorError, TensorSlice, TensorView};
