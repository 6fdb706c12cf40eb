//! Frames to the planes that are coded, and back.
//!
//! Samples are only moved, never computed, so every format comes out as it went in. What packed
//! 4:2:2 of an odd width holds beyond the last pixel is no pixel; it comes back as a copy of it.

use crate::frame::{Frame, PixelFormat};

use super::error::CodecError;
use super::picture::{Picture, PlaneBuf, SampleLayout};

/// The planes that frames of `format` are coded as; `None` for compressed formats.
#[must_use]
pub const fn layout_of(format: PixelFormat) -> Option<SampleLayout> {
    Some(match format {
        PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::I422 => SampleLayout::Yuv422,
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 | PixelFormat::Yv12 => {
            SampleLayout::Yuv420
        }
        PixelFormat::I444 => SampleLayout::Yuv444,
        PixelFormat::Grey => SampleLayout::Grey,
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => SampleLayout::Gbr,
        PixelFormat::Mjpeg => return None,
    })
}

/// Where each plane of the picture lies in the bytes of a frame, in plane order.
struct Place {
    /// Plane of the frame.
    plane: usize,
    /// First byte of a line.
    first: usize,
    /// Bytes from one sample to the next.
    step: usize,
}

const fn place(plane: usize, first: usize, step: usize) -> Place {
    Place { plane, first, step }
}

/// One place a plane; those of formats with one plane only are not looked at beyond the first.
const fn places(format: PixelFormat) -> [Place; 3] {
    match format {
        PixelFormat::Yuyv => [place(0, 0, 2), place(0, 1, 4), place(0, 3, 4)],
        PixelFormat::Uyvy => [place(0, 1, 2), place(0, 0, 4), place(0, 2, 4)],
        PixelFormat::Nv12 => [place(0, 0, 1), place(1, 0, 2), place(1, 1, 2)],
        PixelFormat::Nv21 => [place(0, 0, 1), place(1, 1, 2), place(1, 0, 2)],
        PixelFormat::Yv12 => [place(0, 0, 1), place(2, 0, 1), place(1, 0, 1)],
        PixelFormat::Rgb24 => [place(0, 1, 3), place(0, 2, 3), place(0, 0, 3)],
        PixelFormat::Bgr24 => [place(0, 1, 3), place(0, 0, 3), place(0, 2, 3)],
        PixelFormat::I420 | PixelFormat::I422 | PixelFormat::I444 | PixelFormat::Grey
        // Compressed formats are refused before.
        | PixelFormat::Mjpeg => [place(0, 0, 1), place(1, 0, 1), place(2, 0, 1)],
    }
}

/// Takes the samples of `frame` into `picture`, which is made anew when it is of another kind.
///
/// # Errors
/// [`CodecError::PixelFormat`] for compressed formats.
pub fn frame_to_picture(frame: &Frame, picture: &mut Picture) -> Result<(), CodecError> {
    let format = frame.format();
    let layout = layout_of(format).ok_or(CodecError::PixelFormat { format })?;
    let (width, height) = (frame.size().w(), frame.size().h());
    if (picture.layout(), picture.width(), picture.height()) != (layout, width, height) {
        *picture = Picture::new(layout, width, height);
    }
    for (target, place) in picture.planes_mut().iter_mut().zip(places(format)) {
        let Some(plane) = frame.plane(place.plane) else { continue };
        for (y, line) in target.data.chunks_exact_mut(target.width.max(1)).enumerate() {
            let from = plane.row(y).get(place.first..).unwrap_or_default();
            if place.step == 1 {
                line.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            } else {
                line.iter_mut().zip(from.iter().step_by(place.step)).for_each(|(t, f)| *t = *f);
            }
        }
    }
    Ok(())
}

/// Writes the samples of `picture` into `bytes` as a frame of `format` without padding, which has
/// the planes of the picture.
///
/// # Errors
/// [`CodecError::PixelFormat`] when `format` is not coded as the picture's planes, and
/// [`CodecError::Frame`] when the picture is larger than a frame can be.
pub fn picture_to_bytes(
    picture: &Picture,
    format: PixelFormat,
    bytes: &mut Vec<u8>,
) -> Result<(), CodecError> {
    if layout_of(format) != Some(picture.layout()) {
        return Err(CodecError::PixelFormat { format });
    }
    let layout = crate::frame::Layout::packed(format, picture.size())?;
    bytes.resize(layout.len(), 0);
    for (source, place) in picture.planes().iter().zip(places(format)) {
        let Some(plane) = layout.planes().get(place.plane) else { continue };
        let Some(area) = bytes.get_mut(plane.offset..plane.offset + plane.stride * plane.rows)
        else {
            continue;
        };
        let lines = source.data.chunks_exact(source.width.max(1));
        for (line, to) in lines.zip(area.chunks_exact_mut(plane.stride.max(1))) {
            let to = to.get_mut(place.first..).unwrap_or_default();
            if place.step == 1 {
                to.iter_mut().zip(line).for_each(|(to, from)| *to = *from);
                continue;
            }
            // Packed 4:2:2 of an odd width has one place more than there are pixels.
            let samples = line.iter().chain(line.last());
            to.iter_mut().step_by(place.step).zip(samples).for_each(|(to, from)| *to = *from);
        }
    }
    Ok(())
}

