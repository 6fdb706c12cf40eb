use framecast::engine::{EngineChoice, wants_exact};
use framecast::model::{PredictKind, Role, SizeRule};

use super::*;
use crate::net::Preset;
use crate::net::standard::STANDARD;
use crate::recipe::Recipe;
use crate::train::AdamW;

fn checkpoint(network: &str) -> Checkpoint {
    trained(&format!(
        "name = \"x\"\nnetwork = \"{network}\"\nlicence = \"MIT\"\n[data]\nside = 32\n\
         frames = 9\n"
    ))
}

fn windowed(ahead: usize) -> Checkpoint {
    trained(&format!(
        "name = \"x\"\nnetwork = \"base-tiny\"\n[base]\nwindow = 4\nahead = {ahead}\nspace = 8\n\
         time = 24\nblocks = 2\nwiden = 2\nkernel = 7\n[data]\nside = 32\nframes = {}\n",
        4 + ahead
    ))
}

/// As [`windowed`], with a map of the colours that mixes all of them.
fn standardised(keys: &str) -> Checkpoint {
    let plain = windowed(2).recipe.to_toml().unwrap();
    let mut recipe: Recipe = toml::from_str(&plain).unwrap();
    recipe.augment = toml::from_str(keys).unwrap();
    let mut checkpoint = trained(&recipe.to_toml().unwrap());
    let map = [3.1, -0.4, 0.2, -0.3, 2.2, 0.5, 0.1, 0.6, 4.0, -1.3, -0.9, -1.7];
    for param in checkpoint.optimiser.average.list_mut() {
        if param.name == STANDARD {
            param.values = map.to_vec();
        }
    }
    checkpoint
}

/// A network whose every layer does something, as after training.
fn trained(recipe: &str) -> Checkpoint {
    let recipe = Recipe::parse("r", recipe).unwrap();
    let mut weights = recipe.init();
    for (i, value) in weights.list_mut().iter_mut().flat_map(|p| &mut p.values).enumerate() {
        *value += 0.02 * ((i as f32) * 0.37).sin();
    }
    Checkpoint::new(recipe, vec!["nothing".into()], AdamW::new(weights))
}

#[test]
fn the_file_carries_its_contract() {
    let model = export(&checkpoint("nano-direct"), Vec::new()).unwrap();
    assert_eq!(model.opset(), 17);
    let contract = model.contract().unwrap().unwrap();
    assert_eq!(contract.kind, Some(PredictKind::Direct));
    assert_eq!(contract.state.len(), 3);
    assert!(contract.input(Role::Frame).is_some() && contract.output(Role::Prediction).is_some());
    assert_eq!(contract.provenance.data, ["nothing"]);
    assert!(contract.provenance.config.contains("side = 32"));
    assert_eq!(contract.golden.unwrap().outputs[0].values.len(), 4);
    let again = export(&checkpoint("nano-direct"), Vec::new()).unwrap();
    assert_eq!(model.sha256(), again.sha256());
}

#[test]
fn a_windowed_file_names_its_window_and_a_recurrent_one_its_state() {
    let contract = |network: &str| {
        let model = export(&checkpoint(network), Vec::new()).unwrap();
        model.contract().unwrap().unwrap()
    };
    for (network, rank) in [("original-conv2d", 4), ("original-conv3d", 5)] {
        let contract = contract(network);
        assert_eq!(contract.window.unwrap().frames, 5);
        assert_eq!(contract.input(Role::Window).unwrap().shape.len(), rank);
        assert!(contract.state.is_empty() && contract.size.is_none());
    }
    let cells = contract("original-autoencoder");
    assert_eq!(cells.state.len(), 12);
    assert_eq!(cells.size, Some(SizeRule::MultipleOf(4)));
    assert!(cells.window.is_none());
}

#[test]
fn a_blend_file_names_its_features() {
    let model = export(&checkpoint("nano"), Vec::new()).unwrap();
    let contract = model.contract().unwrap().unwrap();
    assert_eq!(contract.kind, Some(PredictKind::Blend));
    assert_eq!(contract.features.as_deref(), Some("blend/1"));
    assert!(contract.input(Role::Features).is_some() && contract.output(Role::Logits).is_some());
}

#[test]
fn an_integer_file_takes_bytes_and_allows_no_difference() {
    let model = export(&checkpoint("nano-int"), Vec::new()).unwrap();
    let contract = model.contract().unwrap().unwrap();
    assert!(wants_exact(&contract));
    assert_eq!(contract.golden.unwrap().tolerance, 0.0);
    let operators: Vec<&str> = model.graph().node.iter().map(|n| n.op_type.as_str()).collect();
    assert_eq!(operators.iter().filter(|o| **o == "ConvInteger").count(), 7);
    assert!(!operators.contains(&"Conv"));
}

