//! What ties a checkpoint to its data: weights mean nothing beside other words, labels or sizes.

use std::path::Path;

use framecast::model::Tokenizer;
use sha2::{Digest as _, Sha256};

use super::{FitCheckpoint, Lesson};
use crate::TrainError;

/// A SHA-256 of `names` in their order, in hexadecimal; of other lists it is another.
#[must_use]
pub fn digest(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut hash = Sha256::new();
    for name in names {
        let name = name.as_ref();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// The [`digest`] of the words of a tokenizer with their ids, and of `others`.
#[must_use]
pub fn digest_of_words(
    tokenizer: &Tokenizer,
    others: impl IntoIterator<Item = impl AsRef<str>>,
) -> String {
    let words = tokenizer.vocabulary.iter().map(|(word, id)| format!("{id} {word}"));
    digest([digest(words), digest(others)])
}

impl FitCheckpoint {
    /// Fails unless this checkpoint, which lies at `path`, is of what `lesson` is now: the same
    /// words and labels, parameters of the same shapes, and data of the same description.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming what differs.
    pub fn belongs(&self, path: &Path, lesson: &dyn Lesson) -> Result<(), TrainError> {
        let wrong = |reason: String| {
            let next = "put back the files it was trained on, or train again";
            let reason = format!("{reason}; {next}");
            Err(TrainError::Checkpoint { path: path.to_owned(), reason })
        };
        // Files of before vocabularies were kept have none.
        if self.vocabulary.is_some() && self.vocabulary != lesson.vocabulary() {
            return wrong(
                "its words or labels are not those that the recipe's data give now".to_owned(),
            );
        }
        let (own, now) = (self.optimiser.weights.list(), lesson.init());
        let now = now.list();
        if own.len() != now.len() {
            return wrong(format!(
                "it has {} parameters, the recipe with its data now {}",
                own.len(),
                now.len()
            ));
        }
        if let Some((a, b)) =
            own.iter().zip(now).find(|(a, b)| (&a.name, &a.shape) != (&b.name, &b.shape))
        {
            return wrong(format!(
                "it has the parameter {} of {:?} where the recipe with its data now has {} of {:?}",
                a.name, a.shape, b.name, b.shape
            ));
        }
        let now = lesson.data();
        if self.data != now {
            return wrong(format!(
                "it was trained on {:?}, and the recipe's data are now {:?}",
                self.data.join("; "),
                now.join("; ")
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_names_in_their_order() {
        let of = |names: &[&str]| digest(names);
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        let all = [&["a", "b"][..], &["b", "a"], &["ab"], &["a", "b", ""], &[]].map(of);
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((distinct.len(), all[0].len()), (5, 64));
    }
}
