//! Checkpoints: everything a run needs to go on exactly, in one [sealed](super::sealed) file; the
//! discriminator's numbers, where there is one, come last.
#![warn(clippy::indexing_slicing)]

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::sealed::{self, Magic};
use super::{AdamW, Standing};
use crate::TrainError;
use crate::net::Shape;
use crate::net::base::Sizes;
use crate::recipe::Recipe;

const MAGIC: &Magic = b"FCTRAIN1";

/// A training run at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The recipe it follows.
    pub recipe: Recipe,
    /// What the data were, in words.
    pub data: Vec<String>,
    /// Weights and optimiser.
    pub optimiser: AdamW,
    /// Batches of sequences it has learned from; each is one step or several.
    pub batches: u64,
    /// Its best checkpoints.
    pub standing: Standing,
    /// The discriminator of adversarial training and its optimiser.
    pub critic: Option<AdamW>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    recipe: Recipe,
    data: Vec<String>,
    steps: u64,
    /// Files of before sequences could differ in length have none: their steps say it.
    #[serde(default)]
    batches: Option<u64>,
    #[serde(flatten)]
    standing: Standing,
    /// Steps of the discriminator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    critic: Option<u64>,
}

impl Checkpoint {
    /// A run that has no validation yet.
    #[must_use]
    pub fn new(recipe: Recipe, data: Vec<String>, optimiser: AdamW) -> Self {
        Self { recipe, data, optimiser, batches: 0, standing: Standing::default(), critic: None }
    }

    /// Writes the file under another name and moves it into place, so that a run that dies leaves
    /// the former file intact.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let header = Header {
            recipe: self.recipe.clone(),
            data: self.data.clone(),
            steps: self.optimiser.steps,
            batches: Some(self.batches),
            standing: self.standing.clone(),
            critic: self.critic.as_ref().map(|c| c.steps),
        };
        let optimisers = [Some(&self.optimiser), self.critic.as_ref()];
        sealed::write(path, MAGIC, &header, optimisers.into_iter().flatten())
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
        // Before anything is made by its sizes.
        header.recipe.check()?;
        let shape = header.recipe.shape();
        let held = numbers.elements() as u64;
        if least(&shape) > held {
            return Err(format!("it holds {held} weights, fewer than {} has", shape.preset));
        }
        let mut optimiser = AdamW::new(shape.init(0));
        optimiser.steps = header.steps;
        let mut critic = None;
        if let (Some(steps), Some(adversarial)) = (header.critic, &header.recipe.adversarial) {
            critic = Some(AdamW { steps, ..adversarial.begin(0) });
        }
        let count = optimiser.weights.len() + critic.as_ref().map_or(0, |c| c.weights.len());
        if !numbers.are_of(count) {
            return Err(format!(
                "it holds {} numbers where {} has {count} in each of four sets",
                numbers.len(),
                shape.preset
            ));
        }
        let mut values = numbers.iter();
        for o in [Some(&mut optimiser), critic.as_mut()].into_iter().flatten() {
            for params in [&mut o.weights, &mut o.average, &mut o.first, &mut o.second] {
                for value in params.list_mut().iter_mut().flat_map(|p| &mut p.values) {
                    *value = values.next().unwrap_or_default();
                }
            }
        }
        let steps_a_batch = header.recipe.steps_a_batch();
        let batches = header.batches.unwrap_or(header.steps / steps_a_batch);
        let Header { recipe, data, standing, .. } = header;
        Ok(Self { recipe, data, optimiser, batches, standing, critic })
    }
}

/// Weights that a network of `shape` has at least: those of the layers whose sizes a recipe gives.
fn least(shape: &Shape) -> u64 {
    let Some(sizes) = shape.base else { return 0 };
    let Sizes { window, ahead, space, time, blocks, widen, kernel } = sizes;
    let block = time * kernel * kernel + 2 * widen * time * time;
    (blocks * block + (window + ahead) * space * time) as u64
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::train::sealed::tests::bare;

    #[test]
    fn a_checkpoint_comes_back_whole_and_damage_is_noticed() {
        let recipe = Recipe::parse(
            "r",
            "name = \"x\"\nnetwork = \"nano-direct\"\n[data]\nside = 32\nframes = 9\n\
             [adversarial]\nchannels = 4\n",
        )
        .unwrap();
        let mut optimiser = AdamW::new(recipe.network.init(4));
        optimiser.steps = 17;
        optimiser.second.list_mut()[0].values[0] = 0.25;
        let mut checkpoint = Checkpoint::new(recipe, vec!["a clip".into()], optimiser);
        let mut critic = checkpoint.recipe.adversarial.unwrap().begin(3);
        critic.steps = 5;
        checkpoint.critic = Some(critic);
        checkpoint.batches = 9;
        checkpoint.standing.offer(17, 0.5, crate::train::Goal::Max, 2);
        let path = std::env::temp_dir().join(format!("framecast-{}.ckpt", std::process::id()));
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);

        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        assert!(Checkpoint::parse(&flipped).unwrap_err().contains("damaged"));
        assert!(Checkpoint::parse(&bytes[..bytes.len() - 5]).unwrap_err().contains("damaged"));
        assert!(Checkpoint::parse(b"PK").unwrap_err().contains("no checkpoint"));
        assert!(Checkpoint::parse(MAGIC).unwrap_err().contains("damaged"));
    }

    #[test]
    fn a_header_makes_no_network_that_its_file_has_no_weights_for() {
        let parse = |network: &str, base: &str| {
            let recipe = format!(
                "{{\"name\":\"x\",\"network\":\"{network}\",\"base\":{base},\
                 \"data\":{{\"side\":32,\"frames\":20}}}}"
            );
            let header = format!("{{\"recipe\":{recipe},\"data\":[],\"steps\":0}}");
            Checkpoint::parse(&bare(MAGIC, header.as_bytes())).unwrap_err()
        };
        let sizes = |time: u64| {
            format!(
                "{{\"window\":10,\"ahead\":10,\"space\":16,\"time\":{time},\"blocks\":64,\
                 \"widen\":8,\"kernel\":15}}"
            )
        };
        let error = parse("base", &sizes(1024));
        assert!(error.contains("fewer than base has"), "{error}");
        let error = parse("base", &sizes(4_000_000_000));
        assert!(error.contains("outside 1 to 1024"), "{error}");
        let error = parse("nano", "null");
        assert!(error.contains("holds 0 numbers"), "{error}");
    }
}
