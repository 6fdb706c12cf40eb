//! Arbitrary bytes under an arbitrary name as raw video.
#![no_main]

use std::path::Path;

use framecast::frame::PooledBuf;
use framecast::source::raw::Raw;
use framecast::source::{Next, Recording, SourceOptions};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (name, bytes) = input;
    let mut options = SourceOptions::default();
    options.limits.pixels = 1 << 20;
    let Ok(mut raw) = Raw::new(bytes, Path::new(name), None, &options) else { return };
    let mut buf = PooledBuf::unpooled(Vec::new());
    while let Ok(Next::Picture(picture)) = raw.next(&mut buf) {
        assert_eq!(buf.len(), picture.layout.len());
    }
});
