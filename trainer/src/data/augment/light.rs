//! Changes of the light: exposure, and a shift of each colour.

use framecast::vision::RgbImage;
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::AugmentRecipe;

/// The new level of each level of each colour.
pub(super) struct Light {
    tables: [[u8; 256]; 3],
}

impl Light {
    /// Draws one; `None`, without a draw, when the recipe leaves the light alone.
    pub(super) fn draw(recipe: &AugmentRecipe, random: &mut Pcg64) -> Option<Self> {
        let (shift, stops) = (recipe.channel_shift_range, recipe.exposure);
        if shift == 0.0 && stops == 0.0 {
            return None;
        }
        let mut draw = |range: f32| random.random_range(-1.0f32..=1.0) * range;
        let gain = draw(stops).exp2();
        Some(Self::new(gain, [0; 3].map(|_| draw(shift))))
    }

    fn new(gain: f32, shifts: [f32; 3]) -> Self {
        let level = |v: usize, shift: f32| (v as f32 * gain + shift).round() as u8;
        Self { tables: shifts.map(|shift| std::array::from_fn(|v| level(v, shift))) }
    }

    pub(super) fn apply(&self, picture: &mut RgbImage) {
        for pixel in picture.data_mut().as_chunks_mut::<3>().0 {
            for (sample, table) in pixel.iter_mut().zip(&self.tables) {
                *sample = table[usize::from(*sample)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

    use super::*;

    #[test]
    fn a_stop_doubles_and_shifts_saturate() {
        let mut picture = RgbImage::from_vec(Size::new(1, 1), vec![100, 200, 10]).unwrap();
        Light::new(2.0, [0.0, 0.0, -30.0]).apply(&mut picture);
        assert_eq!(picture.data(), [200, 255, 0]);
    }
}
