//! Checkpoints of runs of the families other than prediction, in one [sealed] file whose header has
//! names and shapes of all parameters.
#![warn(clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::FitRecipe;
use crate::TrainError;
use crate::net::Params;
use crate::train::sealed::{self, Magic};
use crate::train::{AdamW, Standing};

const MAGIC: &Magic = b"FCFIT\0\0\x01";

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
        sealed::write(path, MAGIC, &header, [o])
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Io`], and [`TrainError::Checkpoint`] when the file is damaged.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        sealed::read(path, MAGIC, Self::parse)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (header, numbers) = sealed::open::<Header>(bytes, MAGIC)?;
        // Before anything is made by these sizes.
        let size = |shape: &[usize]| shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let sizes: Option<Vec<usize>> = header.parameters.iter().map(|(_, s)| size(s)).collect();
        let total = sizes.and_then(|s| s.iter().try_fold(0usize, |n, &d| n.checked_add(d)));
        if !total.is_some_and(|total| numbers.are_of(total)) {
            let held = numbers.elements();
            return Err(format!("it holds {held} weights, not those its header names"));
        }
        let mut values = numbers.iter();
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;
    use crate::net::add_table;
    use crate::train::sealed::tests::bare;

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
            let error = FitCheckpoint::parse(&bare(MAGIC, &header)).unwrap_err();
            assert!(error.contains("holds 0 weights"), "{error}");
        }
    }
}
