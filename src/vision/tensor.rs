//! Pictures to network inputs and network outputs back to pictures.

use crate::frame::Size;

use super::dispatch::vectorised;
use super::{FloatImage, RgbImage, VisionError};

/// Order of a tensor's axes (one picture, so N is 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AxisOrder {
    /// Channel planes: 1xCxHxW.
    #[default]
    Nchw,
    /// Channels together: 1xHxWxC.
    Nhwc,
}

/// Which channels, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel: `(77 R + 150 G + 29 B + 128) >> 8`.
    Luma,
}

impl Channels {
    /// Number of channels.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Luma => 1,
        }
    }
}

/// Luma of one pixel, as everywhere in the program: `(77 R + 150 G + 29 B + 128) >> 8`.
#[inline]
#[must_use]
pub const fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((77 * r as u32 + 150 * g as u32 + 29 * b as u32 + 128) >> 8) as u8
}

/// How a picture lies in a tensor: `element = value * scale + offset`, with the value 0..=255.
///
/// `scale` and `offset` are in the order of the tensor's channels. A tensor larger than the picture
/// repeats the picture's last column and line at the right and the bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packing {
    /// Order of the axes.
    pub order: AxisOrder,
    /// Channels and their order.
    pub channels: Channels,
    /// Factor of each channel.
    pub scale: [f32; 3],
    /// Summand of each channel.
    pub offset: [f32; 3],
}

impl Default for Packing {
    /// NCHW, RGB, 0..=1.
    fn default() -> Self {
        Self {
            order: AxisOrder::Nchw,
            channels: Channels::Rgb,
            scale: [1.0 / 255.0; 3],
            offset: [0.0; 3],
        }
    }
}

impl Packing {
    /// Elements of a tensor of `padded` pixels.
    #[must_use]
    pub const fn len(&self, padded: Size) -> usize {
        padded.pixels() * self.channels.count()
    }

    fn check(&self, size: Size, padded: Size, elements: usize) -> Result<(), VisionError> {
        VisionError::check_pixels("the picture", size)?;
        if padded.width < size.width || padded.height < size.height {
            let what = "the tensor's picture";
            return Err(VisionError::SizeMismatch { what, got: padded, expected: size });
        }
        VisionError::check_len("the tensor", elements, self.len(padded))
    }
}

/// `size` with each side rounded up to a multiple of `multiple` (0 is taken as 1).
#[must_use]
pub const fn padded_size(size: Size, multiple: u32) -> Size {
    let m = if multiple == 0 { 1 } else { multiple };
    Size::new(size.width.next_multiple_of(m), size.height.next_multiple_of(m))
}

/// Writes `src` to `out`, a tensor of `padded` pixels.
///
/// # Errors
/// [`VisionError`] when `padded` is smaller than the picture or `out` has another length.
pub fn from_rgb(
    src: &RgbImage,
    packing: &Packing,
    padded: Size,
    out: &mut [f32],
) -> Result<(), VisionError> {
    let size = src.size();
    packing.check(size, padded, out.len())?;
    let lines = src.data().chunks_exact(size.w() * 3);
    let count = packing.channels.count();
    let (scale, offset) = (packing.scale, packing.offset);
    if packing.channels == Channels::Luma {
        // With one channel both orders are the same.
        for (line, out) in lines.zip(out.chunks_exact_mut(padded.w())) {
            luma_line(line, scale[0], offset[0], out);
        }
        pad(out, size, padded, 1);
        return Ok(());
    }
    let swapped = packing.channels == Channels::Bgr;
    match packing.order {
        AxisOrder::Nchw => {
            let (first, rest) = out.split_at_mut(padded.pixels());
            let (second, third) = rest.split_at_mut(padded.pixels());
            let planes = first
                .chunks_exact_mut(padded.w())
                .zip(second.chunks_exact_mut(padded.w()))
                .zip(third.chunks_exact_mut(padded.w()));
            for (line, ((a, b), c)) in lines.zip(planes) {
                // The lines written are those of R, G and B, wherever they stand.
                if swapped {
                    let reversed = |[a, b, c]: [f32; 3]| [c, b, a];
                    planar_line(line, reversed(scale), reversed(offset), c, b, a);
                } else {
                    planar_line(line, scale, offset, a, b, c);
                }
            }
            for plane in [first, second, third] {
                pad(plane, size, padded, 1);
            }
        }
        AxisOrder::Nhwc => {
            for (line, out) in lines.zip(out.chunks_exact_mut(padded.w() * count)) {
                interleaved_line(line, swapped, scale, offset, out);
            }
            pad(out, size, padded, count);
        }
    }
    Ok(())
}

