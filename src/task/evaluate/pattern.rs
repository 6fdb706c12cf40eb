//! How the frames before a target repeated.

use std::fmt;

use crate::vision::RgbImage;
use crate::vision::motion::luma;

/// Steps looked back.
const STEPS: usize = 4;

/// Which of the last steps from frame to frame were repeats: a step below a quarter of the largest
/// of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    /// Steps known, at most four.
    steps: u8,
    /// One bit a step, the newest lowest.
    repeats: u8,
    /// Nothing moved in any of them.
    still: bool,
}

impl fmt::Display for Pattern {
    /// `0` for a step and `1` for a repeat, oldest first; `still` when nothing moved, `start`
    /// without a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps == 0 {
            return f.pad("start");
        }
        if self.still {
            return f.pad("still");
        }
        let steps = (0..self.steps).rev();
        let text: String =
            steps.map(|at| if self.repeats >> at & 1 == 1 { '1' } else { '0' }).collect();
        f.pad(&text)
    }
}

/// Follows the steps of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    newest: Vec<u8>,
    incoming: Vec<u8>,
    /// Sums of absolute luma differences, newest first.
    differences: [u64; STEPS],
    known: u8,
    begun: bool,
}

impl Steps {
    /// Forgets the frames so far.
    pub(super) fn reset(&mut self) {
        self.known = 0;
        self.begun = false;
    }

    /// Takes the next frame in.
    pub(super) fn push(&mut self, picture: &RgbImage) {
        luma(picture, &mut self.incoming);
        std::mem::swap(&mut self.newest, &mut self.incoming);
        if !std::mem::replace(&mut self.begun, true) || self.incoming.len() != self.newest.len() {
            self.known = 0;
            return;
        }
        let steps = self.newest.iter().zip(&self.incoming);
        let difference = steps.map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
        self.differences.rotate_right(1);
        self.differences[0] = difference;
        self.known = (self.known + 1).min(STEPS as u8);
    }

    /// The pattern of the steps so far.
    pub(super) fn pattern(&self) -> Pattern {
        let known = &self.differences[..usize::from(self.known)];
        let largest = known.iter().max().copied().unwrap_or(0);
        let bits = known.iter().enumerate().filter(|(_, d)| **d * 4 < largest);
        Pattern {
            steps: self.known,
            repeats: bits.fold(0, |bits, (at, _)| bits | 1 << at),
            still: self.known > 0 && largest == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn patterns_are_read_oldest_first() {
        let grey = |v: u8| RgbImage::from_vec(Size::new(2, 2), vec![v; 12]).unwrap();
        let mut steps = Steps::default();
        let mut seen = Vec::new();
        for level in [10, 10, 10, 50, 55, 100, 100, 140] {
            steps.push(&grey(level));
            seen.push(steps.pattern().to_string());
        }
        // Steps of 0, 0, 40, 5, 45, 0, 40.
        assert_eq!(seen, ["start", "still", "still", "110", "1101", "1010", "0101", "1010"]);
        steps.reset();
        steps.push(&grey(3));
        assert_eq!(steps.pattern().to_string(), "start");
    }
}
