//! The learning rate over the steps.

use crate::recipe::Training;

/// Learning rate of `step`: a linear warm-up, then half a cosine down to the floor.
#[must_use]
pub fn learning_rate(train: &Training, step: u64) -> f64 {
    if step < train.warm_up {
        return train.learning_rate * (step + 1) as f64 / train.warm_up as f64;
    }
    let span = train.steps.saturating_sub(train.warm_up).max(1);
    let place = ((step - train.warm_up) as f64 / span as f64).min(1.0);
    let cosine = f64::midpoint(1.0, (std::f64::consts::PI * place).cos());
    train.learning_rate * (train.floor + (1.0 - train.floor) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_to_the_top_and_falls_to_the_floor() {
        let train = Training { steps: 100, warm_up: 10, floor: 0.1, ..Training::default() };
        let top = train.learning_rate;
        assert!((learning_rate(&train, 0) - top / 10.0).abs() < 1e-12);
        assert!((learning_rate(&train, 10) - top).abs() < 1e-12);
        assert!((learning_rate(&train, 100) - top * 0.1).abs() < 1e-12);
        assert!((learning_rate(&train, 55) - top * 0.55).abs() < 1e-12);
    }
}
