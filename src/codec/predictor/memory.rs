//! The frame before those that bands refer to, carried along the motion of all frames since.
//!
//! Least squares finds most of what the last two frames tell by itself; a third one that has followed
//! the same motion tells more: the noise of each is another's, and errors of interpolation cancel.

use crate::codec::Picture;
use crate::vision::motion::{CELL, MotionField, Vector};

use super::carry::Carrier;

/// Frames that are kept.
const KEPT: usize = 3;

/// Carries an older frame to where the next one is expected to have its content.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The newest frames, less repeats, the newest first.
    frames: [Option<Picture>; KEPT],
    /// Where the content of each frame was in the one behind it.
    steps: [MotionField; KEPT - 1],
    path: MotionField,
    longer: MotionField,
    carrier: Carrier,
    drawn: Option<Picture>,
}

impl Memory {
    /// Without frames so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all frames.
    pub fn reset(&mut self) {
        self.frames = Default::default();
        self.drawn = None;
    }

    /// Takes in a frame. `matched` says where its content was in the frame before, or, when it
    /// `repeats` that one, in the frame before that; of the first frame it says nothing.
    pub fn follow(&mut self, newest: &Picture, matched: &MotionField, repeats: bool) {
        if !repeats {
            self.frames.rotate_right(1);
            keep(&mut self.frames[0], newest);
            self.steps.rotate_right(1);
        }
        self.steps[0].clone_from(matched);
    }

    /// Draws the oldest frame there is; `ahead` says where the next frame's content will be in the
    /// newest.
    pub fn draw(&mut self, ahead: &MotionField) {
        let [Some(newest), older @ ..] = &self.frames else { return };
        let mut oldest = newest;
        self.path.clone_from(ahead);
        for (frame, step) in older.iter().flatten().zip(&self.steps) {
            then(&self.path, step, &mut self.longer);
            std::mem::swap(&mut self.path, &mut self.longer);
            oldest = frame;
        }
        let drawn = self.drawn.get_or_insert_with(|| newest.clone());
        self.carrier.carry(oldest, &self.path, drawn);
    }

    /// What was drawn last.
    #[must_use]
    pub const fn picture(&self) -> Option<&Picture> {
        self.drawn.as_ref()
    }
}

/// Copies `picture` to `to`, into its memory where it fits.
fn keep(to: &mut Option<Picture>, picture: &Picture) {
    match to {
        Some(to) if (to.layout(), to.size()) == (picture.layout(), picture.size()) => {
            for (to, from) in to.planes_mut().iter_mut().zip(picture.planes()) {
                to.data.copy_from_slice(&from.data);
            }
        }
        to => *to = Some(picture.clone()),
    }
}

/// First along `path`, then on along `field`, which is interpolated between the centres of its cells
/// in 1/256, rounded half up.
fn then(path: &MotionField, field: &MotionField, out: &mut MotionField) {
    /// Steps of a vector in a cell.
    const STEPS: i32 = 64 * CELL as i32;
    out.reset(path.columns, path.rows);
    let columns = path.columns.max(1);
    for (at, (to, v)) in out.vectors.iter_mut().zip(&path.vectors).enumerate() {
        let x = (at % columns) as i32 * STEPS + i32::from(v.x);
        let y = (at / columns) as i32 * STEPS + i32::from(v.y);
        let (column, row) = ((x >> 8) as isize, (y >> 8) as isize);
        let (right, down) = (x & (STEPS - 1), y & (STEPS - 1));
        let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| field.at(column + i, row + j));
        let part = |of: fn(&Vector) -> i16, own: i16| {
            let [a, b, c, d] = corners.each_ref().map(|v| i32::from(of(v)));
            let upper = (STEPS - right) * a + right * b;
            let lower = (STEPS - right) * c + right * d;
            let sum = (STEPS - down) * upper + down * lower;
            let sum = i32::from(own) + ((sum + STEPS * STEPS / 2) >> 16);
            sum.clamp(i32::from(i16::MIN) / 2, i32::from(i16::MAX) / 2) as i16
        };
        *to = Vector { x: part(|v| v.x, v.x), y: part(|v| v.y, v.y) };
    }
}

const _: () = assert!(64 * CELL == 256, "a cell is 256 steps");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::SampleLayout;

    fn uniform(x: i16, y: i16) -> MotionField {
        let mut field = MotionField::default();
        field.reset(9, 7);
        field.vectors.fill(Vector { x, y });
        field
    }

    #[test]
    fn displacements_follow_each_other() {
        let mut out = MotionField::default();
        then(&uniform(-96, 17), &uniform(40, -200), &mut out);
        assert_eq!(out, uniform(-56, -183));
        // Half a cell to the right of column 3 lies the mean of columns 3 and 4.
        let mut slope = uniform(0, 0);
        for (at, v) in slope.vectors.iter_mut().enumerate() {
            v.x = (at % 9) as i16 * 10;
        }
        then(&uniform(128, 0), &slope, &mut out);
        assert_eq!(out.at(3, 2), Vector { x: 128 + 35, y: 0 });
        assert_eq!(out.at(8, 2), Vector { x: 128 + 80, y: 0 }, "the outermost goes on");
    }

    #[test]
    fn the_third_frame_back_is_carried_to_the_next() {
        let picture = |t: usize| {
            let mut picture = Picture::new(SampleLayout::Yuv420, 36, 28);
            for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
                let (width, step) = (plane.width, if index == 0 { 2 * t } else { t });
                for (at, v) in plane.data.iter_mut().enumerate() {
                    *v = ((at % width + step) * 3 + t) as u8;
                }
            }
            picture
        };
        // Content moves 2 to the left, and each frame is brighter by 1.
        let moves = uniform(128, 0);
        let mut memory = Memory::new();
        for t in 0..5 {
            let matched = if t == 0 { uniform(0, 0) } else { moves.clone() };
            memory.follow(&picture(t), &matched, false);
            memory.draw(&moves);
            let drawn = memory.picture().unwrap();
            let age = t.min(2) + 1;
            for (drawn, next) in drawn.planes().iter().zip(picture(t + 1).planes()) {
                let inside = |y: usize| y * next.width..y * next.width + next.width / 2;
                let (ours, next) = (&drawn.data[inside(3)], &next.data[inside(3)]);
                let ok = ours.iter().zip(next).all(|(a, b)| usize::from(b - a) == age);
                assert!(ok, "frame {t}: {ours:?} {next:?}");
            }
        }
        memory.reset();
        assert!(memory.picture().is_none());
    }
}
