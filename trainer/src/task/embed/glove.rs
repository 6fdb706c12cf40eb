//! Word vectors in the text format of GloVe: a word and its numbers on each line.

use framecast::model::Tokenizer;

use super::data::text;
use crate::TrainError;

/// The table for `tokenizer` of the vectors in the file `uri`; words that the file lacks have
/// zeros. How many were found comes with it.
pub(super) fn vectors(
    tokenizer: &Tokenizer,
    uri: &str,
    size: usize,
) -> Result<(Vec<f32>, usize), TrainError> {
    let (table, found) = parse(tokenizer, &text(uri)?, size)
        .map_err(|reason| TrainError::Data { uri: uri.to_owned(), reason })?;
    if found == 0 {
        return Err(TrainError::Data {
            uri: uri.to_owned(),
            reason: "it has none of the words of the sentences; is it the right language?".into(),
        });
    }
    Ok((table, found))
}

fn parse(tokenizer: &Tokenizer, text: &str, size: usize) -> Result<(Vec<f32>, usize), String> {
    let mut table = vec![0f32; tokenizer.ids() * size];
    let mut found = 0;
    for (number, line) in text.lines().enumerate() {
        let mut parts = line.trim_end().split(' ');
        let word = parts.next().unwrap_or_default();
        let Some(&id) = tokenizer.vocabulary.get(word) else { continue };
        let values: Vec<f32> = parts
            .map(|v| v.parse::<f32>().ok().filter(|v| v.is_finite()))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                format!("line {}: {word:?} has something else than numbers", number + 1)
            })?;
        if values.len() != size {
            return Err(format!(
                "line {}: {word:?} has {} numbers, embed.words = {size}",
                number + 1,
                values.len()
            ));
        }
        let at = id as usize * size;
        if let Some(row) = table.get_mut(at..at + size) {
            row.copy_from_slice(&values);
            found += 1;
        }
    }
    Ok((table, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_get_their_numbers_and_damage_its_line() {
        let tokenizer = Tokenizer::new([("dog".to_owned(), 3), ("cat".to_owned(), 4)].into(), 4);
        let (table, found) = parse(&tokenizer, "the 1 1\ncat 0.5 -2\n", 2).unwrap();
        assert_eq!((found, &table[6..]), (1, &[0.0, 0.0, 0.5, -2.0][..]));
        assert!(parse(&tokenizer, "cat 1", 2).unwrap_err().contains("line 1: \"cat\" has 1"));
        assert!(parse(&tokenizer, "\ndog 1 nan", 2).unwrap_err().contains("line 2"));
    }
}
