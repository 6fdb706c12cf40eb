//! Checkpoints of runs of the families other than prediction, in one file written atomically.
//!
//! Layout: the magic, the header's length (u32, little-endian), the header (JSON, with names and
//! shapes of all parameters), then all weights, their averages, first and second moments (f32,
//! little-endian), then the SHA-256 of all before it.
#![warn(clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::FitRecipe;
use crate::TrainError;
use crate::net::Params;
use crate::train::{AdamW, Standing, replace};

const MAGIC: &[u8; 8] = b"FCFIT\0\0\x01";
const HASH: usize = 32;

/// A run at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct FitCheckpoint {
    /// The recipe it follows.
    pub recipe: FitRecipe,
    /// What the data were, in words.
    pub data: Vec<String>,
    /// What its words and labels were, [`Lesson::vocabulary`](super::Lesson::vocabulary).
    pub vocabulary: Option<String>,
    /// Weights and optimiser; the average of the weights is what is scored and exported.
    pub optimiser: AdamW,
    /// Its best checkpoint.
    pub standing: Standing,
}

#[derive(Serialize, Deserialize)]
struct Header {
    recipe: String,
    data: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vocabulary: Option<String>,
    steps: u64,
    standing: Standing,
    parameters: Vec<(String, Vec<usize>)>,
}

impl FitCheckpoint {
    /// Whether the file at `path` begins as one of these does.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        use std::io::Read as _;
        let mut magic = [0; 8];
        let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        read.is_ok() && magic == *MAGIC
    }

    /// Writes the file under another name and moves it into place.
    ///
    /// # Errors
    /// [`TrainError::Io`]; what was there is intact then.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let o = &self.optimiser;
        let header = Header {
            recipe: self.recipe.to_toml()?,
            data: self.data.clone(),
            vocabulary: self.vocabulary.clone(),
            steps: o.steps,
            standing: self.standing.clone(),
            parameters: o
                .weights
                .list()
                .iter()
                .map(|p| (p.name.clone(), p.shape.clone()))
                .collect(),
        };
        let header = serde_json::to_vec(&header)
            .map_err(|e| wrong(path, format!("its header cannot be written: {e}")))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        for params in [&o.weights, &o.average, &o.first, &o.second] {
            for value in params.list().iter().flat_map(|p| &p.values) {
                bytes.extend(value.to_le_bytes());
            }
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash.as_slice());
        replace(path, &bytes)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Io`], and [`TrainError::Checkpoint`] when the file is damaged.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bytes = fs::read(path).map_err(TrainError::io("read", path))?;
        Self::parse(&bytes).map_err(|reason| wrong(path, reason))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let damaged = || "it is damaged or incomplete; use another checkpoint".to_owned();
        let body = bytes.strip_prefix(MAGIC).ok_or("it is no checkpoint of framecast-train")?;
        let split = bytes.len().checked_sub(HASH).ok_or_else(damaged)?;
        let (all, hash) = bytes.split_at_checked(split).ok_or_else(damaged)?;
        if Sha256::digest(all).as_slice() != hash {
            return Err(damaged());
        }
        let (len, rest) = body.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = u32::from_le_bytes(*len) as usize;
        let (header, rest) = rest.split_at_checked(len).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header).map_err(|e| e.to_string())?;
        let held = rest.len().saturating_sub(HASH) / 16;
        // Before anything is made by these sizes.
        let size = |shape: &[usize]| shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let sizes: Option<Vec<usize>> = header.parameters.iter().map(|(_, s)| size(s)).collect();
        let total = sizes.and_then(|s| s.iter().try_fold(0usize, |n, &d| n.checked_add(d)));
        if total != Some(held) || rest.len() != held * 16 + HASH {
            return Err(format!("it holds {held} weights, not those its header names"));
        }
        let mut values = rest.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        let mut params = || {
            let mut params = Params::default();
            for (name, shape) in &header.parameters {
                let count = shape.iter().product();
                params.add_values(name, shape, values.by_ref().take(count).collect());
            }
            params
        };
        let (weights, average, first, second) = (params(), params(), params(), params());
        let recipe =
            FitRecipe::parse("of a checkpoint", &header.recipe).map_err(|e| e.to_string())?;
        let optimiser = AdamW { weights, average, first, second, steps: header.steps };
        let Header { data, vocabulary, standing, .. } = header;
        Ok(Self { recipe, data, vocabulary, optimiser, standing })
    }
}

fn wrong(path: &Path, reason: String) -> TrainError {
    TrainError::Checkpoint { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;
    use crate::net::add_table;

    fn sample() -> FitCheckpoint {
        let text = "task = \"tag\"\nname = \"a\"\n[tag]\nwidth = 3\n";
        let mut weights = Params::default();
        add_table(&mut weights, "words", 5, 3, &mut Pcg64::seed_from_u64(1));
        let mut optimiser = AdamW::new(weights);
        optimiser.steps = 17;
        optimiser.second.list_mut()[0].values[0] = 0.25;
        let recipe = FitRecipe::parse("r", text).unwrap();
        let (data, vocabulary) = (vec!["x".into()], Some("ab".into()));
        FitCheckpoint { recipe, data, vocabulary, optimiser, standing: Standing::default() }
    }

    #[test]
    fn a_checkpoint_comes_back_whole_and_damage_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.ckpt");
        sample().write(&path).unwrap();
        assert!(FitCheckpoint::is_one(&path));
        assert_eq!(FitCheckpoint::read(&path).unwrap(), sample());
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(FitCheckpoint::parse(&flipped).is_err(), "byte {at}");
            assert!(FitCheckpoint::parse(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_header_makes_no_weights_that_its_file_does_not_hold() {
        for shape in [vec![usize::MAX, 2], vec![1 << 40], vec![15, 1]] {
            let header = Header {
                recipe: "task = \"tag\"\nname = \"a\"\n".into(),
                data: Vec::new(),
                vocabulary: None,
                steps: 0,
                standing: Standing::default(),
                parameters: vec![("w".into(), shape)],
            };
            let header = serde_json::to_vec(&header).unwrap();
            let mut bytes = MAGIC.to_vec();
            bytes.extend((header.len() as u32).to_le_bytes());
            bytes.extend(header);
            let hash = Sha256::digest(&bytes);
            bytes.extend(hash.as_slice());
            let error = FitCheckpoint::parse(&bytes).unwrap_err();
            assert!(error.contains("holds 0 weights"), "{error}");
        }
    }
}
