//! State, sizes and self-test, the same for every engine that is there.

use super::{EngineChoice, EngineError, LoadOptions, Loaded, ResetReason, load};
use crate::model::onnx::GraphBuilder;
use crate::model::{
    Contract, DType, Golden, GoldenOutput, ModelFile, Port, Role, StateInit, StatePair, Task,
    TensorBuf, TensorView, golden,
};

/// y = x + h and h' = h + y, with `h` starting as zeros or as the first frame.
fn accumulator(init: StateInit, golden: Option<Golden>) -> ModelFile {
    let shape = [1.into(), 3.into(), 1.into(), "N".into()];
    let mut g = GraphBuilder::new("accumulator");
    let h = g.input("h", DType::F32, &shape);
    let x = g.input("x", DType::F32, &shape);
    let sum = g.node("Add", &[&x, &h], &[]);
    g.output_as(&sum, "y", DType::F32, &shape);
    let next = g.node("Add", &[&h, &sum], &[]);
    g.output_as(&next, "h2", DType::F32, &shape);
    let mut contract = Contract::new("accumulator", Task::Other);
    contract.inputs = vec![Port::new("x", Role::Frame, DType::F32, &shape)];
    contract.outputs = vec![Port::new("y", Role::Other, DType::F32, &shape)];
    contract.state =
        vec![StatePair { input: "h".into(), output: "h2".into(), init, reset: Vec::new() }];
    contract.golden = golden;
    let mut model = ModelFile::from_proto("accumulator", &g.finish().unwrap()).unwrap();
    model.set_contract(contract).unwrap();
    model
}

fn engines() -> Vec<EngineChoice> {
    let mut engines = Vec::new();
    if cfg!(feature = "tract") {
        engines.push(EngineChoice::Tract);
    }
    #[cfg(feature = "ort")]
    if super::search(None).last().is_some_and(|t| t.outcome.is_ok()) {
        engines.push(EngineChoice::Ort);
    } else {
        let required = std::env::var_os("CI").is_some_and(|v| v == "true");
        assert!(!required, "an ONNX Runtime library is needed in CI");
        println!("ort is skipped: no ONNX Runtime library is found");
    }
    engines
}

fn open(engine: EngineChoice, model: &ModelFile, n: usize) -> Loaded {
    let mut options = LoadOptions { engine, threads: 1, ..LoadOptions::default() };
    options.bind.insert("N".into(), n);
    load(model, &options).unwrap()
}

fn step(loaded: &mut Loaded, x: f32) -> f32 {
    let out = peek(loaded, x);
    loaded.session.advance_state();
    out
}

fn peek(loaded: &mut Loaded, x: f32) -> f32 {
    let x = [x; 6];
    let mut out = [TensorBuf::zeros(DType::F32, &[1, 3, 1, 2])];
    let view = TensorView::new(&[1, 3, 1, 2], &x[..]).unwrap();
    loaded.session.run(&[view], &mut out).unwrap();
    out[0].as_f32().unwrap()[1]
}

#[test]
fn state_is_carried_advanced_on_demand_and_reset() {
    for engine in engines() {
        let mut m = open(engine, &accumulator(StateInit::Zeros, None), 2);
        assert_eq!(m.session.spec().outputs[0].shape, [1, 3, 1, 2]);
        // h: 0, 1, 3 after the steps x = 1, 1.
        assert_eq!([step(&mut m, 1.0), step(&mut m, 1.0), step(&mut m, 0.0)], [1.0, 2.0, 3.0]);
        // Without `advance_state` a run leaves no trace, however often.
        let h = peek(&mut m, 0.0);
        assert_eq!([peek(&mut m, 5.0), peek(&mut m, 0.0)], [h + 5.0, h]);
        m.session.advance_state();
        m.session.advance_state();
        assert_eq!(peek(&mut m, 0.0), 2.0 * h, "a second advance without a run does nothing");
        m.session.reset_state(ResetReason::Gap);
        assert_eq!(step(&mut m, 7.0), 7.0);
    }
}