#[test]
fn eight_bits_have_one_scale_a_tensor_and_stay_near() {
    let checkpoint = checkpoint("nano");
    let model = export_as(&checkpoint, Vec::new(), Format::Qdq).unwrap();
    let constants = &model.graph().initializer;
    let mut quantisers = 0;
    for node in &model.graph().node {
        if node.op_type.ends_with("QuantizeLinear") || node.op_type.ends_with("equantizeLinear") {
            quantisers += 1;
            assert_eq!(node.input.len(), 3);
            for name in &node.input[1..] {
                let constant = constants.iter().find(|t| t.name == *name).unwrap();
                assert!(constant.dims.is_empty(), "{} has an axis: {name}", node.label());
            }
            assert!(node.attr("axis").is_none());
        }
    }
    // Features, stem, three blocks twice; weights and biases of stem, blocks and head.
    assert_eq!(quantisers, 2 * 8 + 2 * 5);
    let (shape, weights) = (checkpoint.recipe.network.shape(), &checkpoint.optimiser.average);
    for engine in super::engines(None).0 {
        let report = conformance(&model, engine, &shape, weights, 60).unwrap();
        println!("{}: {:.2e}", report.engine, report.worst);
        assert!(report.worst < QDQ_TOLERANCE && report.worst > 1e-5, "{report:?}");
    }
    for network in ["nano-int", "nano-direct"] {
        let other = self::checkpoint(network);
        let error = export_as(&other, Vec::new(), Format::Qdq).unwrap_err().to_string();
        assert!(error.contains("nano, small"), "{error}");
    }
}

#[test]
fn the_exact_engine_is_the_trainer_over_a_long_run() {
    network_agrees(&checkpoint("nano-int"), EngineChoice::Exact);
    let model = export(&checkpoint("nano-int"), Vec::new()).unwrap();
    let (shape, auto) = (Preset::NanoInt.shape(), EngineChoice::Auto);
    let weights = checkpoint("nano-int").optimiser.average;
    let report = conformance(&model, auto, &shape, &weights, 2).unwrap();
    assert!(report.engine.starts_with("exact"), "{report:?}");
}

#[test]
fn a_windowed_file_gives_the_next_frame_and_the_whole_clip() {
    let contract = export(&windowed(3), Vec::new()).unwrap().contract().unwrap().unwrap();
    assert_eq!(contract.window.unwrap().frames, 4);
    let names: Vec<&str> = contract.outputs.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["prediction", "coming_frames"]);
    let one = export(&windowed(1), Vec::new()).unwrap().contract().unwrap().unwrap();
    assert_eq!(one.outputs.len(), 1);
}

#[test]
fn tract_agrees_with_the_trainer_over_a_long_run() {
    agrees(EngineChoice::Tract);
}

#[test]
fn onnx_runtime_agrees_with_the_trainer_over_a_long_run() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|v| v != "true"),
            "ORT_DYLIB_PATH must name a library in CI"
        );
        println!("skipped: ORT_DYLIB_PATH names no ONNX Runtime library");
        return;
    }
    agrees(EngineChoice::Ort);
}

#[test]
fn an_export_says_on_what_it_was_not_checked() {
    let (engines, reason) = super::engines(Some("/no/such/libonnxruntime.so".as_ref()));
    assert_eq!(engines, [EngineChoice::Tract]);
    assert!(reason.unwrap().contains("/no/such/libonnxruntime.so does not exist"));
    if std::env::var_os("ORT_DYLIB_PATH").is_some() {
        assert_eq!(super::engines(None), (vec![EngineChoice::Tract, EngineChoice::Ort], None));
    }
}

fn agrees(engine: EngineChoice) {
    for network in [
        "nano-direct",
        "nano",
        "nano-int",
        "small-direct",
        "original-conv2d",
        "original-conv3d",
        "original-conv3d-noise",
        "original-convlstm",
        "original-autoencoder",
        "original-parallel",
    ] {
        network_agrees(&checkpoint(network), engine);
    }
    network_agrees(&windowed(3), engine);
    network_agrees(&windowed(1), engine);
    // What is measured is folded into the first layer; what is samplewise are nodes of the graph.
    for keys in [
        "featurewise_center = true\nfeaturewise_std_normalization = true",
        "zca_whitening = true",
        "samplewise_center = true\nsamplewise_std_normalization = true",
        "samplewise_std_normalization = true\nfeaturewise_center = true",
    ] {
        network_agrees(&standardised(keys), engine);
    }
    // Two ways to take the last frame out of a window: the same to the bit.
    for network in ["original-last-sequential", "original-last-functional"] {
        let checkpoint = checkpoint(network);
        let model = export(&checkpoint, Vec::new()).unwrap();
        let shape = checkpoint.recipe.network.shape();
        let none = &checkpoint.optimiser.average;
        assert!(none.is_empty());
        assert_eq!(conformance(&model, engine, &shape, none, 20).unwrap().worst, 0.0);
    }
}

fn network_agrees(checkpoint: &Checkpoint, engine: EngineChoice) {
    let model = export(checkpoint, Vec::new()).unwrap();
    let shape = checkpoint.recipe.shape();
    let report = conformance(&model, engine, &shape, &checkpoint.optimiser.average, 220).unwrap();
    println!(
        "{}: largest difference {:.2e} over {} frames",
        report.engine, report.worst, report.frames
    );
    let allowed = if shape.preset.is_integer() { 0.0 } else { 1e-4 };
    assert!(report.worst <= allowed, "{report:?}");
    // A model that does nothing would agree too.
    let still = AdamW::new(shape.init(4));
    let other = conformance(&model, engine, &shape, &still.average, 3).unwrap();
    assert!(other.worst > 0.01, "{other:?}");
}
