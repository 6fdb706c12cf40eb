//! Sequences from the demo camera, with more variety than one flight shows: frame rates, noise from
//! none to strong, standing still, and pictures that went through 4:2:0 or did not.

use std::ops::RangeInclusive;

use framecast::frame::{Colour, Frame, FrameMeta, Layout, PixelFormat, PooledBuf, Rational, Size};
use framecast::source::demo::Scene;
use framecast::vision::{FrameConverter, RgbImage, rgb_to_i420};
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::Footage;
use crate::TrainError;

/// Seeds of worlds that training may see.
pub const TRAINING_SEEDS: RangeInclusive<u64> = 1_000..=8_999;
/// Seeds of worlds that are never trained on: of tests, then of validation and calibration.
pub const KEPT_SEEDS: [RangeInclusive<u64>; 2] = [1..=99, 9_000..=9_999];

/// Renderings a second; a sequence takes every n-th, so that one world serves many frame rates.
const RATE: u32 = 120;

/// Demo footage in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoRecipe {
    /// Share of the sequences, relative to the other footage.
    pub weight: f32,
    /// Seed of the first world.
    pub first_seed: u64,
    /// Number of worlds; each takes about 5 MB.
    pub worlds: u64,
    /// Strongest sensor noise, in levels.
    pub noise: f32,
    /// Share of sequences without any noise.
    pub clean: f32,
    /// Share of sequences in which the camera stands still.
    pub still: f32,
    /// Share of sequences that pass through 4:2:0, as camera video does.
    pub subsampled: f32,
}

impl Default for DemoRecipe {
    fn default() -> Self {
        Self {
            weight: 1.0,
            first_seed: *TRAINING_SEEDS.start(),
            worlds: 24,
            noise: 9.0,
            clean: 0.15,
            still: 0.05,
            subsampled: 0.8,
        }
    }
}

/// The demo camera over several worlds.
pub struct DemoFootage {
    recipe: DemoRecipe,
    side: u32,
    scenes: Vec<Option<Scene>>,
    through: FourTwoZero,
}

impl DemoFootage {
    /// Makes the worlds, seen in `side` x `side` pictures.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for seeds outside [`TRAINING_SEEDS`] or shares outside 0..=1.
    pub fn new(recipe: &DemoRecipe, side: u32) -> Result<Self, TrainError> {
        let wrong = |reason| TrainError::Recipe { path: "data.demo".to_owned(), reason };
        let seeds = check_seeds(recipe.first_seed, recipe.worlds).map_err(wrong)?;
        for (name, value, most) in [
            ("noise", recipe.noise, 64.0),
            ("clean", recipe.clean, 1.0),
            ("still", recipe.still, 1.0),
            ("subsampled", recipe.subsampled, 1.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(wrong(format!("{name} = {value} is outside 0 to {most}")));
            }
        }
        let scenes = seeds
            .map(|seed| Scene::new(seed, Size::new(side, side), Rational::whole(RATE)).map(Some))
            .collect::<Result<_, _>>()
            .map_err(|e| wrong(e.to_string()))?;
        Ok(Self { recipe: recipe.clone(), side, scenes, through: FourTwoZero::default() })
    }
}

impl Footage for DemoFootage {
    fn draw(
        &mut self,
        _turn: u64,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        let fail = |reason: String| TrainError::Data { uri: "demo:".to_owned(), reason };
        if side != self.side {
            return Err(fail(format!("it was made for sides of {}, not {side}", self.side)));
        }
        let world = random.random_range(0..self.scenes.len());
        let noise = if random.random::<f32>() < self.recipe.clean {
            0.0
        } else {
            random.random_range(1.0f32.min(self.recipe.noise)..=self.recipe.noise)
        };
        // 60 to 15 frames a second, mostly near 30.
        let stride = [2u64, 3, 4, 4, 4, 5, 6, 8][random.random_range(0..8)];
        let still = random.random::<f32>() < self.recipe.still;
        let subsampled = random.random::<f32>() < self.recipe.subsampled;
        let start: u64 = random.random_range(0..200_000);
        let slot = &mut self.scenes[world];
        let Some(scene) = slot.take() else {
            return Err(fail(format!("world {world} is in use")));
        };
        let mut scene = scene.with_noise(noise);
        let mut pictures = Vec::with_capacity(frames);
        for i in 0..frames as u64 {
            let mut picture = RgbImage::default();
            // A still camera with fresh noise: neighbouring moments, 1/120 s apart, hardly differ.
            let at = if still { start + i % 2 } else { start + i * stride };
            scene.render(at, &mut picture);
            if subsampled {
                self.through.pass(&mut picture).map_err(fail)?;
            }
            pictures.push(picture);
        }
        *slot = Some(scene);
        Ok(pictures)
    }

