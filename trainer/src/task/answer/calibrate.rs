//! Probabilities that mean what they say: a temperature for the softmax (Guo et al., 2017) and the
//! probability below which an answer is withheld, both fitted on questions kept from training.

/// Logits of questions and the right answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// For each question the logits.
    pub(super) logits: Vec<Vec<f32>>,
    /// For each question the right answer.
    pub(super) right: Vec<usize>,
}

/// Share of right answers among those given that the threshold aims at.
const AIM: f64 = 0.995;

impl Judged {
    /// Share of questions whose largest logit is the right answer's.
    pub(super) fn accuracy(&self) -> f64 {
        let right = self.logits.iter().zip(&self.right).filter(|(l, r)| best(l).0 == **r).count();
        right as f64 / self.right.len().max(1) as f64
    }

    /// For each question the probability of the likeliest answer, and whether it is right.
    fn sure(&self, temperature: f32) -> impl Iterator<Item = (f64, bool)> {
        self.logits.iter().zip(&self.right).map(move |(logits, right)| {
            let (at, top) = best(logits);
            let sum: f64 = logits.iter().map(|l| f64::from((l - top) / temperature).exp()).sum();
            (1.0 / sum, at == *right)
        })
    }

    /// Mean negative logarithm of the probabilities, as if one question more had been asked and any
    /// answer been right: where none is wrong, no temperature would be low enough otherwise.
    fn surprise(&self, temperature: f32) -> f64 {
        let doubt = 1.0 / (self.right.len() as f64 + 1.0);
        let each = self.logits.iter().zip(&self.right).map(|(logits, right)| {
            let top = best(logits).1;
            let scaled = |l: f32| f64::from((l - top) / temperature);
            let sum: f64 = logits.iter().map(|&l| scaled(l).exp()).sum();
            let own = scaled(logits.get(*right).copied().unwrap_or(top));
            let any = logits.iter().map(|&l| scaled(l)).sum::<f64>() / logits.len().max(1) as f64;
            sum.ln() - (1.0 - doubt) * own - doubt * any
        });
        each.sum::<f64>() / self.right.len().max(1) as f64
    }

    /// The temperature that surprises least, within 1/8 to 8.
    pub(super) fn temperature(&self) -> f32 {
        let golden = 0.618_034_f64;
        let (mut low, mut high) = (-3.0_f64, 3.0_f64);
        let value = |power: f64| self.surprise(power.exp2() as f32);
        for _ in 0..40 {
            let (a, b) = (high - (high - low) * golden, low + (high - low) * golden);
            if value(a) < value(b) {
                high = b;
            } else {
                low = a;
            }
        }
        ((low + high) / 2.0).exp2() as f32
    }

    /// The smallest probability, in hundredths from 0.3 on, above which at least 99.5 % of the
    /// answers are right; 0.99 when there is none.
    pub(super) fn threshold(&self, temperature: f32) -> f32 {
        let sure: Vec<(f64, bool)> = self.sure(temperature).collect();
        let good = |percent: &u32| {
            let least = f64::from(*percent) / 100.0;
            let given: Vec<bool> = sure.iter().filter(|(p, _)| *p >= least).map(|s| s.1).collect();
            let right = given.iter().filter(|right| **right).count();
            !given.is_empty() && right as f64 >= AIM * given.len() as f64
        };
        (30..=99).find(good).unwrap_or(99) as f32 / 100.0
    }

    /// What `temperature` and `threshold` make of these questions: the share that is answered, the
    /// share of right ones among them, and the expected calibration error in ten bins.
    pub(super) fn judged(&self, temperature: f32, threshold: f32) -> [f64; 3] {
        let mut bins = [(0.0, 0.0, 0.0); 10];
        let (mut given, mut right) = (0.0, 0.0);
        for (sure, is_right) in self.sure(temperature) {
            let hit = f64::from(u8::from(is_right));
            if sure >= f64::from(threshold) {
                given += 1.0;
                right += hit;
            }
            let bin = &mut bins[((sure * 10.0) as usize).min(9)];
            bin.0 += 1.0;
            bin.1 += sure;
            bin.2 += hit;
        }
        let all = self.right.len().max(1) as f64;
        let error: f64 = bins.iter().map(|(_, sure, hit)| (sure - hit).abs()).sum();
        [given / all, right / f64::max(given, 1.0), error / all]
    }
}

/// Place and value of the largest number; the first of equals.
pub(super) fn best(values: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (at, &value) in values.iter().enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64;

    use super::*;

    /// Questions whose right answers are drawn from the softmax of logits, which are then scaled.
    fn drawn(scale: f32) -> Judged {
        let random = &mut Pcg64::seed_from_u64(5);
        let mut judged = Judged::default();
        for _ in 0..4000 {
            let logits: Vec<f32> = (0..4).map(|_| random.random_range(-3.0..3.0)).collect();
            let weights: Vec<f64> = logits.iter().map(|l| f64::from(*l).exp()).collect();
            let mut at = random.random_range(0.0..weights.iter().sum::<f64>());
            let right = weights.iter().position(|w| {
                at -= w;
                at < 0.0
            });
            judged.logits.push(logits.iter().map(|l| l * scale).collect());
            judged.right.push(right.unwrap_or(3));
        }
        judged
    }

    #[test]
    fn the_temperature_undoes_a_scale() {
        for scale in [0.5, 1.0, 3.0] {
            let judged = drawn(scale);
            let temperature = judged.temperature();
            assert!((temperature / scale - 1.0).abs() < 0.1, "{temperature} {scale}");
            let [_, _, after] = judged.judged(temperature, 0.5);
            let [_, _, before] = judged.judged(1.0, 0.5);
            assert!(after < 0.02 && (scale == 1.0 || after < before), "{after} {before}");
        }
    }

    #[test]
    fn the_threshold_keeps_what_is_sure() {
        let judged = drawn(1.0);
        let threshold = judged.threshold(1.0);
        let [given, right, _] = judged.judged(1.0, threshold);
        assert!(right >= AIM && given > 0.0 && given < 0.5, "{threshold}: {given} {right}");
        assert!(judged.accuracy() < 0.8);
        let hopeless = Judged { logits: vec![vec![9.0, 0.0]; 9], right: vec![1; 9] };
        assert_eq!(hopeless.threshold(1.0), 0.99);
    }
}
