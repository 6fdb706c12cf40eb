//! Arbitrary bytes as a NUT stream: no frame above the limit, none that costs no byte.
#![no_main]

use framecast::source::nut::Nut;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut nut) = Nut::open(bytes, 4096) else { return };
    let mut out = Vec::new();
    let mut frames = 0;
    while let Ok(Some(_)) = nut.next(&mut out) {
        frames += 1;
        // An elided beginning of at most 256 bytes is not read with the frame.
        assert!(out.len() <= 4096 + 256);
        assert!(frames <= bytes.len());
    }
});
