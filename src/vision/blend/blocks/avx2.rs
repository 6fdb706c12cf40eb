//! Sums over four blocks at a time with AVX2.

use std::arch::x86_64::*;

use super::Plane;
use crate::vision::blend::BLOCK;

/// Bytes of a load: four blocks of a line.
const LOAD: usize = 4 * BLOCK;

/// The bytes from `at`; zeros where there are fewer.
#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8], at: usize) -> __m256i {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<LOAD>) {
        #[expect(unsafe_code, reason = "a load of thirty-two bytes")]
        // SAFETY: that many bytes are borrowed.
        Some(chunk) => unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) },
        None => _mm256_setzero_si256(),
    }
}

/// Writes the sums of four blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn put(sums: __m256i, out: &mut [u32]) {
    let four = [
        _mm256_extract_epi64::<0>(sums),
        _mm256_extract_epi64::<1>(sums),
        _mm256_extract_epi64::<2>(sums),
        _mm256_extract_epi64::<3>(sums),
    ];
    for (out, sum) in out.iter_mut().zip(four) {
        *out = sum as u32;
    }
}

/// Differences of the columns of blocks that come in fours; how many those are.
#[target_feature(enable = "avx2")]
pub(super) fn errors(a: Plane<'_>, b: &[u8], out: &mut [u32]) -> usize {
    let (columns, rows) = a.blocks();
    let fours = a.width / LOAD;
    for row in 0..rows {
        for four in 0..fours {
            let mut sums = _mm256_setzero_si256();
            for y in row * BLOCK..((row + 1) * BLOCK).min(a.height) {
                let at = y * a.width + four * LOAD;
                sums = _mm256_add_epi64(sums, _mm256_sad_epu8(load(a.data, at), load(b, at)));
            }
            put(sums, out.get_mut(row * columns + 4 * four..).unwrap_or_default());
        }
    }
    4 * fours
}

/// Gradients of the columns of blocks that come in fours with a pixel to their right; how many
/// those are.
#[target_feature(enable = "avx2")]
pub(super) fn gradients(plane: Plane<'_>, out: &mut [u32]) -> usize {
    let Plane { data, width, height } = plane;
    let (columns, rows) = plane.blocks();
    let fours = width.saturating_sub(1) / LOAD;
    for row in 0..rows {
        for four in 0..fours {
            let mut sums = _mm256_setzero_si256();
            for y in row * BLOCK..((row + 1) * BLOCK).min(height) {
                let at = y * width + four * LOAD;
                let own = load(data, at);
                sums = _mm256_add_epi64(sums, _mm256_sad_epu8(own, load(data, at + 1)));
                if y + 1 < height {
                    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(own, load(data, at + width)));
                }
            }
            put(sums, out.get_mut(row * columns + 4 * four..).unwrap_or_default());
        }
    }
    4 * fours
}

/// The rounded mean of the whole block at (x, y), and the sum of absolute differences from it.
#[target_feature(enable = "avx2")]
pub(super) fn spread(plane: Plane<'_>, x: usize, y: usize) -> (u8, u32) {
    let line = |i: usize| {
        let at = (y + i) * plane.width + x;
        let eight = plane.data.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>);
        eight.map_or(0, |eight| i64::from_le_bytes(*eight))
    };
    let lines = |i: usize| _mm256_set_epi64x(line(i + 3), line(i + 2), line(i + 1), line(i));
    let (upper, lower) = (lines(0), lines(4));
    let total = |from: __m256i| {
        let sums = _mm256_add_epi64(_mm256_sad_epu8(upper, from), _mm256_sad_epu8(lower, from));
        let two = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        (_mm_extract_epi64::<0>(two) + _mm_extract_epi64::<1>(two)) as u32
    };
    let mean = ((total(_mm256_setzero_si256()) + 32) / 64) as u8;
    (mean, total(_mm256_set1_epi8(mean as i8)))
}
