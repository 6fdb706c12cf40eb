//! Switches that do not flicker: on at one level, off at a lower one.

/// One switch a label.
#[derive(Clone, Debug)]
pub struct Hysteresis {
    on: f32,
    off: f32,
    state: Vec<bool>,
}

impl Hysteresis {
    /// `count` switches, all off, that go on at `on` and off below `off`. With `off` above `on` the
    /// latter holds for both.
    #[must_use]
    pub fn new(count: usize, on: f32, off: f32) -> Self {
        Self { on, off: off.min(on), state: vec![false; count] }
    }

    /// Whether each switch is on.
    #[must_use]
    pub fn state(&self) -> &[bool] {
        &self.state
    }

    /// Takes new scores in and calls `changed` with the place, the new state and the score of each
    /// switch that changed.
    pub fn update(&mut self, scores: &[f32], mut changed: impl FnMut(usize, bool, f32)) {
        for (at, (state, &score)) in self.state.iter_mut().zip(scores).enumerate() {
            let next = if *state { score >= self.off } else { score >= self.on };
            if next != *state {
                *state = next;
                changed(at, next, score);
            }
        }
    }

    /// Switches everything off and calls `changed` with the place of each that was on.
    pub fn clear(&mut self, mut changed: impl FnMut(usize)) {
        for (at, state) in self.state.iter_mut().enumerate() {
            if std::mem::take(state) {
                changed(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_levels_nothing_changes() {
        let mut switches = Hysteresis::new(2, 0.6, 0.4);
        let mut log = Vec::new();
        for (step, scores) in
            [[0.5, 0.9], [0.6, 0.5], [0.5, 0.4], [0.41, 0.39], [0.39, 0.59]].iter().enumerate()
        {
            switches.update(scores, |at, on, _| log.push((step, at, on)));
        }
        assert_eq!(log, [(0, 1, true), (1, 0, true), (3, 1, false), (4, 0, false)]);
        assert_eq!(switches.state(), [false, false]);
    }

    #[test]
    fn what_is_no_number_switches_off() {
        let mut switches = Hysteresis::new(1, 0.5, 0.9);
        switches.update(&[0.5], |_, on, _| assert!(on));
        switches.update(&[f32::NAN], |_, on, _| assert!(!on));
        switches.update(&[0.7], |_, _, _| ());
        let mut off = 0;
        switches.clear(|_| off += 1);
        assert_eq!((off, switches.state()), (1, &[false][..]));
    }
}