#[test]
fn scratch_leaves_the_stream_untouched() {
    for engine in engines() {
        let mut m = open(engine, &accumulator(StateInit::Zeros, None), 2);
        step(&mut m, 1.0);
        let _pending = peek(&mut m, 1.0);
        m.session.begin_scratch();
        for _ in 0..3 {
            step(&mut m, 9.0);
        }
        m.session.end_scratch();
        m.session.advance_state();
        // As if the scratch steps had never been: h is 0 + 1, then 1 + 2.
        assert_eq!(peek(&mut m, 0.0), 3.0);
    }
}

#[test]
fn first_frame_state_takes_the_frame_after_each_reset() {
    for engine in engines() {
        let mut m = open(engine, &accumulator(StateInit::FirstFrame, None), 2);
        assert_eq!(step(&mut m, 4.0), 8.0);
        assert_eq!(step(&mut m, 0.0), 12.0);
        m.session.reset_state(ResetReason::SceneCut);
        assert_eq!(step(&mut m, 2.0), 4.0);
    }
}

/// y = x + h + g; h' = y resets as `h_reset` says, g' = x on a gap only, from the first frame.
fn two_states(h_reset: Vec<ResetReason>) -> ModelFile {
    let shape = [1.into(), 3.into(), 1.into(), "N".into()];
    let mut b = GraphBuilder::new("two");
    let [h, g, x] = ["h", "g", "x"].map(|name| b.input(name, DType::F32, &shape));
    let sum = b.node("Add", &[&x, &h], &[]);
    let sum = b.node("Add", &[&sum, &g], &[]);
    b.output_as(&sum, "y", DType::F32, &shape);
    let next = b.node("Identity", &[&sum], &[]);
    b.output_as(&next, "h2", DType::F32, &shape);
    let next = b.node("Identity", &[&x], &[]);
    b.output_as(&next, "g2", DType::F32, &shape);
    let mut contract = Contract::new("two", Task::Other);
    contract.inputs = vec![Port::new("x", Role::Frame, DType::F32, &shape)];
    contract.outputs = vec![Port::new("y", Role::Other, DType::F32, &shape)];
    let pair = |input: &str, output: &str, init, reset| StatePair {
        input: input.into(),
        output: output.into(),
        init,
        reset,
    };
    contract.state = vec![
        pair("h", "h2", StateInit::Zeros, h_reset),
        pair("g", "g2", StateInit::FirstFrame, vec![ResetReason::Gap]),
    ];
    let mut model = ModelFile::from_proto("two", &b.finish().unwrap()).unwrap();
    model.set_contract(contract).unwrap();
    model
}

#[test]
fn a_reset_touches_only_the_pairs_that_name_its_reason() {
    for engine in engines() {
        let cut = ResetReason::SceneCut;
        let model = two_states(vec![cut]);
        let mut m = open(engine, &model, 2);
        // h = 0, g = 1 as the first frame; then h = 2, g = 1.
        assert_eq!([step(&mut m, 1.0), step(&mut m, 0.0)], [2.0, 3.0]);
        step(&mut m, 10.0); // h = 13, g = 10
        m.session.reset_state(cut);
        assert_eq!(step(&mut m, 0.0), 10.0, "h began anew, g was kept");
        step(&mut m, 5.0); // h = 15, g = 5
        m.session.reset_state(ResetReason::Gap);
        // What awaits its first frame is part of a saved state, and of a scratch copy.
        let saved = m.session.export_state().unwrap();
        m.session.begin_scratch();
        step(&mut m, 9.0);
        m.session.end_scratch();
        assert_eq!(step(&mut m, 1.0), 17.0, "h was kept, g is the first frame");
        let mut again = open(engine, &model, 2);
        again.session.import_state(&saved).unwrap();
        assert_eq!(step(&mut again, 1.0), 17.0);
        m.session.reset_state(ResetReason::Reconnect);
        assert_eq!(step(&mut m, 0.0), 18.0, "neither names it");
        for reason in [ResetReason::Start, ResetReason::NonFinite] {
            m.session.reset_state(reason);
            assert_eq!(step(&mut m, 4.0), 8.0, "{reason:?} is for all");
        }
        let mut m = open(engine, &two_states(Vec::new()), 2);
        step(&mut m, 1.0);
        m.session.reset_state(ResetReason::Reconnect);
        assert_eq!(step(&mut m, 2.0), 3.0, "an empty list is every reason");
    }
}

