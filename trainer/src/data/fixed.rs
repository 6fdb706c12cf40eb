//! A camera that stands still: a motionless picture of the demo's ground with things moving over
//! it. Teaches what a flight cannot: that most of many pictures does not change at all.

use framecast::frame::{Rational, Size};
use framecast::source::demo::Scene;
use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::demo::check_seeds;
use super::{Footage, FourTwoZero};
use crate::TrainError;

/// Fixed-camera footage in a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FixedRecipe {
    /// Share of the sequences, relative to the other footage.
    pub weight: f32,
    /// Seed of the first world.
    pub first_seed: u64,
    /// Number of worlds.
    pub worlds: u64,
    /// Strongest noise, in levels.
    pub noise: f32,
    /// Share of sequences without any noise.
    pub clean: f32,
}

impl Default for FixedRecipe {
    fn default() -> Self {
        Self { weight: 1.0, first_seed: 2_000, worlds: 8, noise: 6.0, clean: 0.7 }
    }
}

/// Still pictures with discs cut from other pictures moving over them.
pub struct FixedFootage {
    recipe: FixedRecipe,
    scenes: Vec<Scene>,
    through: FourTwoZero,
}

/// A disc of another picture.
struct Disc {
    centre: [f32; 2],
    velocity: [f32; 2],
    radius: f32,
}

impl FixedFootage {
    /// Makes the worlds.
    ///
    /// # Errors
    /// [`TrainError::Recipe`] for seeds that are not for training or shares outside 0..=1.
    pub fn new(recipe: &FixedRecipe, side: u32) -> Result<Self, TrainError> {
        let wrong = |reason| TrainError::Recipe { path: "data.fixed".to_owned(), reason };
        let seeds = check_seeds(recipe.first_seed, recipe.worlds).map_err(wrong)?;
        if !(0.0..=64.0).contains(&recipe.noise) || !(0.0..=1.0).contains(&recipe.clean) {
            return Err(wrong(format!(
                "noise = {} must be 0 to 64 and clean = {} 0 to 1",
                recipe.noise, recipe.clean
            )));
        }
        let make = |seed| Scene::new(seed, Size::new(side, side), Rational::whole(30));
        let scenes = seeds
            .map(|seed| make(seed).map(|s| s.with_noise(0.0)))
            .collect::<Result<_, _>>()
            .map_err(|e| wrong(e.to_string()))?;
        Ok(Self { recipe: recipe.clone(), scenes, through: FourTwoZero::default() })
    }

    fn still(&mut self, random: &mut Pcg64) -> RgbImage {
        let mut picture = RgbImage::default();
        let world = random.random_range(0..self.scenes.len());
        self.scenes[world].render(random.random_range(0..50_000), &mut picture);
        picture
    }
}

impl Footage for FixedFootage {
    fn draw(
        &mut self,
        _turn: u64,
        frames: usize,
        side: u32,
        random: &mut Pcg64,
    ) -> Result<Vec<RgbImage>, TrainError> {
        let fail = |reason| TrainError::Data { uri: "fixed camera".to_owned(), reason };
        let ground = self.still(random);
        let cloth = self.still(random);
        let extent = side as f32;
        let discs: Vec<Disc> = (0..random.random_range(0..4))
            .map(|_| Disc {
                centre: [(); 2].map(|()| random.random_range(0.0..extent)),
                velocity: [(); 2].map(|()| random.random_range(-2.5..2.5)),
                radius: random.random_range(4.0..extent * 0.3),
            })
            .collect();
        let clean = random.random::<f32>() < self.recipe.clean;
        let noise =
            if clean { 0.0 } else { random.random_range(0.0..=self.recipe.noise.max(0.01)) };
        let mut sequence = Vec::with_capacity(frames);
        for i in 0..frames {
            let mut picture = ground.clone();
            for disc in &discs {
                disc.draw(i as f32, &cloth, &mut picture);
            }
            if noise > 0.0 {
                for sample in picture.data_mut() {
                    // The sum of three uniform numbers has a standard deviation of 1/2.
                    let sum: f32 = (0..3).map(|_| random.random::<f32>() - 0.5).sum();
                    *sample = (f32::from(*sample) + 2.0 * noise * sum).round() as u8;
                }
            }
            self.through.pass(&mut picture).map_err(fail)?;
            sequence.push(picture);
        }
        Ok(sequence)
    }

    fn largest_stride(&self, _frames: usize) -> usize {
        usize::MAX
    }

    fn describe(&self) -> String {
        let last = self.recipe.first_seed + self.recipe.worlds - 1;
        format!(
            "discs moving over still pictures of the demo's ground, seeds {} to {last}",
            self.recipe.first_seed
        )
    }
}

impl Disc {
    /// Draws the disc at time `t`; its texture moves with it, between pixels too.
    fn draw(&self, t: f32, cloth: &RgbImage, picture: &mut RgbImage) {
        let side = picture.size().w();
        let [mx, my] = self.velocity.map(|v| v * t);
        for (i, pixel) in picture.data_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = ((i % side) as f32 - mx, (i / side) as f32 - my);
            let away = (x - self.centre[0]).hypot(y - self.centre[1]);
            let cover = (self.radius - away + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                let texture = bilinear(cloth, x, y);
                for (p, c) in pixel.iter_mut().zip(texture) {
                    *p = (f32::from(*p) * (1.0 - cover) + c * cover).round() as u8;
                }
            }
        }
    }
}

fn bilinear(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (w, h) = (picture.size().w() as i64, picture.size().h() as i64);
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let at = |dx: i64, dy: i64, c: usize| {
        let (x, y) = ((left as i64 + dx).rem_euclid(w), (top as i64 + dy).rem_euclid(h));
        picture.data().get((y * w + x) as usize * 3 + c).copied().map_or(0.0, f32::from)
    };
    [0, 1, 2].map(|c| {
        let upper = at(0, 0, c) * (1.0 - fx) + at(1, 0, c) * fx;
        let lower = at(0, 1, c) * (1.0 - fx) + at(1, 1, c) * fx;
        upper * (1.0 - fy) + lower * fy
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn clean_ground_stays_and_discs_move() {
        let recipe = FixedRecipe { worlds: 1, clean: 1.0, ..FixedRecipe::default() };
        let mut footage = FixedFootage::new(&recipe, 32).unwrap();
        let mut moved = 0;
        for seed in 0..6 {
            let frames = footage.draw(0, 4, 32, &mut Pcg64::seed_from_u64(seed)).unwrap();
            let changed =
                frames[0].data().iter().zip(frames[3].data()).filter(|(a, b)| a != b).count();
            assert!(changed < 32 * 32 * 3, "everything moves");
            moved += usize::from(changed > 0);
        }
        assert!(moved >= 2, "{moved}");
    }
}
