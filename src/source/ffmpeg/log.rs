//! What ffmpeg says on stderr: the description of its output, and its last words.
//!
//! NUT carries neither colour nor pixel format by name, so both are read from the line that ffmpeg
//! prints for the output stream, for example
//! `Stream #0:0: Video: rawvideo (I420 / 0x30323449), yuv420p(tv, bt709, progressive), 480x360`.
#![warn(clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::line::{self, Level};
use crate::frame::{ChromaSiting, Colour, ColourMatrix, ColourRange};
use crate::source::DamageLog;

/// Lines kept for an error message.
const KEPT: usize = 6;
/// The longest line read at once.
const MAX_LINE: u64 = 400;

/// What the log told so far.
#[derive(Debug, Default)]
struct Told {
    last: VecDeque<String>,
    input_codec: Option<String>,
    /// True from the line that announces the output.
    output: bool,
    described: Option<Described>,
    ended: bool,
    damage: DamageLog,
}

impl Told {
    fn keep(&mut self, text: &str) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(text.to_owned());
    }
}

/// The output stream as ffmpeg described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Name of the pixel format, for example `yuv420p`.
    pub pixel_format: String,
    /// Codec of the input stream, for example `h264`.
    pub codec: String,
    /// Colour as tagged, untagged parts by default.
    pub colour: Colour,
}

/// A log that a thread fills and others read.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    shared: Arc<(Mutex<Told>, Condvar)>,
}

impl Log {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads lines until the end; of each pair of `secrets`, what is kept has the second for the
    /// first.
    pub(super) fn follow(&self, input: impl Read, secrets: &[(String, String)]) {
        let mut input = std::io::BufReader::new(input);
        let mut line = Vec::new();
        loop {
            line.clear();
            // Progress bars end in a carriage return, so lines are cut by length too.
            match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    let mut text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    for (secret, shown) in secrets {
                        text = text.replace(secret, shown);
                    }
                    self.line(&text);
                }
            }
        }
        self.told().ended = true;
        self.shared.1.notify_all();
    }

    fn line(&self, text: &str) {
        let (level, text) = line::parse(text);
        let text = text.as_str();
        let mut told = self.told();
        if matches!(level, Level::Error | Level::Warning) {
            if level == Level::Error {
                told.damage.add(text);
            }
            told.keep(text);
        } else if text.starts_with("Output #") {
            told.output = true;
        } else if let Some((_, stream)) = text.split_once(": Video: ") {
            if !told.output {
                let codec = stream.split([' ', ',']).next().unwrap_or_default();
                told.input_codec.get_or_insert_with(|| codec.to_owned());
            } else if told.described.is_none() {
                let codec = told.input_codec.clone().unwrap_or_default();
                told.described = describe(stream, codec);
                self.shared.1.notify_all();
            }
        } else if level == Level::Unknown && !is_chatter(text) {
            told.keep(text);
        }
    }

    /// Where lines at the level of errors are counted.
    pub(super) fn damage(&self) -> DamageLog {
        self.told().damage.clone()
    }

    /// Waits for the description of the output.
    pub(super) fn described(&self, wait: Duration) -> Option<Described> {
        let until = Instant::now() + wait;
        let mut told = self.told();
        while told.described.is_none() && !told.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.shared.1.wait_timeout(told, left);
            told = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        told.described.clone()
    }

    /// The last lines, once stderr is closed (or after a moment).
    pub(super) fn last_words(&self) -> String {
        let told = self.ended();
        told.last.iter().map(|l| l.trim()).collect::<Vec<_>>().join("; ")
    }

    /// Waits until all was said, for a moment at most.
    pub(super) fn wait_for_end(&self) {
        drop(self.ended());
    }

    fn ended(&self) -> MutexGuard<'_, Told> {
        let until = Instant::now() + Duration::from_millis(500);
        let mut told = self.told();
        while !told.ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.shared.1.wait_timeout(told, left);
            told = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        told
    }
}

/// Lines that describe rather than complain.
fn is_chatter(text: &str) -> bool {
    let start = text.trim_start();
    start.is_empty()
        || text.starts_with("  ")
        || ["Input #", "Stream mapping", "Press ", "frame=", "video:", "[out#"]
            .iter()
            .any(|chatter| start.starts_with(chatter))
}

