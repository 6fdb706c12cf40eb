//! From settings to what the parts of the program take.

use crate::engine::LoadOptions;
use crate::source::{Limits, SourceOptions};

use super::{Config, SourceSettings};

impl SourceSettings {
    /// What [`crate::source::open`] takes, not paced.
    #[must_use]
    pub fn options(&self) -> SourceOptions {
        SourceOptions {
            size: self.size,
            format: self.format,
            rate: self.rate,
            colour: self.colour,
            controls: self.controls.clone(),
            buffers: self.buffers,
            newest_only: self.newest_only,
            ffmpeg: self.ffmpeg.clone(),
            seed: self.seed,
            open_timeout: self.open_timeout,
            timeout: self.timeout,
            limits: Limits {
                pixels: self.max_pixels,
                packet_bytes: self.max_packet_bytes,
                entries: self.max_entries,
            },
            ..SourceOptions::default()
        }
    }
}

impl Config {
    /// What [`crate::engine::load`] takes; the sizes that follow from the frame are still missing.
    #[must_use]
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            engine: self.engine.name,
            threads: self.engine.threads,
            spinning: self.engine.spinning,
            providers: self.engine.providers.clone(),
            require_provider: self.engine.require_provider,
            library: self.engine.library.clone(),
            bind: self.model.bind.clone(),
            self_test: self.model.self_test,
            ..LoadOptions::default()
        }
    }
}
