//! Keeps a live source alive: opens it again whenever it fails or falls silent.
//!
//! ```text
//! Opening -> Streaming <-> Stalled
//!    ^          |             |
//!    +------ Backoff <--------+
//! ```
//!
//! A [`Supervised`] source is itself a [`Source`], driven by one thread. It never waits past the
//! deadline of a read, apart from the opening itself, which the kind of source must bound. State
//! changes go to a bounded channel; when nobody empties it, further events are counted as missed
//! and the stream goes on. The watchdog runs from the last *good* frame, so a device that delivers
//! only damaged frames is opened again too. After each reopening the first read is
//! [`Read::Reopened`], and frames are renumbered so that their numbers rise for the whole run.
//! A source that comes back with another size or format counts as a failed attempt: what reads its
//! frames was made for the first ones.

mod backoff;
mod state;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::frame::{Clock, DropReason, Frame, FramePool, FrameSeq, MonoTime, SystemClock};
use crate::source::{Damage, Read, Source, SourceError, SourceInfo, SourceOptions};

use backoff::Backoff;
pub use state::{LinkState, StateChange};

/// Opens the source; called again after each failure.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn Source>, SourceError> + Send>;

/// When to worry and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupervisorOptions {
    /// Without a good frame for this long (at least four frame intervals) the source is stalled.
    pub stall_after: Duration,
    /// A stalled source is closed and opened again after this long without a good frame.
    pub reopen_after: Duration,
    /// The first wait before opening again.
    pub backoff_first: Duration,
    /// The longest wait. Opening a device that is not there costs nothing, so it is short.
    pub backoff_max: Duration,
    /// Attempts at the start before the error is passed on; a missing device is passed on at once.
    pub first_attempts: u32,
    /// Failures in a row after which the error is passed on; none retries for ever.
    pub give_up_after: Option<u32>,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Default for SupervisorOptions {
    fn default() -> Self {
        Self {
            stall_after: Duration::from_secs(2),
            reopen_after: Duration::from_secs(5),
            backoff_first: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            first_attempts: 4,
            give_up_after: None,
            seed: 0,
        }
    }
}

enum Link {
    Open { source: Box<dyn Source>, since: MonoTime, last_good: MonoTime, started: bool },
    Closed { retry_at: MonoTime },
}

/// A live source that is opened again when it fails.
pub struct Supervised {
    opener: Opener,
    options: SupervisorOptions,
    clock: Arc<dyn Clock>,
    events: Option<Sender<StateChange>>,
    missed_events: u64,
    link: Link,
    state: LinkState,
    backoff: Backoff,
    info: SourceInfo,
    /// Of the openings before this one.
    damage: Damage,
    reopened: u64,
    announce: bool,
    next_seq: u64,
    // Added to the numbers of the current opening; known from its first frame on.
    offset: Option<u64>,
}

impl Supervised {
    /// Opens the source for the first time.
    ///
    /// # Errors
    /// What the opener says, at once when the device is not there, may not be opened or cannot be
    /// used, otherwise after [`SupervisorOptions::first_attempts`].
    pub fn new(
        mut opener: Opener,
        options: SupervisorOptions,
        clock: Arc<dyn Clock>,
        events: Option<Sender<StateChange>>,
    ) -> Result<Self, SourceError> {
        let mut backoff = Backoff::new(options.backoff_first, options.backoff_max, options.seed);
        let source = loop {
            match opener() {
                Ok(source) => break source,
                Err(error) => {
                    let wait = backoff.next();
                    let hopeless = matches!(error, SourceError::Open { .. });
                    if hopeless
                        || !error.is_transient()
                        || backoff.failures() >= options.first_attempts
                    {
                        return Err(error);
                    }
                    clock.sleep_until(clock.now().after(wait));
                }
            }
        };
        let now = clock.now();
        let mut supervised = Self {
            info: source.info().clone(),
            damage: Damage::default(),
            opener,
            options,
            clock,
            events,
            missed_events: 0,
            link: Link::Open { source, since: now, last_good: now, started: false },
            state: LinkState::Opening,
            backoff,
            reopened: 0,
            announce: false,
            next_seq: 0,
            offset: None,
        };
        supervised.enter(LinkState::Opening, None, None);
        Ok(supervised)
    }

