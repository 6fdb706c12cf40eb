//! Moving eight pixels at a time with AVX2, where their sources lie side by side.

use std::arch::x86_64::*;
use std::ops::Range;

use super::{GROUP, Image};

/// Bytes of a load.
const LOAD: usize = 16;

/// The sixteen bytes from `at`; zeros where there are fewer.
#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8], at: usize) -> __m128i {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<LOAD>) {
        #[expect(unsafe_code, reason = "a load of sixteen bytes")]
        // SAFETY: that many bytes are borrowed.
        Some(chunk) => unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) },
        None => _mm_setzero_si128(),
    }
}

/// Eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn numbers(eight: &[i32; GROUP]) -> __m256i {
    #[expect(unsafe_code, reason = "a load of thirty-two bytes")]
    // SAFETY: eight numbers of four bytes are borrowed.
    unsafe {
        _mm256_loadu_si256(eight.as_ptr().cast())
    }
}

/// Eight samples between two lines: `across` of the upper and the lower one, in 1/64, with the
/// weights of both in `down`, to (sum + 2048) >> 12.
#[inline]
#[target_feature(enable = "avx2")]
fn between(upper: __m128i, lower: __m128i, down: __m256i) -> __m128i {
    let pairs =
        _mm256_set_m128i(_mm_unpackhi_epi16(upper, lower), _mm_unpacklo_epi16(upper, lower));
    let sums = _mm256_add_epi32(_mm256_madd_epi16(pairs, down), _mm256_set1_epi32(2048));
    let sums = _mm256_srli_epi32::<12>(sums);
    _mm_packus_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums))
}

/// The pixels `range` of line `y`, each at its displacement.
#[target_feature(enable = "avx2")]
pub(super) fn line<const CHANNELS: usize>(
    image: &Image<'_, CHANNELS>,
    y: usize,
    range: Range<usize>,
    dx: &[i32],
    dy: &[i32],
    target: &mut [u8],
) {
    let mut x = range.start;
    while x + GROUP <= range.end {
        let eight = |d: &[i32]| d.get(x..).and_then(|d| d.first_chunk::<GROUP>().copied());
        let out = target.get_mut(x * CHANNELS..(x + GROUP) * CHANNELS);
        let made = match (eight(dx), eight(dy), out) {
            (Some(dx), Some(dy), Some(out)) => group(image, x, y, &dx, &dy, out),
            _ => false,
        };
        if !made {
            image.pixels(y, x..x + GROUP, dx, dy, target);
        }
        x += GROUP;
    }
    if x < range.end {
        image.pixels(y, x..range.end, dx, dy, target);
    }
}

