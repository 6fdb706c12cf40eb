//! The driver's 32-bit frame counter, unwrapped, and the losses it shows.

use crate::frame::FrameSeq;

/// A jump above this is a counter that started anew (or a broken driver), not a loss: at 60 frames
/// a second it would be minutes without any frame, which the watchdog has long noticed.
const MAX_GAP: u32 = 10_000;

/// Follows one stream's counter.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Option<u32>,
    position: u64,
    left_out: u64,
}

impl Sequence {
    /// The number of the frame whose driver counter is `counter`, and how many were lost before it.
    ///
    /// A counter that stands still is one of a driver that does not count: nothing is lost then as
    /// far as can be known.
    pub(super) fn observe(&mut self, counter: u32) -> (FrameSeq, u64) {
        let step = self.last.map_or(0, |last| counter.wrapping_sub(last));
        let lost = match (self.last, step) {
            (None, _) | (_, 0) => 0,
            (_, step) if step > MAX_GAP => 0,
            (_, step) => u64::from(step - 1),
        };
        if self.last.is_some() {
            self.position += lost + 1;
        }
        self.last = Some(counter);
        (FrameSeq(self.position - self.left_out), lost)
    }

    /// The frame last observed is left out on purpose. The next one gets its number: a model too
    /// slow for the camera is to see a slower stream and not a gap, which would reset its state.
    pub(super) const fn leave_out(&mut self) {
        self.left_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(counters: &[u32]) -> Vec<(u64, u64)> {
        let mut sequence = Sequence::default();
        counters
            .iter()
            .map(|&c| {
                let (seq, lost) = sequence.observe(c);
                (seq.0, lost)
            })
            .collect()
    }

    #[test]
    fn gaps_are_counted_and_numbers_follow() {
        assert_eq!(observed(&[5, 6, 9, 10]), [(0, 0), (1, 0), (4, 2), (5, 0)]);
    }

    #[test]
    fn frames_left_out_on_purpose_leave_no_hole_and_losses_do() {
        let mut sequence = Sequence::default();
        let mut seen = Vec::new();
        for (counter, left_out) in [(5, true), (6, true), (7, false), (8, true), (11, false)] {
            let (seq, lost) = sequence.observe(counter);
            if left_out {
                sequence.leave_out();
                assert_eq!(lost, 0);
            } else {
                seen.push((seq.0, lost));
            }
        }
        // Of the counters 5 to 11, 9 and 10 were lost in the driver.
        assert_eq!(seen, [(0, 0), (3, 2)]);
    }

    #[test]
    fn the_counter_wraps() {
        assert_eq!(observed(&[u32::MAX - 1, u32::MAX, 0, 3]), [(0, 0), (1, 0), (2, 0), (5, 2)]);
    }

    #[test]
    fn resets_and_standing_counters_are_no_loss() {
        assert_eq!(observed(&[500, 501, 0, 1]), [(0, 0), (1, 0), (2, 0), (3, 0)]);
        assert_eq!(observed(&[0, 0, 0]), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(observed(&[7, 1_000_000]), [(0, 0), (1, 0)]);
    }
}
