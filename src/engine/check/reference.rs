//! Reference tensors of the ONNX project: `.pb` files, and the rule of its light models.

use std::path::Path;

use prost::Message as _;

use crate::model::TensorBuf;
use crate::model::onnx::TensorProto;

/// Largest reference file read.
const LIMIT: u64 = 1 << 30;

/// The tensor in a `.pb` file.
pub(super) fn tensor(path: &Path) -> Result<TensorBuf, String> {
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let length = std::fs::metadata(path).map_err(|e| at(&e))?.len();
    if length > LIMIT {
        return Err(at(&format!("{length} bytes is above the limit of {LIMIT}")));
    }
    let bytes = std::fs::read(path).map_err(|e| at(&e))?;
    TensorProto::decode(&bytes[..]).map_err(|e| at(&e))?.to_tensor().map_err(|e| at(&e))
}

/// The input of a light model: element i of n is i / n. The ONNX project's test runner makes it so.
pub(super) fn light_input(shape: &[usize]) -> TensorBuf {
    let n: usize = shape.iter().product();
    let data: Vec<f32> = (0..n).map(|i| (i as f64 / n as f64) as f32).collect();
    let mut tensor = TensorBuf::zeros(crate::model::DType::F32, shape);
    if let Some(to) = tensor.as_f32_mut() {
        to.copy_from_slice(&data);
    }
    tensor
}
