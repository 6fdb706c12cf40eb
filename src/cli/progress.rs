//! A progress bar on a terminal; nothing elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Progress through one source; the bar goes when it is dropped.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar for the source `name`.
    pub(crate) fn new(name: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length();
            bar.set_message(name.to_owned());
            bar
        });
        Self { bar }
    }

    /// Says what is being done.
    pub(crate) fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// Shows `done` frames of `total`.
    pub(crate) fn show(&mut self, done: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        if let (None, Some(total)) = (bar.length(), total) {
            bar.set_length(total);
            let template = "{msg} {wide_bar} {pos}/{len} {per_sec} eta {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