    /// Opens `uri` under supervision; frames use buffers of `pool`.
    ///
    /// # Errors
    /// As [`Supervised::new`].
    pub fn open_uri(
        uri: &str,
        source: &SourceOptions,
        pool: &FramePool,
        options: SupervisorOptions,
        events: Option<Sender<StateChange>>,
    ) -> Result<Self, SourceError> {
        let (uri, mut wishes, pool) = (uri.to_owned(), source.clone(), pool.clone());
        let mut pinned = false;
        let opener = Box::new(move || {
            let source = crate::source::open(&uri, &wishes, &pool)?;
            if !std::mem::replace(&mut pinned, true) {
                wishes.pin(source.info());
            }
            Ok(source)
        });
        Self::new(opener, options, Arc::new(SystemClock), events)
    }

    /// Where the source stands.
    #[must_use]
    pub const fn state(&self) -> LinkState {
        self.state
    }

    /// How often it was opened again.
    #[must_use]
    pub const fn reopened(&self) -> u64 {
        self.reopened
    }

    /// Events that found the channel full.
    #[must_use]
    pub const fn missed_events(&self) -> u64 {
        self.missed_events
    }

    fn enter(&mut self, state: LinkState, reason: Option<String>, wait: Option<Duration>) {
        self.state = state;
        let source = &self.info.uri;
        match (&reason, wait) {
            (Some(reason), Some(wait)) => {
                tracing::warn!(%source, %state, %reason, ?wait, "source changed its state");
            }
            (Some(reason), None) => {
                tracing::warn!(%source, %state, %reason, "source changed its state");
            }
            (None, _) => tracing::info!(%source, %state, "source changed its state"),
        }
        let change = StateChange { at: self.clock.now(), state, reason, wait };
        if self.events.as_ref().is_some_and(|events| events.try_send(change).is_err()) {
            self.missed_events += 1;
        }
    }

    /// Closes the source and plans the next attempt; passes the error on when it was the last.
    fn close(&mut self, error: SourceError) -> Result<(), SourceError> {
        let now = self.clock.now();
        if let Link::Open { since, last_good, started, .. } = &self.link
            && *started
            && last_good.since(*since) >= self.options.backoff_max
        {
            // It had streamed long enough for this to be a new failure, not the old one.
            self.backoff.reset();
        }
        let wait = self.backoff.next();
        if let Link::Open { source, .. } = &self.link {
            self.damage.merge(source.damage());
        }
        // Dropping the source closes its descriptor before the wait begins.
        self.link = Link::Closed { retry_at: now.after(wait) };
        self.offset = None;
        self.enter(LinkState::Backoff, Some(error.to_string()), Some(wait));
        match self.options.give_up_after {
            Some(limit) if self.backoff.failures() >= limit => Err(error),
            _ => Ok(()),
        }
    }

    fn open(&mut self) -> Result<(), SourceError> {
        self.enter(LinkState::Opening, None, None);
        let opened = (self.opener)().and_then(|source| {
            same_frames(&self.info, source.info())?;
            Ok(source)
        });
        match opened {
            Ok(source) => {
                let now = self.clock.now();
                self.info = source.info().clone();
                self.link = Link::Open { source, since: now, last_good: now, started: false };
                self.reopened += 1;
                self.announce = true;
                Ok(())
            }
            Err(error) => self.close(error),
        }
    }

    /// A good frame came.
    fn good(&mut self) {
        let now = self.clock.now();
        if let Link::Open { last_good, started, .. } = &mut self.link {
            (*last_good, *started) = (now, true);
        }
        if self.state != LinkState::Streaming {
            self.enter(LinkState::Streaming, None, None);
        }
    }

