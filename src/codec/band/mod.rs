//! The coder of one band of rows: prediction, residuals and entropy coding of a slice.
//!
//! A band keeps statistics and contexts from frame to frame and shares nothing with other bands but
//! the pictures they refer to, so bands are coded and decoded in parallel.

mod around;
mod contexts;
mod covariance;
mod distribution;
mod lanes;
mod mixing;
mod motion;
mod plane;
mod range;
mod references;
mod regression;
mod residual;
mod samples;
mod solve;
mod spread;
mod surface;
mod taps;
#[cfg(test)]
mod tests;

use std::ops::Range;

use motion::{Field, Search, VectorModel, Visible};
use plane::{Kind, PlaneCoder, Work};
use range::{Coder, Decoder, Encoder};
use surface::{PAD, Surface};

use super::picture::{Picture, SampleLayout};

/// How much work goes into a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Real time on one small core.
    Light,
    /// Two references; with a bound on errors, bits are mixed as in `Strong`.
    Fast,
    /// Two references, finer statistics, and logistic mixing of many models.
    Strong,
}

/// What a band coder is made for; fixed for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandSpec {
    /// Work a sample.
    pub profile: Profile,
    /// Planes and their sampling.
    pub layout: SampleLayout,
    /// Picture width in pixels.
    pub width: usize,
    /// Picture height in pixels.
    pub height: usize,
    /// Rows of the first plane; begins at a multiple of 2, and ends at one unless at the bottom.
    pub rows: Range<usize>,
    /// Largest difference of a decoded sample, 0 for lossless.
    pub max_error: u8,
    /// References are read inside of the band's own rows only.
    pub confined: bool,
}

/// What a band may be predicted from. All pictures have the layout and size of the band's spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct References<'a> {
    /// The last reconstructed frame; `None` in a key frame.
    pub last: Option<&'a Picture>,
    /// The one before it (another picture than `last`).
    pub before: Option<&'a Picture>,
    /// What a predictor says of this frame.
    pub predicted: Option<Drawn<'a>>,
}

/// What a predictor has drawn for one frame.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// What it expects the frame to be.
    pub picture: &'a Picture,
    /// An older frame that it has carried to this one, if it keeps such.
    pub memory: Option<&'a Picture>,
}

/// The band's rows of each plane of a picture that is being reconstructed, without padding.
pub type BandMut<'a> = [&'a mut [u8]];

/// A slice that cannot have been written by an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// The coder of one band; the encoder and the decoder hold the same.
#[derive(Clone, Debug)]
pub struct BandCoder {
    spec: BandSpec,
    planes: Vec<PlaneCoder>,
    fields: [Field; 2],
    vectors: [VectorModel; 2],
    search: Search,
}

impl BandCoder {
    /// A coder in the state of a key frame.
    #[must_use]
    pub fn new(spec: BandSpec) -> Self {
        let work = Work::of(spec.profile, spec.max_error);
        let planes = (0..spec.layout.planes())
            .map(|index| {
                let (width, _) = spec.layout.plane_size(index, spec.width, spec.height);
                let (first, end) = spec.plane_rows(index);
                PlaneCoder::new(width, end - first, spec.max_error, work)
            })
            .collect();
        let (width, rows) = (spec.width, spec.rows.len());
        Self {
            planes,
            fields: std::array::from_fn(|_| Field::new(width, rows)),
            vectors: std::array::from_fn(|_| VectorModel::new()),
            search: Search::new(width, rows),
            spec,
        }
    }

    /// Forgets all statistics and contexts: before each key frame, on both sides.
    pub fn reset(&mut self) {
        for plane in &mut self.planes {
            plane.reset();
        }
        let (width, rows) = (self.spec.width, self.spec.rows.len());
        self.fields = std::array::from_fn(|_| Field::new(width, rows));
        self.vectors = std::array::from_fn(|_| VectorModel::new());
    }

