//! Arbitrary TOML over the shipped configuration, then flags: refused with a reason, or settings
//! whose every range was checked.
#![no_main]

use std::path::Path;

use framecast::config::{Config, RawConfig};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut raw = RawConfig::defaults().expect("the shipped file");
    // What follows a NUL is a flag, as `--set` takes it.
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default();
    if let Err(error) = raw.merge_text(file, Path::new("fuzz.toml")) {
        assert!(!error.to_string().is_empty());
        return;
    }
    for flag in parts {
        if let Err(error) = raw.set(flag) {
            assert!(!error.to_string().is_empty());
        }
    }
    match Config::from_raw(&raw) {
        Ok(config) => {
            assert!((1..=256).contains(&config.ring.capacity));
            let (_, _) = (config.source.options(), config.load_options());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