vectorised! {
    fn planar_line(
        src: &[u8],
        scale: [f32; 3],
        offset: [f32; 3],
        r: &mut [f32],
        g: &mut [f32],
        b: &mut [f32],
    ) {
        for (((r, g), b), s) in r.iter_mut().zip(g).zip(b).zip(src.as_chunks::<3>().0) {
            *r = f32::from(s[0]) * scale[0] + offset[0];
            *g = f32::from(s[1]) * scale[1] + offset[1];
            *b = f32::from(s[2]) * scale[2] + offset[2];
        }
    }
}

vectorised! {
    fn interleaved_line(
        src: &[u8],
        swapped: bool,
        scale: [f32; 3],
        offset: [f32; 3],
        out: &mut [f32],
    ) {
        for (out, s) in out.as_chunks_mut::<3>().0.iter_mut().zip(src.as_chunks::<3>().0) {
            let s = if swapped { [s[2], s[1], s[0]] } else { *s };
            *out = std::array::from_fn(|c| f32::from(s[c]) * scale[c] + offset[c]);
        }
    }
}

vectorised! {
    fn luma_line(src: &[u8], scale: f32, offset: f32, out: &mut [f32]) {
        for (out, s) in out.iter_mut().zip(src.as_chunks().0) {
            *out = f32::from(luma(*s)) * scale + offset;
        }
    }
}

/// Repeats the last column and line of a plane of `channels` interleaved channels.
fn pad(plane: &mut [f32], size: Size, padded: Size, channels: usize) {
    let (used, line) = (size.w() * channels, padded.w() * channels);
    if used < line {
        for out in plane.chunks_exact_mut(line).take(size.h()) {
            let (picture, edge) = out.split_at_mut(used);
            let last = &picture[used - channels..];
            for out in edge.chunks_exact_mut(channels) {
                out.copy_from_slice(last);
            }
        }
    }
    let (picture, below) = plane.split_at_mut(size.h() * line);
    let last = &picture[(size.h() - 1) * line..];
    for out in below.chunks_exact_mut(line) {
        out.copy_from_slice(last);
    }
}

/// Reads a tensor of `padded` pixels back as a picture of `size`: the padding is cropped, the
/// scaling undone, and values are clamped to 0..=255 (NaN gives 0). A luma tensor gives grey.
///
/// # Errors
/// [`VisionError`] when `padded` is smaller than `size` or `src` has another length.
pub fn to_float_image(
    src: &[f32],
    packing: &Packing,
    padded: Size,
    size: Size,
    out: &mut FloatImage,
) -> Result<(), VisionError> {
    packing.check(size, padded, src.len())?;
    out.reshape(size);
    let count = packing.channels.count();
    for (channel, plane) in out.planes_mut().into_iter().enumerate() {
        let c = match packing.channels {
            Channels::Rgb => channel,
            Channels::Bgr => 2 - channel,
            Channels::Luma => 0,
        };
        let (scale, offset) = (packing.scale[c], packing.offset[c]);
        let out_lines = plane.chunks_exact_mut(size.w());
        match packing.order {
            AxisOrder::Nchw => {
                let plane = &src[c * padded.pixels()..(c + 1) * padded.pixels()];
                for (line, out) in plane.chunks_exact(padded.w()).zip(out_lines) {
                    unscaled_line(line, scale, offset, out);
                }
            }
            AxisOrder::Nhwc => {
                for (line, out) in src.chunks_exact(padded.w() * count).zip(out_lines) {
                    for (out, pixel) in out.iter_mut().zip(line.chunks_exact(count)) {
                        *out = byte_range((pixel[c] - offset) / scale);
                    }
                }
            }
        }
    }
    Ok(())
}

vectorised! {
    fn unscaled_line(src: &[f32], scale: f32, offset: f32, out: &mut [f32]) {
        for (out, &v) in out.iter_mut().zip(src) {
            *out = byte_range((v - offset) / scale);
        }
    }
}