    /// Codes the band of `source`: appends the slice to `out`, and writes what a decoder will have
    /// to `target`.
    pub fn encode(
        &mut self,
        source: &Picture,
        references: References<'_>,
        target: &mut BandMut<'_>,
        out: &mut Vec<u8>,
    ) {
        let rows = self.source(source);
        self.search(&rows, references);
        self.code(Encoder::new(out), references, &rows, target).finish();
    }

    /// Decodes a slice into `target`.
    ///
    /// # Errors
    /// [`Damaged`] when the bytes run out or cannot be; `target` then holds no more than rubbish.
    pub fn decode(
        &mut self,
        slice: &[u8],
        references: References<'_>,
        target: &mut BandMut<'_>,
    ) -> Result<(), Damaged> {
        self.code(Decoder::new(slice), references, &[], target).finish()
    }

    /// Decodes two slices of one frame on one thread, in less time than one after the other. Each
    /// has a result of its own, as [`BandCoder::decode`] gives it.
    pub fn decode_two(
        [a, b]: [&mut Self; 2],
        slices: [&[u8]; 2],
        references: [References<'_>; 2],
        [target_a, target_b]: [&mut BandMut<'_>; 2],
    ) -> [Result<(), Damaged>; 2] {
        let alike = references[0].kinds() == references[1].kinds()
            && (a.spec.profile, a.spec.max_error) == (b.spec.profile, b.spec.max_error)
            && (a.spec.layout, a.spec.width) == (b.spec.layout, b.spec.width);
        if !alike {
            return [
                a.decode(slices[0], references[0], target_a),
                b.decode(slices[1], references[1], target_b),
            ];
        }
        let mut coders = slices.map(Decoder::new);
        a.code_motion(&mut coders[0], references[0]);
        b.code_motion(&mut coders[1], references[1]);
        let targets = target_a.iter_mut().zip(target_b.iter_mut());
        for (index, (target_a, target_b)) in targets.enumerate().take(a.planes.len()) {
            let kind = a.begin_plane(index, references[0]);
            let other = b.begin_plane(index, references[1]);
            debug_assert_eq!(kind, other, "bands that are alike");
            let ((plane_a, guides_a), (plane_b, guides_b)) = (a.plane(index), b.plane(index));
            let guides: [&[_]; 2] = [&guides_a, &guides_b];
            coders = PlaneCoder::decode_two([plane_a, plane_b], coders, kind, guides);
            a.end_plane(index, kind, target_a);
            b.end_plane(index, kind, target_b);
        }
        coders.map(Decoder::finish)
    }

    /// The band's rows of each plane of `picture`.
    fn source<'a>(&self, picture: &'a Picture) -> Vec<&'a [u8]> {
        let planes = picture.planes().iter().enumerate();
        planes
            .map(|(index, plane)| {
                let (first, end) = self.spec.plane_rows(index);
                &plane.data[first * plane.width..end * plane.width]
            })
            .collect()
    }

    /// Finds the motion of all references.
    fn search(&mut self, rows: &[&[u8]], references: References<'_>) {
        let Some(last) = references.last else { return };
        let visible = self.spec.visible(last, 0);
        let first = self.spec.rows.start;
        let [field, second] = &mut self.fields;
        self.search.run(rows[0], visible, first, &self.vectors[0], None, field);
        if let Some(before) = references.before {
            let visible = self.spec.visible(before, 0);
            self.search.run(rows[0], visible, first, &self.vectors[1], Some(field), second);
        }
    }

    fn code<C: Coder>(
        &mut self,
        mut coder: C,
        references: References<'_>,
        source: &[&[u8]],
        target: &mut BandMut<'_>,
    ) -> C {
        self.code_motion(&mut coder, references);
        for (index, target) in target.iter_mut().enumerate().take(self.planes.len()) {
            let kind = self.begin_plane(index, references);
            let (plane, guides) = self.plane(index);
            let rows = source.get(index).copied().unwrap_or_default();
            coder = plane.code(coder, kind, rows, &guides);
            self.end_plane(index, kind, target);
        }
        coder
    }

