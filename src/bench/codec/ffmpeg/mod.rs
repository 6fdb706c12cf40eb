//! ffmpeg as the bench of other codecs: encoders and decoders in a child process, with the
//! processor time they took.
//!
//! The time is what ffmpeg's `-benchmark` prints: that of reading, coding and writing, without the
//! start of the program. Everything runs on one thread.

mod output;
mod settings;

pub(super) use settings::without_slices;
pub use settings::{Codec, Mode};

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::frame::PixelFormat;
use crate::pipeline::Stop;

use super::BenchError;
use super::clip::Clip;

/// Of what ffmpeg says, this much is kept.
const LOG: u64 = 1 << 20;

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(5);

/// The sizes of a coded stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamSize {
    /// Bytes of each packet.
    pub packets: Vec<u64>,
    /// Bytes of codec headers that are stored beside the packets.
    pub header: u64,
}

/// An ffmpeg program that can be run.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    program: PathBuf,
    version: String,
    stop: Stop,
}

impl Ffmpeg {
    /// Finds out the version of `program`.
    ///
    /// # Errors
    /// [`BenchError::Program`] when it cannot be started or does not say it.
    pub fn find(program: &Path, stop: &Stop) -> Result<Self, BenchError> {
        let mut found =
            Self { program: program.to_owned(), version: String::new(), stop: stop.clone() };
        let out = Command::new(program).arg("-version").stdin(Stdio::null()).output();
        let out = out.map_err(|cause| found.failed(start_failure(&cause)))?;
        let text = String::from_utf8_lossy(&out.stdout);
        let line = text.lines().next().unwrap_or_default();
        let Some(rest) = line.strip_prefix("ffmpeg version ") else {
            return Err(found.failed(format!("its version cannot be read from {line:?}")));
        };
        found.version = rest.split(' ').next().unwrap_or_default().to_owned();
        Ok(found)
    }

    /// The version it gave.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The words of a call of encoding `input`, of the pixel format `pix_fmt`, with `codec`
    /// arguments to `output`. A codec that does not take the format fails, unless its arguments
    /// name another: ffmpeg would convert, and the comparison would be one of conversions.
    #[must_use]
    pub fn encode_command(
        &self,
        input: &Path,
        pix_fmt: &str,
        codec: &[String],
        output: &Path,
    ) -> Vec<OsString> {
        let mut words = self.start();
        words.extend(list(&["-benchmark", "-threads", "1", "-i"]));
        words.push(input.into());
        words.extend(list(&["-map", "0:v:0", "-fps_mode", "passthrough"]));
        if !codec.iter().any(|word| word == "-pix_fmt") {
            words.extend(["-pix_fmt".into(), format!("+{pix_fmt}").into()]);
        }
        words.extend(codec.iter().map(OsString::from));
        words.extend(list(&["-threads", "1", "-f", "nut", "-y"]));
        words.push(output.into());
        words
    }

    /// Encodes; the result is the processor time in seconds.
    ///
    /// # Errors
    /// [`BenchError::Program`] with ffmpeg's words when it fails.
    pub fn encode(&self, words: &[OsString]) -> Result<f64, BenchError> {
        let said = self.run(words, &mut io::sink())?;
        output::cpu_seconds(&said).ok_or_else(|| self.failed(silent(&said)))
    }

    /// Decodes `stream` to nowhere; the result is the processor time in seconds.
    ///
    /// # Errors
    /// As [`Ffmpeg::encode`].
    pub fn time_decoding(&self, stream: &Path) -> Result<f64, BenchError> {
        let mut words = self.start();
        words.extend(list(&["-benchmark", "-threads", "1", "-i"]));
        words.push(stream.into());
        words.extend(list(&["-map", "0:v:0", "-fps_mode", "passthrough"]));
        words.extend(list(&["-f", "null", "-"]));
        self.encode(&words)
    }

    /// Decodes `stream` to frames of `clip`'s layout.
    ///
    /// # Errors
    /// As [`Ffmpeg::encode`]; [`BenchError::Clip`] when the frames are not as many as the clip's,
    /// so that they could not be compared by their number.
    pub fn decode(&self, stream: &Path, clip: &Clip) -> Result<Vec<Vec<u8>>, BenchError> {
        let mut words = self.start();
        words.extend(list(&["-threads", "1", "-i"]));
        words.push(stream.into());
        words.extend(list(&["-map", "0:v:0", "-fps_mode", "passthrough"]));
        if clip.layout.format() == PixelFormat::Grey {
            // Some codecs store grey as YUV; converted, its levels would be stretched.
            words.extend(list(&["-vf", "extractplanes=y"]));
        }
        words.extend(["-pix_fmt".into(), clip.pix_fmt().into()]);
        words.extend(list(&["-f", "rawvideo", "pipe:1"]));
        let mut frames = Frames::new(clip.layout.len(), clip.frames.len());
        self.run(&words, &mut frames)?;
        frames.finish(&clip.name)
    }

    /// The packets of `stream`.
    ///
    /// # Errors
    /// As [`Ffmpeg::encode`].
    pub fn measure(&self, stream: &Path) -> Result<StreamSize, BenchError> {
        let mut words = self.start();
        words.push("-i".into());
        words.push(stream.into());
        words.extend(list(&["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"]));
        let mut listed = Vec::new();
        self.run(&words, &mut listed)?;
        let text = String::from_utf8_lossy(&listed);
        output::stream_size(&text).map_err(|reason| self.failed(reason))
    }

