//! Opening the source of a streaming command, under supervision when it is a device or network.

use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};

use framecast::config::{Pace, SourceSettings};
use framecast::frame::{FramePool, SystemClock};
use framecast::source::uri::Location;
use framecast::source::{
    Source, SourceError, SourceOptions, StateChange, Supervised, SupervisorOptions, open,
};

/// Changes that may wait to be reported; a run empties them several times a second.
const EVENTS: usize = 64;

/// A source, and what its supervisor has to say when it has one.
pub(crate) type Watched = (Box<dyn Source>, Option<Receiver<StateChange>>);

/// Opens the configured source over `pool`.
pub(crate) fn open_source(
    settings: &SourceSettings,
    pool: &FramePool,
) -> Result<Watched, SourceError> {
    let location = Location::parse(&settings.uri)?;
    let mut options = settings.options();
    options.paced = match settings.pace {
        Pace::Realtime => true,
        Pace::Fast => false,
        Pace::Auto => matches!(location, Location::Demo(_)),
    };
    let source = open(&settings.uri, &options, pool)?;
    let lasting = source.info().live && !matches!(location, Location::Demo(_));
    if lasting { supervised(source, settings, options, pool) } else { Ok((source, None)) }
}

/// Watches over a source that is open already, and opens it again when it fails.
fn supervised(
    source: Box<dyn Source>,
    settings: &SourceSettings,
    mut options: SourceOptions,
    pool: &FramePool,
) -> Result<Watched, SourceError> {
    // The models and sinks of a run are made for the frames of the first opening.
    options.pin(source.info());
    let mut first = Some(source);
    let (uri, pool) = (settings.uri.clone(), pool.clone());
    let opener = move || match first.take() {
        Some(source) => Ok(source),
        None => open(&uri, &options, &pool),
    };
    let (say, events) = bounded(EVENTS);
    let watch = SupervisorOptions::default();
    let source = Supervised::new(Box::new(opener), watch, Arc::new(SystemClock), Some(say))?;
    Ok((Box::new(source), Some(events)))
}
