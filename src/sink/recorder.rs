//! Records the frames of a run as a coded stream, beside everything else.
//!
//! The capture thread copies each frame into one of a few buffers; a thread of its own codes and
//! writes them. When all buffers are in use a live stream loses the frame here and counts it, a
//! file waits. Each frame is one write, and what was written is brought to the disk at an interval
//! by one more thread, so a kill costs the frame being written and a power cut one interval at most.
//!
//! Threading: `offer` is called by the capture thread.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::codec::stream::StreamWriter;
use crate::codec::{
    CodecError, Encoder, EncoderConfig, FrameInfo, Picture, SampleLayout, StreamSpec,
    frame_to_picture, layout_of, stream_id,
};
use crate::config::RecordSettings;
use crate::frame::{Frame, FramePool, Layout, MonoTime, PixelFormat, PooledBuf};
use crate::pipeline::{PipelineError, Stop};
use crate::source::SourceInfo;
use crate::vision::{FrameConverter, RgbImage};

use super::SinkCounts;
use super::queue::PATIENCE;
use super::syncing::Syncing;

/// The sink's name in reports.
const NAME: &str = "record";

/// Bytes of waiting frames, and the least and most frames: a card that stops to tidy up for a second
/// or two costs none.
const WAITING: (usize, usize, usize) = (1 << 26, 4, 64);

/// Stands in a path for the lowest number that is free.
const NUMBER: &str = "{n}";

/// The highest such number.
const MOST_FILES: u32 = 1_000_000;

/// How often a wait looks whether the run was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// How long the end of a run waits for the frames that still wait.
const GRACE: Duration = Duration::from_secs(20);

/// A recording that can begin: its file is there. One that does not begin leaves none.
#[derive(Debug)]
pub struct Recorder {
    options: RecordSettings,
    file: Option<File>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.options.path);
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    offered: AtomicU64,
    written: AtomicU64,
    closing: AtomicBool,
    failed: Mutex<Option<io::Error>>,
}

/// The way into a recording, held by the capture thread.
#[derive(Debug)]
pub struct RecorderFeed {
    frames: Sender<Frame>,
    pool: FramePool,
    shared: Arc<Shared>,
    live: bool,
}

/// A recording that runs, held by whoever ends the run.
#[derive(Debug)]
pub struct Recording {
    shared: Arc<Shared>,
    ended: Receiver<()>,
}

