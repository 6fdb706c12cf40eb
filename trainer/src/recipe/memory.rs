//! What the pictures of a recipe take in memory. Each key has a range of its own; it is their
//! products that can be too much.

use super::Recipe;
use crate::data::moving_mnist::{FRAMES, SIDE};

/// Bytes that all pictures may take.
const BUDGET: u64 = 16 << 30;
/// Batches that are there at a time: one is learned from, two wait, one is being made.
const BATCHES: u64 = 4;

/// Fails when the pictures of `recipe` take more than the budget, naming the keys that matter.
pub(super) fn check(recipe: &Recipe) -> Result<(), String> {
    let Recipe { data, augment, train, validate, .. } = recipe;
    let bytes = |factors: &[u64]| factors.iter().fold(3, |all: u64, n| all.saturating_mul(*n));
    let (frames, side) = (data.frames as u64, u64::from(data.side));
    let [width, height] = validate.size.map(u64::from);
    let noisy = augment.gaussian_noise > 0.0 || augment.poisson_noise > 0.0;
    let copies = BATCHES * (1 + u64::from(noisy));
    let digits =
        validate.moving_mnist.iter().fold(0u64, |all, m| all.saturating_add(m.sequences as u64));
    let parts = [
        (
            "train.batch, data.frames and data.side",
            bytes(&[copies, train.batch as u64, frames, side, side]),
        ),
        (
            "data.frames, augment.stride and data.side",
            bytes(&[frames, augment.stride as u64, side, side]),
        ),
        (
            "validate.seeds, validate.frames and validate.size",
            bytes(&[validate.seeds.len() as u64, validate.frames, width, height]),
        ),
        (
            "validate.watch, data.frames and data.side",
            bytes(&[validate.watch as u64, frames, side, side]),
        ),
        (
            "validate.moving_mnist.sequences",
            bytes(&[digits, FRAMES as u64, u64::from(SIDE), u64::from(SIDE)]),
        ),
    ];
    let all = parts.iter().fold(0u64, |all, (_, bytes)| all.saturating_add(*bytes));
    match parts.iter().max_by_key(|(_, bytes)| *bytes) {
        Some((keys, _)) if all > BUDGET => Err(format!(
            "its pictures would take {:.1} GiB of memory; {} GiB are allowed: lower {keys}",
            all as f64 / f64::from(1u32 << 30),
            BUDGET >> 30
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_are_too_much_name_their_keys() {
        let recipe = |text: &str| {
            let data = "[[data.demo]]\nworlds = 1\n";
            let text = format!("name = \"x\"\nnetwork = \"base-tiny\"\n[data]\n{data}\n{text}");
            Recipe::parse("r", &text.replace("[data]", "[data]\nside = 64\nframes = 20"))
        };
        assert!(recipe("").is_ok());
        let told = |text: &str| recipe(text).unwrap_err().to_string();
        let error = told("[validate]\nframes = 10000\nsize = [1024, 1024]\n");
        assert!(error.contains("16 GiB") && error.contains("validate.size"), "{error}");
        let error = told("[[validate.moving_mnist]]\nsequences = 1000000000\n");
        assert!(error.contains("moving_mnist.sequences"), "{error}");
        let error = told("[[validate.moving_mnist]]\nsequences = 9000000000000000000\n");
        assert!(error.contains("moving_mnist.sequences"), "{error}");

        let mut wide = recipe("").unwrap();
        (wide.train.batch, wide.data.side) = (1024, 1024);
        assert!(check(&wide).unwrap_err().contains("train.batch"));
    }
}
