//! A picture moved as a whole: each plane along the motion that was found in luma.

use crate::codec::{Picture, SampleLayout};
use crate::frame::Size;
use crate::vision::motion::{CELL, Compensator, MotionField, Scale, Vector};

/// Moves pictures, with what that takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Carrier {
    chroma: MotionField,
    compensator: Compensator,
}

impl Carrier {
    /// Draws into `to`, a picture of the same kind, what `from` has where `field` points.
    pub(super) fn carry(&mut self, from: &Picture, field: &MotionField, to: &mut Picture) {
        let layout = from.layout();
        if layout != SampleLayout::Grey {
            chroma_field(field, layout, from.size(), &mut self.chroma);
        }
        for (index, (to, from)) in to.planes_mut().iter_mut().zip(from.planes()).enumerate() {
            let field = if index == 0 { field } else { &self.chroma };
            let size = Size::new(from.width as u32, from.height as u32);
            self.compensator.warp::<1>(&from.data, size, field, Scale::ONE, &mut to.data);
        }
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
