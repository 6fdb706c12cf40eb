//! Convolution of bytes with signed 7-bit weights into 32-bit sums, one line of pixels at a time.
//!
//! Channels lie side by side in memory, so that the pixels a line of the kernel covers are one run
//! of bytes. Weights are within -64..=63: a product of two bytes with two weights then fits 16 bits
//! (2 * 255 * 64 = 32640), and the pair sums of AVX2 are exact. All sums are exact or wrap alike, so
//! both versions give the same bits.

#[cfg(target_arch = "x86_64")]
use crate::vision::simd;

/// Weights are within this range.
pub(super) const WEIGHTS: std::ops::RangeInclusive<i8> = -64..=63;

/// Bytes of input that are multiplied at once.
const GROUP: usize = 4;
/// Output channels are padded to a multiple of this.
const LANES: usize = 16;
/// Sums of one vector register.
#[cfg(target_arch = "x86_64")]
const VECTOR: usize = 8;

/// `channels` rounded up to the bytes a pixel takes in memory.
pub(super) const fn padded_input(channels: usize) -> usize {
    channels.next_multiple_of(GROUP)
}

/// `channels` rounded up to the sums a pixel takes in memory.
pub(super) const fn padded_output(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

/// Weights of a convolution with their padding: its multiply-accumulates for one pixel.
pub(super) const fn cost(outputs: usize, inputs: usize, side: usize) -> usize {
    side * side * padded_input(inputs) * padded_output(outputs)
}

/// A convolution with stride 1 whose output has the size of its input.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    /// Lines and columns of the kernel, odd.
    pub(super) side: usize,
    /// Bytes of a pixel, see [`padded_input`].
    pixel: usize,
    /// Sums of a pixel, see [`padded_output`].
    sums: usize,
    /// For each 16 outputs, line of the kernel and byte of its run: 16 weights.
    plain: Vec<[i16; LANES]>,
    /// For each 16 outputs, line of the kernel and 4 bytes of its run: 2 x 8 x 4 weights.
    #[cfg(target_arch = "x86_64")]
    paired: Vec<[[i8; VECTOR * GROUP]; 2]>,
}

/// Where a line of output reads: from the kernel's first line and column on, `stride` bytes from
/// line to line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) stride: usize,
}

impl Conv {
    /// Packs `weights`, `outputs x inputs x side x side`.
    pub(super) fn new(weights: &[i8], outputs: usize, inputs: usize, side: usize) -> Self {
        let (pixel, sums) = (padded_input(inputs), padded_output(outputs));
        let run = side * pixel;
        let weight = |output: usize, line: usize, byte: usize| {
            let (column, input) = (byte / pixel, byte % pixel);
            if output >= outputs || input >= inputs {
                return 0;
            }
            let at = ((output * inputs + input) * side + line) * side + column;
            weights.get(at).copied().unwrap_or(0)
        };
        let mut plain = Vec::new();
        #[cfg(target_arch = "x86_64")]
        let mut paired = Vec::new();
        for first in (0..sums).step_by(LANES) {
            for line in 0..side {
                for byte in 0..run {
                    let lane = |i| i16::from(weight(first + i, line, byte));
                    plain.push(std::array::from_fn(lane));
                }
                #[cfg(target_arch = "x86_64")]
                for byte in (0..run).step_by(GROUP) {
                    paired.push([0, VECTOR].map(|half| {
                        let lane = |i| weight(first + half + i / GROUP, line, byte + i % GROUP);
                        std::array::from_fn(lane)
                    }));
                }
            }
        }
        Self {
            side,
            pixel,
            sums,
            plain,
            #[cfg(target_arch = "x86_64")]
            paired,
        }
    }

    /// As [`cost`].
    pub(super) const fn cost(&self) -> usize {
        self.side * self.side * self.pixel * self.sums
    }

