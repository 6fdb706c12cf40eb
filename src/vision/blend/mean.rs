//! The 7x7 mean.

use crate::frame::Size;
use crate::vision::dispatch::vectorised;

/// The mean of the 7x7 pixels around each pixel, edges repeated: `(sum * 1337 + 32768) >> 16`,
/// which is the sum over 49 rounded, exact for flat areas. `image` and `out` hold `CHANNELS` bytes
/// a pixel; `line` is scratch.
pub fn mean7<const CHANNELS: usize>(
    image: &[u8],
    size: Size,
    line: &mut Vec<u16>,
    out: &mut Vec<u8>,
) {
    let (stride, height) = (size.w() * CHANNELS, size.h());
    out.resize(stride * height, 0);
    if image.len() < out.len() || out.is_empty() {
        return;
    }
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &image[y * stride..(y + 1) * stride]
    };
    // Sums of seven lines, slid downwards, with three pixels repeated on either side.
    let margin = 3 * CHANNELS;
    line.clear();
    line.resize(stride + 2 * margin, 0);
    for y in -3..=3 {
        add(row(y), &mut line[margin..margin + stride]);
    }
    for (y, target) in out.chunks_exact_mut(stride).enumerate() {
        for c in 0..CHANNELS {
            let (first, last) = (line[margin + c], line[margin + stride - CHANNELS + c]);
            for i in 0..3 {
                line[i * CHANNELS + c] = first;
                line[margin + stride + i * CHANNELS + c] = last;
            }
        }
        across(line, CHANNELS, target);
        let y = y as isize;
        slide(row(y + 4), row(y - 3), &mut line[margin..margin + stride]);
    }
}

vectorised! {
    fn add(pixels: &[u8], sums: &mut [u16]) {
        for (s, &p) in sums.iter_mut().zip(pixels) {
            *s += u16::from(p);
        }
    }
}

vectorised! {
    fn slide(enters: &[u8], leaves: &[u8], sums: &mut [u16]) {
        for ((s, &e), &l) in sums.iter_mut().zip(enters).zip(leaves) {
            *s = *s + u16::from(e) - u16::from(l);
        }
    }
}

vectorised! {
    /// Means of seven sums, `channels` apart.
    fn across(sums: &[u16], channels: usize, target: &mut [u8]) {
        let n = target.len();
        let [a, b, c, d, e, f, g] =
            [0, 1, 2, 3, 4, 5, 6].map(|i| &sums[i * channels..i * channels + n]);
        for i in 0..n {
            // At most 49 * 255.
            let sum = a[i] + b[i] + c[i] + d[i] + e[i] + f[i] + g[i];
            // (sum * 1337 + 32768) >> 16 in two halves of 16 bits.
            let high = ((u32::from(sum) * 1337) >> 16) as u16;
            target[i] = (high + (sum.wrapping_mul(1337) >> 15)) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_mean_with_repeated_edges() {
        let size = Size::new(9, 8);
        let image: Vec<u8> = (0..9 * 8 * 3).map(|i| (i * 89 % 251) as u8).collect();
        let (mut line, mut out) = (Vec::new(), Vec::new());
        mean7::<3>(&image, size, &mut line, &mut out);
        for y in 0..8_isize {
            for x in 0..9_isize {
                for c in 0..3 {
                    let mut sum = 0_u32;
                    for dy in -3..=3 {
                        for dx in -3..=3 {
                            let (y, x) = ((y + dy).clamp(0, 7), (x + dx).clamp(0, 8));
                            sum += u32::from(image[((y * 9 + x) * 3 + c) as usize]);
                        }
                    }
                    let mean = (sum * 1337 + 32_768) >> 16;
                    assert_eq!(u32::from(out[((y * 9 + x) * 3 + c) as usize]), mean);
                    assert!((f64::from(mean) - f64::from(sum) / 49.0).abs() < 0.6);
                }
            }
        }
    }

    #[test]
    fn flat_areas_stay() {
        let size = Size::new(3, 2);
        for value in 0..=255 {
            let (mut line, mut out) = (Vec::new(), Vec::new());
            mean7::<1>(&[value; 6], size, &mut line, &mut out);
            assert_eq!(out, [value; 6]);
        }
    }
}
