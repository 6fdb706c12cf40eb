//! Arbitrary bytes as a Y4M stream: every frame has the size its header promised.
#![no_main]

use framecast::frame::PooledBuf;
use framecast::source::y4m::Y4m;
use framecast::source::{Next, Recording, SourceOptions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut options = SourceOptions::default();
    options.limits.pixels = 1 << 20;
    let Ok(mut y4m) = Y4m::new(bytes, "fuzz", &options) else { return };
    let mut buf = PooledBuf::unpooled(Vec::new());
    while let Ok(Next::Picture(picture)) = y4m.next(&mut buf) {
        assert_eq!(buf.len(), picture.layout.len());
    }
});
