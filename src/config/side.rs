//! Settings of what runs beside prediction: `[side]`, `[tag]`, `[watch]`, `[answer]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::Reader;
use super::settings::{HOUR, MS, unsigned};
use super::{ConfigError, Origin};

/// A model, or the file of its contract, as it is written in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideModel {
    /// The name or path.
    pub path: String,
    /// The folder of the file that says so; none for a flag.
    pub base: Option<PathBuf>,
}

/// `[tag]`
#[derive(Clone, Debug, PartialEq)]
pub struct TagSettings {
    /// The tag model; none for no tags.
    pub model: Option<SideModel>,
    /// Lines of a contract over that of the tag model.
    pub contract: Option<SideModel>,
    /// What makes the embeddings it takes.
    pub backbone: Option<SideModel>,
    /// Lines of a contract over that of the backbone.
    pub backbone_contract: Option<SideModel>,
    /// The most tags.
    pub top: usize,
    /// Tags are told up to the first below this.
    pub threshold: f32,
    /// A tag begins here.
    pub on: f32,
    /// A tag ends below this.
    pub off: f32,
    /// Time that is averaged over.
    pub window: Duration,
}

/// `[watch]`
#[derive(Clone, Debug, PartialEq)]
pub struct WatchSettings {
    /// The tower of pictures.
    pub image: Option<SideModel>,
    /// The tower of sentences.
    pub text: Option<SideModel>,
    /// The sentences.
    pub queries: Vec<String>,
    /// Cosine at which a match begins.
    pub begin: f32,
    /// How far below it ends.
    pub margin: f32,
    /// Frames in a row that must match.
    pub confirm: u32,
    /// Rest after a beginning.
    pub cooldown: Duration,
}

/// What runs beside prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct SideSettings {
    /// The least time from frame to frame.
    pub every: Duration,
    /// How much less of the processor.
    pub nice: i32,
    /// The socket for questions.
    pub ask_socket: Option<PathBuf>,
    /// Tags.
    pub tag: TagSettings,
    /// Standing sentences.
    pub watch: WatchSettings,
    /// The model that answers questions.
    pub answer: Option<SideModel>,
}

impl SideModel {
    /// The path, from the folder of the file that says so on.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        self.base.as_ref().map_or_else(|| PathBuf::from(&self.path), |base| base.join(&self.path))
    }
}

impl SideSettings {
    pub(super) fn read(read: &Reader<'_>) -> Result<Self, ConfigError> {
        let model = |key: &str| -> Result<Option<SideModel>, ConfigError> {
            let origin = read.raw.get(key).map(|entry| &entry.origin);
            let base = match origin {
                Some(Origin::File { path, .. }) => path.parent().map(Path::to_owned),
                _ => None,
            };
            Ok(read.optional_text(key)?.map(|path| SideModel { path, base }))
        };
        let share = |key: &str| read.number(key, 0.0..=1.0).map(|x| x as f32);
        let tag = TagSettings {
            model: model("tag.model")?,
            contract: model("tag.contract")?,
            backbone: model("tag.backbone")?,
            backbone_contract: model("tag.backbone_contract")?,
            top: unsigned(read.integer("tag.top", 1..=1000)?) as usize,
            threshold: share("tag.threshold")?,
            on: share("tag.on")?,
            off: share("tag.off")?,
            window: read.duration("tag.window", Duration::ZERO..=600_000 * MS)?,
        };
        if tag.off > tag.on {
            return Err(read.wrong("tag.off", format!("at most tag.on, {}", tag.on)));
        }
        let watch = WatchSettings {
            image: model("watch.image")?,
            text: model("watch.text")?,
            queries: read.list("watch.queries")?,
            begin: read.number("watch.begin", -1.0..=1.0)? as f32,
            margin: read.number("watch.margin", 0.0..=2.0)? as f32,
            confirm: unsigned(read.integer("watch.confirm", 1..=1000)?) as u32,
            cooldown: read.duration("watch.cooldown", Duration::ZERO..=24 * HOUR)?,
        };
        Ok(Self {
            every: read.duration("side.every", Duration::ZERO..=HOUR)?,
            nice: i32::try_from(read.integer("side.nice", 0..=19)?).unwrap_or_default(),
            ask_socket: read.optional_text("side.ask_socket")?.map(PathBuf::from),
            tag,
            watch,
            answer: model("answer.model")?,
        })
    }
}
