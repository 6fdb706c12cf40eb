//! The validated configuration: plain structs that are handed to constructors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::engine::{EngineChoice, Provider};
use crate::frame::{Colour, PixelFormat, Rational, Size};
use crate::ring::Policy;
use crate::task::predict::Horizon;

use super::read::Reader;
use super::record::{RecordSettings, record};
use super::side::SideSettings;
use super::{ConfigError, Origin, RawConfig};

/// How fast recordings and the demo are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The demo in real time, files as fast as they are read.
    Auto,
    /// At their own rate.
    Realtime,
    /// As fast as they are read.
    Fast,
}

impl FromStr for Pace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            "realtime" => Ok(Self::Realtime),
            "fast" => Ok(Self::Fast),
            _ => Err("write auto, realtime or fast"),
        }
    }
}

/// `[source]`
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSettings {
    /// Where frames come from.
    pub uri: String,
    /// How fast they come.
    pub pace: Pace,
    /// Size wanted.
    pub size: Option<Size>,
    /// Pixel format wanted.
    pub format: Option<PixelFormat>,
    /// Rate wanted.
    pub rate: Option<Rational>,
    /// What YUV samples mean.
    pub colour: Option<Colour>,
    /// Camera controls.
    pub controls: Vec<(String, i64)>,
    /// Buffers of a camera.
    pub buffers: u32,
    /// Of several frames that wait in a camera, take the newest only.
    pub newest_only: bool,
    /// Seed of the demo.
    pub seed: u64,
    /// The ffmpeg program.
    pub ffmpeg: PathBuf,
    /// How long opening may take.
    pub open_timeout: Duration,
    /// How long a recording may give nothing.
    pub timeout: Duration,
    /// Most pixels of a frame.
    pub max_pixels: u64,
    /// Most bytes of a compressed picture.
    pub max_packet_bytes: u64,
    /// Most pictures of a folder.
    pub max_entries: u64,
}

/// `[ring]`
#[derive(Clone, Debug, PartialEq)]
pub struct RingSettings {
    /// Policy; [`None`] is `auto`.
    pub policy: Option<Policy>,
    /// Places.
    pub capacity: usize,
    /// How long a live source waits for a place.
    pub block_timeout: Duration,
    /// The age from which a frame is dropped as `deadline`.
    pub max_age: Option<Duration>,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    /// ONNX file, or the name of a baseline.
    pub path: String,
    /// The folder a relative path starts from: that of the configuration file which names it.
    pub base: Option<PathBuf>,
    /// Load again when the file changes.
    pub reload: bool,
    /// Compare the stored test vectors at load.
    pub self_test: bool,
    /// Sizes of symbolic dimensions.
    pub bind: BTreeMap<String, usize>,
    /// A contract for a file without one, as TOML.
    pub contract: Option<toml::Table>,
}

/// `[engine]`
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Engine.
    pub name: EngineChoice,
    /// Threads; 0 for all.
    pub threads: usize,
    /// Let idle threads spin.
    pub spinning: bool,
    /// Providers in the order they are tried.
    pub providers: Vec<Provider>,
    /// A provider without which the run fails.
    pub require_provider: Option<Provider>,
    /// The ONNX Runtime library.
    pub library: Option<PathBuf>,
    /// The longest inference.
    pub timeout: Duration,
}

/// `[predict]`
#[derive(Clone, Debug, PartialEq)]
pub struct PredictSettings {
    /// How far ahead.
    pub horizon: Horizon,
    /// A file with the camera's own motion, frame by frame.
    pub motion_prior: Option<PathBuf>,
    /// Where the recurrent state is kept between runs.
    pub state_file: Option<PathBuf>,
    /// How often it is written while the run goes on.
    pub state_interval: Duration,
}

/// `[sink]`
#[derive(Clone, Debug, PartialEq)]
pub struct SinkSettings {
    /// Results waiting for a sink.
    pub queue: usize,
    /// JSON lines; `-` is stdout.
    pub jsonl: Option<PathBuf>,
    /// The frames, coded.
    pub record: Option<RecordSettings>,
}

