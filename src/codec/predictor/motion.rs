//! Constant velocity: what moved from the frame before the last to the last moves on.

use crate::codec::Picture;
use crate::vision::motion::{LumaPyramid, MotionField, MotionSearch};

use super::carry::Carrier;
use super::{Memory, Predictor, PredictorFailure, PredictorId, PredictorKind};

/// Predicts by the motion between the last two frames, in integers.
#[derive(Clone, Debug)]
pub struct Motion {
    id: PredictorId,
    search: MotionSearch,
    newer: LumaPyramid,
    older: LumaPyramid,
    field: MotionField,
    ahead: MotionField,
    carrier: Carrier,
    memory: Memory,
    frames: u32,
}

impl Motion {
    /// The name on the command line.
    pub const NAME: &'static str = "motion";

    /// The predictor.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: PredictorId::built_in(PredictorKind::Motion, Self::NAME),
            search: MotionSearch::default(),
            newer: LumaPyramid::default(),
            older: LumaPyramid::default(),
            field: MotionField::default(),
            ahead: MotionField::default(),
            carrier: Carrier::default(),
            memory: Memory::new(),
            frames: 0,
        }
    }
}

impl Default for Motion {
    fn default() -> Self {
        Self::new()
    }
}

impl Predictor for Motion {
    fn id(&self) -> &PredictorId {
        &self.id
    }

    fn reset(&mut self) {
        self.frames = 0;
        self.memory.reset();
    }

    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        // Luma, or green, which has most of it.
        let Some(luma) = newest.planes().first() else { return Ok(false) };
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.build(&luma.data, newest.size());
        self.frames = self.frames.saturating_add(1);
        let told = self.frames > 1;
        if told {
            self.search.search(&self.newer, &self.older, &mut self.field);
            self.field.project(&mut self.ahead);
            self.carrier.carry(newest, &self.ahead, next);
        }
        self.memory.follow(newest, &self.field, false);
        if told {
            self.memory.draw(&self.ahead);
        }
        Ok(told)
    }

    fn memory(&self) -> Option<&Picture> {
        self.memory.picture()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::SampleLayout;

    /// A smooth pattern that moves by (2, 1) pixels a frame.
    fn moving(layout: SampleLayout, t: usize) -> Picture {
        let mut picture = Picture::new(layout, 96, 64);
        for index in 0..layout.planes() {
            let (across, down) = layout.shift(index);
            let plane = &mut picture.planes_mut()[index];
            for at in 0..plane.data.len() {
                let x = ((at % plane.width) << across) as f32 - 2.0 * t as f32;
                let y = ((at / plane.width) << down) as f32 - t as f32;
                let v = 120.0 + 50.0 * (x / 7.0).sin() + 40.0 * (y / 5.0 + x / 11.0).cos();
                plane.data[at] = v as u8;
            }
        }
        picture
    }

    #[test]
    fn steady_motion_is_predicted_better_than_by_the_last_frame() {
        for layout in [
            SampleLayout::Grey,
            SampleLayout::Yuv420,
            SampleLayout::Yuv422,
            SampleLayout::Yuv444,
            SampleLayout::Gbr,
        ] {
            let mut motion = Motion::new();
            let mut next = Picture::new(layout, 96, 64);
            assert!(!motion.predict(&moving(layout, 0), &mut next).unwrap());
            assert!(motion.predict(&moving(layout, 1), &mut next).unwrap());
            let truth = moving(layout, 2);
            let error = |a: &Picture, plane: usize| -> u64 {
                let pairs = a.planes()[plane].data.iter().zip(&truth.planes()[plane].data);
                pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
            };
            for plane in 0..layout.planes() {
                let (ours, copy) = (error(&next, plane), error(&moving(layout, 1), plane));
                assert!(ours * 3 < copy, "{layout:?} plane {plane}: {ours} of {copy}");
            }
            motion.reset();
            assert!(!motion.predict(&truth, &mut next).unwrap(), "it has forgotten");
        }
    }
}