    fn largest_stride(&self, _frames: usize) -> usize {
        usize::MAX
    }

    fn describe(&self) -> String {
        let last = self.recipe.first_seed + self.recipe.worlds - 1;
        format!(
            "demo camera, seeds {} to {last}, noise 0 to {} levels",
            self.recipe.first_seed, self.recipe.noise
        )
    }
}

/// The seeds of `worlds` worlds from `first` on, if training may see them.
pub(super) fn check_seeds(first: u64, worlds: u64) -> Result<RangeInclusive<u64>, String> {
    let last = first.saturating_add(worlds.saturating_sub(1));
    if (1..=256).contains(&worlds)
        && TRAINING_SEEDS.contains(&first)
        && TRAINING_SEEDS.contains(&last)
    {
        return Ok(first..=last);
    }
    Err(format!(
        "{worlds} worlds from seed {first} are asked for; 1 to 256 worlds within seeds {} to {} are \
         allowed (seeds 1 to 99 are kept for tests, 9000 to 9999 for validation)",
        TRAINING_SEEDS.start(),
        TRAINING_SEEDS.end()
    ))
}

/// The way of a picture through 4:2:0, by the runtime's own conversion.
#[derive(Default)]
pub struct FourTwoZero {
    converter: FrameConverter,
}

impl FourTwoZero {
    /// Converts the picture to 4:2:0 and back.
    ///
    /// # Errors
    /// A sentence when the size cannot be converted.
    pub fn pass(&mut self, picture: &mut RgbImage) -> Result<(), String> {
        let colour = Colour::default();
        let layout =
            Layout::packed(PixelFormat::I420, picture.size()).map_err(|e| e.to_string())?;
        let mut bytes = vec![0; layout.len()];
        rgb_to_i420(picture, colour, &mut bytes).map_err(|e| e.to_string())?;
        let meta = FrameMeta { colour, ..FrameMeta::default() };
        let frame =
            Frame::new(PooledBuf::unpooled(bytes), layout, meta).map_err(|e| e.to_string())?;
        self.converter.to_rgb(&frame, picture).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn draws_are_functions_of_the_generator() {
        let recipe = DemoRecipe { worlds: 2, ..DemoRecipe::default() };
        let mut footage = DemoFootage::new(&recipe, 16).unwrap();
        let mut draw = |seed| footage.draw(0, 3, 16, &mut Pcg64::seed_from_u64(seed)).unwrap();
        let first = draw(5);
        assert_ne!(draw(6), first);
        assert_eq!(draw(5), first);
        assert_eq!(first.len(), 3);
    }

    #[test]
    fn test_and_validation_seeds_are_refused() {
        for first_seed in [1, 8_990, 9_901] {
            let recipe = DemoRecipe { first_seed, ..DemoRecipe::default() };
            let error = DemoFootage::new(&recipe, 16).err().unwrap().to_string();
            assert!(error.contains("kept for tests"), "{error}");
        }
        for kept in KEPT_SEEDS {
            assert!(kept.end() < TRAINING_SEEDS.start() || TRAINING_SEEDS.end() < kept.start());
        }
        let recipe = DemoRecipe { clean: 1.5, ..DemoRecipe::default() };
        let error = DemoFootage::new(&recipe, 16).err().unwrap().to_string();
        assert!(error.contains("clean = 1.5"), "{error}");
    }
}