    /// Pipes `frames` through a filter: raw or compressed bytes in, raw frames of `length` bytes
    /// out.
    ///
    /// # Errors
    /// As [`Ffmpeg::encode`], and when another number of frames comes out.
    pub fn convert(
        &self,
        name: &str,
        input: &[String],
        filter: &str,
        frames: &[Vec<u8>],
        length: usize,
    ) -> Result<Vec<Vec<u8>>, BenchError> {
        let mut words: Vec<OsString> = list(&["-hide_banner", "-nostats", "-loglevel", "warning"]);
        words.extend(input.iter().map(OsString::from));
        words.extend(list(&["-i", "pipe:0", "-fps_mode", "passthrough", "-vf", filter]));
        words.extend(list(&["-f", "rawvideo", "pipe:1"]));
        let mut out = Frames::new(length, frames.len());
        self.run_fed(&words, Some(frames), &mut out)?;
        out.finish(name)
    }

    /// A command as it can be typed.
    #[must_use]
    pub fn shown(&self, words: &[OsString]) -> String {
        let program = std::iter::once(self.program.as_os_str());
        let words = program.chain(words.iter().map(OsString::as_os_str));
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    fn start(&self) -> Vec<OsString> {
        list(&["-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+info"])
    }

    /// Runs ffmpeg; what it writes goes to `out`, the result is what it said.
    fn run(&self, words: &[OsString], out: &mut dyn Write) -> Result<String, BenchError> {
        self.run_fed(words, None, out)
    }

    fn run_fed(
        &self,
        words: &[OsString],
        feed: Option<&[Vec<u8>]>,
        out: &mut dyn Write,
    ) -> Result<String, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if feed.is_some() { Stdio::piped() } else { Stdio::null() });
        #[cfg(unix)]
        {
            // In a group of its own, so that a Ctrl-C is ours to handle.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut child = command.spawn().map_err(|cause| self.failed(start_failure(&cause)))?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Mutex::new(Running(child));
        let end = || child.lock().unwrap_or_else(PoisonError::into_inner).end();
        let copying = AtomicBool::new(true);
        let copied = thread::scope(|scope| {
            scope.spawn(|| {
                // A codec says nothing for minutes; the copying below would wait for it.
                while copying.load(Ordering::Relaxed) {
                    if self.stop.is_aborted() {
                        return end();
                    }
                    thread::sleep(POLL);
                }
            });
            let log = scope.spawn(move || {
                let mut said = Vec::new();
                if let Some(stderr) = stderr {
                    // What cannot be read any more is not missed.
                    let _ = stderr.take(LOG).read_to_end(&mut said);
                }
                String::from_utf8_lossy(&said).into_owned()
            });
            scope.spawn(move || {
                if let (Some(mut stdin), Some(frames)) = (stdin, feed) {
                    // A child that ended early says why itself.
                    let _ = frames.iter().try_for_each(|frame| stdin.write_all(frame));
                }
            });
            let copied = self.copy(stdout, out);
            if copied.is_err() {
                end();
            }
            copying.store(false, Ordering::Relaxed);
            copied.map(|()| log.join().unwrap_or_default())
        });
        let said = copied?;
        let mut child = child.into_inner().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.stop.is_aborted() {
                return Err(BenchError::Stopped);
            }
            match child.0.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(said),
                Ok(Some(status)) => {
                    return Err(self.failed(format!("{status}; {}", output::complaint(&said))));
                }
                Ok(None) => thread::sleep(POLL),
                Err(cause) => return Err(self.failed(cause.to_string())),
            }
        }
    }

    /// Copies what the child writes until it ends or the run is stopped.
    fn copy(&self, from: Option<impl Read>, to: &mut dyn Write) -> Result<(), BenchError> {
        let Some(mut from) = from else { return Ok(()) };
        let mut buffer = vec![0; 1 << 16];
        loop {
            if self.stop.is_aborted() {
                return Err(BenchError::Stopped);
            }
            let fail = |cause: io::Error| self.failed(cause.to_string());
            match from.read(&mut buffer).map_err(fail)? {
                0 => return Ok(()),
                n => to.write_all(buffer.get(..n).unwrap_or_default()).map_err(fail)?,
            }
        }
    }

    fn failed(&self, reason: String) -> BenchError {
        BenchError::Program { program: self.program.display().to_string(), reason }
    }
}

/// A child that does not outlive its call.
struct Running(Child);

impl Running {
    fn end(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Cuts a stream of bytes into frames; refuses more than are wanted.
struct Frames {
    length: usize,
    wanted: usize,
    frames: Vec<Vec<u8>>,
    rest: Vec<u8>,
}

impl Frames {
    const fn new(length: usize, wanted: usize) -> Self {
        Self { length, wanted, frames: Vec::new(), rest: Vec::new() }
    }

    fn finish(self, name: &str) -> Result<Vec<Vec<u8>>, BenchError> {
        if self.frames.len() == self.wanted && self.rest.is_empty() {
            return Ok(self.frames);
        }
        let reason = format!(
            "{} frames and {} bytes came out of ffmpeg instead of {} frames",
            self.frames.len(),
            self.rest.len(),
            self.wanted
        );
        Err(BenchError::Clip { clip: name.to_owned(), reason })
    }
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frames.len() > self.wanted {
            return Err(io::Error::other("more frames came than were put in"));
        }
        let missing = self.length.saturating_sub(self.rest.len()).min(bytes.len());
        self.rest.extend_from_slice(bytes.get(..missing).unwrap_or_default());
        if self.rest.len() >= self.length {
            self.frames.push(std::mem::take(&mut self.rest));
        }
        Ok(missing)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn list(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn start_failure(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => {
            "the program was not found; install ffmpeg (Debian: apt-get install ffmpeg) or name it \
             in the configuration as source.ffmpeg"
                .to_owned()
        }
        _ => format!("it cannot be started: {cause}"),
    }
}

fn silent(said: &str) -> String {
    format!("it did not print the time it took; {}", output::complaint(said))
}

/// A word for a POSIX shell.
pub(super) fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests;
