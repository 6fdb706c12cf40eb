//! Arbitrary bytes as a tar archive: every picture found lies inside it.
#![no_main]

use std::io::Cursor;

use framecast::source::{Limits, pictures};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    // Made right, so that changed headers are read past their checksum.
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    }
    if let Ok(members) = pictures::index(&mut Cursor::new(&bytes), "fuzz", &Limits::DEFAULT) {
        for member in members {
            assert!(member.offset + member.len <= bytes.len() as u64);
        }
    }
});
