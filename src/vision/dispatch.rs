//! One kernel, compiled for each instruction set, chosen at run time.
//!
//! The kernels are plain loops over slices that the compiler turns into vector code. On x86-64 it
//! may assume SSE2 only, so `vectorised!` compiles the same body once more with AVX2 and takes
//! that where the processor has it and [`simd`](super::simd) allows it. On aarch64 NEON is always there. All kernels are integer
//! arithmetic, or floating point without contraction, so both versions give the same bits.

/// Defines a function that runs the AVX2 version of its body where the processor has it. The
/// version for the base instruction set is `name::scalar`, for tests and comparisons.
macro_rules! vectorised {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            $name::best($($arg),*)
        }

        mod $name {
            #[allow(unused_imports, reason = "not every kernel uses names of its module")]
            use super::*;

            #[inline(always)]
            fn body($($arg: $type),*) $(-> $result)? $body

            /// The version for the base instruction set.
            pub(super) fn scalar($($arg: $type),*) $(-> $result)? {
                body($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $type),*) $(-> $result)? {
                body($($arg),*)
            }

            #[inline]
            pub(super) fn best($($arg: $type),*) $(-> $result)? {
                #[cfg(target_arch = "x86_64")]
                if $crate::vision::simd::avx2() {
                    #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
                    // SAFETY: the processor was found to have AVX2.
                    return unsafe { avx2($($arg),*) };
                }
                scalar($($arg),*)
            }
        }
    };
}

pub(crate) use vectorised;
