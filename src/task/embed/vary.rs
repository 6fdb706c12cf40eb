//! The self-test of embedders: a model that gives everything the same vector finds nothing.

use super::{FrameEmbedder, TextEmbedder};
use crate::frame::Size;
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::RgbImage;

/// The least distance of two embeddings of different things, as a share of the longest.
const LEAST: f64 = 1e-4;

/// What is wrong with `vectors`, embeddings of things that are nothing like each other.
#[must_use]
pub fn constant(vectors: &[Vec<f32>]) -> Option<String> {
    let longest = vectors
        .iter()
        .map(|v| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt())
        .fold(0.0, f64::max);
    let first = vectors.first()?;
    let farthest = vectors
        .iter()
        .map(|v| {
            let squares = v.iter().zip(first).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            squares.sum::<f64>().sqrt()
        })
        .fold(0.0, f64::max);
    (farthest <= LEAST * longest.max(f64::MIN_POSITIVE)).then(|| {
        format!(
            "its embeddings do not vary: {} different inputs give vectors at most {farthest:.1e} \
             apart (length {longest:.2}); train it again, nothing can be told apart with it",
            vectors.len()
        )
    })
}

/// Pictures that are nothing like each other.
fn pictures(size: Size) -> Vec<RgbImage> {
    let make = |sample: &dyn Fn(usize, usize, usize) -> u8| {
        let mut image = RgbImage::new(size);
        for (i, value) in image.data_mut().iter_mut().enumerate() {
            *value = sample(i / 3 % size.w(), i / 3 / size.w(), i % 3);
        }
        image
    };
    let mut state = 1u32;
    let noise: Vec<u8> = (0..size.pixels() * 3)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    vec![
        make(&|_, _, _| 0),
        make(&|_, _, c| [220, 40, 30][c]),
        make(&|_, y, c| [40, 160, 60][c] / (1 + (y / 8 % 2) as u8)),
        make(&|x, _, c| (x * 255 / size.w().max(1)) as u8 ^ (c as u8 * 60)),
        RgbImage::from_vec(size, noise).unwrap_or_default(),
    ]
}

impl FrameEmbedder {
    /// Embeds pictures that are nothing like each other, of `size`; afterwards state is as at the
    /// start.
    ///
    /// # Errors
    /// [`TaskError::Contract`] with the reason when all get the same vector.
    pub fn check_varies(&mut self, size: Size) -> Result<(), TaskError> {
        let mut vectors = Vec::new();
        for picture in pictures(size) {
            vectors.push(self.embed(&picture)?.to_vec());
            self.reset(ResetReason::Start);
        }
        refuse(self.name(), &vectors)
    }
}

impl TextEmbedder {
    /// Embeds words of the vocabulary.
    ///
    /// # Errors
    /// [`TaskError::Contract`] with the reason when all get the same vector.
    pub fn check_varies(&mut self) -> Result<(), TaskError> {
        let mut vectors = Vec::new();
        for word in self.samples() {
            // A vocabulary may hold what the tokenizer would cut out; such words prove nothing.
            if let Ok(vector) = self.embed(&word) {
                vectors.push(vector.to_vec());
            }
        }
        refuse(self.name(), &vectors)
    }
}

fn refuse(model: &str, vectors: &[Vec<f32>]) -> Result<(), TaskError> {
    match constant(vectors) {
        Some(reason) if vectors.len() > 1 => {
            Err(TaskError::Contract { model: model.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vectors_that_are_all_alike_are_refused() {
        let same = vec![vec![0.3, -1.0], vec![0.3, -1.00001], vec![0.3, -1.0]];
        assert!(constant(&same).unwrap().contains("3 different inputs"));
        assert!(constant(&[vec![0.0; 4], vec![0.0; 4]]).is_some());
        assert_eq!(constant(&[vec![0.3, -1.0], vec![0.3, -1.0], vec![0.4, -1.0]]), None);
        assert!(refuse("m", &[vec![1.0]]).is_ok());
    }

    #[test]
    fn the_pictures_differ() {
        let pictures = pictures(Size::new(16, 12));
        for (i, a) in pictures.iter().enumerate() {
            assert!(pictures.iter().skip(i + 1).all(|b| a != b));
        }
    }
}