    fn renumber(&mut self, frame: &mut Frame) {
        let seq = frame.seq().0;
        let next = self.next_seq;
        let offset = *self.offset.get_or_insert_with(|| next.wrapping_sub(seq));
        let number = seq.wrapping_add(offset).max(next);
        self.next_seq = number + 1;
        frame.meta_mut().seq = FrameSeq(number);
    }

    /// How long the source may stay silent before it counts as stalled.
    fn stall_after(&self) -> Duration {
        let interval = self.info.rate.map_or(Duration::ZERO, |r| r.interval());
        self.options.stall_after.max(interval.saturating_mul(4))
    }

    /// Looks at the time since the last good frame.
    fn watch(&mut self) -> Result<(), SourceError> {
        let Link::Open { last_good, .. } = self.link else { return Ok(()) };
        let silent = self.clock.now().since(last_good);
        let stall_after = self.stall_after();
        let reason = || format!("no good frame for {:.1} s", silent.as_secs_f64());
        if silent >= self.options.reopen_after.max(stall_after) {
            let name = self.info.uri.clone();
            return self.close(SourceError::Gone { name, reason: reason() });
        }
        if silent >= stall_after && self.state != LinkState::Stalled {
            self.enter(LinkState::Stalled, Some(reason()), None);
        }
        Ok(())
    }

    /// When the watchdog must look next.
    fn watch_at(&self, last_good: MonoTime) -> MonoTime {
        let stall_after = self.stall_after();
        if self.state == LinkState::Stalled {
            last_good.after(self.options.reopen_after.max(stall_after))
        } else {
            last_good.after(stall_after)
        }
    }
}

/// An error unless frames of `now` can take the place of frames of `first`.
fn same_frames(first: &SourceInfo, now: &SourceInfo) -> Result<(), SourceError> {
    if (first.size, first.format) == (now.size, now.format) {
        return Ok(());
    }
    let reason = format!(
        "it came back as {} {} instead of {} {}; bring the first back, or start the program anew \
         to use what it is now",
        now.size, now.format, first.size, first.format
    );
    Err(SourceError::Unsupported { name: first.uri.clone(), reason })
}

impl Source for Supervised {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        loop {
            if std::mem::take(&mut self.announce) {
                return Ok(Read::Reopened);
            }
            let read = match &mut self.link {
                Link::Closed { retry_at } => {
                    let retry_at = *retry_at;
                    self.clock.sleep_until(retry_at.min(deadline));
                    if self.clock.now() >= retry_at {
                        self.open()?;
                    }
                    if matches!(self.link, Link::Closed { .. }) && self.clock.now() >= deadline {
                        return Ok(Read::Timeout);
                    }
                    continue;
                }
                Link::Open { last_good, .. } => {
                    let last_good = *last_good;
                    let until = deadline.min(self.watch_at(last_good));
                    let Link::Open { source, .. } = &mut self.link else { continue };
                    source.read(until)
                }
            };
            match read {
                Ok(Read::Frame(mut frame)) => {
                    self.good();
                    self.renumber(&mut frame);
                    return Ok(Read::Frame(frame));
                }
                Ok(Read::Lost { frames, reason }) => {
                    // Left out on our side: the device itself is well.
                    if matches!(reason, DropReason::Ring | DropReason::Policy) {
                        self.good();
                    } else {
                        self.watch()?;
                    }
                    return Ok(Read::Lost { frames, reason });
                }
                Ok(Read::Reopened) => return Ok(Read::Reopened),
                Ok(Read::Timeout) => {
                    self.watch()?;
                    if self.clock.now() >= deadline {
                        return Ok(Read::Timeout);
                    }
                }
                Ok(Read::End) => {
                    let name = self.info.uri.clone();
                    self.close(SourceError::Gone { name, reason: "the stream ended".to_owned() })?;
                }
                Err(error) => self.close(error)?,
            }
        }
    }

    fn damage(&self) -> Damage {
        let mut damage = self.damage.clone();
        if let Link::Open { source, .. } = &self.link {
            damage.merge(source.damage());
        }
        damage
    }
}

#[cfg(test)]
mod tests;
