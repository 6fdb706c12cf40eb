//! RGB to the formats cameras deliver: what a camera's colour processor does.

use crate::frame::{Colour, ColourRange, PixelFormat};
use crate::vision::RgbImage;

/// Fixed-point weights (16 bits) of one YUV colour: rows Y, U, V over R, G, B, and the offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packer {
    rows: [[i32; 3]; 3],
    offset: [i32; 3],
}

impl Packer {
    pub(super) fn new(colour: Colour) -> Self {
        let (kr, kb) = colour.matrix.kr_kb();
        let kg = 1.0 - kr - kb;
        let (y, c, base) = match colour.range {
            ColourRange::Limited => (219.0 / 255.0, 224.0 / 255.0, 16),
            ColourRange::Full => (1.0, 1.0, 0),
        };
        let u = c / (2.0 * (1.0 - kb));
        let v = c / (2.0 * (1.0 - kr));
        let fixed = |row: [f64; 3]| row.map(|w| (w * 65_536.0).round() as i32);
        Self {
            rows: [
                fixed([kr * y, kg * y, kb * y]),
                fixed([-kr * u, -kg * u, (1.0 - kb) * u]),
                fixed([(1.0 - kr) * v, -kg * v, -kb * v]),
            ],
            offset: [base << 16, 128 << 16, 128 << 16],
        }
    }

    /// One of Y (0), U (1), V (2) of an RGB sum over `1 << shift` pixels.
    #[inline]
    fn component(&self, which: usize, rgb: [i32; 3], shift: u32) -> u8 {
        let row = self.rows.get(which).copied().unwrap_or_default();
        let offset = self.offset.get(which).copied().unwrap_or_default();
        let sum: i64 = row.iter().zip(rgb).map(|(&w, c)| i64::from(w) * i64::from(c)).sum();
        ((((sum >> shift) + i64::from(offset) + 32_768) >> 16).clamp(0, 255)) as u8
    }

    /// Fills `out` with the picture in `format`, packed without padding. Chroma is the mean of the
    /// pixels it covers. A compressed format leaves `out` as it is.
    pub(super) fn pack(&self, picture: &RgbImage, format: PixelFormat, out: &mut [u8]) {
        let (w, h) = (picture.size().w(), picture.size().h());
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        match format {
            PixelFormat::Rgb24 => out.copy_from_slice(picture.data()),
            PixelFormat::Bgr24 => {
                for (o, p) in out.chunks_exact_mut(3).zip(picture.data().chunks_exact(3)) {
                    o.copy_from_slice(p);
                    o.reverse();
                }
            }
            PixelFormat::Grey => self.luma(picture, out),
            PixelFormat::I420 | PixelFormat::Yv12 => {
                let (luma, chroma) = out.split_at_mut(w * h);
                let (first, second) = chroma.split_at_mut(half_w * half_h);
                let swap = usize::from(format == PixelFormat::Yv12);
                self.luma(picture, luma);
                self.chroma(picture, 1 + swap, (2, 2), first.iter_mut());
                self.chroma(picture, 2 - swap, (2, 2), second.iter_mut());
            }
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                let (luma, chroma) = out.split_at_mut(w * h);
                let swap = usize::from(format == PixelFormat::Nv21);
                self.luma(picture, luma);
                self.chroma(picture, 1 + swap, (2, 2), chroma.iter_mut().step_by(2));
                self.chroma(picture, 2 - swap, (2, 2), chroma.iter_mut().skip(1).step_by(2));
            }
            PixelFormat::I422 | PixelFormat::I444 => {
                let step = if format == PixelFormat::I444 { 1 } else { 2 };
                let (luma, chroma) = out.split_at_mut(w * h);
                let (first, second) = chroma.split_at_mut(w.div_ceil(step) * h);
                self.luma(picture, luma);
                self.chroma(picture, 1, (step, 1), first.iter_mut());
                self.chroma(picture, 2, (step, 1), second.iter_mut());
            }
            PixelFormat::Yuyv => self.packed_422(picture, [0, 1, 3], out),
            PixelFormat::Uyvy => self.packed_422(picture, [1, 0, 2], out),
            PixelFormat::Mjpeg => {}
        }
    }

    fn luma(&self, picture: &RgbImage, out: &mut [u8]) {
        for (o, p) in out.iter_mut().zip(picture.data().chunks_exact(3)) {
            *o = self.component(0, rgb(p), 0);
        }
    }

    /// One chroma component of blocks of `step` pixels across and lines down.
    fn chroma<'a>(
        &self,
        picture: &RgbImage,
        which: usize,
        step: (usize, usize),
        out: impl Iterator<Item = &'a mut u8>,
    ) {
        let line_bytes = picture.size().w() * 3;
        let lines = picture.data().chunks(line_bytes * step.1);
        let blocks = lines.flat_map(|lines| {
            let upper = lines.get(..line_bytes).unwrap_or_default();
            // The last line of an odd height, and the last column of an odd width, count twice.
            let lower = lines.get(line_bytes * (step.1 - 1)..).filter(|l| !l.is_empty());
            upper.chunks(step.0 * 3).zip(lower.unwrap_or(upper).chunks(step.0 * 3))
        });
        for (o, (upper, lower)) in out.zip(blocks) {
            let mut sum = [0; 3];
            for block in [upper, lower] {
                let right = block.get(3..).filter(|r| !r.is_empty()).unwrap_or(block);
                for ((s, l), r) in sum.iter_mut().zip(rgb(block)).zip(rgb(right)) {
                    *s += l + r;
                }
            }
            *o = self.component(which, sum, 2);
        }
    }

    /// 4:2:2 in one plane; `place` gives the byte of the first luma, U and V in four.
    fn packed_422(&self, picture: &RgbImage, place: [usize; 3], out: &mut [u8]) {
        let [y, u, v] = place;
        let w = picture.size().w();
        for (line, out) in
            picture.data().chunks_exact(w * 3).zip(out.chunks_exact_mut(w.div_ceil(2) * 4))
        {
            for (pair, o) in line.chunks(6).zip(out.chunks_exact_mut(4)) {
                let left = rgb(pair);
                let right = pair.get(3..6).map_or(left, rgb);
                let mut sum = left;
                for (s, r) in sum.iter_mut().zip(right) {
                    *s += r;
                }
                let mut set = |at: usize, value: u8| {
                    if let Some(byte) = o.get_mut(at) {
                        *byte = value;
                    }
                };
                set(y, self.component(0, left, 0));
                set(y + 2, self.component(0, right, 0));
                set(u, self.component(1, sum, 1));
                set(v, self.component(2, sum, 1));
            }
        }
    }
}

