//! A sentence cut into words or characters.

use std::borrow::Cow;

use super::{TokenKind, Tokenizer};

impl Tokenizer {
    /// The words or characters of `text`, in order and lower-cased if the rules say so.
    pub(super) fn pieces<'t>(&self, text: &'t str) -> Pieces<'t> {
        let text = if self.lower { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        Pieces { text, kind: self.kind, filter: self.filter.chars().collect() }
    }
}

/// A prepared sentence.
pub(super) struct Pieces<'t> {
    text: Cow<'t, str>,
    kind: TokenKind,
    filter: Vec<char>,
}

impl Pieces<'_> {
    /// Calls `take` with each word or character.
    pub(super) fn for_each(&self, mut take: impl FnMut(&str)) {
        match self.kind {
            TokenKind::Words => self
                .text
                .split(|c: char| c.is_whitespace() || self.filter.contains(&c))
                .filter(|word| !word.is_empty())
                .for_each(take),
            TokenKind::Characters => {
                let mut buffer = [0; 4];
                self.text.chars().for_each(|c| take(c.encode_utf8(&mut buffer)));
            }
        }
    }

    /// How many words or characters there are.
    pub(super) fn count(&self) -> usize {
        let mut count = 0;
        self.for_each(|_| count += 1);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, kind: TokenKind) -> Vec<String> {
        let tokenizer = Tokenizer { kind, ..Tokenizer::new([].into(), 0) };
        let mut cut = Vec::new();
        tokenizer.pieces(text).for_each(|piece| cut.push(piece.to_owned()));
        assert_eq!(tokenizer.pieces(text).count(), cut.len());
        cut
    }

    #[test]
    fn words_are_what_keras_calls_words() {
        let golden: [(&str, &[&str]); 6] = [
            ("What color is the circle?", &["what", "color", "is", "the", "circle"]),
            (
                "A close-up of a MAN's dog; two o'clock!",
                &["a", "close", "up", "of", "a", "man's", "dog", "two", "o'clock"],
            ),
            ("  one\ttwo\r\nthree\u{a0}four  ", &["one", "two", "three", "four"]),
            ("snake_case <eos> 3.5", &["snake", "case", "eos", "3", "5"]),
            ("ÄPFEL und Straße", &["äpfel", "und", "straße"]),
            (" ?!... ", &[]),
        ];
        for (text, words) in golden {
            assert_eq!(cut(text, TokenKind::Words), words, "{text:?}");
        }
    }

    #[test]
    fn characters_keep_white_space_and_punctuation() {
        assert_eq!(cut("Hi, ü!", TokenKind::Characters), ["h", "i", ",", " ", "ü", "!"]);
    }
}
