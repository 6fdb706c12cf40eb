//! Arbitrary bytes as an integer model: refused, or what was found of its ranges holds for the
//! smallest and the largest input, since sums that leave them end the program here.
#![no_main]

use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::model::{DType, ModelFile, TensorBuf};

/// Larger models are read, but cost too much to be run.
const VALUES: usize = 1 << 12;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = ModelFile::from_bytes("fuzz", bytes.to_vec()) else { return };
    let mut options = LoadOptions::default();
    (options.engine, options.warm_up) = (EngineChoice::Exact, 0);
    options.bind.extend([("h".to_owned(), 3), ("w".to_owned(), 5)]);
    let Ok(mut loaded) = load(&model, &options) else { return };
    let spec = loaded.session.spec().clone();
    let [input] = spec.inputs.as_slice() else { unreachable!("it takes one input") };
    let count = input.shape.iter().product::<usize>();
    let all: usize = spec.outputs.iter().map(|o| o.shape.iter().product::<usize>()).sum();
    if count > VALUES || all > VALUES {
        return;
    }
    let mut outputs: Vec<_> =
        spec.outputs.iter().map(|_| TensorBuf::zeros(DType::F32, &[0])).collect();
    for level in [0_u8, 255] {
        let input = TensorBuf::new(&input.shape, vec![level; count]).expect("as many as its shape");
        loaded.session.run(&[input.view()], &mut outputs).expect("what was taken runs");
        for (output, spec) in outputs.iter().zip(&spec.outputs) {
            assert_eq!(output.shape(), spec.shape);
            assert!(output.as_f32().is_some_and(|v| v.iter().all(|v| v.is_finite())));
        }
    }
});
