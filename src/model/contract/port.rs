//! Inputs and outputs of a model: what they carry and how a picture becomes numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::DType;

/// What a tensor carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// The newest frame.
    Frame,
    /// The last N frames; see [`Window`](crate::model::Window).
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

impl Role {
    /// True for pictures and windows of pictures.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Frame | Self::Window | Self::Prediction)
    }
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

impl From<usize> for Dim {
    fn from(size: usize) -> Self {
        Self::Fixed(size)
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::Symbol(name.to_owned())
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Symbol(name) => f.write_str(name),
        }
    }
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
    /// The value every element always has, for inputs that no task fills, such as a sample rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<f64>,
}

impl Port {
    /// A port that is no image, or an image in the default layout, colour order and range.
    #[must_use]
    pub fn new(name: &str, role: Role, dtype: DType, shape: &[Dim]) -> Self {
        let layout = if role.is_image() { Layout::Nchw } else { Layout::Flat };
        Self {
            name: name.to_owned(),
            role,
            dtype,
            shape: shape.to_vec(),
            layout,
            colour: ColourOrder::default(),
            range: Range::default(),
            constant: None,
        }
    }
}
