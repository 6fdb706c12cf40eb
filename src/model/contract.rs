//! What a model promises: one versioned JSON document in the ONNX file's `metadata_props` under
//! the key [`Contract::KEY`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DType;

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

/// What a tensor carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// The newest frame.
    Frame,
    /// The last N frames; see [`Window`].
    Window,
    /// Features made by the runtime.
    Features,
    /// The predicted frame.
    Prediction,
    /// Blend logits of a `blend` model.
    Logits,
    /// Residual of a `blend` model.
    Residual,
    /// Scores or logits over labels.
    Scores,
    /// An embedding vector.
    Embedding,
    /// Token ids of a sentence.
    Tokens,
    /// Anything else.
    Other,
}

/// Order of the axes of an image tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column.
    #[default]
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
    /// Not an image.
    Flat,
}

/// Order of the colour channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One luma channel.
    Luma,
}

/// The numbers that stand for black and white, and a normalisation after that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Value of sample 0.
    pub black: f32,
    /// Value of sample 255.
    pub white: f32,
    /// Subtracted from each channel after scaling to black..white; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f32>,
    /// Divides each channel after the mean is taken away; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub std: Vec<f32>,
}

impl Default for Range {
    fn default() -> Self {
        Self { black: 0.0, white: 1.0, mean: Vec::new(), std: Vec::new() }
    }
}

/// One axis of a port: a number or a name bound at load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// A symbolic size, for example `H`.
    Symbol(String),
}

/// An input or output of the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// What it carries.
    pub role: Role,
    /// Element type.
    pub dtype: DType,
    /// Shape, outermost first.
    pub shape: Vec<Dim>,
    /// Order of the axes.
    #[serde(default)]
    pub layout: Layout,
    /// Order of the colour channels.
    #[serde(default)]
    pub colour: ColourOrder,
    /// Meaning of the numbers.
    #[serde(default)]
    pub range: Range,
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
        }
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

/// How sentences become token ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    /// `words` or `characters`.
    pub kind: String,
    /// Word to id.
    pub vocabulary: BTreeMap<String, u32>,
    /// Length of the id sequence; 0 for any.
    #[serde(default)]
    pub length: usize,
    /// Id that fills short sentences.
    pub pad: u32,
    /// Id of unknown words.
    pub unknown: u32,
    /// Id of the end of a sentence.
    pub end: u32,
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

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Program and version that made it.
    #[serde(default)]
    pub producer: String,
    /// Licence of the weights.
    #[serde(default)]
    pub licence: String,
    /// Data it was trained on, in words.
    #[serde(default)]
    pub data: Vec<String>,
    /// The training configuration as it was used.
    #[serde(default)]
    pub config: String,
    /// Seed of the training run.
    #[serde(default)]
    pub seed: u64,
}

/// A measured score of the model beside copy-last on the same frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Data it was measured on.
    pub data: String,
    /// Metric, for example `pd` or `psnr`.
    pub metric: String,
    /// The model's value.
    pub model: f64,
    /// Copy-last's value on the same frames, when the metric has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_last: Option<f64>,
    /// Number of frames.
    pub frames: u64,
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
    /// How sentences become token ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
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
