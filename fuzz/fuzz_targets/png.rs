//! Arbitrary bytes as a PNG file, whose checksums the decoder passes over under `cfg(fuzzing)`, and
//! as the headers of a JPEG file.
#![no_main]

use framecast::source::pictures::{jpeg, png};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = jpeg::size(bytes);
    let _ = jpeg::has_end(bytes);
    let Ok(size) = png::size(bytes) else { return };
    if size.pixels() > 1 << 16 {
        return;
    }
    let mut out = Vec::new();
    if let Ok(decoded) = png::decode(bytes, 1 << 20, &mut out) {
        assert_eq!(decoded, size);
        assert_eq!(out.len(), size.pixels() * 3);
    }
});
