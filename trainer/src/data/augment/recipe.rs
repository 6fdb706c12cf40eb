//! The `[augment]` part of a recipe: how far each change may go. Keys that Keras'
//! `ImageDataGenerator` has carry its names.

use serde::{Deserialize, Serialize};

use super::FillMode;
use crate::net::Standard;

/// What samples are multiplied by before a network sees them: it is part of the model contract.
const RESCALE: f64 = 1.0 / 255.0;

/// The largest changes of a sequence. The default is to mirror, transpose and reverse by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentRecipe {
    /// Take the mean of the training data away from each colour of what a network sees.
    pub featurewise_center: bool,
    /// Divide each colour by its standard deviation over the training data; centres too.
    pub featurewise_std_normalization: bool,
    /// Take the mean of all samples of a window of frames away.
    pub samplewise_center: bool,
    /// Divide by the standard deviation of all samples of a window of frames.
    pub samplewise_std_normalization: bool,
    /// Whiten the colours of a pixel (ZCA); centres too.
    pub zca_whitening: bool,
    /// What is added to the variances before whitening.
    pub zca_epsilon: f64,
    /// Largest rotation either way, in degrees.
    pub rotation_range: f32,
    /// Largest shift to the left or right, as a share of the width.
    pub width_shift_range: f32,
    /// Largest shift upwards or downwards, as a share of the height.
    pub height_shift_range: f32,
    /// Largest angle of shear, in radians.
    pub shear_range: f32,
    /// Zoom by 1 - `zoom_range` to 1 + `zoom_range`, drawn for each axis on its own.
    pub zoom_range: f32,
    /// Largest level added to or taken from each colour on its own.
    pub channel_shift_range: f32,
    /// What lies beyond the picture.
    pub fill_mode: FillMode,
    /// Level beyond the picture for `fill_mode = "constant"`.
    pub cval: f32,
    /// Mirror half of the sequences.
    pub horizontal_flip: bool,
    /// Turn half of the sequences upside down.
    pub vertical_flip: bool,
    /// What samples are multiplied by; only the 1/255 of the model contract is allowed.
    pub rescale: f64,
    /// Swap lines and columns of half of the sequences.
    pub transpose: bool,
    /// Play half of the sequences backwards.
    pub time_reversal: bool,
    /// Largest step between the frames taken; each sequence draws 1 to `stride`.
    pub stride: usize,
    /// Largest standard deviation of Gaussian noise on inputs, in levels; each sequence draws.
    pub gaussian_noise: f32,
    /// Largest gain of Poisson noise on inputs: the variance at level v is gain x v.
    pub poisson_noise: f32,
    /// Largest change of exposure either way, in stops.
    pub exposure: f32,
}

impl Default for AugmentRecipe {
    fn default() -> Self {
        Self {
            featurewise_center: false,
            featurewise_std_normalization: false,
            samplewise_center: false,
            samplewise_std_normalization: false,
            zca_whitening: false,
            zca_epsilon: 1e-6,
            rotation_range: 0.0,
            width_shift_range: 0.0,
            height_shift_range: 0.0,
            shear_range: 0.0,
            zoom_range: 0.0,
            channel_shift_range: 0.0,
            fill_mode: FillMode::Nearest,
            cval: 0.0,
            horizontal_flip: true,
            vertical_flip: false,
            rescale: RESCALE,
            transpose: true,
            time_reversal: true,
            stride: 1,
            gaussian_noise: 0.0,
            poisson_noise: 0.0,
            exposure: 0.0,
        }
    }
}

impl AugmentRecipe {
    /// Whether it is the default, which a recipe need not write.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How what a network sees is standardised.
    #[must_use]
    pub const fn standard(&self) -> Standard {
        Standard {
            center: self.featurewise_center,
            deviation: self.featurewise_std_normalization,
            whiten: self.zca_whitening,
            sample_center: self.samplewise_center,
            sample_deviation: self.samplewise_std_normalization,
        }
    }

    /// A sentence on the first value out of range.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (key, value, most) in [
            ("rotation_range", self.rotation_range, 180.0),
            ("width_shift_range", self.width_shift_range, 1.0),
            ("height_shift_range", self.height_shift_range, 1.0),
            ("shear_range", self.shear_range, 1.0),
            ("zoom_range", self.zoom_range, 0.9),
            ("channel_shift_range", self.channel_shift_range, 255.0),
            ("cval", self.cval, 255.0),
            ("gaussian_noise", self.gaussian_noise, 64.0),
            ("poisson_noise", self.poisson_noise, 16.0),
            ("exposure", self.exposure, 4.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(format!("augment.{key} = {value} is outside 0 to {most}"));
            }
        }
        if !(1..=16).contains(&self.stride) {
            return Err(format!("augment.stride = {} is outside 1 to 16", self.stride));
        }
        if self.zca_whitening && self.featurewise_std_normalization {
            return Err("augment.zca_whitening and augment.featurewise_std_normalization exclude \
                        each other: whitened colours have a deviation of 1 already"
                .to_owned());
        }
        if !(0.0..=1.0).contains(&self.zca_epsilon) {
            return Err(format!("augment.zca_epsilon = {} is outside 0 to 1", self.zca_epsilon));
        }
        if (self.rescale - RESCALE).abs() > 1e-6 {
            return Err(format!(
                "augment.rescale = {}; only 1/255 = {RESCALE:.8} is allowed, because exported \
                 models are fed samples from 0 to 1",
                self.rescale
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        assert!(AugmentRecipe::default().check().is_ok());
        let refused = |text: &str| {
            let recipe: AugmentRecipe = toml::from_str(text).unwrap();
            recipe.check().unwrap_err()
        };
        assert!(refused("zoom_range = 1.0").contains("augment.zoom_range = 1"));
        assert!(refused("stride = 0").contains("outside 1 to 16"));
        assert!(refused("exposure = nan").contains("augment.exposure = NaN"));
        assert!(refused("rescale = 1.0").contains("only 1/255"));
        let both = "zca_whitening = true\nfeaturewise_std_normalization = true";
        assert!(refused(both).contains("exclude each other"));
        assert!(refused("zca_epsilon = 2.0").contains("outside 0 to 1"));
        let unknown = toml::from_str::<AugmentRecipe>("whitening = true").unwrap_err();
        assert!(unknown.to_string().contains("unknown field `whitening`"), "{unknown}");
        assert!(toml::from_str::<AugmentRecipe>("fill_mode = \"mirror\"").is_err());
    }
}
