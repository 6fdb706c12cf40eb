//! One clip through one codec in one mode: size, time, and whether what comes back is right.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::BenchError;
use super::clip::Clip;
use super::ffmpeg::{Codec, Ffmpeg, Mode};
use super::quality::{Quality, compare};

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

/// What came of a clip.
#[derive(Clone, Debug)]
pub struct Coding {
    /// Bytes of the coded frames: with all headers for framecast, the packets alone for ffmpeg.
    pub bytes: u64,
    /// Bytes of codec headers that ffmpeg keeps beside the packets.
    pub header_bytes: u64,
    /// Processor time of encoding, in seconds.
    pub encode_s: f64,
    /// Processor time of decoding, in seconds.
    pub decode_s: f64,
    /// The frames that came back.
    pub decoded: Vec<Vec<u8>>,
    /// How to do it by hand.
    pub commands: Vec<String>,
}

/// The measurements of a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// See [`Coding::bytes`].
    pub bytes: u64,
    /// See [`Coding::header_bytes`].
    pub header_bytes: u64,
    /// Processor time of encoding, in seconds.
    pub encode_cpu_s: f64,
    /// Processor time of decoding, in seconds.
    pub decode_cpu_s: f64,
    /// Processor time of ffv1's encoder on the same clip, measured just before; `None` without
    /// ffmpeg.
    pub yardstick_cpu_s: Option<f64>,
    /// What came back, against the clip.
    pub quality: Quality,
    /// How to do it by hand.
    pub commands: Vec<String>,
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

impl Anchor {
    /// `codec` by `ffmpeg`, with its streams in `folder`; `rates` go before its own.
    #[must_use]
    pub fn new(codec: Codec, ffmpeg: &Ffmpeg, folder: &Path, rates: Option<Vec<u32>>) -> Self {
        Self { codec, ffmpeg: ffmpeg.clone(), folder: folder.to_owned(), rates }
    }

    /// Encodes alone: the words of the command, the stream, and the time.
    fn encode(&self, clip: &Prepared, mode: Mode) -> Result<(String, PathBuf, f64), BenchError> {
        let words = self.codec.arguments(mode).ok_or_else(|| {
            BenchError::Request(format!("{} has no mode {mode}", self.codec.name()))
        })?;
        fs::create_dir_all(&self.folder)
            .map_err(BenchError::io("make the folder", &self.folder))?;
        let name = format!("{}-{}-{mode}.nut", clip.clip.name, self.codec.name());
        let stream = self.folder.join(name.replace([' ', ':', '/'], "-"));
        let command = self.ffmpeg.encode_command(&clip.file, &words, &stream);
        let seconds = self.ffmpeg.encode(&command)?;
        Ok((self.ffmpeg.shown(&command), stream, seconds))
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
        let (command, stream, encode_s) = self.encode(clip, mode)?;
        let result = (|| {
            let size = self.ffmpeg.measure(&stream)?;
            Ok(Coding {
                bytes: size.packets.iter().sum(),
                header_bytes: size.header,
                encode_s,
                decode_s: self.ffmpeg.time_decoding(&stream)?,
                decoded: self.ffmpeg.decode(&stream, &clip.clip)?,
                commands: vec![command],
            })
        })();
        // It is of no use any more, and can be large.
        let _ = fs::remove_file(&stream);
        result
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

    /// Processor time in seconds for `clip`.
    ///
    /// # Errors
    /// [`BenchError::Program`].
    pub fn seconds(&self, clip: &Prepared) -> Result<f64, BenchError> {
        let (_, stream, seconds) = self.0.encode(clip, Mode::Lossless)?;
        let _ = fs::remove_file(&stream);
        Ok(seconds)
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
    let yardstick_cpu_s = yardstick.map(|y| y.seconds(clip)).transpose()?;
    let coding = coder.code(clip, mode)?;
    Ok(Measured {
        bytes: coding.bytes,
        header_bytes: coding.header_bytes,
        encode_cpu_s: coding.encode_s,
        decode_cpu_s: coding.decode_s,
        yardstick_cpu_s,
        quality: compare(&clip.clip, &coding.decoded)?,
        commands: coding.commands,
    })
}