    /// Adds the convolution of one line of pixels to `sums`, as many pixels as it holds.
    #[inline]
    pub(super) fn add_line(&self, window: Window<'_>, sums: &mut [i32]) {
        #[cfg(target_arch = "x86_64")]
        if simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was just found to have AVX2.
            return unsafe { x86::add_line(self, window, sums) };
        }
        self.add_line_plain(window, sums);
    }

    /// Bytes that the kernel's line `line` covers from pixel `x` on.
    #[inline(always)]
    fn run<'a>(&self, window: Window<'a>, line: usize, x: usize) -> &'a [u8] {
        let from = line * window.stride + x * self.pixel;
        window.bytes.get(from..from + self.side * self.pixel).unwrap_or_default()
    }

    /// The version for every processor.
    fn add_line_plain(&self, window: Window<'_>, sums: &mut [i32]) {
        let part = self.side * self.side * self.pixel;
        let run = self.side * self.pixel;
        for (x, sums) in sums.chunks_exact_mut(self.sums).enumerate() {
            let (parts, _) = sums.as_chunks_mut::<LANES>();
            for (sums, weights) in parts.iter_mut().zip(self.plain.chunks_exact(part)) {
                let mut own = *sums;
                for (line, weights) in weights.chunks_exact(run).enumerate() {
                    for (&byte, weights) in self.run(window, line, x).iter().zip(weights) {
                        let byte = i32::from(byte);
                        for (sum, &weight) in own.iter_mut().zip(weights) {
                            *sum = sum.wrapping_add(i32::from(weight) * byte);
                        }
                    }
                }
                *sums = own;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Four bytes times eight outputs in three instructions.

    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
    };

    use super::{Conv, GROUP, LANES, VECTOR, Window};

    /// Pixels that share a load of weights.
    const PIXELS: usize = 4;

    #[target_feature(enable = "avx2")]
    pub(super) fn add_line(conv: &Conv, window: Window<'_>, sums: &mut [i32]) {
        let width = sums.len() / conv.sums;
        let mut x = 0;
        while x + PIXELS <= width {
            pixels::<PIXELS>(conv, window, sums, x);
            x += PIXELS;
        }
        while x < width {
            pixels::<1>(conv, window, sums, x);
            x += 1;
        }
    }

    /// `P` pixels from `x` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pixels<const P: usize>(conv: &Conv, window: Window<'_>, sums: &mut [i32], x: usize) {
        let ones = _mm256_set1_epi16(1);
        let groups = conv.side * conv.pixel / GROUP;
        for (tile, weights) in conv.paired.chunks_exact(conv.side * groups).enumerate() {
            let mut own = [[_mm256_setzero_si256(); 2]; P];
            for (line, weights) in weights.chunks_exact(groups).enumerate() {
                let runs: [&[[u8; GROUP]]; P] =
                    std::array::from_fn(|p| conv.run(window, line, x + p).as_chunks().0);
                if runs.iter().any(|run| run.len() != groups) {
                    return;
                }
                for (group, [low, high]) in weights.iter().enumerate() {
                    let weights = [load(low), load(high)];
                    for (run, own) in runs.iter().zip(&mut own) {
                        let bytes = _mm256_set1_epi32(i32::from_le_bytes(run[group]));
                        for (own, weights) in own.iter_mut().zip(weights) {
                            let pairs = _mm256_maddubs_epi16(bytes, weights);
                            *own = _mm256_add_epi32(*own, _mm256_madd_epi16(pairs, ones));
                        }
                    }
                }
            }
            for (p, own) in own.iter().enumerate() {
                let from = (x + p) * conv.sums + tile * LANES;
                let Some(to) = sums.get_mut(from..from + LANES) else { return };
                for (to, &own) in to.as_chunks_mut::<VECTOR>().0.iter_mut().zip(own) {
                    add(to, own);
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(from: &[i8; VECTOR * GROUP]) -> __m256i {
        #[expect(unsafe_code, reason = "a vector load")]
        // SAFETY: the array has the 32 bytes that are read, of any alignment.
        unsafe {
            _mm256_loadu_si256(from.as_ptr().cast())
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(to: &mut [i32; VECTOR], own: __m256i) {
        #[expect(unsafe_code, reason = "a vector load and store")]
        // SAFETY: the array has the 32 bytes that are read and written, of any alignment.
        unsafe {
            let at: *mut __m256i = to.as_mut_ptr().cast();
            _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), own));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64;

    use super::*;

    /// The definition: zeros outside, no packing.
    fn defined(
        bytes: &[u8],
        weights: &[i8],
        [inputs, outputs, side, width, height]: [usize; 5],
        line: usize,
    ) -> Vec<i32> {
        let reach = side / 2;
        let mut sums = Vec::new();
        for x in 0..width {
            for o in 0..outputs {
                let mut sum = 0;
                for i in 0..inputs {
                    for (dy, dx) in (0..side).flat_map(|dy| (0..side).map(move |dx| (dy, dx))) {
                        let (y, x) =
                            ((line + dy).wrapping_sub(reach), (x + dx).wrapping_sub(reach));
                        if y < height && x < width {
                            let weight = weights[((o * inputs + i) * side + dy) * side + dx];
                            sum +=
                                i32::from(weight) * i32::from(bytes[(y * width + x) * inputs + i]);
                        }
                    }
                }
                sums.push(sum);
            }
        }
        sums
    }

    #[test]
    fn every_version_gives_the_defined_sums() {
        let mut random = Pcg64::seed_from_u64(7);
        for case in 0..40 {
            let [inputs, outputs] = [random.random_range(1..45), random.random_range(1..40)];
            let [width, height] = [random.random_range(1..12), random.random_range(1..4)];
            let side = [1, 3, 5][case % 3];
            let weights: Vec<i8> = (0..inputs * outputs * side * side)
                .map(|_| match case % 4 {
                    // The largest sums of pairs.
                    0 => [-64, 63][random.random_range(0..2)],
                    _ => random.random_range(WEIGHTS),
                })
                .collect();
            let bytes: Vec<u8> = (0..width * height * inputs)
                .map(|_| if case % 8 == 0 { 255 } else { random.random_range(0..=255) })
                .collect();
            let conv = Conv::new(&weights, outputs, inputs, side);
            let (pixel, reach) = (padded_input(inputs), side / 2);
            let stride = (width + 2 * reach) * pixel;
            let mut plane = vec![0; stride * (height + 2 * reach)];
            for (at, &byte) in bytes.iter().enumerate() {
                let (p, i) = (at / inputs, at % inputs);
                let (y, x) = (p / width + reach, p % width + reach);
                plane[y * stride + x * pixel + i] = byte;
            }
            for line in 0..height {
                let window = Window { bytes: &plane[line * stride..], stride };
                let start: Vec<i32> = (0..width * conv.sums).map(|i| i as i32 * 77).collect();
                let mut plain = start.clone();
                conv.add_line_plain(window, &mut plain);
                let mut best = start.clone();
                conv.add_line(window, &mut best);
                assert_eq!(plain, best, "case {case}");
                let dims = [inputs, outputs, side, width, height];
                let defined = defined(&bytes, &weights, dims, line);
                for (p, want) in defined.chunks_exact(outputs).enumerate() {
                    for (o, want) in want.iter().enumerate() {
                        let at = p * conv.sums + o;
                        assert_eq!(plain[at] - start[at], *want, "case {case}");
                    }
                }
            }
        }
    }
}
