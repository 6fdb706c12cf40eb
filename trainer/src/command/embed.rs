//! Commands about pictures and sentences: cross-validation, and the towers of Keras.

use std::io::Write;
use std::path::{Path, PathBuf};

use framecast::model::Tokenizer;
use framecast_trainer::TrainError;
use framecast_trainer::export::save;
use framecast_trainer::fit::FitRecipe;
use framecast_trainer::task::embed::crossval::crossval;
use framecast_trainer::task::embed::keras::{Caption, Dense};
use framecast_trainer::task::embed::{recall_of_files, represent};

use crate::Failure;

/// The space of the imported towers.
const SPACE: &str = "keras-joint-text-image";

/// Trains a recipe of task `embed` once for each fold, and scores all folds together.
pub(crate) fn cross_validate(
    recipe: &Path,
    out: &Path,
    to: &mut impl Write,
) -> Result<(), Failure> {
    let recipe = FitRecipe::read(recipe)?;
    drop(rayon::ThreadPoolBuilder::new().num_threads(recipe.train.threads).build_global());
    Ok(to.write_all(crossval(&recipe, out)?.as_bytes())?)
}

/// Features and representations of a run's data as `.npy` files.
#[derive(clap::Args)]
pub(crate) struct Represent {
    /// A checkpoint of task embed
    checkpoint: PathBuf,
    /// Folder for image-features.npy, image-representations.npy and caption-representations.npy
    #[arg(long, short)]
    out: PathBuf,
}

impl Represent {
    /// Writes the files.
    pub(crate) fn run(&self, to: &mut impl Write) -> Result<(), Failure> {
        Ok(to.write_all(represent(&self.checkpoint, &self.out)?.as_bytes())?)
    }
}

/// Representations that are there, scored.
#[derive(clap::Args)]
pub(crate) struct Recall {
    /// Representations of pictures (.npy), a row each
    images: String,
    /// Representations of their sentences (.npy)
    sentences: String,
    /// Lines `picture#number<TAB>sentence` in the order of the rows [default: those of the test data]
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    captions: String,
}

impl Recall {
    /// Prints pairwise accuracy, recall and ranks.
    pub(crate) fn run(&self, to: &mut impl Write) -> Result<(), Failure> {
        let text = recall_of_files(&self.images, &self.sentences, &self.captions)?;
        Ok(to.write_all(text.as_bytes())?)
    }
}

/// The two towers that Keras saved.
#[derive(clap::Args)]
pub(crate) struct Import {
    /// model.image (HDF5)
    image: PathBuf,
    /// model.caption (HDF5)
    caption: PathBuf,
    /// Words and ids of the caption tower (vocab.json)
    #[arg(long)]
    vocabulary: PathBuf,
    /// Folder for keras-image.onnx and keras-caption.onnx
    #[arg(long, short)]
    out: PathBuf,
}

impl Import {
    /// Writes both towers as ONNX models.
    pub(crate) fn run(&self, to: &mut impl Write) -> Result<(), Failure> {
        let caption = Caption::read(&self.caption)?;
        let image = Dense::read(&self.image)?.model(SPACE)?;
        let words = Tokenizer::read(&self.vocabulary, caption.length());
        let words = words.map_err(|e| TrainError::Data {
            uri: self.vocabulary.display().to_string(),
            reason: e.to_string(),
        })?;
        let caption = caption.model(SPACE, words)?;
        std::fs::create_dir_all(&self.out).map_err(TrainError::io("create", &self.out))?;
        for (model, name) in [(image, "keras-image.onnx"), (caption, "keras-caption.onnx")] {
            let path = self.out.join(name);
            save(&model, &path)?;
            writeln!(to, "{}: {} bytes", path.display(), model.bytes().len())?;
        }
        Ok(())
    }
}
