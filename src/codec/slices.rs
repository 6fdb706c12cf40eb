//! How a picture is cut into bands of rows, each coded as a slice of its own.

use std::ops::Range;

use super::error::CodecError;
use super::picture::Picture;

/// The most slices of a picture.
pub const MAX_SLICES: usize = 64;

/// Bands begin at multiples of so many luma rows.
const STEP: usize = 16;

/// Luma rows of a band when nothing else is asked for: fewer cost bits, as each band learns alone.
const USUAL_ROWS: usize = 192;

/// Rows of a picture that is worth two bands where speed counts most.
const TWO_FROM: usize = 128;

/// The bands of a picture, from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceLayout {
    /// Where each band ends, in luma rows; the last is the picture's height.
    ends: Vec<usize>,
}

impl SliceLayout {
    /// `count` bands of about equal height; `None` chooses bands of about 192 rows.
    ///
    /// # Errors
    /// [`CodecError::Config`] when the picture has no room for so many bands of 16 rows, or more
    /// than [`MAX_SLICES`] are asked for.
    pub fn even(height: usize, count: Option<usize>) -> Result<Self, CodecError> {
        let steps = height.div_ceil(STEP);
        let most = Self::most(height);
        let count = count.unwrap_or_else(|| Self::usual(height));
        if !(1..=most).contains(&count) {
            return Err(CodecError::Config {
                name: "the number of slices",
                value: count.to_string(),
                allowed: format!("a picture of {height} rows takes 1 to {most}"),
            });
        }
        let ends = (1..=count).map(|i| (steps * i / count * STEP).min(height)).collect();
        Ok(Self { ends })
    }

    fn most(height: usize) -> usize {
        height.div_ceil(STEP).clamp(1, MAX_SLICES)
    }

    /// How many bands of about 192 rows a picture has.
    fn usual(height: usize) -> usize {
        ((height + USUAL_ROWS / 2) / USUAL_ROWS).clamp(1, Self::most(height))
    }

    /// The same, but two at least from [`TWO_FROM`] rows on: one thread decodes two bands in less
    /// time than one.
    pub(super) fn usual_in_twos(height: usize) -> usize {
        Self::usual(height).max(if height >= TWO_FROM { 2 } else { 1 })
    }

    /// Bands of `steps` times 16 rows each; together they must cover `height` exactly once.
    pub(super) fn from_steps(steps: &[u64], height: usize) -> Option<Self> {
        if steps.is_empty() || steps.len() > MAX_SLICES {
            return None;
        }
        let mut end = 0usize;
        let mut ends = Vec::with_capacity(steps.len());
        for &n in steps {
            let rows = usize::try_from(n).ok().filter(|n| (1..=1 << 16).contains(n))? * STEP;
            if end >= height {
                return None;
            }
            end += rows;
            ends.push(end.min(height));
        }
        (end == height.next_multiple_of(STEP)).then_some(Self { ends })
    }

    /// Heights in steps of 16 rows, as [`SliceLayout::from_steps`] takes them.
    pub(super) fn steps(&self) -> impl Iterator<Item = u64> + '_ {
        self.iter().map(|rows| rows.len().div_ceil(STEP) as u64)
    }

    /// Number of bands.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Luma rows of each band.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }

    /// The rows of each band in each plane of `picture`, to be written at the same time.
    pub(super) fn split<'a>(&self, picture: &'a mut Picture) -> Vec<Vec<&'a mut [u8]>> {
        let layout = picture.layout();
        let mut bands: Vec<Vec<&mut [u8]>> =
            self.ends.iter().map(|_| Vec::with_capacity(layout.planes())).collect();
        for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
            let mut rest = plane.data.as_mut_slice();
            for (band, rows) in bands.iter_mut().zip(self.iter()) {
                let len = plane_rows(&rows, layout.shift(index).1).len() * plane.width;
                let (mine, after) = rest.split_at_mut(len.min(rest.len()));
                band.push(mine);
                rest = after;
            }
        }
        bands
    }
}

/// Rows of a plane that is halved `down` times, for luma rows `rows`.
pub(super) const fn plane_rows(rows: &Range<usize>, down: u32) -> Range<usize> {
    // Bands begin at even rows; the last may end at an odd one, which chroma rounds up.
    rows.start >> down..rows.end.div_ceil(1 << down)
}

