//! What a plane is predicted from besides itself: references moved to where this frame has them, and
//! planes coded before.

use super::covariance::Strips;
use super::motion::{BLOCK, Field, Visible};
use super::plane::PlaneCoder;
use super::surface::{PAD, Surface};
use crate::vision::dispatch::vectorised;

impl PlaneCoder {
    /// Moves rows of a reference to where `field` has them; `shift` is how the plane is halved.
    pub(super) fn compensate(
        &mut self,
        slot: usize,
        reference: Visible<'_>,
        first: usize,
        field: &Field,
        shift: (u32, u32),
    ) {
        let to = &mut self.moved[slot];
        let (bw, bh) = (BLOCK >> shift.0, BLOCK >> shift.1);
        let width = self.width as isize;
        for y in -1..=self.rows as isize {
            let by = (y.max(0) as usize / bh).min(field.down - 1);
            let row = to.row_mut(y);
            for bx in 0..field.across {
                let v = field.vectors[by * field.across + bx];
                let (x0, x1) = (bx * bw, ((bx + 1) * bw).min(self.width));
                if x0 >= x1 {
                    break;
                }
                let from = reference.row(first as isize + y + (isize::from(v.y) >> shift.1));
                let source = x0 as isize + (isize::from(v.x) >> shift.0);
                let out = &mut row[PAD + x0..PAD + x1];
                if source >= 0 && source + out.len() as isize <= width {
                    out.copy_from_slice(&from[source as usize..][..out.len()]);
                } else {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = from[(source + i as isize).clamp(0, width - 1) as usize];
                    }
                }
            }
            to.extend(y);
        }
    }

    /// What planes coded after this one learn from it, at their own size: the plane itself in a key
    /// frame, else what motion left of it.
    pub(super) fn make_guide(&mut self, halved: (u32, u32), inter: bool) {
        let (w, h) = (self.width.div_ceil(1 << halved.0), self.rows.div_ceil(1 << halved.1));
        let span = Strips::new(w, self.work.strips).span();
        if (self.guide.width, self.guide.rows) != (w, h) {
            self.guide = Surface::new(w, h, span);
        }
        let last = self.rows as isize - 1;
        for y in 0..h as isize {
            let rows =
                [(y << halved.1).min(last), ((y << halved.1) + (1 << halved.1) - 1).min(last)];
            let out = &mut self.guide.row_mut(y)[PAD..PAD + w];
            // Behind an odd width lies what the row was extended by.
            let all = PAD..PAD + (w << halved.0);
            let own = rows.map(|y| &self.own.row(y)[all.clone()]);
            let moved = rows.map(|y| &self.moved[0].row(y)[all.clone()]);
            match (halved.0, inter) {
                (0, false) => level(own, out),
                (0, true) => level_beyond(own, moved, out),
                (_, false) => level_of_pairs(own, out),
                (_, true) => level_of_pairs_beyond(own, moved, out),
            }
            self.guide.extend(y);
        }
        self.guide.repeat(0, -1);
        self.guide.repeat(h as isize - 1, h as isize);
    }

    /// Moves the errors of the frame before as `field` says.
    pub(super) fn move_errors(&mut self, field: &Field, shift: (u32, u32)) {
        carry(&self.errors[0], field, shift, &mut self.moved_errors);
    }

    /// With a bound, moves the samples of moved reference `slot` towards what was predicted of them,
    /// where that was missed: most of what the quantiser takes for one lies on that side of it.
    /// `slot` is 0 for the last frame, whose steps are kept, or 1 for the one before.
    pub(super) fn lean(&mut self, slot: usize, field: &Field, shift: (u32, u32)) {
        let by = (self.max_error / 2 + 1) as i16;
        carry(&self.steps[slot], field, shift, &mut self.moved_steps);
        for y in -1..=self.rows as isize {
            lean(self.moved_steps.row(y), by, self.moved[slot].row_mut(y));
        }
    }

    /// Takes in a predictor's picture and its memory, where there are any.
    pub(super) fn expect(&mut self, drawn: [Option<Visible<'_>>; 2], first: usize) {
        let [_, _, slots @ ..] = &mut self.moved;
        for (to, picture) in slots.iter_mut().zip(drawn) {
            let Some(picture) = picture else { continue };
            for y in -1..=self.rows as isize {
                to.row_mut(y)[PAD..PAD + self.width]
                    .copy_from_slice(picture.row(first as isize + y));
                to.extend(y);
            }
        }
    }
}