fn rgb(pixel: &[u8]) -> [i32; 3] {
    match pixel {
        [r, g, b, ..] => [i32::from(*r), i32::from(*g), i32::from(*b)],
        _ => [0; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Layout, Size};

    /// BT.601 limited of saturated colours, from the recommendation's table (75 % bars at 100 %).
    #[test]
    fn bars_have_their_published_values() {
        let packer = Packer::new(Colour::default());
        for (rgb, yuv) in [
            ([255, 255, 255], [235, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
            ([0, 0, 0], [16, 128, 128]),
        ] {
            for (which, want) in yuv.into_iter().enumerate() {
                assert_eq!(packer.component(which, rgb, 0), want, "{rgb:?}");
            }
        }
    }

    #[test]
    fn every_format_holds_the_same_picture() {
        for size in [Size::new(4, 4), Size::new(5, 3), Size::new(1, 1)] {
            let bytes = std::iter::repeat_n([200u8, 60, 90], size.pixels()).flatten().collect();
            let picture = RgbImage::from_vec(size, bytes).unwrap();
            let packer = Packer::new(Colour::default());
            let yuv: [u8; 3] = std::array::from_fn(|i| packer.component(i, [200, 60, 90], 0));
            for format in PixelFormat::ALL.into_iter().filter(|f| !f.is_compressed()) {
                let layout = Layout::packed(format, size).unwrap();
                let mut out = vec![7; layout.len()];
                packer.pack(&picture, format, &mut out);
                let [y, u, v] = yuv;
                let want: &[&[u8]] = match format {
                    PixelFormat::Rgb24 => &[&[200, 60, 90]],
                    PixelFormat::Bgr24 => &[&[90, 60, 200]],
                    PixelFormat::Grey => &[&[y]],
                    PixelFormat::Yuyv => &[&[y, u, y, v]],
                    PixelFormat::Uyvy => &[&[u, y, v, y]],
                    PixelFormat::Nv12 => &[&[y], &[u, v]],
                    PixelFormat::Nv21 => &[&[y], &[v, u]],
                    PixelFormat::Yv12 => &[&[y], &[v], &[u]],
                    _ => &[&[y], &[u], &[v]],
                };
                for (plane, pattern) in layout.planes().iter().zip(want) {
                    let end = plane.offset + plane.stride * plane.rows;
                    let data = &out[plane.offset..end];
                    assert!(data.chunks(pattern.len()).all(|c| c == *pattern), "{format} {size}");
                }
            }
        }
    }
}
