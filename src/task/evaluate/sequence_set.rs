//! A set of sequences for others than the evaluator: the trainer reads its data by the same code.

use std::path::Path;

use crate::source::Limits;
use crate::task::TaskError;
use crate::vision::RgbImage;

use super::picture::PictureReader;
use super::sequences::{Sequence, find};

/// Sequences of pictures in a folder or a tar archive, in natural order. Pictures are read when
/// they are asked for.
#[derive(Debug)]
pub struct SequenceSet {
    place: String,
    sequences: Vec<Sequence>,
    reader: PictureReader,
}

impl SequenceSet {
    /// Finds the sequences in `path`.
    ///
    /// # Errors
    /// [`TaskError::Data`] when there are none or the archive cannot be read.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, TaskError> {
        let sequences = find(path, limits)?;
        let reader = PictureReader::new(*limits);
        Ok(Self { place: path.display().to_string(), sequences, reader })
    }

    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// True without sequences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// Reads sequence `at`, oldest frame first, the target last.
    ///
    /// # Errors
    /// [`TaskError::Data`] naming the sequence and what is wrong with its picture.
    pub fn read(&mut self, at: usize) -> Result<Vec<RgbImage>, TaskError> {
        let Some(sequence) = self.sequences.get(at) else {
            return Err(TaskError::Data {
                place: self.place.clone(),
                reason: format!("there is no sequence {at} of {}", self.sequences.len()),
            });
        };
        let mut pictures = Vec::with_capacity(sequence.pictures.len());
        for (number, picture) in sequence.pictures.iter().enumerate() {
            let mut image = RgbImage::default();
            self.reader.read(picture, &mut image).map_err(|reason| TaskError::Data {
                place: self.place.clone(),
                reason: format!("picture {number} of {}: {reason}", sequence.name),
            })?;
            pictures.push(image);
        }
        Ok(pictures)
    }
}
