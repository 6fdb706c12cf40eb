//! Arbitrary bytes as a NUT stream: no frame above the limit.
#![no_main]

use framecast::source::nut::Nut;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut nut) = Nut::open(bytes, 4096) else { return };
    let mut out = Vec::new();
    while let Ok(Some(_)) = nut.next(&mut out) {
        assert!(out.len() <= 4096 + 256);
    }
});
