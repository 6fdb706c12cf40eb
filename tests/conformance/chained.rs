//! Recurrent models over 200 chained frames: both engines must stay together, state included.

use std::path::{Path, PathBuf};

use framecast::engine::{EngineChoice, LoadOptions, Loaded, load};
use framecast::model::{
    Contract, DType, ModelFile, Port, Role, StateInit, StatePair, Task, TensorBuf, TensorView,
    golden,
};

use super::data;

const FRAMES: usize = 200;
/// Of max(1, largest magnitude); both engines sum in another order.
const TOLERANCE: f32 = 1e-4;

fn open(model: &ModelFile, engine: EngineChoice) -> Result<Loaded, String> {
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    let contract = model.contract().unwrap();
    if let Some(golden) = contract.and_then(|c| c.golden) {
        options.bind = golden.bind;
    }
    load(model, &options).map_err(|e| e.to_string())
}

fn step(loaded: &mut Loaded, frame: usize) -> Vec<TensorBuf> {
    let spec = loaded.session.spec().clone();
    let inputs: Vec<TensorBuf> =
        spec.inputs.iter().map(|i| golden::input(i.dtype, &i.shape, frame)).collect();
    let views: Vec<TensorView<'_>> = inputs.iter().map(TensorBuf::view).collect();
    let mut outputs: Vec<TensorBuf> =
        spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect();
    loaded.session.run(&views, &mut outputs).unwrap();
    loaded.session.advance_state();
    outputs
}

fn stay_together(name: &str, model: &ModelFile) {
    let engines = data::engines(name);
    let [first, second] = engines.as_slice() else { return };
    let mut a = open(model, *first).unwrap();
    let mut b = open(model, *second).unwrap();
    for frame in 0..FRAMES {
        let (a, b) = (step(&mut a, frame), step(&mut b, frame));
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.shape(), b.shape());
            let (Some(a), Some(b)) = (a.as_f32(), b.as_f32()) else { continue };
            let scale = b.iter().fold(1.0f32, |m, v| m.max(v.abs()));
            let worst = a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst <= TOLERANCE * scale, "{name} frame {frame}: {worst} of {scale}");
        }
    }
}

/// Every port plain, and one state pair.
fn contract(model: &ModelFile, input: &str, output: &str) -> Contract {
    let port = |d: framecast::model::Declared| {
        Port::new(&d.name, Role::Other, d.dtype.unwrap_or(DType::F32), &d.shape.unwrap_or_default())
    };
    let mut contract = Contract::new("recurrent", Task::Other);
    contract.inputs = model.inputs().into_iter().filter(|d| d.name != input).map(port).collect();
    contract.outputs = model.outputs().into_iter().filter(|d| d.name != output).map(port).collect();
    contract.state = vec![StatePair {
        input: input.to_owned(),
        output: output.to_owned(),
        init: StateInit::Zeros,
        reset: Vec::new(),
    }];
    contract
}

#[test]
fn dtln_stays_together() {
    let Some(folder) = data::onnx() else { return data::skip("dtln", "no shared data") };
    let mut model = ModelFile::open(folder.join("dtln_model_1.onnx")).unwrap();
    let contract = contract(&model, "input_3", "tf_op_layer_stack_2");
    model.set_contract(contract).unwrap();
    stay_together("dtln", &model);
}

#[test]
fn shipped_models_stay_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "onnx"))
        .collect();
    assert!(!files.is_empty(), "no model is shipped");
    for file in files {
        stay_together(&file.display().to_string(), &ModelFile::open(&file).unwrap());
    }
}
