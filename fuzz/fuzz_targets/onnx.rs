//! Arbitrary bytes as a model file: read, checked, analysed, its contract read.
#![no_main]

use std::collections::BTreeMap;

use framecast::model::{ModelFile, analysis};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = ModelFile::from_bytes("fuzz", bytes.to_vec()) {
        let _ = (model.inputs(), model.outputs(), model.contract());
        let bind = BTreeMap::from([("H".to_owned(), 24), ("W".to_owned(), 40)]);
        let _ = analysis::analyse(&model, &bind);
        for tensor in &model.graph().initializer {
            let _ = tensor.to_tensor();
        }
    }
});