/// The validated configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[source]` with `[limits]`.
    pub source: SourceSettings,
    /// `[ring]`
    pub ring: RingSettings,
    /// `[model]`
    pub model: ModelSettings,
    /// `[engine]`
    pub engine: EngineSettings,
    /// `[predict]`
    pub predict: PredictSettings,
    /// `[side]`, `[tag]`, `[watch]`, `[answer]`
    pub side: SideSettings,
    /// `[sink]`
    pub sink: SinkSettings,
    /// Redraws of the live status a second.
    pub status_rate: u32,
}

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with origin, value and the allowed range.
    pub fn from_raw(raw: &RawConfig) -> Result<Self, ConfigError> {
        let read = Reader { raw };
        Ok(Self {
            source: source(&read)?,
            ring: RingSettings {
                policy: policy(&read)?,
                capacity: unsigned(read.integer("ring.capacity", 1..=256)?) as usize,
                block_timeout: read.duration("ring.block_timeout", MS..=HOUR)?,
                max_age: read.optional_duration("ring.max_age", MS..=HOUR)?,
            },
            model: model(&read)?,
            engine: EngineSettings {
                name: read.parsed("engine.name")?,
                threads: unsigned(read.integer("engine.threads", 0..=1024)?) as usize,
                spinning: read.boolean("engine.spinning")?,
                providers: read.list("engine.providers")?,
                require_provider: read.optional("engine.require_provider")?,
                library: read.optional_text("engine.library")?.map(PathBuf::from),
                timeout: read.duration("engine.timeout", 10 * MS..=HOUR)?,
            },
            predict: PredictSettings {
                horizon: read.parsed("predict.horizon")?,
                motion_prior: read.optional_text("predict.motion_prior")?.map(PathBuf::from),
                state_file: read.optional_text("predict.state_file")?.map(PathBuf::from),
                state_interval: read.duration("predict.state_interval", 1_000 * MS..=HOUR)?,
            },
            side: SideSettings::read(&read)?,
            sink: SinkSettings {
                queue: unsigned(read.integer("sink.queue", 1..=65_536)?) as usize,
                jsonl: read.optional_text("sink.jsonl.path")?.map(PathBuf::from),
                record: record(&read)?,
            },
            status_rate: unsigned(read.integer("status.rate", 1..=30)?) as u32,
        })
    }
}

fn source(read: &Reader<'_>) -> Result<SourceSettings, ConfigError> {
    Ok(SourceSettings {
        uri: read.text("source.uri")?,
        pace: read.parsed("source.pace")?,
        size: match read.optional::<Size>("source.size")? {
            Some(size) => Some(
                size.checked().map_err(|e| read.wrong("source.size", format!("a size: {e}")))?,
            ),
            None => None,
        },
        format: read.optional("source.format")?,
        rate: read.optional("source.rate")?,
        colour: read.optional("source.colour")?,
        controls: read.integers("source.controls")?,
        buffers: unsigned(read.integer("source.buffers", 3..=8)?) as u32,
        newest_only: read.boolean("source.newest_only")?,
        seed: unsigned(read.integer("source.seed", 0..=i64::MAX)?),
        ffmpeg: PathBuf::from(read.text("source.ffmpeg")?),
        open_timeout: read.duration("source.open_timeout", 100 * MS..=HOUR)?,
        timeout: read.duration("source.timeout", 100 * MS..=HOUR)?,
        max_pixels: unsigned(read.integer("limits.pixels", 1..=1 << 28)?),
        max_packet_bytes: unsigned(read.integer("limits.packet_bytes", 1024..=1 << 31)?),
        max_entries: unsigned(read.integer("limits.entries", 1..=100_000_000)?),
    })
}

fn policy(read: &Reader<'_>) -> Result<Option<Policy>, ConfigError> {
    match read.text("ring.policy")?.as_str() {
        "auto" => Ok(None),
        _ => read.parsed("ring.policy").map(Some),
    }
}

fn model(read: &Reader<'_>) -> Result<ModelSettings, ConfigError> {
    let bind = |(name, size): (String, i64)| match usize::try_from(size) {
        Ok(size @ 1..=1_048_576) => Ok((name, size)),
        _ => Err(read.wrong(&format!("model.bind.{name}"), "a size from 1 to 1048576".to_owned())),
    };
    let contract = read.raw.table("model.contract");
    let origin = read.raw.get("model.path").map(|entry| &entry.origin);
    Ok(ModelSettings {
        path: read.text("model.path")?,
        base: match origin {
            Some(Origin::File { path, .. }) => path.parent().map(Path::to_owned),
            _ => None,
        },
        reload: read.boolean("model.reload")?,
        self_test: read.boolean("model.self_test")?,
        bind: read.integers("model.bind")?.into_iter().map(bind).collect::<Result<_, _>>()?,
        contract: (!contract.is_empty()).then_some(contract),
    })
}