/// Moves what is known of each sample of a band as `field` says; what lies outside of the band is
/// taken from its edge.
fn carry<T: Copy + Default>(
    from: &Surface<T>,
    field: &Field,
    shift: (u32, u32),
    to: &mut Surface<T>,
) {
    let (bw, bh) = (BLOCK >> shift.0, BLOCK >> shift.1);
    let (last, right) = (from.rows as isize - 1, from.width as isize - 1);
    for y in 0..=last {
        let by = (y as usize / bh).min(field.down - 1);
        let row = to.row_mut(y);
        for bx in 0..field.across {
            let v = field.vectors[by * field.across + bx];
            let (x0, x1) = (bx * bw, ((bx + 1) * bw).min(from.width));
            if x0 >= x1 {
                break;
            }
            let from = from.row((y + (isize::from(v.y) >> shift.1)).clamp(0, last));
            let source = x0 as isize + (isize::from(v.x) >> shift.0);
            let out = &mut row[PAD + x0..PAD + x1];
            if source >= 0 && source + out.len() as isize <= right + 1 {
                out.copy_from_slice(&from[PAD + source as usize..][..out.len()]);
            } else {
                for (i, out) in out.iter_mut().enumerate() {
                    *out = from[PAD + (source + i as isize).clamp(0, right) as usize];
                }
            }
        }
        to.extend(y);
    }
    to.repeat(0, -1);
    to.repeat(last, last + 1);
}

vectorised! {
    fn lean(steps: &[i8], by: i16, samples: &mut [u8]) {
        for (sample, step) in samples.iter_mut().zip(steps) {
            let moved = i16::from(*sample) - by * i16::from(step.signum());
            *sample = moved.clamp(0, 255) as u8;
        }
    }
}

vectorised! {
    /// Twice the mean of two rows.
    fn level(own: [&[u8]; 2], out: &mut [i16]) {
        for ((out, a), b) in out.iter_mut().zip(own[0]).zip(own[1]) {
            *out = i16::from(*a) + i16::from(*b);
        }
    }
}

vectorised! {
    /// The same less that of two other rows.
    fn level_beyond(own: [&[u8]; 2], moved: [&[u8]; 2], out: &mut [i16]) {
        let (own, moved) = (own[0].iter().zip(own[1]), moved[0].iter().zip(moved[1]));
        for ((out, (a, b)), (c, d)) in out.iter_mut().zip(own).zip(moved) {
            *out = i16::from(*a) + i16::from(*b) - i16::from(*c) - i16::from(*d);
        }
    }
}

vectorised! {
    /// Twice the mean of pairs in two rows, rounded down.
    fn level_of_pairs(own: [&[u8]; 2], out: &mut [i16]) {
        let own = own[0].chunks_exact(2).zip(own[1].chunks_exact(2));
        for (out, (a, b)) in out.iter_mut().zip(own) {
            *out = (i16::from(a[0]) + i16::from(a[1]) + i16::from(b[0]) + i16::from(b[1])) >> 1;
        }
    }
}

vectorised! {
    /// The same less that of two other rows, rounded down once.
    fn level_of_pairs_beyond(own: [&[u8]; 2], moved: [&[u8]; 2], out: &mut [i16]) {
        let own = own[0].chunks_exact(2).zip(own[1].chunks_exact(2));
        let moved = moved[0].chunks_exact(2).zip(moved[1].chunks_exact(2));
        for ((out, (a, b)), (c, d)) in out.iter_mut().zip(own).zip(moved) {
            let sum = i16::from(a[0]) + i16::from(a[1]) + i16::from(b[0]) + i16::from(b[1]);
            let less = i16::from(c[0]) + i16::from(c[1]) + i16::from(d[0]) + i16::from(d[1]);
            *out = (sum - less) >> 1;
        }
    }
}
