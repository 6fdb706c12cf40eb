//! Contact sheets: what the network saw, what came, what it predicted, and the error.

use std::io::Cursor;
use std::path::Path;

use framecast::frame::Size;
use framecast::vision::RgbImage;

use super::replace;
use super::validate::Example;
use crate::TrainError;

/// How much errors are amplified around mid grey.
const ERROR_GAIN: i32 = 4;
/// Pixels between the pictures.
const GAP: usize = 4;

/// Writes one line of pictures an example: input, target, prediction, error.
///
/// # Errors
/// [`TrainError::Io`].
pub(super) fn write(path: &Path, examples: &[Example]) -> Result<(), TrainError> {
    let Some(sheet) = compose(examples) else { return Ok(()) };
    let (w, h) = (sheet.size().width, sheet.size().height);
    let mut png = Cursor::new(Vec::new());
    let kind = image::ExtendedColorType::Rgb8;
    image::write_buffer_with_format(&mut png, sheet.data(), w, h, kind, image::ImageFormat::Png)
        .map_err(|e| TrainError::io("write", path)(std::io::Error::other(e)))?;
    replace(path, &png.into_inner())
}

fn compose(examples: &[Example]) -> Option<RgbImage> {
    let size = examples.first()?.target.size();
    let (w, h) = (size.w(), size.h());
    let full = Size::new((4 * (w + GAP)) as u32, (examples.len() * (h + GAP)) as u32);
    let mut sheet = RgbImage::new(full);
    let line = full.w() * 3;
    for (row, example) in examples.iter().enumerate() {
        let error = error_map(&example.target, &example.prediction);
        let pictures = [&example.input, &example.target, &example.prediction, &error];
        for (column, picture) in pictures.into_iter().enumerate() {
            for (y, from) in picture.data().chunks_exact(w * 3).enumerate() {
                let start = (row * (h + GAP) + y) * line + column * (w + GAP) * 3;
                sheet.data_mut().get_mut(start..start + w * 3)?.copy_from_slice(from);
            }
        }
    }
    Some(sheet)
}

fn error_map(target: &RgbImage, prediction: &RgbImage) -> RgbImage {
    let mut out = RgbImage::new(target.size());
    for ((o, t), p) in out.data_mut().iter_mut().zip(target.data()).zip(prediction.data()) {
        *o = (128 + (i32::from(*p) - i32::from(*t)) * ERROR_GAIN).clamp(0, 255) as u8;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_side_by_side() {
        let flat = |level: u8| RgbImage::from_vec(Size::new(8, 8), vec![level; 192]).unwrap();
        let example = Example { input: flat(10), target: flat(20), prediction: flat(22) };
        let sheet = compose(&[example]).unwrap();
        assert_eq!(sheet.size(), Size::new(48, 12));
        let at = |x: usize| sheet.data()[x * 3];
        assert_eq!([at(0), at(8), at(12), at(24), at(36)], [10, 0, 20, 22, 136]);
    }
}
