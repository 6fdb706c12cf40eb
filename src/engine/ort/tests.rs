//! What the state session never lets through to a backend.

use super::super::backend::Backend as _;
use super::*;
use crate::engine::LoadOptions;
use crate::model::onnx::GraphBuilder;
use crate::model::{DType, Dim, ModelFile, TensorBuf, TensorView};

#[test]
fn a_run_that_cannot_be_bound_releases_no_value_of_the_run_before() {
    let Ok(runtime) = library::runtime(None) else {
        assert!(
            std::env::var_os("CI").is_none_or(|v| v != "true"),
            "an ONNX Runtime library is needed in CI"
        );
        println!("skipped: no ONNX Runtime library is found");
        return;
    };
    // The data decide the shape of the output, so the library makes it.
    let mut g = GraphBuilder::new("dynamic");
    let x = g.input("x", DType::F32, &[Dim::Fixed(4)]);
    let y = g.node("NonZero", &[&x], &[]);
    g.output_as(&y, "y", DType::I64, &[Dim::Fixed(1), "N".into()]);
    let file = ModelFile::from_proto("dynamic", &g.finish().unwrap()).unwrap();
    let options = LoadOptions { threads: 1, ..LoadOptions::default() };
    let job = Job { name: "dynamic", file: &file, contract: None, nodes: &[], options: &options };
    let ports = job.ports(&options).unwrap();
    let mut backend = open(&job, &runtime, Provider::Cpu, &ports, None).unwrap();

    let mut out = [TensorBuf::zeros(DType::I64, &[1, 0])];
    let mut run = |x: &[f32]| {
        let shape = [x.len()];
        let view = TensorView::new(&shape, x).unwrap();
        let outcome = backend.run(&[view], &[], &mut out, &mut []);
        outcome.map(|()| out[0].shape().to_vec())
    };
    for round in 0..50 {
        assert_eq!(run(&[1.0, 0.0, 2.0, 3.0]).unwrap(), [1, 3], "round {round}");
        for _ in 0..2 {
            let error = run(&[1.0]).unwrap_err();
            assert!(matches!(error, EngineError::Run { .. }), "{error}");
        }
    }
}
