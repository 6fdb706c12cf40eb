//! Networks that score labels of a feature vector.

use framecast::model::Role;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::net::{Form, Layers, Params, Slot, TaskNet};

/// How features become scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Hidden layers with rectifiers; the original is 1152 to 2000 to 3200 to 3862.
    #[default]
    Mlp,
    /// A mixture of logistic experts for each label (Abu-El-Haija et al., 2016): softmax gates over
    /// `mixtures` experts and one that always says no.
    MixtureOfExperts,
    /// Hidden layers, then features gated by themselves (context gating, Miech et al., 2017).
    Gated,
}

/// A head: features in, logits and scores out.
#[derive(Clone, Debug, PartialEq)]
pub struct TagNet {
    /// How.
    pub preset: Preset,
    /// Numbers of the features.
    pub features: usize,
    /// Widths of hidden layers.
    pub hidden: Vec<usize>,
    /// Experts of a label.
    pub mixtures: usize,
    /// Share of hidden values that are dropped in training.
    pub dropout: f32,
    /// What features are multiplied by, for such of length one.
    pub scale: f32,
    /// Number of labels.
    pub classes: usize,
}

/// Scores are kept this far from 0 and 1 before their logits are taken.
const EDGE: f32 = 1e-6;

/// The most weights of a head, and values of a batch: 1 GiB.
const MOST: usize = 1 << 28;

impl TagNet {
    /// A sentence when its weights, or its inputs and outputs in a batch of `batch`, would take more
    /// memory than a head may.
    pub(super) fn check(&self, batch: usize) -> Result<(), String> {
        let layer =
            |[inputs, outputs]: [usize; 2]| inputs.saturating_add(1).saturating_mul(outputs);
        let last = self.hidden.last().copied().unwrap_or(self.features);
        let outputs = match self.preset {
            Preset::Mlp => self.classes,
            Preset::Gated => self.classes.saturating_add(last),
            Preset::MixtureOfExperts => self.classes.saturating_mul(2 * self.mixtures + 1),
        };
        let widths = [&[self.features], &self.hidden[..]].concat();
        let hidden = widths.array_windows().copied().map(layer).fold(0, usize::saturating_add);
        let weights = hidden.saturating_add(layer([last, outputs]));
        let widest = widths.iter().fold(outputs, |most, width| most.max(*width));
        for (what, numbers) in [
            ("weights".to_owned(), weights),
            (format!("values of a layer in a batch of {batch}"), widest.saturating_mul(batch)),
        ] {
            if numbers > MOST {
                return Err(format!(
                    "a head of {} features, hidden layers of {:?} and {} labels has {numbers} \
                     {what}; {MOST} is the limit",
                    self.features, self.hidden, self.classes
                ));
            }
        }
        Ok(())
    }

    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, by: &mut Pcg64) -> Params {
        let mut params = Params::default();
        let mut inputs = self.features;
        for (at, &width) in self.hidden.iter().enumerate() {
            params.add_conv(&format!("hidden{at}"), [width, inputs, 1, 1], 2.0, by);
            inputs = width;
        }
        match self.preset {
            Preset::Mlp => params.add_conv("labels", [self.classes, inputs, 1, 1], 1.0, by),
            Preset::Gated => {
                params.add_conv("gate", [inputs, inputs, 1, 1], 1.0, by);
                params.add_conv("labels", [self.classes, inputs, 1, 1], 1.0, by);
            }
            Preset::MixtureOfExperts => {
                let (gates, experts) = (self.mixtures + 1, self.mixtures);
                params.add_conv("gates", [gates * self.classes, inputs, 1, 1], 1.0, by);
                params.add_conv("experts", [experts * self.classes, inputs, 1, 1], 1.0, by);
            }
        }
        params
    }
}

