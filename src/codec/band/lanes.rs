//! Sixteen 16-bit lanes: with what every processor of an architecture has, and with AVX2.

/// Sixteen lanes of 16 bits, unsigned, that wrap around.
pub(super) trait Lanes16: Copy {
    fn load(from: &[u16; 16]) -> Self;
    fn store(self, to: &mut [u16; 16]);
    fn splat(value: u16) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Each lane shifted right by `by`.
    fn shift(self, by: u32) -> Self;
    /// The upper halves of the products.
    fn high_product(self, other: Self) -> Self;
    /// Lanes that are at most `value`, no more than 15: those in front, for lanes rise.
    fn at_most(self, value: u16) -> usize;
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of vectors")]
mod arch {
    use std::arch::x86_64::*;

    use super::Lanes16;

    /// Instructions of SSE2.
    macro_rules! sse2 {
        ($($body:tt)*) => {
            // SAFETY: every x86-64 has SSE2.
            unsafe { $($body)* }
        };
    }

    /// Sixteen lanes as two vectors of SSE2, which every x86-64 has.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Base(__m128i, __m128i);

    impl Lanes16 for Base {
        #[inline(always)]
        fn load(from: &[u16; 16]) -> Self {
            let from = from.as_ptr().cast::<__m128i>();
            // SAFETY: 32 bytes are there; any alignment will do.
            unsafe { Self(_mm_loadu_si128(from), _mm_loadu_si128(from.add(1))) }
        }

        #[inline(always)]
        fn store(self, to: &mut [u16; 16]) {
            let to = to.as_mut_ptr().cast::<__m128i>();
            // SAFETY: 32 bytes are there; any alignment will do.
            unsafe {
                _mm_storeu_si128(to, self.0);
                _mm_storeu_si128(to.add(1), self.1);
            }
        }

        #[inline(always)]
        fn splat(value: u16) -> Self {
            sse2! {
                let all = _mm_set1_epi16(value.cast_signed());
                Self(all, all)
            }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            sse2! { Self(_mm_add_epi16(self.0, other.0), _mm_add_epi16(self.1, other.1)) }
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            sse2! { Self(_mm_sub_epi16(self.0, other.0), _mm_sub_epi16(self.1, other.1)) }
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            sse2! { Self(_mm_xor_si128(self.0, other.0), _mm_xor_si128(self.1, other.1)) }
        }

        #[inline(always)]
        fn shift(self, by: u32) -> Self {
            sse2! {
                let by = _mm_cvtsi32_si128(by.cast_signed());
                Self(_mm_srl_epi16(self.0, by), _mm_srl_epi16(self.1, by))
            }
        }

        #[inline(always)]
        fn high_product(self, other: Self) -> Self {
            sse2! { Self(_mm_mulhi_epu16(self.0, other.0), _mm_mulhi_epu16(self.1, other.1)) }
        }

        #[inline(always)]
        fn at_most(self, value: u16) -> usize {
            sse2! {
                let all = _mm_set1_epi16(value.cast_signed());
                // Zero where a lane is at most the value.
                let low = _mm_cmpeq_epi16(_mm_subs_epu16(self.0, all), _mm_setzero_si128());
                let high = _mm_cmpeq_epi16(_mm_subs_epu16(self.1, all), _mm_setzero_si128());
                let mask = _mm_movemask_epi8(_mm_packs_epi16(low, high));
                (!mask | 1 << 15).trailing_zeros() as usize
            }
        }
    }

    /// Instructions of AVX2.
    macro_rules! avx2 {
        ($($body:tt)*) => {
            // SAFETY: the type is used in functions compiled for AVX2 only, which run where it was
            // found.
            unsafe { $($body)* }
        };
    }

    /// Sixteen lanes as one vector of AVX2. Only functions with that target feature may use it.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Wide(__m256i);