/// Clamps to 0..=255; NaN gives 0, where `clamp` would keep it.
#[inline(always)]
#[expect(clippy::manual_clamp, reason = "`max` first turns NaN into 0")]
fn byte_range(v: f32) -> f32 {
    v.max(0.0).min(255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        let data =
            vec![10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 0, 5, 255];
        RgbImage::from_vec(Size::new(3, 2), data).unwrap()
    }

    fn raw(order: AxisOrder, channels: Channels) -> Packing {
        Packing { order, channels, scale: [1.0; 3], offset: [0.0; 3] }
    }

    #[test]
    fn planes_are_padded_by_their_edge() {
        let mut out = vec![0.0; 3 * 16];
        let packing = raw(AxisOrder::Nchw, Channels::Rgb);
        from_rgb(&picture(), &packing, Size::new(4, 4), &mut out).unwrap();
        assert_eq!(out[..8], [10.0, 40.0, 70.0, 70.0, 100.0, 130.0, 0.0, 0.0]);
        assert_eq!(out[8..12], out[4..8]);
        assert_eq!(out[12..16], out[4..8]);
        assert_eq!(out[32..36], [30.0, 60.0, 90.0, 90.0]);
    }

    #[test]
    fn interleaved_and_swapped() {
        let mut out = vec![0.0; 3 * 8];
        let packing = raw(AxisOrder::Nhwc, Channels::Bgr);
        from_rgb(&picture(), &packing, Size::new(4, 2), &mut out).unwrap();
        assert_eq!(out[..3], [30.0, 20.0, 10.0]);
        assert_eq!(out[9..12], out[6..9]);
    }

    #[test]
    fn luma_is_the_working_luma() {
        assert_eq!((luma([255; 3]), luma([0; 3]), luma([255, 0, 0])), (255, 0, 77));
        let mut out = vec![0.0; 6];
        let packing = raw(AxisOrder::Nchw, Channels::Luma);
        from_rgb(&picture(), &packing, Size::new(3, 2), &mut out).unwrap();
        assert_eq!(out[0], f32::from(luma([10, 20, 30])));
    }

    #[test]
    fn scaled_per_channel_and_back() {
        let packing = Packing {
            scale: [1.0 / 58.0, 1.0 / 57.0, 1.0 / 57.5],
            offset: [-2.1, -2.0, -1.8],
            ..Packing::default()
        };
        for order in [AxisOrder::Nchw, AxisOrder::Nhwc] {
            for channels in [Channels::Rgb, Channels::Bgr] {
                let packing = Packing { order, channels, ..packing };
                let padded = padded_size(Size::new(3, 2), 8);
                assert_eq!(padded, Size::new(8, 8));
                let mut tensor = vec![0.0; packing.len(padded)];
                from_rgb(&picture(), &packing, padded, &mut tensor).unwrap();
                let mut back = FloatImage::default();
                to_float_image(&tensor, &packing, padded, Size::new(3, 2), &mut back).unwrap();
                let mut rgb = RgbImage::default();
                back.round_to_rgb(&mut rgb);
                assert_eq!(rgb, picture());
            }
        }
    }

    #[test]
    fn bytes_come_back_from_unit_range() {
        let data: Vec<u8> = (0..=255).flat_map(|v| [v; 3]).collect();
        let image = RgbImage::from_vec(Size::new(16, 16), data).unwrap();
        let (size, packing) = (image.size(), Packing::default());
        let mut tensor = vec![0.0; packing.len(size)];
        from_rgb(&image, &packing, size, &mut tensor).unwrap();
        let mut back = FloatImage::default();
        to_float_image(&tensor, &packing, size, size, &mut back).unwrap();
        // 255 comes back as 254.99998: 1/255 is rounded.
        for (got, want) in back.data.iter().zip(&FloatImage::from(&image).data) {
            assert!((got - want).abs() < 2e-5, "{got} for {want}");
        }
    }

    #[test]
    fn outputs_are_clamped() {
        let packing = raw(AxisOrder::Nchw, Channels::Luma);
        let size = Size::new(3, 1);
        let mut out = FloatImage::default();
        to_float_image(&[-1.0, 256.5, f32::NAN], &packing, size, size, &mut out).unwrap();
        assert_eq!(out.planes()[1], [0.0, 255.0, 0.0]);
    }

    #[test]
    fn wrong_lengths_are_errors() {
        let packing = Packing::default();
        let mut out = vec![0.0; 17];
        assert!(from_rgb(&picture(), &packing, Size::new(3, 2), &mut out).is_err());
        assert!(from_rgb(&picture(), &packing, Size::new(2, 2), &mut out).is_err());
    }
}
