//! How unexpected a frame was: the prediction error against its own running statistics.
//!
//! Mean and variance are exponentially weighted; each new error is clipped to a few deviations
//! before it enters them, so that a burst of surprises does not become the new normal at once.
//! Nothing is allocated; one thread owns it.

/// Settings of [`Surprise`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurpriseOptions {
    /// Frames after which an old error has lost 63 % of its weight.
    pub memory: u32,
    /// Scored frames before the first score is given.
    pub warm_up: u32,
    /// Least deviation, in units of the error (perceptual distance).
    pub floor: f64,
    /// Least deviation as a part of the mean error, so that a quiet scene is not over-sensitive.
    pub relative_floor: f64,
    /// Errors enter the statistics clipped to this many deviations around the mean.
    pub clip: f64,
    /// Score at which an event starts.
    pub start: f64,
    /// Score below which it ends; lower than `start`, so that it does not flicker.
    pub end: f64,
    /// Frames after the end of an event before the next may start.
    pub cooldown: u32,
}

impl Default for SurpriseOptions {
    fn default() -> Self {
        Self {
            memory: 60,
            warm_up: 15,
            floor: 0.25,
            relative_floor: 0.05,
            clip: 3.0,
            start: 5.0,
            end: 2.0,
            cooldown: 15,
        }
    }
}

/// The start or end of something unexpected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SurpriseEvent {
    /// The score reached the threshold.
    Started {
        /// Score of this frame.
        score: f64,
    },
    /// The score fell back.
    Ended {
        /// Highest score in between.
        peak: f64,
        /// Scored frames from the start up to this one.
        frames: u64,
    },
}

/// Running statistics of the prediction error.
#[derive(Clone, Debug)]
pub struct Surprise {
    options: SurpriseOptions,
    seen: u32,
    mean: f64,
    variance: f64,
    event: Option<Running>,
    cooldown: u32,
    events: u64,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    peak: f64,
    frames: u64,
}

impl Surprise {
    /// Empty statistics.
    #[must_use]
    pub const fn new(options: SurpriseOptions) -> Self {
        Self { options, seen: 0, mean: 0.0, variance: 0.0, event: None, cooldown: 0, events: 0 }
    }

    /// Number of events started so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Forgets the statistics and a running event, because the predictor is another one; the
    /// count of events stays.
    pub const fn restart(&mut self) {
        self.seen = 0;
        self.mean = 0.0;
        self.variance = 0.0;
        self.event = None;
        self.cooldown = 0;
    }

    /// Scores `error` against the errors before it, then takes it in. `None` during warm-up.
    pub fn observe(&mut self, error: f64) -> (Option<f64>, Option<SurpriseEvent>) {
        if !error.is_finite() {
            return (None, None);
        }
        let o = self.options;
        let deviation =
            self.variance.sqrt().max(o.floor).max(o.relative_floor * self.mean).max(1e-12);
        let score = (error - self.mean) / deviation;
        let warm = self.seen >= o.warm_up;
        // A plain mean at first, so that early errors count alike; exponential once it is full.
        let n = f64::from(self.seen.saturating_add(1).min(o.memory.max(1)));
        let limit = o.clip * deviation;
        let step = if warm { (error - self.mean).clamp(-limit, limit) } else { error - self.mean };
        let weight = 1.0 / n;
        self.mean += weight * step;
        self.variance = (1.0 - weight) * (self.variance + weight * step * step);
        self.seen = self.seen.saturating_add(1);
        if warm { (Some(score), self.follow(score)) } else { (None, None) }
    }

    fn follow(&mut self, score: f64) -> Option<SurpriseEvent> {
        if let Some(running) = &mut self.event {
            running.frames += 1;
            running.peak = running.peak.max(score);
            if score >= self.options.end {
                return None;
            }
            let ended = SurpriseEvent::Ended { peak: running.peak, frames: running.frames };
            self.event = None;
            self.cooldown = self.options.cooldown;
            return Some(ended);
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            return None;
        }
        if score < self.options.start {
            return None;
        }
        self.event = Some(Running { peak: score, frames: 1 });
        self.events += 1;
        Some(SurpriseEvent::Started { score })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors that alternate around 10 by +-1.
    fn settled(options: SurpriseOptions) -> Surprise {
        let mut surprise = Surprise::new(options);
        for i in 0..200 {
            let (_, event) = surprise.observe(if i % 2 == 0 { 9.0 } else { 11.0 });
            assert_eq!(event, None, "an even stream holds no event");
        }
        surprise
    }

    #[test]
    fn no_score_before_warm_up() {
        let mut surprise = Surprise::new(SurpriseOptions { warm_up: 3, ..Default::default() });
        for error in [5.0, 100.0, 5.0] {
            assert_eq!(surprise.observe(error), (None, None));
        }
        assert!(surprise.observe(5.0).0.is_some());
    }

    #[test]
    fn the_score_is_a_z_score() {
        let mut surprise = settled(SurpriseOptions::default());
        let (score, event) = surprise.observe(16.0);
        let score = score.unwrap();
        // Mean 10 and deviation 1, up to the ripple of the exponential window.
        assert!((score - 6.0).abs() < 0.2, "{score}");
        assert_eq!(event, Some(SurpriseEvent::Started { score }));
    }

    #[test]
    fn constant_errors_do_not_divide_by_zero() {
        let mut surprise = Surprise::new(SurpriseOptions::default());
        for _ in 0..100 {
            surprise.observe(0.0);
        }
        let (score, _) = surprise.observe(1.0);
        assert_eq!(score, Some(4.0), "1 over the floor of 0.25");
        assert_eq!(surprise.observe(f64::NAN), (None, None));
    }

    #[test]
    fn events_have_hysteresis_and_cooldown() {
        let options = SurpriseOptions { cooldown: 2, ..Default::default() };
        let mut surprise = settled(options);
        assert!(matches!(surprise.observe(20.0).1, Some(SurpriseEvent::Started { .. })));
        // Between the two thresholds the event goes on without a second start.
        assert_eq!(surprise.observe(15.0).1, None);
        let ended = surprise.observe(10.0).1;
        assert!(
            matches!(ended, Some(SurpriseEvent::Ended { frames: 3, peak }) if peak > 9.0),
            "{ended:?}"
        );
        assert_eq!(surprise.observe(30.0).1, None, "cooling down");
        assert_eq!(surprise.observe(10.0).1, None, "cooling down");
        assert!(matches!(surprise.observe(40.0).1, Some(SurpriseEvent::Started { .. })));
        assert_eq!(surprise.events(), 2);
    }

    #[test]
    fn one_outlier_hardly_moves_the_statistics() {
        let mut surprise = settled(SurpriseOptions::default());
        surprise.observe(1e6);
        let (score, _) = surprise.observe(16.0);
        assert!(score.unwrap() > 4.5, "still far above normal: {score:?}");
    }
}
