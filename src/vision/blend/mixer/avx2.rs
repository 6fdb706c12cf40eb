//! Mixing eight pixels at a time with AVX2.

use std::arch::x86_64::*;

use crate::vision::blend::{BLOCK, CANDIDATES};

/// Bytes of a block in a line.
const BYTES: usize = 3 * BLOCK;

/// The samples of a block in a line, widened: sixteen and eight.
#[inline]
#[target_feature(enable = "avx2")]
fn samples(bytes: &[u8; BYTES]) -> (__m256i, __m128i) {
    let part = |at: usize| match bytes.as_chunks::<8>().0.get(at) {
        Some(chunk) => i64::from_le_bytes(*chunk),
        None => 0,
    };
    let first = _mm256_cvtepu8_epi16(_mm_set_epi64x(part(1), part(0)));
    (first, _mm_cvtepu8_epi16(_mm_set_epi64x(0, part(2))))
}

/// Mixes the whole blocks of a line, as `Line::mix` does; how many those are.
#[target_feature(enable = "avx2")]
pub(super) fn mix(
    blocks: &[Vec<u16>; CANDIDATES],
    images: &[&[u8]; CANDIDATES],
    target: &mut [u8],
) -> usize {
    let images = images.map(|image| image.as_chunks::<BYTES>().0);
    let target = target.as_chunks_mut::<BYTES>().0;
    let whole = target.len();
    // Two numbers a pixel: sixteenths of the own block, and of the neighbour.
    let lean = _mm256_setr_epi16(9, 7, 11, 5, 13, 3, 15, 1, 15, 1, 13, 3, 11, 5, 9, 7);
    // The weight of the pixel that each of eight samples belongs to.
    let shuffles = [
        _mm_setr_epi8(0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5),
        _mm_setr_epi8(4, 5, 6, 7, 6, 7, 6, 7, 8, 9, 8, 9, 8, 9, 10, 11),
        _mm_setr_epi8(10, 11, 10, 11, 12, 13, 12, 13, 12, 13, 14, 15, 14, 15, 14, 15),
    ];
    for (column, out) in target.iter_mut().enumerate() {
        let Some(last) = images[0].get(column) else { return column };
        let (last, last_end) = samples(last);
        let mut sums = _mm256_slli_epi16::<8>(last);
        let mut sums_end = _mm_slli_epi16::<8>(last_end);
        for (blocks, image) in blocks.iter().zip(&images).skip(1) {
            let at = |c: usize| blocks.get(c).copied().unwrap_or(0);
            let own = at(column);
            let left = if column > 0 { at(column - 1) } else { own };
            let right = blocks.get(column + 1).copied().unwrap_or(own);
            if own | left | right == 0 {
                continue;
            }
            let Some(other) = image.get(column) else { return column };
            let pair = |other: u16| i32::from(own) | (i32::from(other) << 16);
            let pairs = _mm256_set_m128i(_mm_set1_epi32(pair(right)), _mm_set1_epi32(pair(left)));
            let weights = _mm256_srli_epi32::<8>(_mm256_madd_epi16(pairs, lean));
            let weights = _mm_packus_epi32(
                _mm256_castsi256_si128(weights),
                _mm256_extracti128_si256::<1>(weights),
            );
            let [a, b, c] = shuffles.map(|s| _mm_shuffle_epi8(weights, s));
            let (other, other_end) = samples(other);
            let step = _mm256_sub_epi16(other, last);
            sums = _mm256_add_epi16(sums, _mm256_mullo_epi16(step, _mm256_set_m128i(b, a)));
            let step = _mm_sub_epi16(other_end, last_end);
            sums_end = _mm_add_epi16(sums_end, _mm_mullo_epi16(step, c));
        }
        let first = _mm256_srli_epi16::<8>(_mm256_add_epi16(sums, _mm256_set1_epi16(128)));
        let end = _mm_srli_epi16::<8>(_mm_add_epi16(sums_end, _mm_set1_epi16(128)));
        let first =
            _mm_packus_epi16(_mm256_castsi256_si128(first), _mm256_extracti128_si256::<1>(first));
        let end = _mm_packus_epi16(end, end);
        let bytes =
            [_mm_cvtsi128_si64(first), _mm_extract_epi64::<1>(first), _mm_cvtsi128_si64(end)];
        for (part, bytes) in out.as_chunks_mut::<8>().0.iter_mut().zip(bytes) {
            *part = bytes.to_le_bytes();
        }
    }
    whole
}
