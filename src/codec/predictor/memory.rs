//! The frame before those that bands refer to, carried along the motion of all frames since.
//!
//! Least squares finds most of what the last two frames tell by itself; a third one that has followed
//! the same motion tells more: the noise of each is another's, and errors of interpolation cancel.

use crate::codec::Picture;
use crate::codec::convert::same_kind;
use crate::vision::motion::{CELL, MotionField, Vector};

use super::carry::Carrier;

/// Frames that are kept.
const KEPT: usize = 3;

/// Carries an older frame to where the next one is expected to have its content.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The newest frames, less repeats, the newest first; behind the first `count` lies what was
    /// forgotten, to be written over.
    frames: [Option<Picture>; KEPT],
    count: usize,
    /// Where the content of each frame was in the one behind it.
    steps: [MotionField; KEPT - 1],
    path: MotionField,
    longer: MotionField,
    carrier: Carrier,
    drawn: Option<Picture>,
    /// True when `drawn` is of frames that are not forgotten.
    told: bool,
}

impl Memory {
    /// Without frames so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all frames; their room is kept for those that come.
    pub const fn reset(&mut self) {
        self.count = 0;
        self.told = false;
    }

    /// Takes in a frame. `matched` says where its content was in the frame before, or, when it
    /// `repeats` that one, in the frame before that; of the first frame it says nothing.
    pub fn follow(&mut self, newest: &Picture, matched: &MotionField, repeats: bool) {
        if !repeats {
            self.frames.rotate_right(1);
            let kept = like(&mut self.frames[0], newest);
            for (to, from) in kept.planes_mut().iter_mut().zip(newest.planes()) {
                to.data.copy_from_slice(&from.data);
            }
            self.count = KEPT.min(self.count + 1);
            self.steps.rotate_right(1);
        }
        self.steps[0].clone_from(matched);
    }

    /// Draws the oldest frame there is; `ahead` says where the next frame's content will be in the
    /// newest.
    pub fn draw(&mut self, ahead: &MotionField) {
        let mut frames = self.frames.iter().take(self.count).flatten();
        let Some(mut oldest) = frames.next() else { return };
        self.path.clone_from(ahead);
        for (frame, step) in frames.zip(&self.steps) {
            then(&self.path, step, &mut self.longer);
            std::mem::swap(&mut self.path, &mut self.longer);
            oldest = frame;
        }
        self.carrier.carry(oldest, &self.path, like(&mut self.drawn, oldest));
        self.told = true;
    }

    /// What was drawn last; nothing before the first frame since the last reset.
    #[must_use]
    pub fn picture(&self) -> Option<&Picture> {
        self.drawn.as_ref().filter(|_| self.told)
    }
}

/// The picture in `slot` to be written over, made anew only where it is not of the kind of `picture`.
fn like<'a>(slot: &'a mut Option<Picture>, picture: &Picture) -> &'a mut Picture {
    let _ = slot.take_if(|kept| !same_kind(kept, picture));
    slot.get_or_insert_with(|| picture.clone())
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

    /// Content that moves 2 to the left a frame, each frame brighter by 1.
    fn picture(layout: SampleLayout, t: usize) -> Picture {
        let mut picture = Picture::new(layout, 36, 28);
        for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
            let halved = layout.shift(index).0;
            let (width, step) = (plane.width, (2 * t) >> halved);
            for (at, v) in plane.data.iter_mut().enumerate() {
                *v = ((at % width + step) * 3 + t) as u8;
            }
        }
        picture
    }

    /// Its motion.
    fn moves() -> MotionField {
        uniform(128, 0)
    }

    /// How many frames before the next one, `t + 1`, what was drawn is of.
    fn age(memory: &Memory, layout: SampleLayout, t: usize) -> usize {
        let (drawn, next) = (memory.picture().unwrap(), picture(layout, t + 1));
        let mut ages = drawn.planes().iter().zip(next.planes()).flat_map(|(drawn, next)| {
            let inside = 3 * next.width..3 * next.width + next.width / 2;
            let pairs = drawn.data[inside.clone()].iter().zip(&next.data[inside]);
            pairs.map(|(drawn, next)| next.wrapping_sub(*drawn))
        });
        let first = ages.next().unwrap();
        assert!(ages.all(|age| age == first), "frame {t} is not carried to where the next one is");
        usize::from(first)
    }

    #[test]
    fn the_third_frame_back_is_carried_to_the_next() {
        let layout = SampleLayout::Yuv420;
        let mut memory = Memory::new();
        for t in 0..5 {
            let matched = if t == 0 { uniform(0, 0) } else { moves() };
            memory.follow(&picture(layout, t), &matched, false);
            memory.draw(&moves());
            assert_eq!(age(&memory, layout, t), t.min(2) + 1, "frame {t}");
        }
    }

    #[test]
    fn a_repeat_is_no_frame_and_says_anew_how_the_one_it_repeats_moved() {
        let layout = SampleLayout::Grey;
        let mut memory = Memory::new();
        let wrong = uniform(-64, 192);
        for (t, repeats, matched) in [
            (0, false, &wrong),
            (0, true, &wrong),
            (1, false, &wrong),
            (1, true, &moves()),
            (2, false, &moves()),
            (2, true, &moves()),
            (2, true, &moves()),
            (3, false, &wrong),
            (3, true, &moves()),
            (4, false, &moves()),
        ] {
            memory.follow(&picture(layout, t), matched, repeats);
            memory.draw(&moves());
            if t == 0 || *matched == moves() {
                assert_eq!(age(&memory, layout, t), t.min(2) + 1, "frame {t}, repeats: {repeats}");
            }
        }
    }

    #[test]
    fn a_reset_forgets_all_frames_and_keeps_their_room() {
        let layout = SampleLayout::Yuv420;
        let mut memory = Memory::new();
        let rooms = |memory: &Memory| {
            let pictures = memory.frames.iter().chain([&memory.drawn]).flatten();
            let mut rooms: Vec<_> =
                pictures.flat_map(Picture::planes).map(|plane| plane.data.as_ptr()).collect();
            rooms.sort_unstable();
            rooms
        };
        let follow = |memory: &mut Memory, layout, first: usize| {
            for t in first..first + 4 {
                memory.follow(&picture(layout, t), &moves(), t == first + 3);
                if t == first {
                    assert!(memory.picture().is_none(), "nothing is drawn of frame {t}");
                }
                memory.draw(&moves());
                let (t, frames) = (t.min(first + 2), (t - first).min(2) + 1);
                assert_eq!(age(memory, layout, t), frames, "frame {t}");
            }
        };
        follow(&mut memory, layout, 0);
        let before = rooms(&memory);
        assert_eq!(before.len(), 3 * (KEPT + 1));
        memory.reset();
        assert!(memory.picture().is_none());
        // A repeat of what was forgotten is no frame.
        memory.follow(&picture(layout, 3), &moves(), true);
        memory.draw(&moves());
        assert!(memory.picture().is_none());
        follow(&mut memory, layout, 20);
        assert!(rooms(&memory) == before);
        memory.reset();
        follow(&mut memory, SampleLayout::Grey, 7);
    }
}
