//! Inner products with AVX2: thirty-two codes at a time, four rows side by side.

use std::arch::x86_64::*;

/// Codes of an instruction.
const WIDE: usize = 32;

#[inline]
#[target_feature(enable = "avx2")]
fn load<T>(bytes: &[T; WIDE]) -> __m256i {
    const { assert!(size_of::<T>() == 1) };
    #[expect(unsafe_code, reason = "vector loads take pointers")]
    // SAFETY: the pointer is to 32 readable bytes; the load needs no alignment.
    unsafe {
        _mm256_loadu_si256(bytes.as_ptr().cast())
    }
}

/// Products of a row's codes and the query's, summed by fours.
#[inline]
#[target_feature(enable = "avx2")]
fn products(x: &[u8; WIDE], q: __m256i, size: __m256i) -> __m256i {
    // |q| times x with the sign of q: the instruction wants one side without a sign.
    let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(load(x), q));
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}

/// The sums of four vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn four_sums([a, b, c, d]: [__m256i; 4]) -> [i32; 4] {
    let all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    let total = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256::<1>(all));
    [
        _mm_extract_epi32::<0>(total),
        _mm_extract_epi32::<1>(total),
        _mm_extract_epi32::<2>(total),
        _mm_extract_epi32::<3>(total),
    ]
}

/// As `plain`; `query` has a multiple of 64 codes, and no code is -128.
#[target_feature(enable = "avx2")]
pub(in super::super) fn dots(rows: &[u8], query: &[i8], out: &mut [i32]) {
    let stride = query.len().max(1);
    let query = query.as_chunks::<WIDE>().0;
    let mut groups = rows.chunks_exact(stride * 4);
    let outs = out.as_chunks_mut::<4>();
    for (group, out) in groups.by_ref().zip(outs.0.iter_mut()) {
        let (low, high) = group.split_at(2 * stride);
        let ((a, b), (c, d)) = (low.split_at(stride), high.split_at(stride));
        // One by one: a closure here is a call of its own.
        let (a, b) = (a.as_chunks::<WIDE>().0, b.as_chunks::<WIDE>().0);
        let (c, d) = (c.as_chunks::<WIDE>().0, d.as_chunks::<WIDE>().0);
        let [mut s, mut t, mut u, mut v] = [_mm256_setzero_si256(); 4];
        for ((((a, b), c), d), q) in a.iter().zip(b).zip(c).zip(d).zip(query) {
            let q = load(q);
            let size = _mm256_abs_epi8(q);
            s = _mm256_add_epi32(s, products(a, q, size));
            t = _mm256_add_epi32(t, products(b, q, size));
            u = _mm256_add_epi32(u, products(c, q, size));
            v = _mm256_add_epi32(v, products(d, q, size));
        }
        let sums = [s, t, u, v];
        *out = four_sums(sums);
    }
    for (row, out) in groups.remainder().chunks_exact(stride).zip(outs.1.iter_mut()) {
        let mut sum = _mm256_setzero_si256();
        for (x, q) in row.as_chunks::<WIDE>().0.iter().zip(query) {
            let q = load(q);
            sum = _mm256_add_epi32(sum, products(x, q, _mm256_abs_epi8(q)));
        }
        let zero = _mm256_setzero_si256();
        let [total, ..] = four_sums([sum, zero, zero, zero]);
        *out = total;
    }
}
