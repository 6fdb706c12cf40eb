//! The `[embed]` table of a recipe.

use serde::{Deserialize, Serialize};

use super::features;

/// What the text tower is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextKind {
    /// Word vectors through a gated recurrent unit.
    #[default]
    Gru,
    /// The mean of the word vectors.
    Bag,
}

/// What training makes smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy of the right one among all of the batch (InfoNCE; van den Oord et al., 2018).
    #[default]
    InfoNce,
    /// Hinge of every wrong one in the batch (Kiros et al., 2014).
    MaxMargin,
    /// Hinge of the hardest wrong one (VSE++; Faghri et al., 2018).
    Hardest,
}

/// How the losses of a batch become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Does not depend on the size of the batch.
    #[default]
    Mean,
    /// Grows with it.
    Sum,
}

/// Data, towers and loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedSettings {
    /// Pictures: a tar archive or a folder; `data:NAME` is NAME in the folder of test data.
    pub pictures: String,
    /// Their features instead of those that the towers compute: an `.npy` file with a row a picture,
    /// in the order of the captions. The exported tower takes such features.
    pub features: String,
    /// Numbers of a picture's features.
    #[serde(skip)]
    pub(super) width: usize,
    /// Lines `picture#number<TAB>sentence`.
    pub captions: String,
    /// Files of more sentences, one a line, to count words in; a first word with a dot is a file
    /// name and left out.
    pub sentences: Vec<String>,
    /// Word vectors in the text format of GloVe; counted from the sentences when empty.
    pub glove: String,
    /// Numbers of a word vector.
    pub words: usize,
    /// Words that occur less often are unknown.
    pub min_count: usize,
    /// Token ids of a sentence.
    pub length: usize,
    /// What the text tower is made of.
    pub text: TextKind,
    /// State of the recurrent unit.
    pub hidden: usize,
    /// Numbers of an embedding.
    pub size: usize,
    /// What training makes smaller.
    pub loss: Loss,
    /// How the losses of a batch become one.
    pub reduction: Reduction,
    /// Margin of the hinges, in cosines.
    pub margin: f32,
    /// Temperature of InfoNCE.
    pub temperature: f32,
    /// Share of features, and of words, that are left out in training.
    pub dropout: f32,
    /// Deviation of noise on the features in training.
    pub noise: f32,
    /// Parts the pictures are cut into.
    pub folds: usize,
    /// The part that is kept for the test.
    pub fold: usize,
    /// Pictures of the other parts that choose the best checkpoint.
    pub validation: usize,
}

impl Default for EmbedSettings {
    fn default() -> Self {
        Self {
            pictures: "data:retrieval/flickr8k_400_images.tar".into(),
            features: String::new(),
            width: features::count(),
            captions: "data:retrieval/flickr8k_400_captions.tsv".into(),
            sentences: vec!["data:retrieval/annotations.10k.txt".into()],
            glove: String::new(),
            words: 100,
            min_count: 3,
            length: 16,
            text: TextKind::Gru,
            hidden: 256,
            size: 64,
            loss: Loss::InfoNce,
            reduction: Reduction::Mean,
            margin: 0.2,
            temperature: 0.1,
            dropout: 0.5,
            noise: 0.3,
            folds: 5,
            fold: 0,
            validation: 40,
        }
    }
}

impl EmbedSettings {
    /// The first value out of its range, in words.
    pub(super) fn fault(&self) -> Option<String> {
        let whole = [
            ("words", self.words, 4, 1024),
            ("min_count", self.min_count, 1, 1_000_000),
            ("length", self.length, 1, 256),
            ("hidden", self.hidden, 1, 4096),
            ("size", self.size, 2, 4096),
            ("folds", self.folds, 2, 100),
            ("fold", self.fold, 0, self.folds.saturating_sub(1)),
        ];
        let real = [
            ("margin", self.margin, 0.0, 10.0),
            ("temperature", self.temperature, 1e-3, 100.0),
            ("dropout", self.dropout, 0.0, 0.95),
            ("noise", self.noise, 0.0, 10.0),
        ];
        let whole = whole.iter().find(|(_, v, low, high)| v < low || v > high);
        let real = real.iter().find(|(_, v, low, high)| !(low..=high).contains(&v));
        whole
            .map(|(name, v, low, high)| format!("embed.{name} = {v} is outside {low}..={high}"))
            .or_else(|| {
                real.map(|(name, v, low, high)| {
                    format!("embed.{name} = {v} is outside {low}..={high}")
                })
            })
    }
}
