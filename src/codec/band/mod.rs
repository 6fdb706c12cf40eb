//! The coder of one band of rows: prediction, residuals and entropy coding of a slice.
//!
//! A band keeps statistics and contexts from frame to frame and shares nothing with other bands but
//! the pictures they refer to, so bands are coded and decoded in parallel.

use std::ops::Range;

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
}

impl BandCoder {
    /// A coder in the state of a key frame.
    #[must_use]
    pub fn new(spec: BandSpec) -> Self {
        Self { spec }
    }

    /// Forgets all statistics and contexts: before each key frame, on both sides.
    pub fn reset(&mut self) {}

    /// Codes the band of `source`: appends the slice to `out`, and writes what a decoder will have
    /// to `target`.
    pub fn encode(
        &mut self,
        source: &Picture,
        references: References<'_>,
        target: &mut BandMut<'_>,
        out: &mut Vec<u8>,
    ) {
        let _ = references;
        for (index, rows) in target.iter_mut().enumerate() {
            let plane = &source.planes()[index];
            let first = (self.spec.rows.start >> self.spec.layout.shift(index).1) * plane.width;
            rows.copy_from_slice(&plane.data[first..first + rows.len()]);
            out.extend_from_slice(rows);
        }
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
        let _ = references;
        let mut rest = slice;
        for rows in target.iter_mut() {
            let (these, after) = rest.split_at_checked(rows.len()).ok_or(Damaged)?;
            rows.copy_from_slice(these);
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(Damaged) }
    }
}
