//! Products of regressors, summed over each strip of a row.
//!
//! Sixteen-bit products in pairs, eight strips side by side: whole numbers, so any order of adding
//! gives the same sums.

use std::ops::Range;

use super::solve::{LANES, entries, row};

/// Samples of a pair of each of [`LANES`] strips.
pub(super) const PAIR: usize = 2 * LANES;

/// Pairs that are summed at once: a sum of 32 bits holds their products whatever they are.
pub(super) const PART: usize = 32;

// Guides differ by up to 2 * 255, and a sample counts up to 11 times.
const _: () = assert!(2 * PART as i64 * (510 * 11) * (510 * 11) <= i32::MAX as i64);

/// How a row is cut into strips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strips {
    /// Samples of a strip, even.
    pub(super) width: usize,
    /// Groups of [`LANES`] strips.
    pub(super) groups: usize,
    /// Pairs of a strip, rounded up for the transposition.
    pub(super) pairs: usize,
}

impl Strips {
    pub(super) fn new(width: usize, of: usize) -> Self {
        let groups = ((width + of / 2) / of).max(1);
        let strip = width.div_ceil(groups * LANES).next_multiple_of(2);
        Self { width: strip, groups, pairs: (strip / 2).next_multiple_of(8) }
    }

    /// Number of strips; the last ones may lie beyond the row.
    pub(super) const fn count(self) -> usize {
        self.groups * LANES
    }

    /// Pairs of a strip that are summed at once, one such part after the other.
    pub(super) fn parts(self) -> impl Iterator<Item = Range<usize>> {
        let all = self.width / 2;
        (0..all).step_by(PART).map(move |from| from..(from + PART).min(all))
    }

    /// Samples of a row buffer that the transposition reads.
    pub(super) const fn span(self) -> usize {
        (self.count() - 1) * self.width + 2 * self.pairs
    }

    /// Values of one transposed row.
    pub(super) const fn transposed(self) -> usize {
        self.groups * self.pairs * PAIR
    }
}

/// Writes `source`, samples in order, strip beside strip: pair `p` of strip `8 g + l` to
/// `(g * pairs + p) * 16 + 2 l`, times `scale`, which lies so already.
pub(super) fn transpose(source: &[i16], strips: Strips, scale: Option<&[i16]>, out: &mut [i16]) {
    assert!(source.len() >= strips.span() && out.len() >= strips.transposed());
    assert!(scale.is_none_or(|s| s.len() >= strips.transposed()));
    #[cfg(target_arch = "x86_64")]
    if crate::vision::simd::avx2() {
        #[expect(unsafe_code, reason = "a kernel for AVX2")]
        // SAFETY: the processor was found to have AVX2; lengths were compared above.
        return unsafe { avx2::transpose(source, strips, scale, out) };
    }
    transpose_plain(source, strips, scale, out);
}

fn transpose_plain(source: &[i16], strips: Strips, scale: Option<&[i16]>, out: &mut [i16]) {
    for group in 0..strips.groups {
        for pair in 0..strips.pairs {
            let to = &mut out[(group * strips.pairs + pair) * PAIR..][..PAIR];
            for lane in 0..LANES {
                let from = (group * LANES + lane) * strips.width + 2 * pair;
                to[2 * lane] = source[from];
                to[2 * lane + 1] = source[from + 1];
            }
            if let Some(scale) = scale {
                let by = &scale[(group * strips.pairs + pair) * PAIR..][..PAIR];
                for (to, by) in to.iter_mut().zip(by) {
                    *to = to.wrapping_mul(*by);
                }
            }
        }
    }
}

/// Sums over some `pairs` of each strip of one group, for `n` regressors and the target behind them
/// in `transposed`; entries in the order of [`row`].
pub(super) fn sums(
    transposed: &[i16],
    strips: Strips,
    group: usize,
    pairs: Range<usize>,
    n: usize,
    out: &mut [[i32; LANES]],
) {
    assert!(transposed.len() >= (n + 1) * strips.transposed() && out.len() >= entries(n));
    assert!(group < strips.groups && pairs.end <= strips.pairs && pairs.len() <= PART);
    #[cfg(target_arch = "x86_64")]
    if crate::vision::simd::avx2() {
        #[expect(unsafe_code, reason = "a kernel for AVX2")]
        // SAFETY: the processor was found to have AVX2; lengths were compared above.
        return unsafe { avx2::sums(transposed, strips, group, pairs, n, out) };
    }
    sums_plain(transposed, strips, group, pairs, n, out);
}

