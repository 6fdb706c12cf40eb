//! Finished measurements on disk, so that an interrupted report goes on where it was.
//!
//! A measurement is kept under the hash of everything that could change it: the samples of the clip,
//! the settings, the versions of the programs. What does not fit is measured again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::BenchError;
use super::clip::hex;

/// A folder of measurements.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    key: Value,
    value: Value,
}

impl Store {
    /// Measurements in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub fn open(folder: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(folder).map_err(BenchError::io("make the folder", folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, key: &Value) -> PathBuf {
        let digest = hex(&Sha256::digest(key.to_string().as_bytes()));
        self.folder.join(format!("{}.json", digest.get(..32).unwrap_or(&digest)))
    }

    /// What is kept under `key`; a file that cannot be understood counts as absent.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &Value) -> Option<T> {
        let text = fs::read(self.path(key)).ok()?;
        let entry: Entry = serde_json::from_slice(&text).ok()?;
        if entry.key != *key {
            return None;
        }
        serde_json::from_value(entry.value).ok()
    }

    /// Keeps `value` under `key`.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub fn put(&self, key: &Value, value: &impl Serialize) -> Result<(), BenchError> {
        let path = self.path(key);
        let part = path.with_extension("part");
        let bytes = serde_json::to_value(value)
            .and_then(|value| serde_json::to_vec_pretty(&Entry { key: key.clone(), value }))
            .map_err(std::io::Error::other);
        bytes
            .and_then(|bytes| fs::write(&part, bytes))
            .and_then(|()| fs::rename(&part, &path))
            .map_err(BenchError::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_measured_is_found_under_its_own_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cells")).unwrap();
        let key = json!({"clip": "abc", "crf": 20});
        assert_eq!(store.get::<Vec<u32>>(&key), None);
        store.put(&key, &vec![1u32, 2]).unwrap();
        assert_eq!(store.get::<Vec<u32>>(&key), Some(vec![1, 2]));
        assert_eq!(store.get::<Vec<u32>>(&json!({"clip": "abc", "crf": 21})), None);
        assert_eq!(store.get::<String>(&key), None, "of another type");
        let path = store.path(&key);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert_eq!(store.get::<Vec<u32>>(&key), None, "cut off");
        fs::write(&path, text.replace("abc", "abd")).unwrap();
        assert_eq!(store.get::<Vec<u32>>(&key), None, "of another key");
    }
}
