//! Arbitrary TOML laid over a small recurrent model; what comes out is a contract that fits.
#![no_main]

use std::sync::LazyLock;

use framecast::model::onnx::GraphBuilder;
use framecast::model::{DType, Dim, ModelFile, Overlay};

static MODEL: LazyLock<ModelFile> = LazyLock::new(|| {
    let picture: [Dim; 4] = ["N".into(), 3.into(), "H".into(), "W".into()];
    let state: [Dim; 2] = [1.into(), 8.into()];
    let mut g = GraphBuilder::new("g");
    for (name, shape) in [("x", &picture[..]), ("h", &state[..]), ("sr", &[][..])] {
        g.input(name, DType::F32, shape);
    }
    g.output_as("x", "y", DType::F32, &picture);
    g.output_as("h", "h2", DType::F32, &state);
    ModelFile::from_proto("g", &g.finish().expect("a graph")).expect("a model")
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(overlay) = Overlay::from_toml("fuzz", text)
        && let Ok(contract) = overlay.apply(&MODEL)
    {
        let mut model = MODEL.clone();
        model.set_contract(contract).expect("it fits");
    }
});
