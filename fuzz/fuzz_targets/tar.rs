//! Arbitrary bytes as a tar archive: every picture found lies inside it.
#![no_main]

use std::io::Cursor;

use framecast::source::{Limits, pictures};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(members) = pictures::index(&mut Cursor::new(bytes), "fuzz", &Limits::DEFAULT) {
        for member in members {
            assert!(member.offset + member.len <= bytes.len() as u64);
        }
    }
});
