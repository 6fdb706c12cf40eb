//! Trains and exports the ONNX models that Framecast streams through.
