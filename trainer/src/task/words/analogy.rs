//! Analogies: `man` is to `woman` as `boy` is to what?

use framecast::model::Tokenizer;

/// One and many.
const NUMBERS: &[[&str; 2]] = &[
    ["man", "men"],
    ["woman", "women"],
    ["child", "children"],
    ["dog", "dogs"],
    ["cat", "cats"],
    ["horse", "horses"],
    ["elephant", "elephants"],
    ["giraffe", "giraffes"],
    ["zebra", "zebras"],
    ["cow", "cows"],
    ["bird", "birds"],
    ["car", "cars"],
    ["bus", "buses"],
    ["train", "trains"],
    ["boat", "boats"],
    ["bicycle", "bicycles"],
    ["motorcycle", "motorcycles"],
    ["plate", "plates"],
    ["sandwich", "sandwiches"],
    ["skier", "skiers"],
];

/// Men and women.
const GENDERS: &[[&str; 2]] =
    &[["man", "woman"], ["men", "women"], ["boy", "girl"], ["his", "her"], ["he", "she"]];

/// Vectors of length one by word.
pub(super) struct Space<'a> {
    words: Vec<(&'a str, Vec<f32>)>,
}

impl<'a> Space<'a> {
    /// The rows of a `table` of vectors of `size` numbers.
    pub(super) fn new(tokenizer: &'a Tokenizer, table: &[f32], size: usize) -> Self {
        let unit = |row: &[f32]| {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
            row.iter().map(|v| v / length).collect()
        };
        let vector = |(word, id): (&'a String, &u32)| {
            let row = table.chunks_exact(size.max(1)).nth(*id as usize)?;
            Some((word.as_str(), unit(row)))
        };
        Self { words: tokenizer.vocabulary.iter().filter_map(vector).collect() }
    }

    fn of(&self, word: &str) -> Option<&[f32]> {
        let at = self.words.binary_search_by(|(w, _)| (*w).cmp(word)).ok()?;
        self.words.get(at).map(|(_, vector)| vector.as_slice())
    }

    /// The cosine of two words.
    #[cfg(test)]
    pub(super) fn likeness(&self, a: &str, b: &str) -> Option<f32> {
        Some(dot(self.of(a)?, self.of(b)?))
    }

    /// Share of the analogies whose answer is among the first `among` words, and how many of them
    /// the vocabulary can be asked. Without `offset` the words nearest to the third one answer.
    pub(super) fn score(&self, among: usize, offset: bool) -> (f64, usize) {
        let (mut right, mut asked) = (0, 0);
        for family in [NUMBERS, GENDERS] {
            for [a, b] in family {
                for [c, d] in family.iter().filter(|pair| pair[0] != *a) {
                    let vectors = [a, b, c, d].map(|word| self.of(word));
                    let [Some(from), Some(to), Some(third), Some(answer)] = vectors else {
                        continue;
                    };
                    asked += 1;
                    let at: Vec<f32> = match offset {
                        true => {
                            let moved = from.iter().zip(to).zip(third);
                            moved.map(|((from, to), third)| third - from + to).collect()
                        }
                        false => third.to_vec(),
                    };
                    let goal = dot(&at, answer);
                    let nearer = self.words.iter().filter(|(word, vector)| {
                        ![*a, *b, *c, *d].contains(word) && dot(&at, vector) > goal
                    });
                    right += usize::from(nearer.take(among).count() < among);
                }
            }
        }
        (right as f64 / asked.max(1) as f64, asked)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_made_of_offsets_answers_all() {
        // Each base word has an axis of its own, and the second word of a pair the same step.
        let pairs = [["dog", "dogs"], ["cat", "cats"], ["car", "cars"]];
        let words = pairs.concat();
        let vocabulary = words.iter().zip(3..).map(|(w, id)| ((*w).to_owned(), id)).collect();
        let tokenizer = Tokenizer::new(vocabulary, 1);
        let mut table = vec![0.0; 9 * 4];
        for (at, row) in table.chunks_exact_mut(4).skip(3).enumerate() {
            row[at / 2] = 1.0;
            row[3] = (at % 2) as f32;
        }
        let space = Space::new(&tokenizer, &table, 4);
        assert_eq!(space.score(1, true), (1.0, 6));
        // Nothing but the answer is near the third word: no offset is needed here, as is known.
        assert_eq!(space.score(1, false).1, 6);
        let none = Space::new(&tokenizer, &[], 4);
        assert_eq!(none.score(5, true), (0.0, 0));
    }
}
