//! Inner products of one 8-bit query with many 8-bit rows: the scan of an index.
//!
//! All versions give the same integers. Rows are never -128, so that a pair of products fits 16
//! bits in the AVX2 version.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod vnni;

use crate::vision::simd;

/// Rows and queries are filled up with zeros to a multiple of this.
pub(super) const ALIGNMENT: usize = 64;

/// `out[i]` is the inner product of `query` and row `i` of `rows`, rows following each other.
pub(super) fn dots(rows: &[u8], query: &[i8], out: &mut [i32]) {
    debug_assert!(query.len().is_multiple_of(ALIGNMENT));
    #[cfg(target_arch = "x86_64")]
    {
        if simd::avx512_vnni() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was found to have AVX-512 F and VNNI.
            return unsafe { vnni::dots(rows, query, out) };
        }
        if simd::avx2() {
            #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
            // SAFETY: the processor was found to have AVX2.
            return unsafe { avx2::dots(rows, query, out) };
        }
    }
    plain(rows, query, out);
}

/// The version for the base instruction set, which the compiler turns into vector code on aarch64.
fn plain(rows: &[u8], query: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        let products = row.iter().zip(query).map(|(x, q)| i32::from(*x as i8) * i32::from(*q));
        *out = products.sum();
    }
}

/// The instructions the scan uses: `avx512-vnni`, `avx2` or `base`.
#[must_use]
pub fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if simd::avx512_vnni() {
        return "avx512-vnni";
    }
    simd::in_use()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u32) -> Vec<i8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % 255) as i32 - 127
        };
        (0..n).map(|_| next() as i8).collect()
    }

    #[test]
    fn every_version_gives_the_same_integers() {
        for stride in [64, 128, 256, 1024] {
            for count in [0, 1, 3, 4, 9] {
                let query = noise(stride, 7);
                let mut rows: Vec<u8> =
                    noise(stride * count, 3).into_iter().map(|v| v as u8).collect();
                // The largest products there are.
                if let Some(first) = rows.get_mut(..stride) {
                    first.iter_mut().zip(&query).for_each(|(r, q)| {
                        *r = if *q < 0 { -127i8 as u8 } else { 127 };
                    });
                }
                let mut expected = vec![0; count];
                plain(&rows, &query, &mut expected);
                let mut out = vec![0; count];
                dots(&rows, &query, &mut out);
                assert_eq!(out, expected, "stride {stride}, {count} rows");
                #[cfg(target_arch = "x86_64")]
                {
                    let mut out = vec![0; count];
                    if simd::avx2() {
                        #[expect(unsafe_code, reason = "a call with more instructions")]
                        // SAFETY: the processor was found to have AVX2.
                        unsafe {
                            avx2::dots(&rows, &query, &mut out);
                        };
                        assert_eq!(out, expected, "avx2, stride {stride}, {count} rows");
                    }
                }
            }
        }
    }

    #[test]
    fn a_product_by_hand() {
        let mut query = vec![0i8; 64];
        let mut rows = vec![0u8; 128];
        (query[0], query[63]) = (-3, 100);
        (rows[0], rows[63], rows[64]) = (-5i8 as u8, 2, 7);
        let mut out = [9; 2];
        dots(&rows, &query, &mut out);
        assert_eq!(out, [215, -21]);
    }
}
