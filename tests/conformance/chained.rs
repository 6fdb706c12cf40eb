//! Recurrent models over 200 chained frames: both engines must stay together, state included; a
//! model that one engine refuses is held against reference values instead.

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
    open_bound(model, engine, &[])
}

fn open_bound(
    model: &ModelFile,
    engine: EngineChoice,
    sizes: &[(&str, usize)],
) -> Result<Loaded, String> {
    let mut options = LoadOptions::default();
    options.engine = engine;
    options.threads = 1;
    let contract = model.contract().unwrap();
    if let Some(golden) = contract.and_then(|c| c.golden) {
        options.bind = golden.bind;
    }
    options.bind.extend(sizes.iter().map(|(name, size)| ((*name).to_owned(), *size)));
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

const SILERO: &[(&str, usize)] =
    &[("batch", 1), ("sequence", 512), ("AddstateN_dim_0", 2), ("AddstateN_dim_2", 128)];

/// Elements of Silero's state that are looked at: a saturated one, small ones, and the largest.
const STATE_AT: [usize; 6] = [0, 130, 255, 172, 77, 200];

/// Frame, probability and state elements of plain ONNX Runtime 1.31.0 on one thread, made once by
/// feeding `stateN` back as `state`. A frame without the state before it gives 0.143, 0.047 and
/// 0.045 for the first, third and last line.
const SILERO_VALUES: &[(usize, f32, [f32; 6])] = &[
    (
        1,
        0.258_035_72,
        [-0.761_484_7, 0.007_279_605, -0.157_847_7, -1.999_998_7, -0.534_654_5, 0.003_751_188_5],
    ),
    (
        49,
        0.009_585_321,
        [-0.999_249_8, 1.000_016, -0.998_501_54, -49.010_662, -0.862_159_85, 0.440_685_45],
    ),
    (
        99,
        0.001_875_549_6,
        [-0.997_650_4, 1.025_844_2, -0.971_465_7, -90.326_67, -0.959_139_6, 2.246_855_7],
    ),
    (
        199,
        0.000_488_311_05,
        [-0.937_645_55, 1.650_320_3, -0.980_308_65, -174.886_73, -0.613_132_95, 34.737_717],
    ),
];

/// A chirp: all operations are exact, so that every language gives the same samples.
fn chirp(frame: usize) -> TensorBuf {
    let sample = |i: usize| {
        let t = (512 * frame + i) as u64;
        (t * t / 4000 % 128) as f32 / 128.0 * 0.6 - 0.3
    };
    let samples: Vec<f32> = (0..512).map(sample).collect();
    TensorBuf::new(&[1, 512], samples).unwrap()
}

#[test]
fn silero_keeps_its_state() {
    let Some(folder) = data::onnx() else { return data::skip("silero", "no shared data") };
    let plain = ModelFile::open(folder.join("silero_vad_16k_op15.onnx")).unwrap();
    let mut with_state = plain.clone();
    with_state.set_contract(contract(&plain, "state", "stateN")).unwrap();
    for engine in data::engines("silero") {
        let mut kept = match open_bound(&with_state, engine, SILERO) {
            Ok(loaded) => loaded,
            Err(reason) => {
                assert!(engine == EngineChoice::Tract && reason.contains("If"), "{reason}");
                continue;
            }
        };
        let mut by_hand = open_bound(&plain, engine, SILERO).unwrap();
        let rate = golden::constant(DType::I64, &[], 16_000.0);
        let mut state = TensorBuf::zeros(DType::F32, &[2, 1, 128]);
        for frame in 0..FRAMES {
            let samples = chirp(frame);
            let mut one = [TensorBuf::zeros(DType::F32, &[1, 1])];
            kept.session.run(&[samples.view(), rate.view()], &mut one).unwrap();
            kept.session.advance_state();
            let mut both = [one[0].clone(), state.clone()];
            both[0].as_f32_mut().unwrap().fill(0.0);
            by_hand.session.run(&[samples.view(), state.view(), rate.view()], &mut both).unwrap();
            assert_eq!(one[0].as_f32(), both[0].as_f32(), "{engine} frame {frame}");
            let [probability, next] = both;
            state = next;
            let Some((_, wanted, elements)) = SILERO_VALUES.iter().find(|v| v.0 == frame) else {
                continue;
            };
            let near = |a: f32, b: f32| (a - b).abs() <= TOLERANCE * b.abs().max(0.1);
            let got = probability.as_f32().unwrap()[0];
            assert!(near(got, *wanted), "{engine} frame {frame}: {got} for {wanted}");
            for (at, wanted) in STATE_AT.iter().zip(elements) {
                let got = state.as_f32().unwrap()[*at];
                assert!(near(got, *wanted), "{engine} frame {frame} [{at}]: {got} for {wanted}");
            }
        }
    }
}
