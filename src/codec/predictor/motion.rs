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
    memory: Option<Memory>,
    frames: u32,
}

impl Motion {
    /// The name on the command line.
    pub const NAME: &'static str = "motion";

    /// The predictor.
    #[must_use]
    pub fn new() -> Self {
        Self { memory: Some(Memory::new()), ..Self::without_memory() }
    }

    /// One that draws the next frame and nothing else.
    pub(in crate::codec) fn without_memory() -> Self {
        Self {
            id: PredictorId::built_in(PredictorKind::Motion, Self::NAME),
            search: MotionSearch::default(),
            newer: LumaPyramid::default(),
            older: LumaPyramid::default(),
            field: MotionField::default(),
            ahead: MotionField::default(),
            carrier: Carrier::default(),
            memory: None,
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
        if let Some(memory) = &mut self.memory {
            memory.reset();
        }
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
        if let Some(memory) = &mut self.memory {
            memory.follow(newest, &self.field, false);
            if told {
                memory.draw(&self.ahead);
            }
        }
        Ok(told)
    }

    fn memory(&self) -> Option<&Picture> {
        self.memory.as_ref().and_then(Memory::picture)
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
            let (mut motion, mut plain) = (Motion::new(), Motion::without_memory());
            let mut next = Picture::new(layout, 96, 64);
            let mut same = next.clone();
            for t in 0..2 {
                assert_eq!(motion.predict(&moving(layout, t), &mut next).unwrap(), t > 0);
                assert_eq!(plain.predict(&moving(layout, t), &mut same).unwrap(), t > 0);
            }
            assert!(same == next && motion.memory().is_some() && plain.memory().is_none());
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
            assert!(motion.memory().is_none(), "all of it");
        }
    }
}
