//! One clip through one codec in one mode: size, time, and whether what comes back is right.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::BenchError;
use super::clip::Clip;
use super::ffmpeg::{Codec, Ffmpeg, Mode, without_slices};
use super::quality::{Quality, compare};

/// Lossless coding is timed again until encoding took so many seconds in all: a machine with other
/// work to do is up to a third slower for moments.
const ENOUGH_S: f64 = 2.0;

/// The most rounds of that.
const MOST_ROUNDS: u32 = 4;

/// A clip with the file that holds it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The frames.
    pub clip: Clip,
    /// The same as Y4M.
    pub file: PathBuf,
    /// [`Clip::sha256`].
    pub sha256: String,
}

impl Prepared {
    /// Writes `clip` to `folder`.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub fn new(clip: Clip, folder: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(folder).map_err(BenchError::io("make the folder", folder))?;
        let file = folder.join(format!("{}.y4m", clip.name));
        clip.write_y4m(&file)?;
        let sha256 = clip.sha256();
        Ok(Self { clip, file, sha256 })
    }
}

/// Processor time of coding in seconds, on one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Of encoding.
    pub encode_s: f64,
    /// Of decoding.
    pub decode_s: f64,
}

/// What came of a clip.
#[derive(Clone, Debug)]
pub struct Coding {
    /// Bytes of the coded frames: with all headers for framecast, the packets alone for ffmpeg.
    pub bytes: u64,
    /// Bytes of codec headers that ffmpeg keeps beside the packets.
    pub header_bytes: u64,
    /// How long it took.
    pub times: Times,
    /// The frames that came back.
    pub decoded: Vec<Vec<u8>>,
    /// How to encode by hand.
    pub command: String,
}

/// The measurements of a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// See [`Coding::bytes`].
    pub bytes: u64,
    /// See [`Coding::header_bytes`].
    pub header_bytes: u64,
    /// Processor time of encoding in seconds, the least of all rounds.
    pub encode_cpu_s: f64,
    /// Processor time of decoding in seconds, the least of all rounds.
    pub decode_cpu_s: f64,
    /// Processor time of ffv1's encoder on the same clip, the least of those measured before,
    /// between and after the rounds; `None` without ffmpeg, where ffv1 does not take the clip, and
    /// with loss.
    pub yardstick_cpu_s: Option<f64>,
    /// How often it was timed.
    pub rounds: u32,
    /// What came back, against the clip.
    pub quality: Quality,
    /// How to encode by hand.
    pub command: String,
}

/// A codec under test.
pub trait Coder {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// True when it can code without loss.
    fn is_lossless(&self) -> bool;

    /// The modes of its curve of rate against quality.
    fn curve(&self) -> Vec<Mode>;

    /// About how long a mode takes, against the encoder of ffv1.
    fn effort(&self, mode: Mode) -> f64;

    /// Everything that decides what comes out, but the clip.
    fn identity(&self, mode: Mode) -> Value;

    /// What the mode is called in tables.
    fn mode_name(&self, mode: Mode) -> String;

    /// Encodes and decodes.
    ///
    /// # Errors
    /// [`BenchError`].
    fn code(&self, clip: &Prepared, mode: Mode) -> Result<Coding, BenchError>;

    /// Does it once more, for the time it takes.
    ///
    /// # Errors
    /// [`BenchError`].
    fn time(&self, clip: &Prepared, mode: Mode) -> Result<Times, BenchError>;
}

/// A codec of ffmpeg.
#[derive(Clone, Debug)]
pub struct Anchor {
    codec: Codec,
    ffmpeg: Ffmpeg,
    /// Where streams are kept while they are measured.
    folder: PathBuf,
    rates: Option<Vec<u32>>,
}

/// A stream that an [`Anchor`] made; the file goes with it.
struct Encoded {
    stream: PathBuf,
    command: String,
    seconds: f64,
}

impl Drop for Encoded {
    fn drop(&mut self) {
        // It can be large, and the folder is removed in the end anyway.
        let _ = fs::remove_file(&self.stream);
    }
}

impl Anchor {
    /// `codec` by `ffmpeg`, with its streams in `folder`; `rates` go before its own.
    #[must_use]
    pub fn new(codec: Codec, ffmpeg: &Ffmpeg, folder: &Path, rates: Option<Vec<u32>>) -> Self {
        Self { codec, ffmpeg: ffmpeg.clone(), folder: folder.to_owned(), rates }
    }

