//! The three parts of labelled vectors that a head is trained and judged on.

use std::path::{Path, PathBuf};

use framecast::engine::{EngineChoice, LoadOptions, load};
use framecast::frame::Size;
use framecast::model::{LabelList, ModelFile, registry};
use framecast::task::FrameInput;
use framecast::task::embed::{FrameEmbedder, backbone_name};
use framecast::vision::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::recipe::{EmbeddedRecipe, FilesRecipe, GeneratedRecipe};
use crate::TrainError;
use crate::data::features::{FeatureSet, Labelled};
use crate::data::place;
use crate::data::scenes::split::{ScenesRecipe, example};
use crate::data::scenes::{LABELS, SIDE, labels};

/// Labelled vectors and what is known of them.
pub(super) struct TagData {
    pub(super) train: FeatureSet,
    pub(super) validate: FeatureSet,
    /// Without any, the validation is all there is.
    pub(super) test: Option<FeatureSet>,
    /// What the data are, in words.
    pub(super) said: Vec<String>,
    /// The embeddings' name, where a backbone makes them.
    pub(super) features: Option<String>,
    /// Names of the labels, where the data have them.
    pub(super) labels: Option<LabelList>,
    /// The scenes, where they are the data.
    pub(super) scenes: Option<ScenesRecipe>,
}

/// Reads files.
pub(super) fn files(recipe: &FilesRecipe) -> Result<TagData, TrainError> {
    apart(recipe)?;
    let read = |files: &[String]| {
        let mut set = FeatureSet::new(recipe.dims, recipe.classes);
        for file in files {
            set.add_file(Path::new(&place(file)))?;
        }
        if set.is_empty() {
            let uri = files.first().cloned().unwrap_or_else(|| "features".to_owned());
            return Err(TrainError::Data { uri, reason: "it has no example".to_owned() });
        }
        Ok(set)
    };
    let (train, validate) = (read(&recipe.train)?, read(&recipe.validate)?);
    let test = (!recipe.test.is_empty()).then(|| read(&recipe.test)).transpose()?;
    let name = |file: &String| file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned();
    let said = vec![format!(
        "{} vectors of {}",
        train.len(),
        recipe.train.iter().map(name).collect::<Vec<_>>().join(", ")
    )];
    Ok(TagData { train, validate, test, said, features: None, labels: None, scenes: None })
}

/// Fails when a file is in two parts, by whatever names: what is learned from shows nothing.
fn apart(recipe: &FilesRecipe) -> Result<(), TrainError> {
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (part, files) in
        [("train", &recipe.train), ("validate", &recipe.validate), ("test", &recipe.test)]
    {
        for file in files {
            let path = PathBuf::from(place(file));
            // What cannot be found cannot be read either, which is told then.
            let path = path.canonicalize().unwrap_or(path);
            if let Some((other, _)) = seen.iter().find(|(name, p)| *name != part && *p == path) {
                let reason =
                    format!("it is among both {other} and {part} of [features]; keep it in one");
                return Err(TrainError::Data { uri: file.clone(), reason });
            }
            seen.push((part, path));
        }
    }
    Ok(())
}

/// Makes vectors up.
pub(super) fn generated(recipe: &GeneratedRecipe, seed: u64) -> Result<TagData, TrainError> {
    let fail = |reason: String| TrainError::Data { uri: "generated".to_owned(), reason };
    let by = &mut Pcg64::seed_from_u64(seed ^ 0x5eed);
    let (dims, classes) = (recipe.dims, recipe.classes);
    let normal = |by: &mut Pcg64| -> f32 {
        (0..4).map(|_| by.random_range(-0.5..0.5f32)).sum::<f32>() * 1.732
    };
    let length = 1.0 / (dims as f32).sqrt();
    let directions: Vec<f32> = (0..classes * dims).map(|_| normal(by) * length).collect();
    // The n-th label is as frequent as 1 / (n + 10).
    let total: f32 = (0..classes).map(|c| 1.0 / (c as f32 + 10.0)).sum();
    let mut make = |count: usize| -> Result<FeatureSet, TrainError> {
        let mut set = FeatureSet::new(dims, classes);
        for at in 0..count {
            let mut features: Vec<f32> = (0..dims).map(|_| normal(by) * recipe.noise).collect();
            let mut truth = Vec::new();
            for class in 0..classes {
                let often = recipe.labels / (class as f32 + 10.0) / total;
                if by.random::<f32>() < often {
                    truth.push(class as u32);
                    let direction = directions.iter().skip(class * dims).take(dims);
                    features.iter_mut().zip(direction).for_each(|(f, d)| *f += d);
                }
            }
            set.push(Labelled { id: at.to_string(), labels: truth, features }).map_err(fail)?;
        }
        Ok(set)
    };
    let (train, validate, test) =
        (make(recipe.train)?, make(recipe.validate)?, Some(make(recipe.validate)?));
    let said = vec![format!("{} made-up vectors", recipe.train)];
    Ok(TagData { train, validate, test, said, features: None, labels: None, scenes: None })
}

