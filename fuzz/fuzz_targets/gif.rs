//! Arbitrary bytes as a GIF animation.
#![no_main]

use framecast::frame::PooledBuf;
use framecast::source::gif::Gif;
use framecast::source::{Next, Recording, SourceOptions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut options = SourceOptions::default();
    options.limits.pixels = 1 << 16;
    let Ok(mut gif) = Gif::new(bytes, "fuzz", &options) else { return };
    let mut buf = PooledBuf::unpooled(Vec::new());
    // A frame may cost one byte of input and a whole canvas of work.
    for _ in 0..32 {
        let Ok(Next::Picture(picture)) = gif.next(&mut buf) else { return };
        assert_eq!(buf.len(), picture.layout.len());
    }
});