fn sums_plain(
    transposed: &[i16],
    strips: Strips,
    group: usize,
    pairs: Range<usize>,
    n: usize,
    out: &mut [[i32; LANES]],
) {
    let of = |i: usize| {
        let first = i * strips.transposed() + (group * strips.pairs + pairs.start) * PAIR;
        &transposed[first..][..pairs.len() * PAIR]
    };
    for i in 0..n {
        for j in i..=n {
            let mut sum = [0_i32; LANES];
            for (a, b) in of(i).chunks_exact(PAIR).zip(of(j).chunks_exact(PAIR)) {
                for l in 0..LANES {
                    sum[l] += i32::from(a[2 * l]) * i32::from(b[2 * l])
                        + i32::from(a[2 * l + 1]) * i32::from(b[2 * l + 1]);
                }
            }
            out[row(i, n) + j - i] = sum;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of AVX2 kernels")]
mod avx2 {
    use std::arch::x86_64::*;
    use std::ops::Range;

    use super::{LANES, PAIR, Strips, row};

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(from: &[i16]) -> __m256i {
        debug_assert!(from.len() >= 16);
        // SAFETY: callers hand slices of at least 16.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    /// # Safety
    /// `source` holds `strips.span()` values, `out` and `scale` hold `strips.transposed()`.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn transpose(
        source: &[i16],
        strips: Strips,
        scale: Option<&[i16]>,
        out: &mut [i16],
    ) {
        for group in 0..strips.groups {
            for block in 0..strips.pairs / 8 {
                let from = group * LANES * strips.width + 16 * block;
                // SAFETY: the last lane ends at strips.span().
                let lane = |l: usize| unsafe {
                    _mm256_loadu_si256(source.as_ptr().add(from + l * strips.width).cast())
                };
                let (r0, r1, r2, r3) = (lane(0), lane(1), lane(2), lane(3));
                let (r4, r5, r6, r7) = (lane(4), lane(5), lane(6), lane(7));
                let (a0, a1) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
                let (a2, a3) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
                let (a4, a5) = (_mm256_unpacklo_epi32(r4, r5), _mm256_unpackhi_epi32(r4, r5));
                let (a6, a7) = (_mm256_unpacklo_epi32(r6, r7), _mm256_unpackhi_epi32(r6, r7));
                let b = [
                    _mm256_unpacklo_epi64(a0, a2),
                    _mm256_unpackhi_epi64(a0, a2),
                    _mm256_unpacklo_epi64(a1, a3),
                    _mm256_unpackhi_epi64(a1, a3),
                    _mm256_unpacklo_epi64(a4, a6),
                    _mm256_unpackhi_epi64(a4, a6),
                    _mm256_unpacklo_epi64(a5, a7),
                    _mm256_unpackhi_epi64(a5, a7),
                ];
                for pair in 0..8 {
                    let (low, high) = (b[pair % 4], b[pair % 4 + 4]);
                    let mut value = if pair < 4 {
                        _mm256_permute2x128_si256::<0x20>(low, high)
                    } else {
                        _mm256_permute2x128_si256::<0x31>(low, high)
                    };
                    let to = (group * strips.pairs + 8 * block + pair) * PAIR;
                    if let Some(scale) = scale {
                        value = _mm256_mullo_epi16(value, load(&scale[to..to + PAIR]));
                    }
                    let to = &mut out[to..to + PAIR];
                    // SAFETY: the slice holds 16 values.
                    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) };
                }
            }
        }
    }

    /// # Safety
    /// `transposed` holds `n + 1` rows, `out` all entries, `group` is one of the strips' groups and
    /// `pairs` lie in a strip.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn sums(
        transposed: &[i16],
        strips: Strips,
        group: usize,
        pairs: Range<usize>,
        n: usize,
        out: &mut [[i32; LANES]],
    ) {
        let stride = strips.transposed();
        let base = transposed[group * strips.pairs * PAIR..].as_ptr();
        let zero = _mm256_setzero_si256();
        let mut put = |i: usize, j: usize, value: __m256i| {
            if i < n && j <= n && j >= i {
                let to = &mut out[row(i, n) + j - i];
                // SAFETY: eight values of 32 bits.
                unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) };
            }
        };
        // Tiles of 3 x 3; the last ones reach beyond the rows and are computed on clamped ones.
        for i in (0..n).step_by(3) {
            let rows_i = [i, (i + 1).min(n), (i + 2).min(n)];
            for j in (i..=n).step_by(3) {
                let rows_j = [j, (j + 1).min(n), (j + 2).min(n)];
                let mut sum = [[zero; 3]; 3];
                for pair in pairs.clone() {
                    // SAFETY: rows are at most n, and each holds `pairs` for every group.
                    let at = |row: usize| unsafe {
                        _mm256_loadu_si256(base.add(row * stride + pair * PAIR).cast())
                    };
                    let a = rows_i.map(at);
                    let b = rows_j.map(at);
                    for (sum, a) in sum.iter_mut().zip(a) {
                        for (sum, b) in sum.iter_mut().zip(b) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(a, b));
                        }
                    }
                }
                for (di, sum) in sum.iter().enumerate() {
                    for (dj, &sum) in sum.iter().enumerate() {
                        if j + dj <= n {
                            put(i + di, j + dj, sum);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_sums() {
        let n = 7;
        let cases = [1, 17, 200, 383, 640, 767, 1000].map(|w| [128, 320, 512].map(|of| (w, of)));
        for (width, of) in cases.into_iter().flatten() {
            let strips = Strips::new(width, of);
            let mut state = width as u32;
            let mut next = |most: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % most
            };
            let scale: Vec<i16> = (0..strips.span()).map(|_| next(11) as i16 + 1).collect();
            let mut scales = [vec![0; strips.transposed()], vec![0; strips.transposed()]];
            transpose(&scale, strips, None, &mut scales[0]);
            transpose_plain(&scale, strips, None, &mut scales[1]);
            assert_eq!(scales[0], scales[1], "{width}");
            let mut rows = [Vec::new(), Vec::new()];
            for _ in 0..=n {
                let row: Vec<i16> = (0..strips.span()).map(|_| next(1021) as i16 - 510).collect();
                let mut out = [vec![0; strips.transposed()], vec![0; strips.transposed()]];
                transpose(&row, strips, Some(&scales[0]), &mut out[0]);
                transpose_plain(&row, strips, Some(&scales[0]), &mut out[1]);
                assert_eq!(out[0], out[1], "{width}");
                for (rows, out) in rows.iter_mut().zip(out) {
                    rows.extend(out);
                }
            }
            for (group, part) in
                (0..strips.groups).flat_map(|group| strips.parts().map(move |part| (group, part)))
            {
                let mut found = [vec![[0; LANES]; entries(n)], vec![[0; LANES]; entries(n)]];
                sums(&rows[0], strips, group, part.clone(), n, &mut found[0]);
                sums_plain(&rows[1], strips, group, part.clone(), n, &mut found[1]);
                assert_eq!(found[0], found[1], "{width} {group} {part:?}");
            }
        }
    }

    #[test]
    fn the_largest_products_of_the_widest_strips_are_summed_exactly() {
        let strips = Strips::new(767, 512);
        assert_eq!(strips.width, 96);
        assert_eq!(strips.parts().collect::<Vec<_>>(), [0..32, 32..48]);
        let rows = vec![510 * 11; 2 * strips.transposed()];
        let most = i64::from(510 * 11) * i64::from(510 * 11);
        let mut found = [vec![[0; LANES]; entries(1)], vec![[0; LANES]; entries(1)]];
        for part in strips.parts() {
            sums(&rows, strips, 0, part.clone(), 1, &mut found[0]);
            sums_plain(&rows, strips, 0, part.clone(), 1, &mut found[1]);
            let expected = 2 * part.len() as i64 * most;
            for sum in found.iter().flatten().flatten() {
                assert_eq!(i64::from(*sum), expected);
            }
        }
    }
}
