//! Sixteen 16-bit lanes with what every processor of an architecture has.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores of vectors")]
mod arch {
    use std::arch::x86_64::*;

    /// Instructions of SSE2.
    macro_rules! sse2 {
        ($($body:tt)*) => {
            // SAFETY: every x86-64 has SSE2.
            unsafe { $($body)* }
        };
    }

    /// Sixteen lanes as two vectors of SSE2, which every x86-64 has.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Lanes16(__m128i, __m128i);

    impl Lanes16 {
        #[inline(always)]
        pub(in super::super) fn load(from: &[u16; 16]) -> Self {
            let from = from.as_ptr().cast::<__m128i>();
            // SAFETY: 32 bytes are there; any alignment will do.
            unsafe { Self(_mm_loadu_si128(from), _mm_loadu_si128(from.add(1))) }
        }

        #[inline(always)]
        pub(in super::super) fn store(self, to: &mut [u16; 16]) {
            let to = to.as_mut_ptr().cast::<__m128i>();
            // SAFETY: 32 bytes are there; any alignment will do.
            unsafe {
                _mm_storeu_si128(to, self.0);
                _mm_storeu_si128(to.add(1), self.1);
            }
        }

        #[inline(always)]
        pub(in super::super) fn splat(value: u16) -> Self {
            sse2! {
                let all = _mm_set1_epi16(value.cast_signed());
                Self(all, all)
            }
        }

        #[inline(always)]
        pub(in super::super) fn add(self, other: Self) -> Self {
            sse2! {
                Self(_mm_add_epi16(self.0, other.0), _mm_add_epi16(self.1, other.1))
            }
        }

        #[inline(always)]
        pub(in super::super) fn sub(self, other: Self) -> Self {
            sse2! {
                Self(_mm_sub_epi16(self.0, other.0), _mm_sub_epi16(self.1, other.1))
            }
        }

        #[inline(always)]
        pub(in super::super) fn xor(self, other: Self) -> Self {
            sse2! {
                Self(_mm_xor_si128(self.0, other.0), _mm_xor_si128(self.1, other.1))
            }
        }

        /// Each lane shifted right by `by`.
        #[inline(always)]
        pub(in super::super) fn shift(self, by: u32) -> Self {
            sse2! {
                let by = _mm_cvtsi32_si128(by.cast_signed());
                Self(_mm_srl_epi16(self.0, by), _mm_srl_epi16(self.1, by))
            }
        }

        /// The upper halves of the products.
        #[inline(always)]
        pub(in super::super) fn high_product(self, other: Self) -> Self {
            sse2! {
                Self(_mm_mulhi_epu16(self.0, other.0), _mm_mulhi_epu16(self.1, other.1))
            }
        }

        /// The last lane replaced by that of `from` and one more, at most `most`, which is less
        /// than 2^15.
        #[inline(always)]
        pub(in super::super) fn count(self, from: Self, most: u16) -> Self {
            sse2! {
                let last = _mm_setr_epi16(0, 0, 0, 0, 0, 0, 0, -1);
                let one = _mm_sub_epi16(from.1, last);
                let one = _mm_min_epi16(one, _mm_set1_epi16(most.cast_signed()));
                let kept = _mm_andnot_si128(last, self.1);
                Self(self.0, _mm_or_si128(kept, _mm_and_si128(last, one)))
            }
        }

        /// Lanes from the front that are at most `value`; lanes rise.
        #[inline(always)]
        pub(in super::super) fn at_most(self, value: u16) -> usize {
            sse2! {
                let all = _mm_set1_epi16(value.cast_signed());
                // Zero where a lane is at most the value.
                let low = _mm_cmpeq_epi16(_mm_subs_epu16(self.0, all), _mm_setzero_si128());
                let high = _mm_cmpeq_epi16(_mm_subs_epu16(self.1, all), _mm_setzero_si128());
                _mm_movemask_epi8(_mm_packs_epi16(low, high)).count_ones() as usize
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod arch {
    /// Sixteen lanes, left to the compiler.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Lanes16([u16; 16]);

    impl Lanes16 {
        #[inline(always)]
        fn map(self, other: Self, f: impl Fn(u16, u16) -> u16) -> Self {
            let mut out = [0; 16];
            for i in 0..16 {
                out[i] = f(self.0[i], other.0[i]);
            }
            Self(out)
        }

        #[inline(always)]
        pub(in super::super) fn load(from: &[u16; 16]) -> Self {
            Self(*from)
        }

        #[inline(always)]
        pub(in super::super) fn store(self, to: &mut [u16; 16]) {
            *to = self.0;
        }

        #[inline(always)]
        pub(in super::super) fn splat(value: u16) -> Self {
            Self([value; 16])
        }

        #[inline(always)]
        pub(in super::super) fn add(self, other: Self) -> Self {
            self.map(other, u16::wrapping_add)
        }

        #[inline(always)]
        pub(in super::super) fn sub(self, other: Self) -> Self {
            self.map(other, u16::wrapping_sub)
        }

        #[inline(always)]
        pub(in super::super) fn xor(self, other: Self) -> Self {
            self.map(other, |a, b| a ^ b)
        }

        /// Each lane shifted right by `by`.
        #[inline(always)]
        pub(in super::super) fn shift(self, by: u32) -> Self {
            self.map(self, |a, _| a >> (by & 15))
        }

        /// The upper halves of the products.
        #[inline(always)]
        pub(in super::super) fn high_product(self, other: Self) -> Self {
            self.map(other, |a, b| ((u32::from(a) * u32::from(b)) >> 16) as u16)
        }

        /// The last lane replaced by that of `from` and one more, at most `most`, which is less
        /// than 2^15.
        #[inline(always)]
        pub(in super::super) fn count(mut self, from: Self, most: u16) -> Self {
            self.0[15] = (from.0[15] + 1).min(most);
            self
        }

        /// Lanes from the front that are at most `value`; lanes rise.
        #[inline(always)]
        pub(in super::super) fn at_most(self, value: u16) -> usize {
            let mut count = 0_u16;
            for lane in self.0 {
                count += u16::from(lane <= value);
            }
            usize::from(count)
        }
    }
}

pub(super) use arch::Lanes16;