impl Recorder {
    /// Makes the file; `{n}` in its path becomes the lowest number from 1 that is free.
    ///
    /// # Errors
    /// The system's answer with the path; a file that is there is never overwritten.
    pub fn create(mut options: RecordSettings) -> io::Result<Self> {
        let (path, file) = create_new(&options.path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    "recordings are not overwritten; choose another name, or let {n} in it stand \
                     for the next free number"
                }
                _ => "choose a place that can be written",
            };
            let text = format!("cannot record to {}: {error}; {hint}", options.path.display());
            io::Error::new(error.kind(), text)
        })?;
        options.path = path;
        Ok(Self { options, file: Some(file) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Begins to record frames of the source `info`.
    ///
    /// # Errors
    /// [`PipelineError::Thread`] when the thread cannot be started.
    pub fn start(self, info: &SourceInfo) -> Result<(Recording, RecorderFeed), PipelineError> {
        let (bytes, least, most) = WAITING;
        let pool = FramePool::new((bytes / (info.size.pixels() * 3 / 2).max(1)).clamp(least, most));
        // As many places as the pool has buffers, so that sending never waits.
        let (frames, taken) = bounded(most);
        let (end, ended) = bounded(1);
        let shared = Arc::new(Shared::default());
        let feed = RecorderFeed { frames, pool, shared: Arc::clone(&shared), live: info.live };
        let own = Arc::clone(&shared);
        let (live, rate) = (info.live, info.rate);
        let body = move || {
            // Dropped on unwinding too, which is how the end learns of a panic.
            let _end = end;
            // Dropped before the end is told: a file without a frame is gone by then.
            let mut recorder = self;
            let mut work = Work { recorder: &mut recorder, open: None, live, rate };
            let mut outcome = work.until_end(&taken, &own);
            if let Some(open) = work.open.take() {
                outcome = outcome.and(open.writer.finish().map(|_| ()));
            }
            if let Err(error) = outcome {
                let error = io::Error::other(format!("{}: {error}", recorder.path().display()));
                // The run may last for weeks, so it is told now as well.
                tracing::error!("the recording ends, the run goes on: {error}");
                *own.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        };
        std::thread::Builder::new()
            .name(format!("sink-{NAME}"))
            .spawn(body)
            .map_err(|cause| PipelineError::Thread { thread: "sink", cause })?;
        Ok((Recording { shared, ended }, feed))
    }
}

impl RecorderFeed {
    /// Hands a copy of `frame` over; one that finds no buffer is lost, which is counted.
    pub fn offer(&self, frame: &Frame, stop: &Stop) {
        self.shared.offered.fetch_add(1, Ordering::Relaxed);
        let len = frame.bytes().len();
        let given_up = MonoTime::now().after(PATIENCE);
        let buf = loop {
            match self.pool.take(len) {
                Ok(buf) => break buf,
                Err(_) if self.live || stop.is_aborted() => return,
                Err(_) if MonoTime::now() >= given_up => return,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let mut buf: PooledBuf = buf;
        buf.as_vec().clear();
        buf.as_vec().extend_from_slice(frame.bytes());
        if let Ok(copy) = Frame::new(buf, *frame.layout(), *frame.meta()) {
            // A failed recording has no thread any more; the loss shows in the counts.
            let _ = self.frames.send(copy);
        }
    }
}

impl Recording {
    /// Waits until what was offered is written and the stream is closed.
    pub fn finish(self, stop: &Stop) -> (String, SinkCounts, Option<PipelineError>) {
        self.shared.closing.store(true, Ordering::Release);
        let began = MonoTime::now();
        let mut late = false;
        while self.ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
            let patience = if stop.is_aborted() { GRACE / 4 } else { GRACE };
            late = MonoTime::now().since(began) >= patience;
            if late {
                break;
            }
        }
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let offered = self.shared.offered.load(Ordering::Relaxed);
        let written = self.shared.written.load(Ordering::Relaxed);
        let counts = SinkCounts { offered, written, dropped: offered.saturating_sub(written) };
        let error = match failed {
            Some(cause) => Some(PipelineError::Sink { name: NAME.to_owned(), cause }),
            None if late => Some(PipelineError::Unresponsive { thread: "sink", wait: GRACE }),
            None => None,
        };
        (NAME.to_owned(), counts, error)
    }
}

/// What the first frame opens: only then the kind of picture is known.
struct Open {
    encoder: Encoder,
    writer: StreamWriter<Syncing<File>>,
    picture: Picture,
}

struct Work<'a> {
    recorder: &'a mut Recorder,
    open: Option<Open>,
    live: bool,
    rate: Option<crate::frame::Rational>,
}

impl Work<'_> {
    fn until_end(&mut self, frames: &Receiver<Frame>, shared: &Shared) -> Result<(), CodecError> {
        let (mut converter, mut rgb) = (FrameConverter::new(), RgbImage::default());
        loop {
            let frame = match frames.recv_timeout(POLL) {
                Ok(frame) => frame,
                // A hung capture thread may hold the feed, so the end is told by a flag as well.
                Err(RecvTimeoutError::Timeout) if !shared.closing.load(Ordering::Acquire) => {
                    continue;
                }
                Err(_) => return Ok(()),
            };
            if layout_of(frame.format()).is_some() {
                self.frame(&frame)?;
            } else if converter.to_rgb(&frame, &mut rgb).is_ok() {
                let layout = Layout::packed(PixelFormat::Rgb24, rgb.size())?;
                let bytes = PooledBuf::unpooled(rgb.data().to_vec());
                self.frame(&Frame::new(bytes, layout, *frame.meta())?)?;
            } else {
                // A picture that cannot be decoded is lost here as it is in the main stage.
                continue;
            }
            shared.written.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), CodecError> {
        if self.open.is_none() {
            let spec = StreamSpec {
                format: frame.format(),
                size: frame.size(),
                colour: frame.meta().colour,
                rate: self.rate,
            };
            let id = stream_id(frame, self.live.then(SystemTime::now));
            let options = &self.recorder.options;
            let coding = EncoderConfig { id, ..options.coding.clone() };
            let encoder = Encoder::new(&coding, &spec, None)?;
            let Some(file) = self.recorder.file.take() else { return Ok(()) };
            let file = Syncing::start(file, options.sync)
                .map_err(|cause| CodecError::Io { what: "opening the recording failed", cause })?;
            // It is synced by its own thread.
            let writer = StreamWriter::new(file, encoder.header(), Duration::MAX)?;
            let picture = Picture::new(SampleLayout::Grey, 1, 1);
            self.open = Some(Open { encoder, writer, picture });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        frame_to_picture(frame, &mut open.picture)?;
        let meta = frame.meta();
        let captured = self.live.then_some(meta.captured);
        let info = FrameInfo { seq: meta.seq, captured, position: meta.position };
        open.encoder.send_frame(&open.picture, &info)?;
        match open.encoder.receive_packet() {
            Some(packet) => open.writer.write(packet),
            None => Ok(()),
        }
    }
}

/// A file that was not there before, of which its folder knows.
fn create_new(path: &Path) -> io::Result<(PathBuf, File)> {
    let new = |path: &Path| File::options().write(true).create_new(true).open(path);
    let (path, file) = match path.to_str().filter(|text| text.contains(NUMBER)) {
        None => (path.to_owned(), new(path)?),
        Some(text) => {
            let mut number = 1;
            loop {
                let path = PathBuf::from(text.replace(NUMBER, &number.to_string()));
                match new(&path) {
                    Ok(file) => break (path, file),
                    Err(error)
                        if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_FILES =>
                    {
                        number += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    };
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Without this a power cut may take the name of the file. Not every system can.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Profile;
    use crate::codec::stream::{Ending, Record, StreamReader};
    use crate::frame::{FrameMeta, FrameSeq, Size};

    fn options(path: &Path) -> RecordSettings {
        let coding =
            EncoderConfig { profile: Profile::Light, threads: 2, ..EncoderConfig::default() };
        RecordSettings { path: path.to_owned(), coding, sync: Duration::from_secs(1) }
    }

    fn frame(t: u64) -> Frame {
        let layout = Layout::packed(PixelFormat::Nv12, Size::new(32, 24)).unwrap();
        let bytes = (0..layout.len()).map(|i| (i as u64 * (t % 7 + 2)) as u8).collect();
        let meta = FrameMeta { seq: FrameSeq(t), ..FrameMeta::default() };
        Frame::new(PooledBuf::unpooled(bytes), layout, meta).unwrap()
    }

    fn info(live: bool) -> SourceInfo {
        SourceInfo {
            uri: "test".into(),
            description: String::new(),
            format: PixelFormat::Nv12,
            size: Size::new(32, 24),
            rate: None,
            live,
            frames: None,
        }
    }

    #[test]
    fn a_file_is_recorded_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fcv");
        let recorder = Recorder::create(options(&path)).unwrap();
        let again = Recorder::create(options(&path)).unwrap_err().to_string();
        assert!(again.contains("choose another name"), "{again}");
        let (recording, feed) = recorder.start(&info(false)).unwrap();
        let stop = Stop::new();
        (0..40).for_each(|t| feed.offer(&frame(t), &stop));
        drop(feed);
        let (name, counts, error) = recording.finish(&stop);
        assert!(error.is_none(), "{error:?}");
        assert_eq!((name.as_str(), counts.offered, counts.written), ("record", 40, 40));
        let mut reader = StreamReader::new(File::open(&path).unwrap()).unwrap();
        let mut frames = 0;
        while let Some(record) = reader.next_record().unwrap() {
            frames += u64::from(matches!(record, Record::Frame(_)));
        }
        assert_eq!((frames, reader.ending()), (40, Ending::Closed));
    }

    #[test]
    fn a_live_stream_loses_and_counts_what_finds_no_buffer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fcv");
        let recorder = Recorder::create(options(&path)).unwrap();
        let (recording, feed) = recorder.start(&info(true)).unwrap();
        let stop = Stop::new();
        // All buffers are held, as by a disk that hangs.
        let held: Vec<_> = std::iter::from_fn(|| feed.pool.take(1).ok()).collect();
        (0..9).for_each(|t| feed.offer(&frame(t), &stop));
        drop(held);
        feed.offer(&frame(9), &stop);
        drop(feed);
        let (_, counts, error) = recording.finish(&stop);
        assert!(error.is_none());
        assert_eq!((counts.offered, counts.written, counts.dropped), (10, 1, 9));
    }

    #[test]
    fn a_run_without_frames_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fcv");
        let recorder = Recorder::create(options(&path)).unwrap();
        let (recording, feed) = recorder.start(&info(true)).unwrap();
        drop(feed);
        assert!(recording.finish(&Stop::new()).2.is_none());
        assert!(!path.exists());
        drop(Recorder::create(options(&path)).unwrap());
        assert!(!path.exists(), "a run that never began");
        let error = Recorder::create(options(Path::new("/no/such/a.fcv")));
        assert!(error.unwrap_err().to_string().contains("/no/such/a.fcv"));
    }

    #[test]
    fn a_service_that_is_started_again_takes_the_next_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("camera-{n}.fcv");
        for number in [1, 2, 3] {
            let recorder = Recorder::create(options(&path)).unwrap();
            assert_eq!(recorder.path(), folder.path().join(format!("camera-{number}.fcv")));
            let (recording, feed) = recorder.start(&info(false)).unwrap();
            feed.offer(&frame(0), &Stop::new());
            drop(feed);
            assert!(recording.finish(&Stop::new()).2.is_none());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