/// A number whose range was checked to start at 0 or above.
pub(super) fn unsigned(checked: i64) -> u64 {
    checked.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Config, ConfigError> {
        let mut raw = RawConfig::defaults()?;
        raw.merge_text(text, Path::new("/etc/cam/a.toml"))?;
        Config::from_raw(&raw)
    }

    #[test]
    fn the_shipped_file_is_valid_and_names_the_model() {
        let config = with("").unwrap();
        assert_eq!(config.source.uri, "demo:");
        assert!(config.model.path.ends_with(".onnx"));
        assert_eq!((config.ring.policy, config.ring.max_age), (None, None));
        assert_eq!(config.model.contract, None);
    }

    #[test]
    fn every_optional_key_is_described_in_the_shipped_file() {
        for key in super::super::keys::optional() {
            let last = key.rsplit('.').next().unwrap();
            assert!(
                super::super::DEFAULTS.lines().any(|l| l.starts_with(&format!("# {last} = "))),
                "{key} has no line in framecast.toml"
            );
        }
    }

    #[test]
    fn values_are_read() {
        let config = with(
            "[source]\nsize = '320x180'\nrate = 29.97\nformat = 'yuyv'\n[source.controls]\ngain = 3\n\
             [ring]\npolicy = 'every-3'\nmax_age = '250ms'\n[model]\npath = 'm.onnx'\nbind.N = 4\n\
             [engine]\nproviders = ['cpu']\n[predict]\nhorizon = 3\n",
        )
        .unwrap();
        assert_eq!(config.source.size, Some(Size::new(320, 180)));
        assert_eq!(config.source.rate.unwrap().to_string(), "30000/1001");
        assert_eq!(config.source.controls, [("gain".to_owned(), 3)]);
        assert_eq!(config.ring.policy.unwrap().to_string(), "every-3");
        assert_eq!(config.ring.max_age, Some(Duration::from_millis(250)));
        assert_eq!(config.model.bind.get("N"), Some(&4));
        assert_eq!(config.model.base.as_deref(), Some(Path::new("/etc/cam")));
    }

    #[test]
    fn errors_name_value_range_and_place() {
        let cases = [
            ("[ring]\ncapacity = 0", "a.toml:2: ring.capacity = 0 ", "from 1 to 256"),
            ("[ring]\nmax_age = '3 weeks'", "ring.max_age = \"3 weeks\"", "40ms"),
            ("[ring]\npolicy = 'newest'", "ring.policy", "drop-oldest"),
            ("[source]\nsize = '0x9'", "source.size", "0x9"),
            ("[source]\nbuffers = 99", "source.buffers = 99", "from 3 to 8"),
            ("[source]\npace = 'slow'", "source.pace", "realtime"),
            ("[source.controls]\ngain = 'x'", "source.controls.gain", "whole number"),
            ("[model]\nbind.N = -1", "model.bind.N = -1", "1 to 1048576"),
            ("[model]\nreload = 1", "model.reload = 1", "true or false"),
            ("[engine]\nproviders = [1]", "engine.providers", "list of texts"),
            ("[engine]\nname = 'onnx'", "engine.name = \"onnx\"", "tract"),
            ("[predict]\nstate_interval = '1ms'", "predict.state_interval = \"1ms\"", "1s"),
            ("[predict]\nhorizon = 99", "predict.horizon = 99", "1..=32"),
            ("[tag]\non = 1.5", "tag.on = 1.5", "from 0 to 1"),
            ("[tag]\noff = 0.7", "tag.off = 0.7", "at most tag.on"),
            ("[watch]\nbegin = 'high'", "watch.begin", "from -1 to 1"),
            ("[side]\nevery = '2h'", "side.every", "from 0ns to 3600s"),
        ];
        for (text, place, range) in cases {
            let error = with(text).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(range), "{text}: {error}");
        }
    }
}
