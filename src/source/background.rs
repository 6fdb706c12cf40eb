//! A recording as a source, read by a thread of its own: for pipes and child processes, whose reads
//! may block past any deadline.
//!
//! The thread hands frames over a short bounded queue. When it is full, or the pool empty, the
//! thread waits, and the pipe holds the writer back; a live stream cannot be held back, so there
//! the oldest frame of the queue is dropped and counted as [`DropReason::Ring`]. A recording whose
//! next picture does not come in time is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::playback::{Pacer, frame};
use super::recording::{Counter, Next, Recording};
use super::{Damage, DamageLog, Read, Source, SourceError, SourceInfo, SourceOptions};
use crate::frame::{DropReason, Frame, FramePool, MonoTime, PooledBuf};

/// Frames between the thread and the reader.
const QUEUE: usize = 2;
/// How soon the thread notices that it is to stop.
const TICK: Duration = Duration::from_millis(50);

/// Ends what the thread is blocked on, so that it can be joined.
pub(super) type Closer = Box<dyn FnMut() + Send>;

/// Opens a recording; called by the thread.
pub(super) type Opener = Box<dyn FnOnce() -> Result<Box<dyn Recording>, SourceError> + Send>;

/// A [`Recording`] read by a thread.
pub struct Background {
    info: SourceInfo,
    damage: DamageLog,
    queue: Receiver<Result<Read, SourceError>>,
    shared: Arc<Shared>,
    pacer: Pacer,
    early: Option<Frame>,
    /// How long a recording may give nothing.
    timeout: Duration,
    /// Since when nothing has come.
    silent_since: Option<MonoTime>,
    /// The end or the error, kept while drops before it are told.
    last: Option<Result<Read, SourceError>>,
    over: bool,
    _guard: Guard,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Frames of a live stream dropped for a late reader, not yet reported.
    dropped: AtomicU64,
    /// The thread waits for the recording, not for a buffer or for us.
    reading: AtomicBool,
}

impl Background {
    /// Opens a recording on a thread of its own and waits `open_timeout` for it. With a `closer`
    /// the thread is joined when the source is dropped, else it is left to end by itself (a read
    /// of stdin cannot be interrupted).
    pub(super) fn open(
        name: &str,
        options: &SourceOptions,
        pool: &FramePool,
        closer: Option<Closer>,
        opener: Opener,
    ) -> Result<Self, SourceError> {
        let (told, opened) = bounded(1);
        let (sender, queue) = bounded(QUEUE);
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            sender,
            oldest: queue.clone(),
            pool: pool.clone(),
            shared: Arc::clone(&shared),
            counter: Counter::default(),
        };
        let thread = std::thread::Builder::new()
            .name("source".into())
            .spawn(move || match opener() {
                Ok(recording) => {
                    if told.send(Ok((recording.info().clone(), recording.damage()))).is_ok() {
                        worker.run(recording);
                    }
                }
                Err(error) => {
                    let _ = told.send(Err(error));
                }
            })
            .map_err(|cause| SourceError::Io { name: name.to_owned(), cause })?;
        let guard = Guard { closer, thread: Some(thread), shared: Arc::clone(&shared) };
        let wait = options.open_timeout;
        let (info, damage) = match opened.recv_timeout(wait) {
            Ok(outcome) => outcome?,
            Err(RecvTimeoutError::Timeout) => {
                let reason = format!("nothing came within {:.1} s of opening", wait.as_secs_f64());
                return Err(SourceError::Gone { name: name.to_owned(), reason });
            }
            Err(RecvTimeoutError::Disconnected) => {
                let reason = "its reader ended while opening".into();
                return Err(SourceError::Gone { name: name.to_owned(), reason });
            }
        };
        let pacer = Pacer::new(options.paced && !info.live, info.rate);
        Ok(Self {
            info,
            damage,
            queue,
            shared,
            pacer,
            early: None,
            timeout: options.timeout,
            silent_since: None,
            last: None,
            over: false,
            _guard: guard,
        })
    }

    /// What the thread hands over next.
    fn receive(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        loop {
            let now = MonoTime::now();
            let since = *self.silent_since.get_or_insert(now);
            let until = if self.info.live { deadline } else { since.after(self.timeout) };
            match self.queue.recv_timeout(until.min(deadline).since(now)) {
                Ok(read) => {
                    self.silent_since = None;
                    return read;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let reason = "its reader ended unexpectedly".into();
                    return Err(SourceError::Gone { name: self.info.uri.clone(), reason });
                }
            }
            let now = MonoTime::now();
            if self.info.live || !self.shared.reading.load(Ordering::Acquire) {
                // A thread without a buffer waits for us; that is no silence.
                self.silent_since = None;
            } else if now >= until {
                let (name, waited) = (self.info.uri.clone(), now.since(since));
                return Err(SourceError::Silent { name, waited });
            }
            if now >= deadline {
                return Ok(Read::Timeout);
            }
        }
    }
}

