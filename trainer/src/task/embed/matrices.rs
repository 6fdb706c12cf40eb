//! Features and representations as `.npy` files: a row a picture, or a sentence.

use std::fs;
use std::path::Path;

use framecast::model::{TensorBuf, npy};

use super::data::captions;
use super::recall::{Both, Gallery};
use super::{EmbedLesson, EmbedSettings};
use crate::TrainError;
use crate::data::place;
use crate::fit::FitCheckpoint;

/// Most scores of sentences with pictures.
const MOST_SCORES: usize = 1 << 28;

/// The rows of a file of finite real numbers.
pub(super) fn read(uri: &str) -> Result<Vec<Vec<f32>>, TrainError> {
    let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let path = place(uri);
    let array = npy::read(Path::new(&path)).map_err(|e| fail(e.to_string()))?;
    let [rows, columns] = *array.shape() else {
        return Err(fail(format!("its shape is {:?}; two sides are wanted", array.shape())));
    };
    let Some(values) = array.as_f32() else {
        return Err(fail("its numbers are not f32; save it with .astype('float32')".to_owned()));
    };
    if rows == 0 || columns == 0 {
        return Err(fail(format!("it has {rows} rows of {columns} numbers")));
    }
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        let (row, column) = (at / columns, at % columns);
        return Err(fail(format!("number {column} of row {row} is {}", values[at])));
    }
    Ok(values.chunks(columns).map(<[f32]>::to_vec).collect())
}

fn write(path: &Path, rows: &[Vec<f32>]) -> Result<(), TrainError> {
    let shape = [rows.len(), rows.first().map_or(0, Vec::len)];
    let fail = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
    let array = TensorBuf::new(&shape, rows.concat()).map_err(|e| fail(e.to_string()))?;
    npy::write(path, &array).map_err(TrainError::io("write", path))
}

/// Writes features and representations of the pictures, and representations of all their sentences,
/// by the towers of `checkpoint` into `folder`: what was written.
///
/// # Errors
/// [`TrainError`] for a checkpoint of another family, and when the data cannot be read or a file
/// not be written.
pub fn represent(checkpoint: &Path, folder: &Path) -> Result<String, TrainError> {
    let run = FitCheckpoint::read(checkpoint)?;
    if run.recipe.task != "embed" {
        let reason = format!("its task is {:?}; towers have \"embed\"", run.recipe.task);
        return Err(TrainError::Checkpoint { path: checkpoint.to_owned(), reason });
    }
    let lesson = EmbedLesson::open(&run.recipe)?;
    run.belongs(checkpoint, &lesson)?;
    let [pictures, sentences] = lesson.representations(&run.optimiser.average);
    fs::create_dir_all(folder).map_err(TrainError::io("create", folder))?;
    let mut text = String::new();
    for (name, rows) in [
        ("image-features.npy", lesson.features()),
        ("image-representations.npy", &pictures),
        ("caption-representations.npy", &sentences),
    ] {
        let path = folder.join(name);
        write(&path, rows)?;
        let columns = rows.first().map_or(0, Vec::len);
        text.push_str(&format!("{}: {} x {columns}\n", path.display(), rows.len()));
    }
    Ok(text)
}

/// How well representations of sentences and of pictures find each other; `captions_uri` says which
/// sentence is about which picture.
///
/// # Errors
/// [`TrainError::Data`] when a file cannot be read or they do not fit together.
pub fn recall(pictures: &str, sentences: &str, captions_uri: &str) -> Result<String, TrainError> {
    let fail = |uri: &str, reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let (images, texts) = (read(pictures)?, read(sentences)?);
    let captions_uri = match captions_uri {
        "" => EmbedSettings::default().captions,
        given => given.to_owned(),
    };
    let captions = captions(&captions_uri)?;
    let owners: Vec<usize> =
        captions.iter().enumerate().flat_map(|(at, (_, own))| vec![at; own.len()]).collect();
    let wanted = [(pictures, images.len(), captions.len()), (sentences, texts.len(), owners.len())];
    if let Some((uri, rows, lines)) = wanted.iter().find(|(_, rows, lines)| rows != lines) {
        return Err(fail(uri, format!("it has {rows} rows; {captions_uri} has {lines}")));
    }
    let [a, b] = [&images, &texts].map(|rows| rows.first().map_or(0, Vec::len));
    if a != b {
        return Err(fail(sentences, format!("its rows have {b} numbers; those of pictures {a}")));
    }
    if images.len().saturating_mul(texts.len()) > MOST_SCORES {
        return Err(fail(sentences, format!("more than {MOST_SCORES} scores; take fewer rows")));
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let scores = texts.iter().flat_map(|t| images.iter().map(move |i| dot(t, i))).collect();
    let gallery = Gallery { scores, owners, pictures: images.len() };
    let both = Both::of(std::slice::from_ref(&gallery));
    let mut text = format!(
        "{} sentences, {} pictures: pairwise accuracy {:.4} (chance 0.5)\n",
        texts.len(),
        images.len(),
        gallery.pairwise()
    );
    for (way, ranks) in
        [("text to image", &both.text_to_image), ("image to text", &both.image_to_text)]
    {
        let [one, five, ten] = [1, 5, 10].map(|k| ranks.recall(k));
        text.push_str(&format!(
            "{way}  R@1 {one:.3}  R@5 {five:.3}  R@10 {ten:.3}  median rank {:.1}\n",
            ranks.median()
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_what_does_not_fit_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let uri = |name: &str| at(name).display().to_string();
        let rows = |list: &[[f32; 2]]| list.iter().map(|r| r.to_vec()).collect::<Vec<_>>();
        write(&at("i.npy"), &rows(&[[1.0, 0.0], [0.0, 1.0]])).unwrap();
        write(&at("c.npy"), &rows(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])).unwrap();
        assert_eq!(read(&uri("i.npy")).unwrap(), rows(&[[1.0, 0.0], [0.0, 1.0]]));
        fs::write(at("c.tsv"), "a#0\tone\nb#0\ttwo\nb#1\tthree\n").unwrap();
        let [images, sentences, lines] = ["i.npy", "c.npy", "c.tsv"].map(uri);
        let text = recall(&images, &sentences, &lines).unwrap();
        // The third sentence, about the second picture, is nearer to the first.
        assert!(text.contains("pairwise accuracy 0.6667"), "{text}");
        assert!(text.contains("text to image  R@1 0.667"), "{text}");
        let said = |a: &str, b: &str| recall(a, b, &lines).unwrap_err().to_string();
        assert!(said(&sentences, &sentences).contains("3 rows"));
        write(&at("n.npy"), &rows(&[[f32::NAN, 0.0], [0.0, 1.0]])).unwrap();
        assert!(said(&uri("n.npy"), &sentences).contains("number 0 of row 0 is NaN"));
        npy::write(&at("d.npy"), &TensorBuf::new(&[2], vec![1.0f64, 2.0]).unwrap()).unwrap();
        assert!(said(&uri("d.npy"), &sentences).contains("two sides"));
        fs::write(at("x.npy"), b"\x93NUMPY").unwrap();
        assert!(said(&uri("x.npy"), &sentences).contains("cut short"));
    }
}
