//! Ctrl-C and SIGTERM: the first ends the run in order, the second at once.

use framecast::pipeline::Stop;

use super::exit::{self, Failure};

/// Lets a signal end the run that looks at `stop`.
pub(crate) fn on_signal(stop: &Stop) -> Result<(), Failure> {
    let stop = stop.clone();
    let handler = move || {
        if stop.is_aborted() {
            // The run does not end by itself; nothing more can be saved.
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        stop.abort();
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::new(exit::FAILURE, anyhow::anyhow!("signals: {error}")))
}
