//! Arbitrary bytes as a `.npy` file: refused, or a tensor whose elements fill its shape.
#![no_main]

use framecast::model::npy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(tensor) = npy::parse(bytes) {
        assert_eq!(tensor.shape().iter().product::<usize>(), tensor.data().len());
    }
});
