//! A few small pictures spread over data of unknown length, in bounded memory.

use framecast::frame::Size;
use framecast::vision::{RgbImage, resize};

/// Pictures kept at most; twice as many as a line of the sheet shows at least.
const MOST: usize = 16;
/// Pictures of a line.
pub(super) const LINE: usize = 8;
/// Pixels a line of a picture.
pub(super) const WIDTH: u32 = 96;
/// Pixels between pictures.
const GAP: usize = 4;

/// Every n-th picture, with n doubled whenever there are too many.
#[derive(Clone, Debug)]
pub(super) struct Thumbnails {
    every: u64,
    seen: u64,
    kept: Vec<RgbImage>,
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self { every: 1, seen: 0, kept: Vec::new() }
    }
}

impl Thumbnails {
    /// Takes the picture in, perhaps.
    pub(super) fn offer(&mut self, picture: &RgbImage) {
        let wanted = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if !wanted {
            return;
        }
        if self.kept.len() == MOST {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.every *= 2;
        }
        let size = resize::to_width(picture.size(), WIDTH);
        // What is very tall would make the sheet so.
        let mut small = RgbImage::new(Size::new(size.width, size.height.min(2 * WIDTH)));
        if resize::area(picture, &mut small).is_ok() {
            self.kept.push(small);
        }
    }

    /// At most [`LINE`] pictures, spread evenly.
    fn line(&self) -> Vec<&RgbImage> {
        let count = self.kept.len().min(LINE);
        (0..count).filter_map(|i| self.kept.get(i * self.kept.len() / count)).collect()
    }
}

/// One line of pictures for each of `lines`; `None` without any.
pub(super) fn sheet<'a>(lines: impl Iterator<Item = &'a Thumbnails>) -> Option<RgbImage> {
    let lines: Vec<Vec<&RgbImage>> = lines.map(Thumbnails::line).collect();
    let height = |line: &[&RgbImage]| line.iter().map(|p| p.size().h() + GAP).max().unwrap_or(0);
    let full: usize = lines.iter().map(|line| height(line)).sum();
    let cell = WIDTH as usize + GAP;
    let mut sheet = RgbImage::new(Size::new((LINE * cell) as u32, u32::try_from(full).ok()?));
    let stride = LINE * cell * 3;
    let mut top = 0;
    for line in &lines {
        for (column, picture) in line.iter().enumerate() {
            let width = picture.size().w() * 3;
            for (y, from) in picture.data().chunks_exact(width).enumerate() {
                let start = (top + y) * stride + column * cell * 3;
                sheet.data_mut().get_mut(start..start + width)?.copy_from_slice(from);
            }
        }
        top += height(line);
    }
    (full > 0).then_some(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_spread_over_everything() {
        let mut thumbnails = Thumbnails::default();
        for t in 0..100u8 {
            thumbnails.offer(&RgbImage::from_vec(Size::new(2, 1), vec![t; 6]).unwrap());
        }
        let shown: Vec<u8> = thumbnails.line().iter().map(|p| p.data()[0]).collect();
        assert_eq!(shown.len(), LINE);
        assert_eq!(shown[0], 0);
        assert!(shown.windows(2).all(|w| w[0] < w[1]) && shown[LINE - 1] >= 80, "{shown:?}");
        let sheet = sheet([&thumbnails, &thumbnails].into_iter()).unwrap();
        assert_eq!(sheet.size(), Size::new(800, 104));
        assert_eq!(sheet.data()[100 * 3], shown[1]);
    }
}