/// The samples of a band in plane `index` of `picture`.
pub(super) fn band_samples<'a>(
    picture: &'a Picture,
    index: usize,
    rows: &Range<usize>,
) -> &'a [u8] {
    let Some(plane) = picture.planes().get(index) else { return &[] };
    let rows = plane_rows(rows, picture.layout().shift(index).1);
    plane.data.get(rows.start * plane.width..rows.end * plane.width).unwrap_or_default()
}

/// Copies the rows of a band of every plane from one picture to another of its kind.
pub(super) fn copy_band(from: &Picture, to: &mut Picture, rows: &Range<usize>) {
    let layout = to.layout();
    for (index, plane) in to.planes_mut().iter_mut().enumerate() {
        let rows_there = plane_rows(rows, layout.shift(index).1);
        let place = rows_there.start * plane.width..rows_there.end * plane.width;
        let target = plane.data.get_mut(place).unwrap_or_default();
        let samples = band_samples(from, index, rows);
        target.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
    }
}

/// CRC-32C of a band's samples, plane after plane.
pub(super) fn band_crc(planes: &[impl AsRef<[u8]>]) -> u32 {
    planes.iter().fold(0, |crc, rows| crc32c::crc32c_append(crc, rows.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::SampleLayout;

    #[test]
    fn the_usual_bands_are_of_about_192_rows() {
        let count = |height| SliceLayout::even(height, None).unwrap().count();
        assert_eq!([1, 16, 216, 256, 360, 540, 720, 1080].map(count), [1, 1, 1, 1, 2, 3, 4, 6]);
        assert_eq!(
            [1, 127, 128, 216, 360, 1080].map(SliceLayout::usual_in_twos),
            [1, 1, 2, 2, 2, 6]
        );
        let layout = SliceLayout::even(360, None).unwrap();
        assert_eq!(layout.iter().collect::<Vec<_>>(), [0..176, 176..360]);
    }

    #[test]
    fn every_count_covers_the_picture_with_bands_that_begin_at_steps() {
        for height in [1usize, 15, 16, 17, 33, 100, 360, 1081, 4096] {
            let most = height.div_ceil(STEP).min(MAX_SLICES);
            for count in 1..=most {
                let layout = SliceLayout::even(height, Some(count)).unwrap();
                assert_eq!(layout.count(), count);
                let mut next = 0;
                for rows in layout.iter() {
                    assert!(rows.start == next && rows.start % STEP == 0 && !rows.is_empty());
                    next = rows.end;
                }
                assert_eq!(next, height);
                let steps: Vec<u64> = layout.steps().collect();
                assert_eq!(SliceLayout::from_steps(&steps, height), Some(layout));
            }
            let error = SliceLayout::even(height, Some(most + 1)).unwrap_err().to_string();
            assert!(error.contains(&format!("1 to {most}")), "{error}");
            assert!(SliceLayout::even(height, Some(0)).is_err());
        }
    }

    #[test]
    fn layouts_that_do_not_cover_the_picture_are_refused() {
        for steps in [&[][..], &[1], &[3, 0], &[2, 2], &[3, 1], &[1 << 40], &[1; 65]] {
            assert_eq!(SliceLayout::from_steps(steps, 40), None, "{steps:?}");
        }
        assert!(SliceLayout::from_steps(&[2, 1], 40).is_some());
    }

    #[test]
    fn bands_of_odd_pictures_hold_every_sample_once() {
        let mut picture = Picture::new(SampleLayout::Yuv420, 7, 35);
        let layout = SliceLayout::even(35, Some(3)).unwrap();
        for band in layout.split(&mut picture) {
            for rows in band {
                rows.iter_mut().for_each(|v| *v += 1);
            }
        }
        assert!(picture.planes().iter().all(|p| p.data.iter().all(|&v| v == 1)));
        let rows: Vec<_> = layout.iter().collect();
        for index in 0..3 {
            let all: usize = rows.iter().map(|r| band_samples(&picture, index, r).len()).sum();
            assert_eq!(all, picture.planes()[index].data.len());
        }
    }
}
