//! Constant velocity: what moved from the frame before the last to the last moves on.

use crate::codec::{Picture, SampleLayout};
use crate::frame::Size;
use crate::vision::motion::{
    CELL, Compensator, LumaPyramid, MotionField, MotionSearch, Scale, Vector,
};

use super::{Predictor, PredictorFailure, PredictorId, PredictorKind};

/// Predicts by the motion between the last two frames, in integers.
#[derive(Clone, Debug)]
pub struct Motion {
    id: PredictorId,
    search: MotionSearch,
    newer: LumaPyramid,
    older: LumaPyramid,
    field: MotionField,
    ahead: MotionField,
    chroma: MotionField,
    compensator: Compensator,
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
            chroma: MotionField::default(),
            compensator: Compensator::default(),
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
    }

    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        // Luma, or green, which has most of it.
        let Some(luma) = newest.planes().first() else { return Ok(false) };
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.build(&luma.data, newest.size());
        self.frames = self.frames.saturating_add(1);
        if self.frames < 2 {
            return Ok(false);
        }
        self.search.search(&self.newer, &self.older, &mut self.field);
        self.field.project(&mut self.ahead);
        let layout = newest.layout();
        if layout.planes() > 1 {
            chroma_field(&self.ahead, layout, newest.size(), &mut self.chroma);
        }
        for (index, (to, from)) in next.planes_mut().iter_mut().zip(newest.planes()).enumerate() {
            let field = if index == 0 { &self.ahead } else { &self.chroma };
            let size = Size::new(from.width as u32, from.height as u32);
            self.compensator.warp::<1>(&from.data, size, field, Scale::ONE, &mut to.data);
        }
        Ok(true)
    }
}

/// The motion of chroma planes of a picture of `size`: means of the luma vectors over the cells that
/// a chroma cell covers, in chroma samples, rounded half up.
pub fn chroma_field(luma: &MotionField, layout: SampleLayout, size: Size, out: &mut MotionField) {
    let (across, down) = layout.shift(1);
    let (width, height) = layout.plane_size(1, size.w(), size.h());
    out.reset(width.div_ceil(CELL), height.div_ceil(CELL));
    let columns = out.columns.max(1);
    for (at, slot) in out.vectors.iter_mut().enumerate() {
        let (row, column) = ((at / columns) << down, (at % columns) << across);
        let (mut x, mut y) = (0i32, 0i32);
        for dy in 0..1usize << down {
            for dx in 0..1usize << across {
                let v = luma.at((column + dx) as isize, (row + dy) as isize);
                x += i32::from(v.x);
                y += i32::from(v.y);
            }
        }
        // The mean, and halved where the plane is; both round half up.
        let cells = across + down;
        let mean = |sum: i32, halved: u32| {
            let shift = cells + halved;
            let half = if shift == 0 { 0 } else { 1 << (shift - 1) };
            ((sum + half) >> shift) as i16
        };
        *slot = Vector { x: mean(x, across), y: mean(y, down) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