    /// Codes the motion of all references.
    fn code_motion<C: Coder>(&mut self, coder: &mut C, references: References<'_>) {
        for slot in 0..references.count() {
            let (base, rest) = self.fields.split_at_mut(slot);
            self.vectors[slot].code(coder, &mut rest[0], base.first());
        }
    }

    /// Brings the references of plane `index` to where this frame has them.
    fn begin_plane(&mut self, index: usize, references: References<'_>) -> Kind {
        let plane = &mut self.planes[index];
        let first = self.spec.plane_rows(index).0;
        let shift = self.spec.layout.shift(index);
        let count = references.count();
        for (slot, picture) in references.pictures().into_iter().flatten().enumerate() {
            let visible = self.spec.visible(picture, index);
            plane.compensate(slot, visible, first, &self.fields[slot], shift);
        }
        if self.spec.max_error > 0 {
            // The last frame comes last: its steps are a regressor too.
            for slot in (0..count).rev() {
                plane.lean(slot, &self.fields[slot], shift);
            }
        }
        if count > 0 {
            plane.move_errors(&self.fields[0], shift);
        }
        let drawn = references.drawn();
        plane.expect(drawn.map(|p| p.map(|p| self.spec.visible(p, index))), first);
        let [predicted, memory] = drawn.map(|p| p.is_some());
        Kind { references: count, guides: index, predicted, memory }
    }

    /// Plane `index`, and what it takes from those before it.
    fn plane(&mut self, index: usize) -> (&mut PlaneCoder, Vec<&Surface<i16>>) {
        let (done, rest) = self.planes.split_at_mut(index);
        (&mut rest[0], done.iter().map(|p| &p.guide).collect())
    }

    /// Writes plane `index` to `target`, and what later planes take from it.
    fn end_plane(&mut self, index: usize, kind: Kind, target: &mut [u8]) {
        let plane = &mut self.planes[index];
        let width = plane.own.width;
        for (y, row) in target.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&plane.own.row(y as isize)[PAD..PAD + width]);
        }
        if index + 1 < self.spec.layout.planes() {
            let shift = self.spec.layout.shift(index);
            let next = self.spec.layout.shift(index + 1);
            plane.make_guide((next.0 - shift.0, next.1 - shift.1), kind.references > 0);
        }
    }
}

impl<'a> References<'a> {
    fn pictures(self) -> [Option<&'a Picture>; 2] {
        [self.last, self.before.filter(|_| self.last.is_some())]
    }

    fn count(self) -> usize {
        self.pictures().iter().flatten().count()
    }

    /// The predictor's picture and its memory, beside others.
    fn drawn(self) -> [Option<&'a Picture>; 2] {
        let drawn = self.predicted.filter(|_| self.last.is_some());
        [drawn.map(|d| d.picture), drawn.and_then(|d| d.memory)]
    }

    /// How many pictures there are, and which there are of the predictor.
    fn kinds(self) -> (usize, [bool; 2]) {
        (self.count(), self.drawn().map(|p| p.is_some()))
    }
}

impl BandSpec {
    /// First and one past the last row of the band in plane `index`.
    fn plane_rows(&self, index: usize) -> (usize, usize) {
        let down = self.layout.shift(index).1;
        let (_, height) = self.layout.plane_size(index, self.width, self.height);
        let end = if self.rows.end >= self.height { height } else { self.rows.end >> down };
        (self.rows.start >> down, end)
    }

    /// The rows of plane `index` that may be referred to.
    fn visible<'a>(&self, picture: &'a Picture, index: usize) -> Visible<'a> {
        let plane = &picture.planes()[index];
        let (first, end) = if self.confined { self.plane_rows(index) } else { (0, plane.height) };
        Visible { data: &plane.data, width: plane.width, first, end }
    }
}
