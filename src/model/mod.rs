//! The model contract carried inside each ONNX file, and reading and writing ONNX itself.
//!
//! Nothing here runs a model: engines do. Everything is plain data, read once at load.

pub mod analysis;
mod check;
mod contract;
pub mod csv;
mod error;
mod external;
mod file;
pub mod golden;
mod labels;
pub mod npy;
pub mod onnx;
pub mod registry;
mod tensor;
pub mod tokenizer;

pub use contract::{
    Answering, ClipMemory, ColourOrder, Contract, Dim, Golden, GoldenOutput, Layout, Overlay, Port,
    PredictKind, Provenance, Range, ResetReason, Role, Score, SizeRule, StateInit, StatePair, Task,
    Window, WindowLayout,
};
pub use error::ModelError;
pub use file::{Declared, ModelFile};
pub use labels::LabelList;
pub use tensor::{DType, TensorBuf, TensorData, TensorError, TensorSlice, TensorView};
pub use tokenizer::{Tokenizer, TokenizerError};
