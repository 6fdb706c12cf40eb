//! Arbitrary bytes as a `.npy` file: refused, or a tensor whose elements fill its shape.
#![no_main]

#[allow(dead_code, reason = "the program's reader, of which only parsing is fuzzed")]
#[path = "../../src/cli/model/npy.rs"]
mod npy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(tensor) = npy::parse(bytes) {
        assert_eq!(tensor.shape().iter().product::<usize>(), tensor.data().len());
    }
});
