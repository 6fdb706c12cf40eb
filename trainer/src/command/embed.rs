//! Commands about pictures and sentences: cross-validation, and the towers of Keras.

use std::io::Write;
use std::path::{Path, PathBuf};

use framecast::model::Tokenizer;
use framecast_trainer::TrainError;
use framecast_trainer::export::save;
use framecast_trainer::fit::FitRecipe;
use framecast_trainer::task::embed::crossval::crossval;
use framecast_trainer::task::embed::keras::{Caption, Dense};

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
