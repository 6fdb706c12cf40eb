//! The coder of one band of rows: prediction, residuals and entropy coding of a slice.
//!
//! A band keeps statistics and contexts from frame to frame and shares nothing with other bands but
//! the pictures they refer to, so bands are coded and decoded in parallel.

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
    /// Two references, finer statistics.
    Fast,
    /// Logistic mixing of many models.
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
    /// What a predictor expects this frame to be.
    pub predicted: Option<&'a Picture>,
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
        let work = Work::of(spec.profile);
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
        let rows: Vec<&[u8]> = source
            .planes()
            .iter()
            .enumerate()
            .map(|(index, plane)| {
                let (first, end) = self.spec.plane_rows(index);
                &plane.data[first * plane.width..end * plane.width]
            })
            .collect();
        let mut coder = Encoder::new(out);
        if let Some(last) = references.last {
            let visible = self.spec.visible(last, 0);
            let first = self.spec.rows.start;
            let [field, second] = &mut self.fields;
            self.search.run(rows[0], visible, first, &self.vectors[0], None, field);
            if let Some(before) = references.before {
                let visible = self.spec.visible(before, 0);
                self.search.run(rows[0], visible, first, &self.vectors[1], Some(field), second);
            }
        }
        self.code(&mut coder, references, &rows, target);
        coder.finish();
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
        let mut coder = Decoder::new(slice);
        self.code(&mut coder, references, &[], target);
        coder.finish()
    }

    fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        references: References<'_>,
        source: &[&[u8]],
        target: &mut BandMut<'_>,
    ) {
        let pictures = [references.last, references.before];
        let count = pictures.iter().take_while(|p| p.is_some()).count();
        for slot in 0..count {
            let (base, rest) = self.fields.split_at_mut(slot);
            self.vectors[slot].code(coder, &mut rest[0], base.first());
        }
        for (index, target) in target.iter_mut().enumerate().take(self.planes.len()) {
            let (done, rest) = self.planes.split_at_mut(index);
            let plane = &mut rest[0];
            let first = self.spec.plane_rows(index).0;
            let shift = self.spec.layout.shift(index);
            for (slot, picture) in pictures.iter().flatten().enumerate() {
                let visible = self.spec.visible(picture, index);
                plane.compensate(slot, visible, first, &self.fields[slot], shift);
            }
            if count > 0 {
                plane.move_errors(&self.fields[0], shift);
            }
            let predicted = references.predicted.filter(|_| count > 0);
            let predicted = plane.expect(predicted.map(|p| self.spec.visible(p, index)), first);
            let kind = Kind { references: count, guides: index, predicted: predicted && count > 0 };
            let guides: Vec<&Surface<i16>> = done.iter().map(|p| &p.guide).collect();
            plane.code(coder, kind, source.get(index).copied().unwrap_or_default(), &guides);
            let width = plane.own.width;
            for (y, row) in target.chunks_exact_mut(width).enumerate() {
                row.copy_from_slice(&plane.own.row(y as isize)[PAD..PAD + width]);
            }
            if index + 1 < self.spec.layout.planes() {
                let next = self.spec.layout.shift(index + 1);
                plane.make_guide((next.0 - shift.0, next.1 - shift.1), count > 0);
            }
        }
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
