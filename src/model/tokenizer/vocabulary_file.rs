//! `vocab.json`: one JSON object from word to id, as Keras programs write it.
//!
//! The special ids are the entries `<pad>`, `<unk>` and `<eos>`. A file with `<eos>` alone is in the
//! older form in which one id means all three, like the public joint text-image vocabulary; it is
//! read with that meaning, so that models trained with it get the ids they know.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{Tokenizer, TokenizerError};

/// Largest file that is read.
const MAX_FILE: u64 = 64 << 20;

impl Tokenizer {
    /// Name of the padding id in `vocab.json`.
    pub const PAD_NAME: &'static str = "<pad>";
    /// Name of the id of unknown words in `vocab.json`.
    pub const UNKNOWN_NAME: &'static str = "<unk>";
    /// Name of the id of the end in `vocab.json`.
    pub const END_NAME: &'static str = "<eos>";
    /// Length of the sentences of the public vocabulary.
    pub const PUBLIC_LENGTH: usize = 16;

    /// Reads `vocab.json`; `place` is named in errors, `length` is that of the id sequences.
    ///
    /// # Errors
    /// [`TokenizerError::Vocabulary`] for anything but an object from different words to different
    /// ids with the special entries.
    pub fn from_vocab_json(place: &str, json: &str, length: usize) -> Result<Self, TokenizerError> {
        let bad = |reason: String| TokenizerError::Vocabulary { place: place.to_owned(), reason };
        let Words(mut words) = serde_json::from_str(json)
            .map_err(|e| bad(format!("not an object from words to ids: {e}")))?;
        let mut special = |name: &str| words.remove(name);
        let specials =
            [special(Self::PAD_NAME), special(Self::UNKNOWN_NAME), special(Self::END_NAME)];
        let (pad, unknown, end) = match specials {
            [Some(pad), Some(unknown), Some(end)] => (pad, unknown, end),
            [None, None, Some(all)] => (all, all, all),
            _ => {
                return Err(bad(format!(
                    "it needs entries {}, {} and {}, or {} alone for all three",
                    Self::PAD_NAME,
                    Self::UNKNOWN_NAME,
                    Self::END_NAME,
                    Self::END_NAME
                )));
            }
        };
        let tokenizer = Self { pad, unknown, end, ..Self::new(words, length) };
        match tokenizer.fault() {
            Some((_, reason)) => Err(bad(reason)),
            None => Ok(tokenizer),
        }
    }

    /// Reads the file `path`; see [`Tokenizer::from_vocab_json`].
    ///
    /// # Errors
    /// [`TokenizerError::Io`], and [`TokenizerError::Vocabulary`] for a file above 64 MiB, that is
    /// not UTF-8, or that [`Tokenizer::from_vocab_json`] refuses.
    pub fn read(path: &Path, length: usize) -> Result<Self, TokenizerError> {
        let io = |cause| TokenizerError::Io { action: "read", path: path.to_owned(), cause };
        let place = path.display().to_string();
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(io)?;
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
        let bad = |reason: String| TokenizerError::Vocabulary { place: place.clone(), reason };
        if bytes.len() as u64 > MAX_FILE {
            return Err(bad(format!("the file is larger than {MAX_FILE} bytes")));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|e| bad(format!("not UTF-8 from byte {} on", e.valid_up_to())))?;
        Self::from_vocab_json(&place, text, length)
    }

    /// The vocabulary as `vocab.json`, in the order of the ids. Length, side and rules are not in
    /// that format; the contract carries them.
    #[must_use]
    pub fn to_vocab_json(&self) -> String {
        let all_one = self.pad == self.unknown && self.unknown == self.end;
        let mut entries: Vec<(u32, &str)> = vec![(self.end, Self::END_NAME)];
        if !all_one {
            entries.push((self.pad, Self::PAD_NAME));
            entries.push((self.unknown, Self::UNKNOWN_NAME));
        }
        entries.extend(self.vocabulary.iter().map(|(word, &id)| (id, word.as_str())));
        entries.sort_unstable();
        let object: serde_json::Map<String, serde_json::Value> =
            entries.into_iter().map(|(id, word)| (word.to_owned(), id.into())).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// Writes `vocab.json` to `path`; a failure leaves a file that is there as it was.
    ///
    /// # Errors
    /// [`TokenizerError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), TokenizerError> {
        let io = |cause| TokenizerError::Io { action: "write", path: path.to_owned(), cause };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut file =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(io)?;
        file.write_all(self.to_vocab_json().as_bytes()).map_err(io)?;
        file.persist(path).map_err(|e| io(e.error))?;
        Ok(())
    }
}

/// Words and ids, in which no word may stand twice.
struct Words(BTreeMap<String, u32>);

