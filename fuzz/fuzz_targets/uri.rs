//! Arbitrary text as a URI, a demo query, a file name and a line of ffmpeg.
#![no_main]

use framecast::source::demo::DemoOptions;
use framecast::source::raw::NameHints;
use framecast::source::uri::{FileKind, Location, redact};
use framecast::source::{SourceOptions, ffmpeg};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = Location::parse(text);
    let _ = FileKind::by_name(text);
    let _ = FileKind::by_content(text.as_bytes());
    let _ = NameHints::read(text);
    let _ = ffmpeg::describe(text, String::new());
    let _ = redact(&format!("rtsp://user:hunter2@{text}"));
    if let Ok(demo) = DemoOptions::parse(text, &SourceOptions::default()) {
        assert!(demo.size.checked().is_ok() && (0.0..=64.0).contains(&demo.noise));
    }
});
