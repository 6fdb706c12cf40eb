//! Arbitrary bytes as a JPEG picture, by a decoder that has decoded others before.
#![no_main]

use std::cell::RefCell;

use framecast::frame::Size;
use framecast::vision::RgbImage;
use framecast::vision::jpeg::{self, JpegDecoder};

thread_local! {
    static STATE: RefCell<(JpegDecoder, RgbImage)> = RefCell::default();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    STATE.with_borrow_mut(|(decoder, out)| {
        // A small size is what an announced frame has; without one the limits must hold.
        let announced = jpeg::size(bytes).filter(|s| s.pixels() <= 1 << 20);
        if let Some(size) = announced {
            if decoder.decode(bytes, Some(size), out).is_ok() {
                assert_eq!((out.size(), out.data().len()), (size, size.pixels() * 3));
            }
        } else {
            let _ = decoder.decode(bytes, Some(Size::new(64, 64)), out);
        }
    });
});
