//! Whether this thread computes as the bitstream assumes.

use std::hint::black_box;

use super::error::CodecError;

/// Version of the exact arithmetic that slices are coded with.
pub(super) const VERSION: u8 = 1;

/// Checks that floating-point numbers are rounded to nearest, ties to even, and that tiny ones are
/// kept. An inference library may change either for its threads, and a new thread inherits it.
///
/// # Errors
/// [`CodecError::Arithmetic`] otherwise.
pub(super) fn check() -> Result<(), CodecError> {
    let bad = |what| Err(CodecError::Arithmetic { what });
    // Just above and just below half a unit in the last place, and ties to either side.
    let half = f32::EPSILON / 2.0;
    let up = black_box(1.0f32) + black_box(half * 1.5);
    let down = black_box(-1.0f32) - black_box(half * 1.5);
    let tie = black_box(1.0f32) + black_box(half);
    let odd = black_box(1.0f32 + f32::EPSILON) + black_box(half);
    if up != 1.0 + f32::EPSILON
        || down != -1.0 - f32::EPSILON
        || tie != 1.0
        || odd != 1.0 + 2.0 * f32::EPSILON
    {
        return bad("rounding is not to nearest");
    }
    if black_box(f32::MIN_POSITIVE) * black_box(0.5) == 0.0
        || black_box(f64::MIN_POSITIVE) * black_box(0.5) == 0.0
    {
        return bad("tiny results are flushed to zero");
    }
    if black_box(f32::from_bits(1)) * black_box(f32::MAX) == 0.0 {
        return bad("tiny operands are taken as zero");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_thread_is_in_default_mode() {
        std::thread::spawn(|| check().unwrap()).join().unwrap();
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "only the control register shows that changes are found")]
    fn changed_modes_are_found() {
        let answers = std::thread::spawn(|| {
            // Flush to zero, denormals are zero, the other roundings: bits 15, 6, 13 and 14.
            [1u32 << 15, 1 << 6, 1 << 13, 1 << 14, 3 << 13].map(|bits| {
                let mut usual = 0u32;
                // SAFETY: reads and writes this thread's MXCSR, and puts back what was there.
                unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut usual) };
                let changed = usual | bits;
                // SAFETY: as above.
                unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const changed) };
                let answer = check().is_err();
                // SAFETY: as above.
                unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const usual) };
                answer
            })
        });
        assert_eq!(answers.join().unwrap(), [true; 5]);
    }
}