#[test]
fn saved_state_continues_the_stream() {
    for engine in engines() {
        let model = accumulator(StateInit::Zeros, None);
        let mut m = open(engine, &model, 2);
        step(&mut m, 1.0);
        step(&mut m, 1.0);
        let saved = m.session.export_state().unwrap();
        let expected = step(&mut m, 1.0);
        let mut again = open(engine, &model, 2);
        again.session.import_state(&saved).unwrap();
        assert_eq!(step(&mut again, 1.0), expected);
        let mut wider = open(engine, &model, 3);
        assert!(wider.session.import_state(&saved).is_err());
    }
}

#[test]
fn wrong_tensors_and_unbound_sizes_are_named() {
    for engine in engines() {
        let model = accumulator(StateInit::Zeros, None);
        let options = LoadOptions { engine, ..LoadOptions::default() };
        let error = load(&model, &options).unwrap_err().to_string();
        assert!(error.contains("\"N\"") && error.contains("N=1"), "{error}");
        let mut m = open(engine, &model, 2);
        let x = [0u8; 6];
        let view = TensorView::new(&[1, 3, 1, 2], &x[..]).unwrap();
        let mut out = [TensorBuf::zeros(DType::F32, &[1, 3, 1, 2])];
        let error = m.session.run(&[view], &mut out).unwrap_err().to_string();
        assert!(error.contains("u8") && error.contains("f32"), "{error}");
        assert!(m.session.run(&[], &mut out).is_err());
    }
}

#[test]
fn the_golden_test_passes_at_its_own_size_and_fails_on_other_numbers() {
    let x = |step| golden::input(DType::F32, &[1, 3, 1, 3], step).as_f32().unwrap()[..3].to_vec();
    let (first, second) = (x(0), x(1));
    let values = vec![first.clone(), second.iter().zip(&first).map(|(b, a)| a + b).collect()];
    let outputs = vec![GoldenOutput {
        name: "y".into(),
        shape: vec![1, 3, 1, 3],
        indices: vec![0, 1, 2],
        values,
    }];
    let golden = Golden { bind: [("N".to_owned(), 3)].into(), steps: 2, tolerance: 1e-6, outputs };
    for engine in engines() {
        let good = open(engine, &accumulator(StateInit::Zeros, Some(golden.clone())), 2);
        let worst = serde_json::to_value(&good.report).unwrap();
        assert_eq!(worst["self_test"]["outcome"], "passed");
        let mut bad = golden.clone();
        bad.outputs[0].values[1][2] += 0.5;
        // The state after a step is an output too: h2 is x, then 2 x + x'.
        let mut state = golden.clone();
        state.outputs[0].name = "h2".into();
        for (bad, output) in [(bad, "\"y\""), (state, "\"h2\" at step 1")] {
            let mut options = LoadOptions { engine, ..LoadOptions::default() };
            options.bind.insert("N".into(), 2);
            let error = load(&accumulator(StateInit::Zeros, Some(bad)), &options).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("self-test fails") && text.contains(output), "{text}");
        }
    }
}

#[test]
fn a_library_that_was_asked_for_is_not_replaced_by_tract() {
    let library = Some("/no/such/libonnxruntime.so".into());
    let mut options = LoadOptions { library, ..LoadOptions::default() };
    options.bind.insert("N".into(), 2);
    assert_eq!(options.engine, EngineChoice::Auto);
    for engine in [EngineChoice::Auto, EngineChoice::Ort] {
        options.engine = engine;
        let error = load(&accumulator(StateInit::Zeros, None), &options).unwrap_err();
        assert!(matches!(error, EngineError::Library { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("/no/such/libonnxruntime.so") && text.contains("tract"), "{text}");
    }
}