/// Reads what follows `Video: ` in the line of a stream.
#[must_use]
pub fn describe(stream: &str, codec: String) -> Option<Described> {
    // The pixel format is the first item after the codec that is no parenthesis of the codec's.
    let (_, rest) = stream.split_once(", ")?;
    let name_end = rest.find([',', '(', ' ']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(name_end)?;
    let tags = rest.strip_prefix('(').and_then(|t| t.split_once(')')).map_or("", |(tags, _)| tags);
    let mut colour = Colour::default();
    // yuvj names are older than the tags and mean full range.
    if name.starts_with("yuvj") {
        colour.range = ColourRange::Full;
    }
    if codec == "mjpeg" {
        colour.siting = ChromaSiting::Centre;
    }
    for tag in tags.split(',').map(str::trim) {
        match tag.split('/').next().unwrap_or_default() {
            "tv" => colour.range = ColourRange::Limited,
            "pc" => colour.range = ColourRange::Full,
            "bt709" => colour.matrix = ColourMatrix::Bt709,
            "bt2020nc" | "bt2020ncl" | "bt2020c" => colour.matrix = ColourMatrix::Bt2020,
            "bt470bg" | "smpte170m" | "fcc" => colour.matrix = ColourMatrix::Bt601,
            _ => {}
        }
    }
    Some(Described { pixel_format: name.to_owned(), codec, colour })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_described() {
        let of = |line: &str| describe(line, "h264".into()).unwrap();
        let plain = of("rawvideo (I420 / 0x30323449), yuv420p(progressive), 640x360 [SAR 1:1]");
        assert_eq!((plain.pixel_format.as_str(), plain.colour), ("yuv420p", Colour::default()));
        let tagged = of("rawvideo (I420 / 0x30323449), yuv420p(tv, bt709, progressive), 480x360");
        assert_eq!(tagged.colour.to_string(), "bt709-limited");
        let mixed = of("rawvideo (444P / 0x50343434), yuv444p(pc, bt470bg/unknown/bt709), 4x4");
        assert_eq!(mixed.colour.to_string(), "bt601-full");
        assert_eq!(of("rawvideo (Y800 / 0x30303859), gray, 4x4").pixel_format, "gray");
        assert_eq!(
            of("rawvideo (I420 / 0x30323449), yuvj420p, 4x4").colour.range,
            ColourRange::Full
        );
        assert!(describe("rawvideo", String::new()).is_none());
    }

    #[test]
    fn the_last_words_are_kept_without_secrets() {
        let log = Log::default();
        let text = "Input #0, rtsp\n  Stream #0:0: Video: h264 (High), yuv420p, 4x4\n\
                    frame=  1\nrtsp://u:p@h/s: Connection refused\n\n\
                    tcp://u:p@h:554: closed\n";
        let pair = |secret: &str, shown: &str| (secret.to_owned(), shown.to_owned());
        let secrets = [pair("rtsp://u:p@h/s", "rtsp://h/s"), pair("u:p@", "")];
        log.follow(text.as_bytes(), &secrets);
        let words = "rtsp://h/s: Connection refused; tcp://h:554: closed";
        assert_eq!(log.last_words(), words);
        assert_eq!(log.described(Duration::from_secs(1)), None);
    }

    #[test]
    fn errors_are_counted_and_descriptions_are_not() {
        let log = Log::default();
        let text = "[info] Input #0, mov\n[info]   Stream #0:0: Video: h264 (High), yuv420p, 4x4\n\
                    [h264 @ 0x1] [error] bad MB 1 2\n[warning] a.mp4: corrupt decoded frame\n\
                    [h264 @ 0x1] [info] concealing 3 errors\n[h264 @ 0x1] [error] bad MB 3 4\n\
                    [info] Output #0, nut\n[info]   Stream #0:0: Video: rawvideo, yuv420p, 4x4\n";
        log.follow(text.as_bytes(), &[]);
        let words = "2 errors while reading, the first: [h264] bad MB 1 2";
        assert_eq!(log.damage().so_far().to_string(), words);
        assert_eq!(
            log.last_words(),
            "[h264] bad MB 1 2; a.mp4: corrupt decoded frame; [h264] bad MB 3 4"
        );
        let described = log.described(Duration::ZERO).unwrap();
        assert_eq!(
            (described.pixel_format.as_str(), described.codec.as_str()),
            ("yuv420p", "h264")
        );
    }

    #[test]
    fn endless_lines_do_not_fill_memory() {
        let log = Log::default();
        log.follow(std::io::repeat(b'x').take(1 << 20), &[]);
        assert!(log.last_words().len() <= (MAX_LINE as usize + 2) * KEPT);
    }
}