impl Source for Background {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, deadline: MonoTime) -> Result<Read, SourceError> {
        let frames = self.shared.dropped.swap(0, Ordering::AcqRel);
        if frames > 0 {
            return Ok(Read::Lost { frames, reason: DropReason::Ring });
        }
        if let Some(last) = self.last.take() {
            return last;
        }
        let early = match self.early.take() {
            Some(frame) => frame,
            None if self.over => return Ok(Read::End),
            None => match self.receive(deadline) {
                Ok(Read::Frame(frame)) => frame,
                other => {
                    self.over = matches!(other, Ok(Read::End) | Err(_));
                    if self.over && self.shared.dropped.load(Ordering::Acquire) > 0 {
                        // The thread is done, so what is told now is complete.
                        self.last = Some(other);
                        return self.read(deadline);
                    }
                    return other;
                }
            },
        };
        if self.pacer.wait(early.seq(), early.meta().position, deadline) {
            let mut frame = early;
            if !self.info.live {
                // A recording's frame is captured when it is delivered.
                frame.meta_mut().captured = self.pacer.clock.now();
            }
            Ok(Read::Frame(frame))
        } else {
            self.early = Some(early);
            Ok(Read::Timeout)
        }
    }

    fn damage(&self) -> Damage {
        self.damage.so_far()
    }
}

/// Stops the thread, and joins it where it can be made to end.
struct Guard {
    closer: Option<Closer>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(mut close) = self.closer.take() {
            close();
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// The thread's side.
struct Worker {
    sender: Sender<Result<Read, SourceError>>,
    /// The reader's end of the queue, from which a live stream drops.
    oldest: Receiver<Result<Read, SourceError>>,
    pool: FramePool,
    shared: Arc<Shared>,
    counter: Counter,
}

impl Worker {
    fn next(
        &self,
        recording: &mut dyn Recording,
        buf: &mut PooledBuf,
    ) -> Result<Next, SourceError> {
        self.shared.reading.store(true, Ordering::Release);
        let next = recording.next(buf);
        self.shared.reading.store(false, Ordering::Release);
        next
    }

    fn run(mut self, mut recording: Box<dyn Recording>) {
        let info = recording.info().clone();
        let mut scratch = PooledBuf::unpooled(Vec::new());
        while !self.shared.stop.load(Ordering::Acquire) {
            let wait = if info.live { MonoTime::ZERO } else { MonoTime::now().after(TICK) };
            let taken = self.pool.take_until(recording.frame_len(), wait);
            let read = match taken {
                Ok(mut buf) => match self.next(&mut *recording, &mut buf) {
                    Ok(Next::Picture(picture)) => {
                        let seq = self.counter.take();
                        frame(&info, buf, picture, seq, MonoTime::now()).map(Read::Frame)
                    }
                    Ok(Next::Lost { frames, reason }) => {
                        self.counter.skip(frames);
                        Ok(Read::Lost { frames, reason })
                    }
                    Ok(Next::End) => Ok(Read::End),
                    Err(error) => Err(error),
                },
                Err(_) if info.live => match recording.next(&mut scratch) {
                    // All buffers are with the reader: the frame is read only to be dropped.
                    Ok(Next::Picture(_)) => {
                        self.counter.skip(1);
                        self.shared.dropped.fetch_add(1, Ordering::AcqRel);
                        continue;
                    }
                    Ok(Next::Lost { frames, reason }) => {
                        self.counter.skip(frames);
                        Ok(Read::Lost { frames, reason })
                    }
                    Ok(Next::End) => Ok(Read::End),
                    Err(error) => Err(error),
                },
                Err(_) => continue,
            };
            let last = matches!(read, Ok(Read::End) | Err(_));
            if !self.send(read, info.live) || last {
                return;
            }
        }
    }

    /// Hands over what was read; false when nobody waits for it any more.
    fn send(&self, read: Result<Read, SourceError>, live: bool) -> bool {
        let mut read = read;
        while !self.shared.stop.load(Ordering::Acquire) {
            match self.sender.send_timeout(read, if live { Duration::ZERO } else { TICK }) {
                Ok(()) => return true,
                Err(SendTimeoutError::Disconnected(_)) => return false,
                Err(SendTimeoutError::Timeout(back)) => {
                    read = back;
                    if live {
                        self.drop_oldest();
                    }
                }
            }
        }
        false
    }

    fn drop_oldest(&self) {
        let frames = match self.oldest.try_recv() {
            Ok(Ok(Read::Frame(_))) => 1,
            // A loss in the queue stays a loss; its reason becomes ours.
            Ok(Ok(Read::Lost { frames, .. })) => frames,
            _ => 0,
        };
        self.shared.dropped.fetch_add(frames, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