impl TaskNet for TagNet {
    fn inputs(&self) -> Vec<Slot> {
        vec![Slot::new("features", Role::Features, Form::Vector(self.features))]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![
            Slot::new("logits", Role::Logits, Form::Vector(self.classes)),
            Slot::new("scores", Role::Scores, Form::Vector(self.classes)),
        ]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let Some(features) = inputs.first() else { return Vec::new() };
        let mut x = g.affine(features, self.scale, 0.0);
        for at in 0..self.hidden.len() {
            let y = g.linear(&x, &format!("hidden{at}"));
            let y = g.relu(&y);
            x = g.dropout(&y, self.dropout);
        }
        match self.preset {
            Preset::Mlp | Preset::Gated => {
                if self.preset == Preset::Gated {
                    let gate = g.linear(&x, "gate");
                    let gate = g.sigmoid(&gate);
                    x = g.mul(&x, &gate);
                }
                let logits = g.linear(&x, "labels");
                let scores = g.sigmoid(&logits);
                vec![logits, scores]
            }
            Preset::MixtureOfExperts => {
                // Gates and experts as channels of a picture with a line a label.
                let gates = g.linear(&x, "gates");
                let gates = g.unflatten(&gates, [self.mixtures + 1, self.classes, 1]);
                let gates = g.softmax(&gates);
                let gates = g.split(&gates, &[self.mixtures, 1]);
                let experts = g.linear(&x, "experts");
                let experts = g.unflatten(&experts, [self.mixtures, self.classes, 1]);
                let experts = g.sigmoid(&experts);
                let said = match gates.first() {
                    Some(gates) => g.mul(gates, &experts),
                    None => experts,
                };
                let scores = g.total(&said);
                let scores = g.flatten(&scores);
                // ln p - ln (1 - p).
                let inner = g.clip(&scores, EDGE, 1.0 - EDGE);
                let no = g.affine(&inner, -1.0, 1.0);
                let (yes, no) = (g.log(&inner), g.log(&no));
                let logits = g.sub(&yes, &no);
                vec![logits, scores]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use rand::SeedableRng as _;

    use super::*;

    fn net(preset: Preset, hidden: &[usize]) -> TagNet {
        let hidden = hidden.to_vec();
        TagNet { preset, features: 6, hidden, mixtures: 3, dropout: 0.5, scale: 2.0, classes: 4 }
    }

    #[test]
    fn logits_and_scores_say_the_same() {
        let device = Device::flex();
        for preset in [Preset::Mlp, Preset::Gated, Preset::MixtureOfExperts] {
            let net = net(preset, &[5]);
            let params = net.init(&mut Pcg64::seed_from_u64(3));
            let x: Vec<f32> = (0..12).map(|i| (i as f32 * 0.7).sin()).collect();
            let x = Tensor::from_data(TensorData::new(x, [2, 6, 1, 1]), &device);
            let made = net.compute(&params.by_name(&device), &[x], None);
            assert_eq!(made[1].dims(), [2, 4, 1, 1], "{preset:?}");
            let values = |at: usize| made[at].clone().into_data().try_to_vec::<f32>().unwrap();
            for (logit, score) in values(0).iter().zip(values(1)) {
                let again = 1.0 / (1.0 + (-logit).exp());
                assert!((again - score).abs() < 1e-4, "{preset:?}: {logit} {score}");
            }
        }
    }

    /// Gates, experts and the one that says no, written out for one example.
    #[test]
    fn experts_are_mixed_by_their_gates() {
        let device = Device::flex();
        let net = net(Preset::MixtureOfExperts, &[]);
        let params = net.init(&mut Pcg64::seed_from_u64(5));
        let x = [0.3f32, -0.2, 0.9, 0.0, -0.7, 0.4];
        let tensor = Tensor::from_data(TensorData::new(x.to_vec(), [1, 6, 1, 1]), &device);
        let made = net.compute(&params.by_name(&device), &[tensor], None);
        let scores = made[1].clone().into_data().try_to_vec::<f32>().unwrap();
        let line = |name: &str, row: usize| -> f32 {
            let weight = &params.get(&format!("{name}.weight")).unwrap().values;
            weight[row * 6..row * 6 + 6].iter().zip(x).map(|(w, x)| w * x * 2.0).sum()
        };
        for (label, score) in scores.iter().enumerate() {
            let gates: Vec<f32> = (0..4).map(|m| line("gates", m * 4 + label).exp()).collect();
            let sum: f32 = gates.iter().sum();
            let expert = |m: usize| 1.0 / (1.0 + (-line("experts", m * 4 + label)).exp());
            let expected: f32 = (0..3).map(|m| gates[m] / sum * expert(m)).sum();
            assert!((score - expected).abs() < 1e-5, "{score} {expected}");
        }
    }

    #[test]
    fn the_original_has_its_size() {
        let original = TagNet {
            preset: Preset::Mlp,
            features: 1152,
            hidden: vec![2000, 3200],
            mixtures: 0,
            dropout: 0.0,
            scale: 1.0,
            classes: 3862,
        };
        let count = |inputs: usize, outputs: usize| inputs * outputs + outputs;
        let expected = count(1152, 2000) + count(2000, 3200) + count(3200, 3862);
        assert_eq!(original.init(&mut Pcg64::seed_from_u64(1)).len(), expected);
        assert!((21_060_000..21_090_000).contains(&expected), "{expected}");
    }
}
