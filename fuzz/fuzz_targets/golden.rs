//! Arbitrary text as golden.json: refused, or what it holds is compared and the verdict is sound.
#![no_main]

use framecast::engine::check::GoldenFile;
use framecast::model::TensorBuf;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(file) = GoldenFile::parse(text) else { return };
    for (shape, values) in
        [(&[][..], vec![0.5f32]), (&[0], vec![]), (&[2], vec![-1.0, 3.0]), (&[2], vec![f32::NAN; 2])]
    {
        let got = TensorBuf::new(shape, values.clone()).expect("a tensor");
        for step_size in [None, Some(0.0), Some(0.25)] {
            for step in 0..2 {
                if let Ok(worst) = file.compare("m", step, "y", &got, step_size) {
                    assert!((0.0..=1.0).contains(&worst), "{worst}");
                    assert!(!values.iter().any(|v| v.is_nan()), "a NaN passes");
                }
            }
        }
    }
});
