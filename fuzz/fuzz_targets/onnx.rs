//! Arbitrary bytes as a model file: read, checked, described, its contract read.
#![no_main]

use framecast::model::ModelFile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = ModelFile::from_bytes("fuzz", bytes.to_vec()) {
        let _ = (model.inputs(), model.outputs(), model.opset(), model.contract());
        for tensor in &model.graph().initializer {
            let _ = tensor.to_tensor();
        }
    }
});