/// Embeds the labelled scenes.
pub(super) fn embedded(
    recipe: &EmbeddedRecipe,
    scenes: &ScenesRecipe,
) -> Result<TagData, TrainError> {
    let fail = |reason: String| TrainError::Data { uri: recipe.backbone.clone(), reason };
    if scenes.train.count.saturating_mul(recipe.frames) > 1_000_000 {
        return Err(fail("more than 1,000,000 frames of scenes to embed; take fewer".to_owned()));
    }
    let path = registry::resolve(&recipe.backbone, &[]).map_err(|e| fail(e.to_string()))?;
    let (mut embedder, name) = embedder(&path)?;
    let dims = embedder.dims();
    let mut embed = |picture: &RgbImage, truth: &[bool; LABELS], id: String| {
        let features = embedder.embed(picture).map_err(|e| fail(e.to_string()))?.to_vec();
        let labels = (0u32..).zip(truth).filter(|(_, t)| **t).map(|(l, _)| l).collect();
        Ok::<_, TrainError>(Labelled { id, labels, features })
    };
    let mut train = FeatureSet::new(dims, LABELS);
    let (first, count) = (scenes.train.first, scenes.train.count);
    for seed in first..first + count {
        for frame in 0..recipe.frames {
            let (picture, truth) = example(seed, frame * 13 % 30);
            let one = embed(&picture, &truth, seed.to_string())?;
            train.push(one).map_err(fail)?;
        }
    }
    let mut held = Vec::new();
    for span in [scenes.validate, scenes.test] {
        let mut set = FeatureSet::new(dims, LABELS);
        for (at, (picture, truth)) in (span.first..).zip(span.examples()) {
            set.push(embed(&picture, &truth, at.to_string())?).map_err(fail)?;
        }
        held.push(set);
    }
    let (Some(test), Some(validate)) = (held.pop(), held.pop()) else {
        return Err(fail("no scenes".to_owned()));
    };
    let names = labels();
    let links = vec![String::new(); names.len()];
    Ok(TagData {
        train,
        validate,
        test: Some(test),
        said: vec![scenes.describe(), format!("embeddings of {name}")],
        features: Some(name),
        labels: Some(LabelList { names, links }),
        scenes: Some(*scenes),
    })
}

/// The backbone of a file for square pictures of the scenes, on the engine every machine has, and
/// its name.
pub(super) fn embedder(path: &Path) -> Result<(FrameEmbedder, String), TrainError> {
    let size = Size::new(SIDE as u32, SIDE as u32);
    let fail = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
    let file = ModelFile::open(path).map_err(|e| fail(e.to_string()))?;
    let contract = file.contract().map_err(|e| fail(e.to_string()))?;
    let contract = contract.ok_or_else(|| fail("it carries no contract".to_owned()))?;
    let mut options = LoadOptions::default();
    options.engine = EngineChoice::Tract;
    options.threads = 1;
    options.bind = FrameInput::binding(&contract, size).map_err(|e| fail(e.to_string()))?;
    let loaded = load(&file, &options).map_err(|e| fail(e.to_string()))?;
    let name = backbone_name(&contract, &file);
    let embedder = FrameEmbedder::new(loaded.session, &contract, size);
    Ok((embedder.map_err(|e| fail(e.to_string()))?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_vectors_have_labels_by_their_rank() {
        let recipe = GeneratedRecipe {
            dims: 40,
            classes: 60,
            labels: 3.0,
            noise: 0.1,
            train: 400,
            validate: 50,
        };
        recipe.check().unwrap();
        let data = generated(&recipe, 1).unwrap();
        let test = data.test.unwrap();
        assert_eq!((data.train.len(), data.validate.len(), test.len()), (400, 50, 50));
        let prior = data.train.prior();
        let mean: f32 = prior.iter().sum();
        assert!((2.0..4.0).contains(&mean), "{mean}");
        assert!(prior[..10].iter().sum::<f32>() > 2.0 * prior[50..].iter().sum::<f32>());
        assert_ne!(data.validate, test);
        let huge = GeneratedRecipe { train: usize::MAX, ..recipe };
        assert!(huge.check().unwrap_err().contains("1 GiB"));
    }

    #[test]
    fn a_file_without_examples_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.csv");
        std::fs::write(&path, "id,labels,a,b\n").unwrap();
        let recipe = FilesRecipe {
            dims: 2,
            classes: 3,
            train: vec![path.display().to_string()],
            validate: Vec::new(),
            test: Vec::new(),
        };
        assert!(files(&recipe).err().unwrap().to_string().contains("no example"));
    }

    #[test]
    fn a_file_is_in_one_part_only() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, "id,labels,a,b\nx,1,0.5,1\n").unwrap();
            path.display().to_string()
        };
        let (a, b, c) = (file("a.csv"), file("b.csv"), file("c.csv"));
        let made = |train: &str, validate: &str, test: &[String]| FilesRecipe {
            dims: 2,
            classes: 3,
            train: vec![train.to_owned()],
            validate: vec![validate.to_owned()],
            test: test.to_vec(),
        };
        let said = |recipe: &FilesRecipe| files(recipe).err().unwrap().to_string();
        assert!(said(&made(&a, &a, &[])).contains("train and validate"));
        assert!(said(&made(&a, &b, &[c.clone(), b.clone()])).contains("validate and test"));
        // The same file by another name.
        let other = place.path().join("./../").join(place.path().file_name().unwrap());
        let other = other.join("a.csv").display().to_string();
        assert!(said(&made(&a, &b, &[other])).contains("train and test"));
        files(&made(&a, &b, &[c])).unwrap();
    }
}
