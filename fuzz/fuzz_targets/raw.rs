//! Raw video: the first line is the file's name, the rest its bytes, once of known length and once
//! as a pipe.
#![no_main]

use std::path::Path;

use framecast::frame::PooledBuf;
use framecast::source::raw::Raw;
use framecast::source::{Next, Recording, SourceOptions};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&b| b == b'\n') else { return };
    let Ok(name) = std::str::from_utf8(&input[..end]) else { return };
    let bytes = &input[end + 1..];
    let mut options = SourceOptions::default();
    options.limits.pixels = 1 << 20;
    for len in [Some(bytes.len() as u64), None] {
        let Ok(mut raw) = Raw::new(bytes, Path::new(name), len, &options) else { continue };
        let mut buf = PooledBuf::unpooled(Vec::new());
        let mut pictures = 0;
        while let Ok(Next::Picture(picture)) = raw.next(&mut buf) {
            assert_eq!(buf.len(), picture.layout.len());
            pictures += 1;
        }
        assert!(raw.info().frames.is_none_or(|frames| frames == pictures));
    }
});
