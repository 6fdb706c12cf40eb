//! Inner products with AVX-512 VNNI: sixty-four codes an instruction, four rows at a time.

use std::arch::x86_64::*;

/// Codes of an instruction.
const WIDE: usize = 64;

#[inline]
#[target_feature(enable = "avx512f")]
fn load<T>(bytes: &[T; WIDE]) -> __m512i {
    const { assert!(size_of::<T>() == 1) };
    #[expect(unsafe_code, reason = "vector loads take pointers")]
    // SAFETY: the pointer is to 64 readable bytes; the load needs no alignment.
    unsafe {
        _mm512_loadu_si512(bytes.as_ptr().cast())
    }
}

/// The sums of four vectors.
#[inline]
#[target_feature(enable = "avx512f")]
fn four_sums([a, b, c, d]: [__m512i; 4]) -> __m128i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all));
    _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
}

/// As `plain`; `query` has a multiple of 64 codes.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(in super::super) fn dots(rows: &[u8], query: &[i8], out: &mut [i32]) {
    // The instruction multiplies unsigned by signed numbers: rows are taken 128 higher, and 128
    // times the sum of the query is taken away again.
    let raise = _mm512_set1_epi8(i8::MIN);
    let excess = 128 * query.iter().map(|q| i32::from(*q)).sum::<i32>();
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
        let [mut s, mut t, mut u, mut v] = [_mm512_setzero_si512(); 4];
        for ((((a, b), c), d), q) in a.iter().zip(b).zip(c).zip(d).zip(query) {
            let q = load(q);
            s = _mm512_dpbusd_epi32(s, _mm512_xor_si512(load(a), raise), q);
            t = _mm512_dpbusd_epi32(t, _mm512_xor_si512(load(b), raise), q);
            u = _mm512_dpbusd_epi32(u, _mm512_xor_si512(load(c), raise), q);
            v = _mm512_dpbusd_epi32(v, _mm512_xor_si512(load(d), raise), q);
        }
        let sums = [s, t, u, v];
        let total = _mm_sub_epi32(four_sums(sums), _mm_set1_epi32(excess));
        *out = [
            _mm_extract_epi32::<0>(total),
            _mm_extract_epi32::<1>(total),
            _mm_extract_epi32::<2>(total),
            _mm_extract_epi32::<3>(total),
        ];
    }
    for (row, out) in groups.remainder().chunks_exact(stride).zip(outs.1.iter_mut()) {
        let mut sum = _mm512_setzero_si512();
        for (x, q) in row.as_chunks::<WIDE>().0.iter().zip(query) {
            sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(load(x), raise), load(q));
        }
        *out = _mm512_reduce_add_epi32(sum) - excess;
    }
}
