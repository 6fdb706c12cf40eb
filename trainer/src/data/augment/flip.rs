//! Exact changes of place: mirrored, upside down, lines and columns swapped.

use framecast::vision::RgbImage;

/// Swaps left and right.
pub(super) fn mirror(picture: &mut RgbImage) {
    let line = picture.size().w() * 3;
    for row in picture.data_mut().chunks_exact_mut(line) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// Swaps top and bottom.
pub(super) fn upside_down(picture: &mut RgbImage) {
    picture.data_mut().as_chunks_mut::<3>().0.reverse();
    mirror(picture);
}

/// Swaps the lines and columns of a square picture.
pub(super) fn transposed(picture: &RgbImage) -> RgbImage {
    let size = picture.size();
    let side = size.w().min(size.h());
    let mut out = RgbImage::new(size);
    let from = picture.data().as_chunks::<3>().0;
    let to = out.data_mut().as_chunks_mut::<3>().0;
    for y in 0..side {
        for x in 0..side {
            to[x * side + y] = from[y * side + x];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use framecast::frame::Size;

    use super::*;

    #[test]
    fn each_twice_is_nothing() {
        let picture = RgbImage::from_vec(Size::new(3, 3), (0..27).collect()).unwrap();
        let mut twice = picture.clone();
        mirror(&mut twice);
        assert_eq!(twice.data()[..3], [6, 7, 8]);
        mirror(&mut twice);
        assert_eq!(twice, picture);
        upside_down(&mut twice);
        assert_eq!(twice.data()[..3], [18, 19, 20]);
        upside_down(&mut twice);
        assert_eq!(twice, picture);
        assert_eq!(transposed(&picture).data()[3..6], [9, 10, 11]);
        assert_eq!(transposed(&transposed(&picture)), picture);
    }
}
