//! What a model promises: one versioned JSON document in the ONNX file's `metadata_props` under
//! the key [`Contract::KEY`]. `docs/model-contract.md` explains it to people,
//! `docs/model-contract.schema.json` to programs.

mod answering;
mod card;
mod document;
mod infer;
mod overlay;
mod port;
#[cfg(test)]
mod schema;
mod validate;

pub use answering::{Answering, ClipMemory};
pub use card::{Provenance, Score};
pub use overlay::Overlay;
pub use port::{ColourOrder, Dim, Layout, Port, Range, Role};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tokenizer::Tokenizer;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Task {
    /// The next frame.
    Predict,
    /// Labels of a frame or clip.
    Tag,
    /// An answer to a question about a frame or clip.
    Answer,
    /// A vector that represents a frame or a sentence.
    Embed,
    /// A sentence about a frame or clip.
    Caption,
    /// An order of items.
    Rank,
    /// Anything else, run by `framecast model run` only.
    Other,
}

/// The two kinds of predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PredictKind {
    /// Frames and state in, frame out.
    Direct,
    /// Features in, blend weights out; the runtime supplies motion and blends.
    Blend,
}

/// Which frame sizes the model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SizeRule {
    /// Exactly this size; the runtime resizes to it.
    Fixed {
        /// Pixels a line.
        width: u32,
        /// Lines.
        height: u32,
    },
    /// Any size whose sides are multiples of this; the runtime pads by edge replication.
    MultipleOf(u32),
}

/// How a window of frames is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowLayout {
    /// 1 x 3N x H x W, oldest first, RGB a frame.
    Channels,
    /// 1 x N x 3 x H x W, oldest first.
    Time,
}

/// A window of past frames as input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Number of frames.
    pub frames: usize,
    /// How they are laid out.
    pub layout: WindowLayout,
}

/// Initial value of a state tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateInit {
    /// All zeros.
    #[default]
    Zeros,
    /// The first frame after a reset.
    FirstFrame,
}

/// Why recurrent state is put back to its initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResetReason {
    /// The stream begins.
    Start,
    /// Frames are missing.
    Gap,
    /// The picture changed altogether.
    SceneCut,
    /// The source was opened again.
    Reconnect,
    /// Another model was loaded.
    Reload,
    /// The model's output was not a finite number, so its state cannot be trusted.
    NonFinite,
}

impl ResetReason {
    /// The name used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Gap => "gap",
            Self::SceneCut => "scene_cut",
            Self::Reconnect => "reconnect",
            Self::Reload => "reload",
            Self::NonFinite => "non_finite",
        }
    }

    /// True when a state pair whose `reset` lists these is reset for this reason: an empty list is
    /// all of them. At the start there is nothing to keep, and state that is no number never heals.
    #[must_use]
    pub fn is_among(self, listed: &[Self]) -> bool {
        matches!(self, Self::Start | Self::NonFinite) || listed.is_empty() || listed.contains(&self)
    }
}

/// A state input and the output that is its next value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatePair {
    /// Name of the graph input.
    pub input: String,
    /// Name of the graph output.
    pub output: String,
    /// Initial value.
    #[serde(default)]
    pub init: StateInit,
    /// When it is reset; all reasons when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<ResetReason>,
}

/// Test vectors: the inputs follow a formula, the outputs are stored as a summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Sizes the symbolic dimensions are bound to for the test.
    #[serde(default)]
    pub bind: BTreeMap<String, usize>,
    /// Number of chained steps; state carries over.
    pub steps: usize,
    /// Tolerance: |a - b| <= `tolerance` * max(1, max|b|).
    pub tolerance: f32,
    /// For each output, for each step, sampled values.
    pub outputs: Vec<GoldenOutput>,
}

/// Expected values of one output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenOutput {
    /// Name in the graph.
    pub name: String,
    /// Bound shape.
    pub shape: Vec<usize>,
    /// Flat indices of the sampled elements.
    pub indices: Vec<usize>,
    /// For each step the sampled elements.
    pub values: Vec<Vec<f32>>,
}

/// The model's contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Version of this document; see [`Contract::VERSION`].
    pub version: u32,
    /// Name for people.
    pub name: String,
    /// One sentence about the model.
    #[serde(default)]
    pub description: String,
    /// What the model is for.
    pub task: Task,
    /// Kind of predictor; only with task `predict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PredictKind>,
    /// Feature set of a `blend` model, for example `blend/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Graph inputs other than state.
    pub inputs: Vec<Port>,
    /// Graph outputs other than state.
    pub outputs: Vec<Port>,
    /// Which frame sizes are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeRule>,
    /// A window of past frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Recurrent state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<StatePair>,
    /// Names of the labels, in the order of the scores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where each label is explained, in the order of the labels; an empty text for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// How sentences become token ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
    /// How questions are answered; only with task `answer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answering: Option<Answering>,
    /// The space the embeddings lie in: those of models with the same one may be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Self-test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub golden: Option<Golden>,
    /// Where it comes from.
    #[serde(default)]
    pub provenance: Provenance,
    /// How good it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
}

impl Contract {
    /// Key in `metadata_props`.
    pub const KEY: &'static str = "framecast.contract";
    /// The version this program writes, and the newest it reads.
    pub const VERSION: u32 = 1;
}

impl Contract {
    /// A contract without ports.
    #[must_use]
    pub fn new(name: &str, task: Task) -> Self {
        Self {
            version: Self::VERSION,
            name: name.to_owned(),
            description: String::new(),
            task,
            kind: None,
            features: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            size: None,
            window: None,
            state: Vec::new(),
            labels: Vec::new(),
            links: Vec::new(),
            tokenizer: None,
            answering: None,
            space: None,
            golden: None,
            provenance: Provenance::default(),
            scores: Vec::new(),
        }
    }

    /// The first input with `role`.
    #[must_use]
    pub fn input(&self, role: Role) -> Option<&Port> {
        self.inputs.iter().find(|p| p.role == role)
    }

    /// The first output with `role`.
    #[must_use]
    pub fn output(&self, role: Role) -> Option<&Port> {
        self.outputs.iter().find(|p| p.role == role)
    }
}