impl<'de> serde::Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from words to whole numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
                let mut words = BTreeMap::new();
                while let Some((word, id)) = map.next_entry::<String, u32>()? {
                    if words.contains_key(&word) {
                        return Err(A::Error::custom(format!("{word:?} stands twice")));
                    }
                    words.insert(word, id);
                }
                Ok(Words(words))
            }
        }
        from.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Tokenizer, String> {
        Tokenizer::from_vocab_json("v", json, 4).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_written_is_read_again_and_failures_keep_the_old_file() {
        let tokenizer = Tokenizer::fit(
            ["the red circle"],
            &super::super::FitOptions { length: 4, ..Default::default() },
        )
        .unwrap();
        let json = tokenizer.to_vocab_json();
        assert_eq!(json, r#"{"<pad>":0,"<unk>":1,"<eos>":2,"the":3,"red":4,"circle":5}"#);
        assert_eq!(read(&json).unwrap(), tokenizer);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.json");
        tokenizer.write(&path).unwrap();
        assert_eq!(Tokenizer::read(&path, 4).unwrap(), tokenizer);
        assert!(tokenizer.write(&folder.path().join("absent/vocab.json")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_id_for_all_three_is_read_as_it_was_meant() {
        let tokenizer = read(r#"{"<eos>": 0, "a": 1, "man": 9}"#).unwrap();
        assert_eq!((tokenizer.pad, tokenizer.unknown, tokenizer.end), (0, 0, 0));
        assert_eq!(tokenizer.encode("A tall man").unwrap().ids, [0, 1, 0, 9]);
        assert_eq!(read(&tokenizer.to_vocab_json()).unwrap(), tokenizer);
        assert_eq!(tokenizer.decode(&[0, 1, 0, 9]), "a man");
    }

    #[test]
    fn damaged_files_are_refused_with_the_reason() {
        for (json, expected) in [
            ("", "not an object"),
            ("[1]", "an object from words"),
            (r#"{"a": -1}"#, "-1"),
            (r#"{"a": 1.5}"#, "1.5"),
            (r#"{"a": "1"}"#, "not an object from words to ids"),
            (r#"{"<eos>": 0, "a": 1, "a": 2}"#, "\"a\" stands twice"),
            (r#"{"<eos>": 0, "a": 1, "b": 1}"#, "share the id 1"),
            (r#"{"<eos>": 0, "a": 0}"#, "\"a\" has the id 0"),
            (r#"{"<eos>": 0}"#, "empty"),
            (r#"{"a": 1}"#, "it needs entries <pad>, <unk> and <eos>"),
            (r#"{"<eos>": 0, "<pad>": 1, "a": 2}"#, "it needs entries"),
            (r#"{"<eos>": 0, "a": 4294967295}"#, "above 10000000"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vocab.json");
        std::fs::write(&path, b"{\"\xff\": 1}").unwrap();
        assert!(Tokenizer::read(&path, 0).unwrap_err().to_string().contains("not UTF-8"));
        let absent = Tokenizer::read(&folder.path().join("absent"), 0).unwrap_err().to_string();
        assert!(absent.contains("cannot read"), "{absent}");
    }

    /// Ids computed by a written-out copy of Keras' rules over the public file.
    #[test]
    fn the_public_vocabulary_gives_the_ids_its_models_know() {
        let folder = std::env::var_os("FRAMECAST_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
            Into::into,
        );
        let path = folder.join("retrieval/vocab.json");
        if !path.is_file() {
            let reason = format!("{} is absent; set FRAMECAST_DATA", path.display());
            assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{reason}");
            return eprintln!("skipped: {reason}");
        }
        let tokenizer = Tokenizer::read(&path, Tokenizer::PUBLIC_LENGTH).unwrap();
        assert_eq!((tokenizer.vocabulary.len(), tokenizer.ids()), (4558, 4559));
        let golden: [(&str, [u32; 16]); 4] = [
            (
                "a man in the snow on some skis",
                [0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 3, 4, 74, 2, 21, 161],
            ),
            (
                "A close-up of a MAN's dog; two o'clock!",
                [0, 0, 0, 0, 0, 0, 0, 1, 179, 43, 5, 1, 0, 37, 12, 2966],
            ),
            ("a quokkafoo sits", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 91]),
            (
                "the rainbow is shining just above the water while a man and a woman are sitting \
                 on an old red bench",
                [214, 4, 45, 116, 1, 9, 7, 1, 18, 15, 10, 2, 11, 125, 54, 93],
            ),
        ];
        for (text, ids) in golden {
            assert_eq!(tokenizer.encode(text).unwrap().ids, ids, "{text}");
        }
    }
}