    fn encode(&self, clip: &Prepared, mode: Mode) -> Result<Encoded, BenchError> {
        let words = self.codec.arguments(mode).ok_or_else(|| {
            BenchError::Request(format!("{} has no mode {mode}", self.codec.name()))
        })?;
        fs::create_dir_all(&self.folder)
            .map_err(BenchError::io("make the folder", &self.folder))?;
        match self.encode_with(clip, mode, &words) {
            Err(error) if error.to_string().contains("slices requested") => {
                match without_slices(&words) {
                    Some(words) => self.encode_with(clip, mode, &words),
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    fn encode_with(
        &self,
        clip: &Prepared,
        mode: Mode,
        words: &[String],
    ) -> Result<Encoded, BenchError> {
        let name = format!("{}-{}-{mode}.nut", clip.clip.name, self.codec.name());
        let name = name.replace([' ', ':', '/'], "-");
        let command = |output: &Path| {
            self.ffmpeg.encode_command(&clip.file, clip.clip.pix_fmt(), words, output)
        };
        let mut made = Encoded {
            stream: self.folder.join(&name),
            // The folder of the streams is not there any more when it is typed.
            command: self.ffmpeg.shown(&command(Path::new(&name))),
            seconds: 0.0,
        };
        made.seconds = self.ffmpeg.encode(&command(&made.stream))?;
        Ok(made)
    }
}

impl Coder for Anchor {
    fn name(&self) -> &str {
        self.codec.name()
    }

    fn is_lossless(&self) -> bool {
        self.codec.is_lossless()
    }

    fn curve(&self) -> Vec<Mode> {
        if self.codec.rates().is_empty() {
            return Vec::new();
        }
        let rates = self.rates.as_deref().unwrap_or(self.codec.rates());
        rates.iter().map(|rate| Mode::Lossy(*rate)).collect()
    }

    fn effort(&self, mode: Mode) -> f64 {
        // Reading back and comparing is about as much as ffv1; a lossy mode is scored besides.
        let own = self.codec.effort();
        if mode == Mode::Lossless { 2.0 + own } else { 4.0 + own / 2.0 }
    }

    fn identity(&self, mode: Mode) -> Value {
        json!({"ffmpeg": self.ffmpeg.version(), "arguments": self.codec.arguments(mode)})
    }

    fn mode_name(&self, mode: Mode) -> String {
        match mode {
            Mode::Lossless => "lossless".to_owned(),
            Mode::Lossy(rate) => format!("crf {rate}"),
        }
    }

    fn code(&self, clip: &Prepared, mode: Mode) -> Result<Coding, BenchError> {
        let made = self.encode(clip, mode)?;
        let size = self.ffmpeg.measure(&made.stream)?;
        Ok(Coding {
            bytes: size.packets.iter().sum(),
            header_bytes: size.header,
            times: Times {
                encode_s: made.seconds,
                decode_s: self.ffmpeg.time_decoding(&made.stream)?,
            },
            decoded: self.ffmpeg.decode(&made.stream, &clip.clip)?,
            command: made.command.clone(),
        })
    }

    fn time(&self, clip: &Prepared, mode: Mode) -> Result<Times, BenchError> {
        let made = self.encode(clip, mode)?;
        let decode_s = self.ffmpeg.time_decoding(&made.stream)?;
        Ok(Times { encode_s: made.seconds, decode_s })
    }
}

/// ffv1's encoder as the measure of this machine's speed at this time.
#[derive(Clone, Debug)]
pub struct Yardstick(Anchor);

impl Yardstick {
    /// By `ffmpeg`, with its streams in `folder`.
    ///
    /// # Errors
    /// None as long as ffv1 is a known codec.
    pub fn new(ffmpeg: &Ffmpeg, folder: &Path) -> Result<Self, BenchError> {
        let mut yardstick = Anchor::new("ffv1".parse()?, ffmpeg, folder, None);
        yardstick.folder = folder.join("yardstick");
        Ok(Self(yardstick))
    }

    /// Processor time in seconds for `clip`, or what is `known` if that is less. A clip that ffv1
    /// does not take has none, which is no reason not to measure others on it.
    ///
    /// # Errors
    /// [`BenchError::Stopped`] and [`BenchError::Io`].
    fn least(&self, known: Option<f64>, clip: &Prepared) -> Result<Option<f64>, BenchError> {
        match self.0.encode(clip, Mode::Lossless) {
            Ok(made) => Ok(Some(known.map_or(made.seconds, |known| known.min(made.seconds)))),
            Err(fatal @ (BenchError::Stopped | BenchError::Io { .. })) => Err(fatal),
            Err(error) => {
                tracing::info!("no speed against ffv1 on {}: {error}", clip.clip.name);
                Ok(known)
            }
        }
    }
}

/// Codes `clip` and scores what comes back.
///
/// # Errors
/// [`BenchError`].
pub fn measure(
    coder: &dyn Coder,
    clip: &Prepared,
    mode: Mode,
    yardstick: Option<&Yardstick>,
) -> Result<Measured, BenchError> {
    // Speeds with loss are not compared by it.
    let yardstick = yardstick.filter(|_| mode == Mode::Lossless);
    let look = |known| yardstick.map_or(Ok(None), |y| y.least(known, clip));
    let mut yardstick_cpu_s = look(None)?;
    let coding = coder.code(clip, mode)?;
    let quality = compare(&clip.clip, &coding.decoded)?;
    let Times { mut encode_s, mut decode_s } = coding.times;
    let (mut spent, mut rounds) = (encode_s, 1);
    yardstick_cpu_s = look(yardstick_cpu_s)?;
    while mode == Mode::Lossless && rounds < MOST_ROUNDS && spent < ENOUGH_S {
        let again = coder.time(clip, mode)?;
        spent += again.encode_s;
        rounds += 1;
        (encode_s, decode_s) = (encode_s.min(again.encode_s), decode_s.min(again.decode_s));
        yardstick_cpu_s = look(yardstick_cpu_s)?;
    }
    Ok(Measured {
        bytes: coding.bytes,
        header_bytes: coding.header_bytes,
        encode_cpu_s: encode_s,
        decode_cpu_s: decode_s,
        yardstick_cpu_s,
        rounds,
        quality,
        command: coding.command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::codec::clip::tests::moving;
    use crate::frame::Size;
    use std::cell::RefCell;

    /// A coder that takes the times it was given, one after the other.
    struct Timed(RefCell<Vec<Times>>);

    impl Coder for Timed {
        fn name(&self) -> &str {
            "timed"
        }

        fn is_lossless(&self) -> bool {
            true
        }

        fn curve(&self) -> Vec<Mode> {
            Vec::new()
        }

        fn effort(&self, _mode: Mode) -> f64 {
            1.0
        }

        fn identity(&self, _mode: Mode) -> Value {
            Value::Null
        }

        fn mode_name(&self, mode: Mode) -> String {
            mode.to_string()
        }

        fn code(&self, clip: &Prepared, mode: Mode) -> Result<Coding, BenchError> {
            Ok(Coding {
                bytes: 1,
                header_bytes: 0,
                times: self.time(clip, mode)?,
                decoded: clip.clip.frames.clone(),
                command: String::new(),
            })
        }

        fn time(&self, _clip: &Prepared, _mode: Mode) -> Result<Times, BenchError> {
            Ok(self.0.borrow_mut().remove(0))
        }
    }

    #[test]
    fn short_times_are_taken_again_and_the_least_counts() {
        let folder = tempfile::tempdir().unwrap();
        let clip = Prepared::new(moving(Size::new(8, 8), 2), folder.path()).unwrap();
        let run = |times: &[(f64, f64)], mode| {
            let times = times.iter().map(|(e, d)| Times { encode_s: *e, decode_s: *d });
            let coder = Timed(RefCell::new(times.collect()));
            let measured = measure(&coder, &clip, mode, None).unwrap();
            assert!(coder.0.borrow().is_empty(), "all were asked for");
            (measured.rounds, measured.encode_cpu_s, measured.decode_cpu_s)
        };
        let lossless = Mode::Lossless;
        assert_eq!(run(&[(0.5, 0.4), (0.3, 0.6), (0.4, 0.5), (0.6, 0.7)], lossless), (4, 0.3, 0.4));
        assert_eq!(run(&[(1.5, 0.4), (1.2, 0.6)], lossless), (2, 1.2, 0.4));
        assert_eq!(run(&[(2.5, 0.4)], lossless), (1, 2.5, 0.4));
        assert_eq!(run(&[(0.1, 0.4)], Mode::Lossy(20)), (1, 0.1, 0.4));
    }
}
