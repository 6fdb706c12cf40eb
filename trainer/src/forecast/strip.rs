//! Pictures of a forecast: the frames of a sequence in a line, and below the coming ones what was
//! predicted for them.

use framecast::frame::Size;
use framecast::vision::{FloatImage, RgbImage};

/// Pixels between pictures.
const GAP: usize = 2;
/// The level between pictures.
const PAPER: u8 = 96;

/// Two lines of pictures for each sequence; `None` without any.
pub(super) fn compose(
    sequences: &[Vec<RgbImage>],
    given: usize,
    predictions: &[Vec<FloatImage>],
) -> Option<RgbImage> {
    let first = sequences.first()?;
    let size = first.first()?.size();
    let (w, h) = (size.w() + GAP, size.h() + GAP);
    let full = Size::new((first.len() * w) as u32, (2 * sequences.len() * h) as u32);
    let mut sheet = RgbImage::new(full);
    sheet.data_mut().fill(PAPER);
    let stride = full.w() * 3;
    let mut rounded = RgbImage::default();
    for (number, (frames, list)) in sequences.iter().zip(predictions).enumerate() {
        let mut put = |picture: &RgbImage, line: usize, column: usize| {
            let len = size.w() * 3;
            for (y, from) in picture.data().chunks_exact(len).enumerate() {
                let start = (line * h + y) * stride + column * w * 3;
                sheet.data_mut().get_mut(start..start + len)?.copy_from_slice(from);
            }
            Some(())
        };
        for (column, frame) in frames.iter().enumerate() {
            put(frame, 2 * number, column)?;
        }
        for (column, prediction) in list.iter().enumerate() {
            prediction.round_to_rgb(&mut rounded);
            put(&rounded, 2 * number + 1, given + column)?;
        }
    }
    Some(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_stand_below_what_came() {
        let flat = |level| RgbImage::from_vec(Size::new(4, 4), vec![level; 48]).unwrap();
        let sheet = compose(
            &[vec![flat(1), flat(2), flat(3)]],
            1,
            &[vec![FloatImage::from(&flat(7)), FloatImage::from(&flat(8))]],
        )
        .unwrap();
        assert_eq!(sheet.size(), Size::new(18, 12));
        let at = |x: usize, y: usize| sheet.data()[(y * 18 + x) * 3];
        assert_eq!([at(0, 0), at(6, 0), at(12, 0), at(4, 0)], [1, 2, 3, PAPER]);
        assert_eq!([at(0, 6), at(6, 6), at(12, 6)], [PAPER, 7, 8]);
    }
}
