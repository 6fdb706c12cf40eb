//! From a sentence to ids, and back.

use super::{Side, TokenKind, Tokenizer, TokenizerError};

/// A sentence as ids, with what got lost on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The ids: as many as the tokenizer's length, or as there are when that is 0.
    pub ids: Vec<u32>,
    /// Words (or characters) of the sentence.
    pub words: usize,
    /// Those among them that the vocabulary does not hold, in order.
    pub unknown: Vec<String>,
    /// How many ids did not fit and were cut off.
    pub cut: usize,
}

impl Tokenizer {
    /// Longest sentence in bytes.
    pub const MAX_BYTES: usize = 32 << 10;
    /// Most words of a sentence, or characters.
    pub const MAX_WORDS: usize = 1000;
    /// The same for single characters.
    pub const MAX_CHARACTERS: usize = 8000;

    /// The ids of `text`.
    ///
    /// # Errors
    /// [`TokenizerError::TooLong`] above the limits, [`TokenizerError::Empty`] when no word is left.
    pub fn encode(&self, text: &str) -> Result<Encoded, TokenizerError> {
        let too_long = |unit, got, limit| Err(TokenizerError::TooLong { unit, got, limit });
        if text.len() > Self::MAX_BYTES {
            return too_long("bytes", text.len(), Self::MAX_BYTES);
        }
        let pieces = self.pieces(text);
        let (unit, limit) = match self.kind {
            TokenKind::Words => ("words", Self::MAX_WORDS),
            TokenKind::Characters => ("characters", Self::MAX_CHARACTERS),
        };
        let words = pieces.count();
        if words > limit {
            return too_long(unit, words, limit);
        }
        if words == 0 {
            return Err(TokenizerError::Empty { given: text.to_owned() });
        }
        let mut encoded = Encoded { words, ..Encoded::default() };
        pieces.for_each(|piece| match self.vocabulary.get(piece) {
            Some(&id) => encoded.ids.push(id),
            None => {
                encoded.ids.push(self.unknown);
                encoded.unknown.push(piece.to_owned());
            }
        });
        if self.ends {
            encoded.ids.push(self.end);
        }
        encoded.cut = self.fit_length(&mut encoded.ids);
        Ok(encoded)
    }

    /// The ids of bytes that should be text.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`], and [`TokenizerError::NotUtf8`].
    pub fn encode_bytes(&self, bytes: &[u8]) -> Result<Encoded, TokenizerError> {
        if bytes.len() > Self::MAX_BYTES {
            let (got, limit) = (bytes.len(), Self::MAX_BYTES);
            return Err(TokenizerError::TooLong { unit: "bytes", got, limit });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|e| TokenizerError::NotUtf8 { at: e.valid_up_to() })?;
        self.encode(text)
    }

    /// Brings `ids` to the fixed length; returns how many were cut off.
    fn fit_length(&self, ids: &mut Vec<u32>) -> usize {
        if self.length == 0 {
            return 0;
        }
        let cut = ids.len().saturating_sub(self.length);
        let missing = self.length.saturating_sub(ids.len());
        match self.side {
            Side::Left => {
                ids.drain(..cut);
                ids.splice(..0, std::iter::repeat_n(self.pad, missing));
            }
            Side::Right => {
                ids.truncate(self.length);
                ids.extend(std::iter::repeat_n(self.pad, missing));
            }
        }
        cut
    }

    /// The sentence that `ids` stand for: padding is left out, and the end ends it where it is an id
    /// of its own. An id that stands for no word reads `<unk>`.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let words = self.words();
        let mut pieces = Vec::new();
        for &id in ids {
            if id == self.end && self.end != self.pad {
                break;
            }
            if id == self.pad {
                continue;
            }
            pieces.push(words.get(&id).copied().unwrap_or(Self::UNKNOWN_NAME));
        }
        pieces.join(if self.kind == TokenKind::Words { " " } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        let words = ["is", "the", "circle", "red", "blue"];
        let vocabulary = words.iter().zip(3..).map(|(w, id)| ((*w).to_owned(), id)).collect();
        Tokenizer::new(vocabulary, 6)
    }

    #[test]
    fn golden_ids() {
        let left = tokenizer();
        let right = Tokenizer { side: Side::Right, ..left.clone() };
        let any = Tokenizer { length: 0, ..left.clone() };
        let ends = Tokenizer { ends: true, ..right.clone() };
        let question = "Is the circle RED?";
        assert_eq!(left.encode(question).unwrap().ids, [0, 0, 3, 4, 5, 6]);
        assert_eq!(right.encode(question).unwrap().ids, [3, 4, 5, 6, 0, 0]);
        assert_eq!(any.encode(question).unwrap().ids, [3, 4, 5, 6]);
        assert_eq!(ends.encode(question).unwrap().ids, [3, 4, 5, 6, 2, 0]);
        let mixed = left.encode("is the triangle green or blue or red").unwrap();
        assert_eq!(mixed.ids, [1, 1, 1, 7, 1, 6]);
        assert_eq!((mixed.words, mixed.cut), (8, 2));
        assert_eq!(mixed.unknown, ["triangle", "green", "or", "or"]);
        assert_eq!(
            right.encode("is the triangle green or blue or red").unwrap().ids,
            [3, 4, 1, 1, 1, 7]
        );
    }

    #[test]
    fn ids_become_words_again() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.decode(&[0, 3, 4, 1, 6, 2, 7]), "is the <unk> red");
        assert_eq!(tokenizer.decode(&[]), "");
        let characters = Tokenizer {
            kind: TokenKind::Characters,
            vocabulary: [("a".to_owned(), 3), (" ".to_owned(), 4)].into(),
            ..tokenizer
        };
        assert_eq!(characters.encode("A a").unwrap().ids, [0, 0, 0, 3, 4, 3]);
        assert_eq!(characters.decode(&[3, 4, 3]), "a a");
    }

    #[test]
    fn hostile_sentences_are_refused_with_the_reason() {
        let tokenizer = tokenizer();
        let refused = |bytes: &[u8]| tokenizer.encode_bytes(bytes).unwrap_err().to_string();
        assert!(refused(b"is \xff red").contains("byte 3"));
        for empty in ["", "   ", "?!", "\t\n"] {
            assert!(refused(empty.as_bytes()).contains("has no words"), "{empty:?}");
        }
        let long = refused("red ".repeat(10_000).as_bytes());
        assert!(long.contains("40000 bytes") && long.contains("32768"), "{long}");
        let many = refused("a ".repeat(10_000).as_bytes());
        assert!(many.contains("10000 words, above the limit of 1000"), "{many}");
        // A vocabulary without specials cannot be talked into them.
        assert_eq!(tokenizer.encode("<pad> <eos> red").unwrap().ids, [0, 0, 0, 1, 1, 6]);
    }
}
