//! Sentences as token ids: the one tokenizer of trainer and runtime, carried in the contract.
//!
//! A sentence is lower-cased, cut into words (or characters), and each becomes its number in the
//! vocabulary. The ids are brought to a fixed length on one side. The rules are those of Keras'
//! `Tokenizer` and `pad_sequences`, so that vocabularies made with them keep their meaning.
//! Sentences come from anybody: limits are checked before anything is made of them.

mod encode;
mod error;
mod fit;
mod pieces;
mod vocabulary_file;

pub use encode::Encoded;
pub use error::TokenizerError;
pub use fit::FitOptions;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// What a sentence is cut into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// Words between white space.
    #[default]
    Words,
    /// Single characters, white space included.
    Characters,
}

impl TokenKind {
    /// The name used in contracts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Characters => "characters",
        }
    }
}

/// The side on which ids are filled in or cut off to reach the fixed length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before the first word, as Keras does: a recurrent network ends on the last word.
    #[default]
    Left,
    /// After the last word.
    Right,
}

/// How sentences become token ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokenizer {
    /// What a sentence is cut into.
    pub kind: TokenKind,
    /// Word to id; the three special ids stand for no word.
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
    /// Where short sentences are filled and long ones cut.
    #[serde(default)]
    pub side: Side,
    /// True when the id of the end follows the last word.
    #[serde(default)]
    pub ends: bool,
    /// True when capital letters count as small ones.
    #[serde(default = "lower")]
    pub lower: bool,
    /// Characters that separate words and are dropped; ignored for `characters`.
    #[serde(default = "filter")]
    pub filter: String,
}

const fn lower() -> bool {
    true
}

fn filter() -> String {
    Tokenizer::FILTER.to_owned()
}

impl Tokenizer {
    /// Id of padding in vocabularies made here.
    pub const PAD: u32 = 0;
    /// Id of unknown words in vocabularies made here.
    pub const UNKNOWN: u32 = 1;
    /// Id of the end of a sentence in vocabularies made here.
    pub const END: u32 = 2;
    /// The characters that Keras drops: punctuation but the apostrophe, tabulator and line end.
    pub const FILTER: &'static str = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";
    /// Largest id, which bounds the embedding table.
    pub const MAX_ID: u32 = 10_000_000;
    /// Longest id sequence.
    pub const MAX_LENGTH: usize = 4096;

    /// A word tokenizer over `vocabulary` with the ids and rules of this project.
    #[must_use]
    pub fn new(vocabulary: BTreeMap<String, u32>, length: usize) -> Self {
        Self {
            kind: TokenKind::Words,
            vocabulary,
            length,
            pad: Self::PAD,
            unknown: Self::UNKNOWN,
            end: Self::END,
            side: Side::Left,
            ends: false,
            lower: lower(),
            filter: filter(),
        }
    }

    /// Rows an embedding table needs: one more than the largest id.
    #[must_use]
    pub fn ids(&self) -> usize {
        let words = self.vocabulary.values().copied();
        let most = words.chain([self.pad, self.unknown, self.end]).max();
        most.map_or(0, |id| id as usize + 1)
    }

    /// The word of each id.
    #[must_use]
    pub fn words(&self) -> HashMap<u32, &str> {
        self.vocabulary.iter().map(|(word, &id)| (id, word.as_str())).collect()
    }

    /// What is wrong with the description, as field and reason.
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        if self.vocabulary.is_empty() {
            return Some(("vocabulary", "it is empty".into()));
        }
        if self.length > Self::MAX_LENGTH {
            return Some(("length", format!("{} is above {}", self.length, Self::MAX_LENGTH)));
        }
        let special = [self.pad, self.unknown, self.end];
        if let Some(id) = special.iter().find(|&&id| id > Self::MAX_ID) {
            return Some(("pad", format!("the id {id} is above {}", Self::MAX_ID)));
        }
        let mut taken: HashMap<u32, &str> = HashMap::new();
        for (word, &id) in &self.vocabulary {
            if id > Self::MAX_ID {
                let reason = format!("{word:?} has the id {id}, above {}", Self::MAX_ID);
                return Some(("vocabulary", reason));
            }
            if special.contains(&id) {
                let reason =
                    format!("{word:?} has the id {id} of padding, unknown words or the end");
                return Some(("vocabulary", reason));
            }
            if let Some(other) = taken.insert(id, word) {
                return Some(("vocabulary", format!("{other:?} and {word:?} share the id {id}")));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Tokenizer {
        Tokenizer::new([("is".to_owned(), 3), ("red".to_owned(), 7)].into(), 4)
    }

    #[test]
    fn the_ids_bound_the_embedding_table() {
        assert_eq!(small().ids(), 8);
        assert_eq!(small().words()[&7], "red");
        assert_eq!(Tokenizer { end: 30, ..small() }.ids(), 31);
    }

    #[test]
    fn descriptions_that_contradict_themselves_are_named() {
        assert_eq!(small().fault(), None);
        let words = |pairs: &[(&str, u32)]| {
            pairs.iter().map(|&(w, id)| (w.to_owned(), id)).collect::<BTreeMap<_, _>>()
        };
        let cases = [
            (Tokenizer { vocabulary: words(&[]), ..small() }, "empty"),
            (Tokenizer { length: 5000, ..small() }, "above 4096"),
            (Tokenizer { vocabulary: words(&[("a", 2)]), ..small() }, "\"a\" has the id 2"),
            (Tokenizer { vocabulary: words(&[("a", 5), ("b", 5)]), ..small() }, "share the id 5"),
            (Tokenizer { vocabulary: words(&[("a", u32::MAX)]), ..small() }, "above 10000000"),
            (Tokenizer { unknown: u32::MAX, ..small() }, "above 10000000"),
        ];
        for (tokenizer, expected) in cases {
            let (_, reason) = tokenizer.fault().unwrap();
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn old_documents_have_the_rules_of_keras() {
        let json = r#"{"kind":"words","vocabulary":{"cat":3},"pad":0,"unknown":1,"end":2}"#;
        let read: Tokenizer = serde_json::from_str(json).unwrap();
        assert_eq!(read, Tokenizer::new([("cat".to_owned(), 3)].into(), 0));
        assert!(serde_json::from_str::<Tokenizer>(&json.replace("words", "bpe")).is_err());
    }
}
