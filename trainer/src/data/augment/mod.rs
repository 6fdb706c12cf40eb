//! Changes that make more of the data: one is drawn for each sequence and applied to all its
//! frames alike, so that motion stays motion. Only noise is drawn for each frame.
//!
//! A key that is off draws nothing, so that a recipe without it gives the batches it always gave.

mod border;
mod flip;
mod light;
mod noise;
mod recipe;
mod warp;

use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;

pub use border::FillMode;
pub use recipe::AugmentRecipe;

use light::Light;
use noise::Noise;
use warp::{Affine, Warp};

/// The step between the frames of a sequence, at most `allowed` by the footage.
pub(super) fn stride(recipe: &AugmentRecipe, allowed: usize, random: &mut Pcg64) -> usize {
    let most = recipe.stride.min(allowed).max(1);
    if recipe.stride > 1 { random.random_range(1..=most) } else { 1 }
}

/// A sequence after its changes.
pub(super) struct Augmented {
    /// The frames as they come.
    pub(super) frames: Vec<RgbImage>,
    /// The frames as a network sees them, if there is noise.
    pub(super) noisy: Option<Vec<RgbImage>>,
}

/// Draws the changes of a sequence of square pictures of one size, and makes them.
pub(super) fn augment(
    recipe: &AugmentRecipe,
    mut frames: Vec<RgbImage>,
    random: &mut Pcg64,
) -> Augmented {
    // These three are drawn whether or not they are on.
    let [mirror, transpose, reverse] = [(); 3].map(|()| random.random::<bool>());
    let upside_down = recipe.vertical_flip && random.random::<bool>();
    let affine = Affine::draw(recipe, random);
    let light = Light::draw(recipe, random);
    let noise = Noise::draw(recipe, random);
    let warp = match (&affine, frames.first()) {
        (Some(affine), Some(first)) => {
            Some(Warp::new(affine, first.size(), recipe.fill_mode, recipe.cval))
        }
        _ => None,
    };
    for picture in &mut frames {
        if mirror && recipe.horizontal_flip {
            flip::mirror(picture);
        }
        if transpose && recipe.transpose {
            *picture = flip::transposed(picture);
        }
        if upside_down {
            flip::upside_down(picture);
        }
        if let Some(warp) = &warp {
            *picture = warp.apply(picture);
        }
        if let Some(light) = &light {
            light.apply(picture);
        }
    }
    if reverse && recipe.time_reversal {
        frames.reverse();
    }
    let noisy = noise.map(|noise| noise.apply(&frames, random));
    Augmented { frames, noisy }
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;
    use rand::SeedableRng as _;

    use super::*;

    fn sequence() -> Vec<RgbImage> {
        let picture = |t: u32| {
            let data = (0..8 * 8 * 3).map(|i| ((i * 37 + t * 11) % 251) as u8).collect();
            RgbImage::from_vec(Size::new(8, 8), data).unwrap()
        };
        (0..4).map(picture).collect()
    }

    /// What was done to a sequence before there was a choice.
    fn always(mut frames: Vec<RgbImage>, random: &mut Pcg64) -> Vec<RgbImage> {
        let [mirror, transpose, reverse] = [(); 3].map(|()| random.random::<bool>());
        for picture in &mut frames {
            if mirror {
                flip::mirror(picture);
            }
            if transpose {
                *picture = flip::transposed(picture);
            }
        }
        if reverse {
            frames.reverse();
        }
        frames
    }

    #[test]
    fn the_default_draws_and_does_what_was_always_done() {
        let recipe = AugmentRecipe::default();
        for seed in 0..16 {
            let [mut a, mut b] = [(); 2].map(|()| Pcg64::seed_from_u64(seed));
            assert_eq!(stride(&recipe, 9, &mut a), 1);
            let made = augment(&recipe, sequence(), &mut a);
            assert_eq!(made.frames, always(sequence(), &mut b));
            assert!(made.noisy.is_none());
            assert_eq!(a, b, "another number of draws");
        }
    }

    #[test]
    fn all_frames_change_alike_and_the_same_seed_repeats() {
        let recipe: AugmentRecipe = toml::from_str(
            "rotation_range = 30\nwidth_shift_range = 0.2\nheight_shift_range = 0.2\n\
             shear_range = 0.2\nzoom_range = 0.2\nchannel_shift_range = 20\nexposure = 0.5\n\
             vertical_flip = true\nfill_mode = \"reflect\"\ngaussian_noise = 6\nstride = 4",
        )
        .unwrap();
        let still = vec![sequence().remove(0); 4];
        let make = |seed| augment(&recipe, still.clone(), &mut Pcg64::seed_from_u64(seed));
        let made = make(3);
        assert!(made.frames.iter().all(|f| *f == made.frames[0]), "frames changed differently");
        assert_ne!(made.frames[0], still[0]);
        assert_ne!(made.noisy.as_ref().unwrap()[0], made.frames[0]);
        let again = make(3);
        assert_eq!((again.frames, again.noisy), (made.frames.clone(), made.noisy));
        assert_ne!(make(4).frames, made.frames);
        let mut random = Pcg64::seed_from_u64(1);
        let strides: Vec<usize> = (0..60).map(|_| stride(&recipe, 3, &mut random)).collect();
        assert!((1..=3).all(|s| strides.contains(&s)) && !strides.contains(&4));
    }

    #[test]
    fn what_is_switched_off_is_not_done() {
        let recipe = AugmentRecipe {
            horizontal_flip: false,
            transpose: false,
            time_reversal: false,
            ..AugmentRecipe::default()
        };
        for seed in 0..16 {
            let made = augment(&recipe, sequence(), &mut Pcg64::seed_from_u64(seed));
            assert_eq!(made.frames, sequence());
        }
    }
}
