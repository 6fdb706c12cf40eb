//! Which pictures are trained on, choose the checkpoint, and are kept for the test.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64;

use super::settings::EmbedSettings;

/// Places of pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) train: Vec<usize>,
    pub(crate) validation: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

impl Split {
    /// The pictures in an order by `seed`, cut into folds; what is wrong, in words.
    pub(crate) fn new(settings: &EmbedSettings, count: usize, seed: u64) -> Result<Self, String> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut Pcg64::seed_from_u64(seed));
        let mut split = Self::default();
        for (place, picture) in order.into_iter().enumerate() {
            if place % settings.folds == settings.fold {
                split.test.push(picture);
            } else if split.validation.len() < settings.validation {
                split.validation.push(picture);
            } else {
                split.train.push(picture);
            }
        }
        if split.train.len() < 2 || split.test.is_empty() || split.validation.is_empty() {
            return Err(format!(
                "{count} pictures leave {} for training, {} for validation and {} for the test; \
                 each needs some",
                split.train.len(),
                split.validation.len(),
                split.test.len()
            ));
        }
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_tested_in_one_fold_and_never_trained_on_there() {
        let mut tested = Vec::new();
        for fold in 0..5 {
            let settings = EmbedSettings { fold, ..EmbedSettings::default() };
            let split = Split::new(&settings, 400, 3).unwrap();
            assert_eq!(
                (split.train.len(), split.validation.len(), split.test.len()),
                (280, 40, 80)
            );
            let all = [&split.train[..], &split.validation, &split.test].concat();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..400).collect::<Vec<_>>());
            tested.extend(split.test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..400).collect::<Vec<_>>());
        assert!(Split::new(&EmbedSettings::default(), 30, 3).is_err());
    }
}