/// Eight pixels at once; false when their sources are not side by side or too close to the end of
/// the picture to be loaded.
#[inline]
#[target_feature(enable = "avx2")]
fn group<const CHANNELS: usize>(
    image: &Image<'_, CHANNELS>,
    x: usize,
    y: usize,
    dx: &[i32; GROUP],
    dy: &[i32; GROUP],
    out: &mut [u8],
) -> bool {
    let zero = _mm256_setzero_si256();
    let clamp = |v: __m256i, most: usize| {
        _mm256_max_epi32(_mm256_min_epi32(v, _mm256_set1_epi32(most as i32 * 64)), zero)
    };
    let steps = _mm256_setr_epi32(0, 64, 128, 192, 256, 320, 384, 448);
    let px = _mm256_add_epi32(_mm256_set1_epi32(x as i32 * 64), steps);
    let px = clamp(_mm256_add_epi32(px, numbers(dx)), image.width - 1);
    let py = _mm256_add_epi32(_mm256_set1_epi32(y as i32 * 64), numbers(dy));
    let py = clamp(py, image.height - 1);
    let (ix, iy) = (_mm256_srai_epi32::<6>(px), _mm256_srai_epi32::<6>(py));
    let first_x = _mm_cvtsi128_si32(_mm256_castsi256_si128(ix));
    let first_y = _mm_cvtsi128_si32(_mm256_castsi256_si128(iy));
    let row = _mm256_add_epi32(_mm256_set1_epi32(first_x), _mm256_srai_epi32::<6>(steps));
    let same = _mm256_and_si256(
        _mm256_cmpeq_epi32(ix, row),
        _mm256_cmpeq_epi32(iy, _mm256_set1_epi32(first_y)),
    );
    if _mm256_movemask_epi8(same) != -1 {
        return false;
    }
    // Where a fraction is 0 the neighbour has no weight, and may lie anywhere in the picture.
    let upper = (first_y as usize * image.width + first_x as usize) * CHANNELS;
    let lower = upper + image.width * CHANNELS;
    if lower + GROUP * CHANNELS + CHANNELS + LOAD > image.data.len() {
        return false;
    }
    let low = _mm256_set1_epi32(63);
    let (fx, fy) = (_mm256_and_si256(px, low), _mm256_and_si256(py, low));
    let whole = _mm256_set1_epi32(64);
    let wx = _mm256_or_si256(_mm256_sub_epi32(whole, fx), _mm256_slli_epi32::<8>(fx));
    // Two bytes a pixel: the weights of a sample and of the one to its right.
    let wx = _mm_packus_epi32(_mm256_castsi256_si128(wx), _mm256_extracti128_si256::<1>(wx));
    let wy = _mm256_or_si256(_mm256_sub_epi32(whole, fy), _mm256_slli_epi32::<16>(fy));
    if CHANNELS == 1 {
        let across = |at: usize| {
            let pairs = _mm_unpacklo_epi8(load(image.data, at), load(image.data, at + 1));
            _mm_maddubs_epi16(pairs, wx)
        };
        let eight = between(across(upper), across(lower), wy);
        let eight = _mm_packus_epi16(eight, eight);
        out.copy_from_slice(&_mm_cvtsi128_si64(eight).to_le_bytes());
    } else if CHANNELS == 3 {
        colour(image.data, [upper, lower], wx, wy, out);
    }
    CHANNELS == 1 || CHANNELS == 3
}

/// Eight pixels of three channels: 24 samples, each with the one of the same colour to its right.
#[inline]
#[target_feature(enable = "avx2")]
fn colour(data: &[u8], at: [usize; 2], wx: __m128i, wy: __m256i, out: &mut [u8]) {
    // The weights of the pixel that each of eight samples belongs to.
    let shuffles = [
        _mm_setr_epi8(0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5),
        _mm_setr_epi8(4, 5, 6, 7, 6, 7, 6, 7, 8, 9, 8, 9, 8, 9, 10, 11),
        _mm_setr_epi8(10, 11, 10, 11, 12, 13, 12, 13, 12, 13, 14, 15, 14, 15, 14, 15),
    ];
    let lanes = [
        _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2),
        _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5),
        _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7),
    ];
    let weights = shuffles.map(|s| _mm_shuffle_epi8(wx, s));
    let across = |at: usize| {
        let (own, right) = (load(data, at), load(data, at + 3));
        let (own_end, right_end) = (load(data, at + 16), load(data, at + 19));
        [
            _mm_maddubs_epi16(_mm_unpacklo_epi8(own, right), weights[0]),
            _mm_maddubs_epi16(_mm_unpackhi_epi8(own, right), weights[1]),
            _mm_maddubs_epi16(_mm_unpacklo_epi8(own_end, right_end), weights[2]),
        ]
    };
    let [upper, lower] = at.map(across);
    let eight = |k: usize| between(upper[k], lower[k], _mm256_permutevar8x32_epi32(wy, lanes[k]));
    let first = _mm_packus_epi16(eight(0), eight(1));
    let last = _mm_packus_epi16(eight(2), _mm_setzero_si128());
    let bytes = [_mm_cvtsi128_si64(first), _mm_extract_epi64::<1>(first), _mm_cvtsi128_si64(last)];
    for (part, bytes) in out.as_chunks_mut::<8>().0.iter_mut().zip(bytes) {
        *part = bytes.to_le_bytes();
    }
}
