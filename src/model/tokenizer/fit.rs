//! A vocabulary made of texts.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Side, TokenKind, Tokenizer, TokenizerError};

/// What a vocabulary keeps and how its sentences are laid out.
#[derive(Clone, Debug, Default)]
pub struct FitOptions {
    /// What sentences are cut into.
    pub kind: TokenKind,
    /// The most words that are kept, the most frequent first; 0 for all.
    pub max_words: usize,
    /// Words that occur less often are left out; 0 and 1 keep all.
    pub min_count: usize,
    /// Length of the id sequence; 0 for any.
    pub length: usize,
    /// Where short sentences are filled and long ones cut.
    pub side: Side,
    /// True when the id of the end follows the last word.
    pub ends: bool,
}

impl Tokenizer {
    /// The most distinct words that are counted.
    const MAX_DISTINCT: usize = 2_000_000;

    /// The vocabulary of `texts`: ids from 3 on by falling frequency, words of the same frequency in
    /// the order of their first appearance. The same texts in the same order give the same ids.
    ///
    /// # Errors
    /// [`TokenizerError::Vocabulary`] when no word is left, or more than two million differ.
    pub fn fit<'t>(
        texts: impl IntoIterator<Item = &'t str>,
        options: &FitOptions,
    ) -> Result<Self, TokenizerError> {
        let bad = |reason: String| TokenizerError::Vocabulary { place: "of texts".into(), reason };
        let mut made = Self {
            kind: options.kind,
            side: options.side,
            ends: options.ends,
            ..Self::new([].into(), options.length)
        };
        // Count, and place of the first appearance.
        let mut seen: HashMap<String, (usize, usize)> = HashMap::new();
        for text in texts {
            made.pieces(text).for_each(|piece| {
                if let Some((count, _)) = seen.get_mut(piece) {
                    *count += 1;
                } else if seen.len() <= Self::MAX_DISTINCT {
                    seen.insert(piece.to_owned(), (1, seen.len()));
                }
            });
            if seen.len() > Self::MAX_DISTINCT {
                let most = Self::MAX_DISTINCT;
                return Err(bad(format!(
                    "more than {most} different words; these are no sentences"
                )));
            }
        }
        let mut words: Vec<(String, (usize, usize))> =
            seen.into_iter().filter(|(_, (count, _))| *count >= options.min_count).collect();
        words.sort_unstable_by_key(|(_, (count, first))| (Reverse(*count), *first));
        if options.max_words > 0 {
            words.truncate(options.max_words);
        }
        if words.is_empty() {
            return Err(bad("no word is left; give it sentences".into()));
        }
        made.vocabulary =
            words.into_iter().zip(Self::END + 1..).map(|((w, _), id)| (w, id)).collect();
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = ["The red circle.", "Is the circle red?", "the blue one"];

    fn ids(options: &FitOptions) -> Vec<(String, u32)> {
        let tokenizer = Tokenizer::fit(TEXTS, options).unwrap();
        let mut ids: Vec<(String, u32)> = tokenizer.vocabulary.into_iter().collect();
        ids.sort_by_key(|(_, id)| *id);
        ids
    }

    #[test]
    fn frequent_words_come_first_and_ties_in_order_of_appearance() {
        let golden: Vec<(String, u32)> =
            [("the", 3), ("red", 4), ("circle", 5), ("is", 6), ("blue", 7), ("one", 8)]
                .map(|(w, id)| (w.to_owned(), id))
                .into();
        assert_eq!(ids(&FitOptions::default()), golden);
        assert_eq!(ids(&FitOptions { max_words: 2, ..Default::default() }), golden[..2]);
        assert_eq!(ids(&FitOptions { min_count: 2, ..Default::default() }), golden[..3]);
    }

    #[test]
    fn characters_are_counted_like_words() {
        let options = FitOptions { kind: TokenKind::Characters, ends: true, ..Default::default() };
        let tokenizer = Tokenizer::fit(["abb"], &options).unwrap();
        assert_eq!(tokenizer.encode("ba").unwrap().ids, [3, 4, Tokenizer::END]);
    }

    #[test]
    fn a_vocabulary_needs_words() {
        let refused = |texts: &[&str], min_count| {
            let options = FitOptions { min_count, ..Default::default() };
            Tokenizer::fit(texts.iter().copied(), &options).unwrap_err().to_string()
        };
        assert!(refused(&[], 0).contains("no word is left"));
        assert!(refused(&["?", " "], 0).contains("no word is left"));
        assert!(refused(&["a b c"], 2).contains("no word is left"));
    }
}