    impl Lanes16 for Wide {
        #[inline(always)]
        fn load(from: &[u16; 16]) -> Self {
            avx2! { Self(_mm256_loadu_si256(from.as_ptr().cast())) }
        }

        #[inline(always)]
        fn store(self, to: &mut [u16; 16]) {
            avx2! { _mm256_storeu_si256(to.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        fn splat(value: u16) -> Self {
            avx2! { Self(_mm256_set1_epi16(value.cast_signed())) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            avx2! { Self(_mm256_add_epi16(self.0, other.0)) }
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            avx2! { Self(_mm256_sub_epi16(self.0, other.0)) }
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            avx2! { Self(_mm256_xor_si256(self.0, other.0)) }
        }

        #[inline(always)]
        fn shift(self, by: u32) -> Self {
            avx2! { Self(_mm256_srl_epi16(self.0, _mm_cvtsi32_si128(by.cast_signed()))) }
        }

        #[inline(always)]
        fn high_product(self, other: Self) -> Self {
            avx2! { Self(_mm256_mulhi_epu16(self.0, other.0)) }
        }

        #[inline(always)]
        fn at_most(self, value: u16) -> usize {
            avx2! {
                let all = _mm256_set1_epi16(value.cast_signed());
                let least = _mm256_min_epu16(self.0, all);
                let mask = _mm256_movemask_epi8(_mm256_cmpeq_epi16(least, self.0));
                (!mask | 1 << 31).trailing_zeros() as usize / 2
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod arch {
    use super::Lanes16;

    /// Sixteen lanes, left to the compiler.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Base([u16; 16]);

    impl Base {
        #[inline(always)]
        fn map(self, other: Self, f: impl Fn(u16, u16) -> u16) -> Self {
            let mut out = [0; 16];
            for i in 0..16 {
                out[i] = f(self.0[i], other.0[i]);
            }
            Self(out)
        }
    }

    impl Lanes16 for Base {
        #[inline(always)]
        fn load(from: &[u16; 16]) -> Self {
            Self(*from)
        }

        #[inline(always)]
        fn store(self, to: &mut [u16; 16]) {
            *to = self.0;
        }

        #[inline(always)]
        fn splat(value: u16) -> Self {
            Self([value; 16])
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            self.map(other, u16::wrapping_add)
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            self.map(other, u16::wrapping_sub)
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            self.map(other, |a, b| a ^ b)
        }

        #[inline(always)]
        fn shift(self, by: u32) -> Self {
            self.map(self, |a, _| a >> (by & 15))
        }

        #[inline(always)]
        fn high_product(self, other: Self) -> Self {
            self.map(other, |a, b| ((u32::from(a) * u32::from(b)) >> 16) as u16)
        }

        #[inline(always)]
        fn at_most(self, value: u16) -> usize {
            let mut count = 0_u16;
            for lane in self.0 {
                count += u16::from(lane <= value);
            }
            usize::from(count.min(15))
        }
    }
}

pub(super) use arch::Base;
#[cfg(target_arch = "x86_64")]
pub(super) use arch::Wide;

#[cfg(test)]
mod tests {
    use super::*;

    fn counted<L: Lanes16>(lanes: &[u16; 16], value: u16) -> usize {
        L::load(lanes).at_most(value)
    }

    #[test]
    fn lanes_in_front_are_counted_alike() {
        let mut lanes = std::array::from_fn(|i| 4000 * i as u16 + 7);
        lanes[15] = u16::MAX;
        for value in (0..=u16::MAX).step_by(41).chain(lanes).chain([u16::MAX - 1]) {
            let expected = lanes.iter().filter(|&&lane| lane <= value).count().min(15);
            assert_eq!(counted::<Base>(&lanes, value), expected, "{value}");
            #[cfg(target_arch = "x86_64")]
            if crate::vision::simd::avx2() {
                assert_eq!(counted::<Wide>(&lanes, value), expected, "{value}");
            }
        }
    }
}