/// True when `picture` is of one kind with `other`, and its planes are as they were made: whoever
/// fills them may have resized them too.
pub(super) fn same_kind(picture: &Picture, other: &Picture) -> bool {
    let whole = |plane: &PlaneBuf, index| {
        let (width, height) = picture.layout().plane_size(index, picture.width(), picture.height());
        (plane.width, plane.height, plane.data.len()) == (width, height, width * height)
    };
    picture.layout() == other.layout()
        && picture.size() == other.size()
        && picture.planes().iter().zip(0..).all(|(plane, index)| whole(plane, index))
}

/// True when no sample differs from that at the same place by more than `bound`.
pub(super) fn within(a: &[PlaneBuf], b: &[PlaneBuf], bound: u8) -> bool {
    match bound {
        // Most frames differ early.
        0 => a.iter().zip(b).all(|(a, b)| a.data == b.data),
        bound => largest_difference(a, b) <= bound,
    }
}

/// The largest difference between samples at the same place.
pub(super) fn largest_difference(a: &[PlaneBuf], b: &[PlaneBuf]) -> u8 {
    let planes = a.iter().zip(b);
    planes
        .map(|(a, b)| a.data.iter().zip(&b.data).fold(0, |most, (a, b)| a.abs_diff(*b).max(most)))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameMeta, Layout, PooledBuf, Size};

    /// Samples that differ from place to place, in lines with padding.
    fn frame(format: PixelFormat, size: Size, pad: usize) -> Frame {
        let packed = Layout::packed(format, size).unwrap();
        let mut strides = [0; 3];
        for (stride, plane) in strides.iter_mut().zip(packed.planes()) {
            *stride = plane.stride + pad;
        }
        let layout = Layout::with_strides(format, size, strides).unwrap();
        let bytes = (0..layout.len()).map(|i| (i * 37 + i / 251) as u8).collect();
        Frame::new(PooledBuf::unpooled(bytes), layout, FrameMeta::default()).unwrap()
    }

    #[test]
    fn every_format_comes_back_as_it_was() {
        for format in PixelFormat::ALL.into_iter().filter(|f| !f.is_compressed()) {
            for (w, h, pad) in [(8, 6, 0), (7, 5, 3), (1, 1, 0), (2, 1, 1), (31, 33, 5)] {
                let size = Size::new(w, h);
                let given = frame(format, size, pad);
                let mut picture = Picture::new(SampleLayout::Grey, 1, 1);
                frame_to_picture(&given, &mut picture).unwrap();
                let mut bytes = Vec::new();
                picture_to_bytes(&picture, format, &mut bytes).unwrap();
                let packed = Layout::packed(format, size).unwrap();
                let back = Frame::new(PooledBuf::unpooled(bytes), packed, *given.meta()).unwrap();
                let beyond = matches!(format, PixelFormat::Yuyv | PixelFormat::Uyvy) && w % 2 == 1;
                for index in 0..packed.planes().len() {
                    let (a, b) = (given.plane(index).unwrap(), back.plane(index).unwrap());
                    for y in 0..a.rows {
                        let (a, b) = (a.row(y), b.row(y));
                        for (x, (a, b)) in a.iter().zip(b).enumerate() {
                            let luma = x % 2 == usize::from(format == PixelFormat::Uyvy);
                            let pixel = !(beyond && luma && x / 2 == w as usize);
                            assert!(a == b || !pixel, "{format} {size} ({x}, {y})");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn planes_are_in_coding_order() {
        let size = Size::new(2, 2);
        let bytes = (0..12).collect();
        let layout = Layout::packed(PixelFormat::Bgr24, size).unwrap();
        let bgr = Frame::new(PooledBuf::unpooled(bytes), layout, FrameMeta::default()).unwrap();
        let mut picture = Picture::new(SampleLayout::Grey, 1, 1);
        frame_to_picture(&bgr, &mut picture).unwrap();
        let planes: Vec<&[u8]> = picture.planes().iter().map(|p| p.data.as_slice()).collect();
        assert_eq!(planes, [[1, 4, 7, 10], [0, 3, 6, 9], [2, 5, 8, 11]], "G, B, R");
        let yv12 = frame(PixelFormat::Yv12, size, 0);
        frame_to_picture(&yv12, &mut picture).unwrap();
        assert_eq!(picture.planes()[1].data, yv12.plane(2).unwrap().row(0), "U before V");
    }

    #[test]
    fn what_cannot_be_coded_is_refused() {
        let jpeg = Frame::new(
            PooledBuf::unpooled(vec![1]),
            Layout::packed(PixelFormat::Mjpeg, Size::new(4, 4)).unwrap(),
            FrameMeta::default(),
        );
        let mut picture = Picture::new(SampleLayout::Yuv420, 4, 4);
        let error = frame_to_picture(&jpeg.unwrap(), &mut picture).unwrap_err().to_string();
        assert!(error.contains("MJPEG") && error.contains("I420"), "{error}");
        assert!(picture_to_bytes(&picture, PixelFormat::I422, &mut Vec::new()).is_err());
    }
}
